"""Identifiers as a target sees them, and the templates they are drawn from.

An id presented to a target is a string, `None`, or `OMITTED` (the keyword is not passed at all): the
three are different, and agents treat them differently. In a plan an id is a *template* of the example's
namespace, so that the same plan can be driven again in a fresh campaign without meeting its own past.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

OMITTED: Final = msgspec.UNSET
"""The id is not passed at all. (It is msgspec's UNSET, so that a record leaves the field out as well.)"""

Id: TypeAlias = str | msgspec.UnsetType | None
MissingKind: TypeAlias = Literal["omitted", "null", "empty", "blank"]
MISSING_KINDS: Final[tuple[MissingKind, ...]] = ("omitted", "null", "empty", "blank")

_PLACEHOLDER = re.compile(r"<<(ns|dec|uuid|hex):?([^<>]*)>>")


def missing_kind(value: Id) -> MissingKind | None:
    """Which of the four ways `value` is missing, or None for an ordinary id.

    White space alone is `blank`; whether blank *counts* as missing is the contract's business.
    """
    if value is OMITTED:
        return "omitted"
    if value is None:
        return "null"
    assert isinstance(value, str)  # noqa: S101 - narrows the union; OMITTED is a singleton
    if value == "":
        return "empty"
    return "blank" if value.strip() == "" else None


def namespace(campaign: int, example: int) -> str:
    """A short name of one example of one campaign: eight hex digits, a function of both numbers."""
    return hashlib.blake2b(f"{campaign}/{example}".encode(), digest_size=4).hexdigest()


def bind_id(template: Id, campaign: int, example: int) -> Id:
    """Fill in an id template for one example.

    `<<ns>>` becomes the namespace (eight hex digits), `<<dec>>` the same as ten decimal digits,
    `<<uuid:NAME>>` a UUID and `<<hex:NAME>>` thirty-two hex digits, each a function of campaign, example and
    NAME. `None` and `OMITTED` stay what they are.
    """
    if not isinstance(template, str) or "<<" not in template:
        return template
    return _filled(template, campaign, example)


# A small cache: the few ids of an example are presented over and over while it is driven, and no longer.
@lru_cache(maxsize=1 << 10)
def _filled(template: str, campaign: int, example: int) -> str:
    def fill(match: re.Match[str]) -> str:
        kind, name = match.group(1), match.group(2)
        if kind == "ns":
            return namespace(campaign, example)
        if kind == "dec":
            return f"{int(namespace(campaign, example), 16):010}"
        digest = hashlib.blake2b(f"{campaign}/{example}/{name}".encode(), digest_size=16).digest()
        return str(uuid.UUID(bytes=digest, version=4)) if kind == "uuid" else digest.hex()

    return _PLACEHOLDER.sub(fill, template)


def unguessable(template: str) -> bool:
    """Whether an id holds 40 random bits or more. (A namespace alone is 32, and stands in every id.)"""
    return "<<uuid:" in template or "<<hex:" in template


def nobodys(campaign: int, example: int, operation: int) -> str:
    """A word that nobody has heard of and nobody could guess, the same each time for one operation."""
    name = f"{campaign}/{example}/{operation}/nobody's"
    return hashlib.blake2b(name.encode(), digest_size=20).hexdigest()


def show_id(value: Id) -> str:
    """How an id is written for people: a string quoted as in Python, `None`, or `OMITTED`."""
    return "OMITTED" if value is OMITTED else repr(value)
