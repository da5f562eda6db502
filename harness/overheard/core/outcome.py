"""What a target may answer with, and how it says no.

These are the names a target's author imports; the driver turns them into the outcomes of a history:
`ok`, `fail` (the target said no) and `info` (nobody knows whether it happened).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import msgspec

Outcome: TypeAlias = Literal["ok", "fail", "info"]
Channel: TypeAlias = Literal["reply", "chunk", "prompt", "tool", "listing", "error", "header"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Caller(NamedTuple):
    """The authenticated principal of a call. It may differ from the resource the call *names*.

    `resource` is the one that the caller itself is, whichever it names; None where nobody knows.
    `credentials` are what it presents to prove that; None leaves them to the target's own description.
    """

    name: str
    tenant: str | None = None
    credentials: str | None = None
    resource: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A target's answer.

    `text` is what the caller is shown; `ids` are identifiers the server minted (`{"thread": "…"}`);
    `channels` is further text that can be observed, by channel name (`{"header": "…"}`).
    """

    text: str
    ids: Mapping[str, str] = _NOTHING
    channels: Mapping[str, str] = _NOTHING


class Chunk(msgspec.Struct, frozen=True):
    """One delta of a streamed answer."""

    text: str


class Refused(Exception):  # noqa: N818 - part of the public vocabulary: the target refused
    """The target says no: recorded as `fail`. Its text may not leak either."""


class TargetError(Exception):
    """The target broke, or cannot say whether the call happened: recorded as `info`."""
