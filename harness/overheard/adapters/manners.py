"""How a target is to be treated that is more than an object in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple


class Manners(NamedTuple):
    """What was said at the door about reaching a target.

    `serve`         shell command that starts it, in place of what its file says.
    `allow_remote`  it may be on another machine.
    `allow_destructive`  what can be deleted or given away there may be, although it was not started here.
    `rate`          how many calls a second may begin; None for as many as there are.
    `folder`        where its output is kept; None keeps it only for as long as it is needed.
    """

    serve: str | None = None
    allow_remote: bool = False
    allow_destructive: bool = False
    rate: float | None = None
    folder: Path | None = None


ORDINARY: Final = Manners()


def said_in(environ: Mapping[str, str]) -> Manners:
    """What the variables say that the command line has options for, where there is no command line."""

    def said(name: str) -> bool:
        return environ.get(name, "").lower() in ("1", "true", "yes", "on")

    return Manners(
        serve=environ.get("OVERHEARD_SERVE") or None,
        allow_remote=said("OVERHEARD_ALLOW_REMOTE"),
        allow_destructive=said("OVERHEARD_ALLOW_DESTRUCTIVE"),
    )
