"""Known findings: what somebody has decided to live with for a while, and until when.

An entry names a finding by what stays the same from run to run: the promise, the diagnosis, and the *places*
where it is seen, each a surface and a channel (`send/reply`, `search/listing`). Never by ids, canaries or
numbers of operations, which are new in every run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import Final, get_args

import msgspec

from overheard.core.outcome import Channel

CHANNELS: Final[tuple[str, ...]] = get_args(Channel)
PROMPT: Final = "prompt"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a baseline.

    `number`   its place in the file, from 1; `reason`, `owner` why it is accepted, and by whom.
    `expires`  the last day on which it is.
    """

    number: int
    invariant: str
    diagnosis: str
    places: tuple[str, ...]
    reason: str
    owner: str
    expires: date

    def is_over(self, day: date | None) -> bool:
        """Whether it hides nothing any more. On a day that nobody knows nothing is hidden."""
        return day is None or day > self.expires

    def covers(self, place: str) -> bool:
        """Whether what is seen there is accepted.

        What somebody is shown has stood in a prompt before: whoever accepts the former has accepted that.
        """
        surface, _, channel = place.rpartition("/")
        prompted = channel == PROMPT and any(each.rpartition("/")[0] == surface for each in self.places)
        return place in self.places or prompted


def place_of(surface: str, channel: str) -> str:
    """Where something was seen, as baselines and reports write it."""
    return f"{surface}/{channel}"


def is_place(written: str) -> bool:
    """Whether `written` names a surface and a channel."""
    surface, _, channel = written.rpartition("/")
    return bool(surface) and channel in CHANNELS


def day_of(started: str) -> date | None:
    """The day of a run, from its ISO 8601 time; None if that is not known."""
    try:
        return date.fromisoformat(started[:10])
    except ValueError:
        return None


def accepted_now(baseline: Iterable[Known], started: str) -> tuple[Known, ...]:
    """The entries that are not over on the day of a run."""
    return tuple(entry for entry in baseline if not entry.is_over(day_of(started)))


def uncovered(places: Iterable[str], entries: Collection[Known]) -> tuple[str, ...]:
    """Those of `places` that no entry covers."""
    return tuple(place for place in places if not any(entry.covers(place) for entry in entries))
