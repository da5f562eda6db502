"""One history out of several: the scenarios of one run, each of them recorded by a campaign of its own.

The parts share a campaign number and have no example in common, so what was told in one of them and seen
in another is still told from a stranger's. They are put one after the other in the order given, never in
that of their arrival: the same parts are the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from msgspec.structs import replace

from overheard.core.errors import HistoryError
from overheard.history.events import (
    AnyEvent,
    CampaignEnded,
    Decided,
    ExampleStarted,
    Header,
    ModelAnswered,
    ModelCalled,
)
from overheard.history.reader import History, open_history
from overheard.history.writer import Recorder

Reason = Literal["completed", "budget", "interrupted", "violated", "error"]

_WORST: Final[tuple[Reason, ...]] = ("completed", "violated", "budget", "error", "interrupted")
_SAME: Final = (
    "format",
    "overheard",
    "campaign",
    "seed",
    "target",
    "profile",
    "contract",
    "offers",
    "baseline",
)


def join(
    parts: Sequence[Path],
    target: Path,
    *,
    gaps: Sequence[tuple[Mapping[str, Any], str]] = (),
    part: bool = False,
) -> None:
    """Write the history `target` out of `parts`, at least one, in their order.

    `gaps` are scenarios, as plain data, of which there is no part, each with the reason: they are asked for
    in the header, so that nothing can pass which rests on them, and named in the last line. `part` says that
    the whole is a part of a run still: others of its scenarios were not asked for. Times go on
    from part to part. Raises HistoryError if a part cannot be read or is none of the same run, InternalError
    if `target` cannot be written.
    """
    histories = [open_history(path) for path in parts]
    _one_run(parts, [history.header for history in histories])
    scenarios = [one for history in histories for one in history.header.scenarios]
    header = replace(
        histories[0].header,
        scenarios=(*scenarios, *(scenario for scenario, _ in gaps)),
        regressions=tuple(one for history in histories for one in history.header.regressions),
        invariants=tuple(dict.fromkeys(one for history in histories for one in history.header.invariants)),
        part=part,
    )
    whole = _Whole(target)
    try:
        whole.record(header, 0)
        # What a target asks while it is being built belongs to nobody. Behind an earlier part it would be
        # taken for that part's background work.
        for history in histories:
            for event in _before(history):
                whole.record(event, 0)
        ends: list[tuple[Reason, str]] = [("error", f"{one['name']}: {why}") for one, why in gaps]
        ends += [_end(history, whole.append(history)) for history in histories]
        reason = max((reason for reason, _ in ends), key=_WORST.index)
        detail = "; ".join(dict.fromkeys(detail for why, detail in ends if why == reason and detail))
        whole.record(CampaignEnded(t=0, reason=reason, detail=detail), whole.now)
    finally:
        whole.close()


class _Whole:
    """The history that is being written: what was recorded last, and how many model calls there were."""

    def __init__(self, path: Path) -> None:
        self.now = 0
        self._calls = 0
        self._recorder = Recorder(path, clock=lambda: self.now)
        self.close = self._recorder.close

    def record(self, event: AnyEvent, t: int) -> None:
        self.now = t
        self._recorder.record(event)

    def append(self, history: History) -> CampaignEnded | None:
        """Everything of a part but its beginning and its end, which is returned if there is one."""
        start, calls = self.now, self._calls
        end: CampaignEnded | None = None
        for event in _driven(history):
            match event:
                case CampaignEnded():
                    end = event
                case ModelCalled() | ModelAnswered():
                    self._calls = max(self._calls, calls + event.call)
                    self.record(replace(event, call=calls + event.call), start + event.t)
                case Decided() if event.call:
                    self.record(replace(event, call=calls + event.call), start + event.t)
                case Header():
                    pass
                case _:
                    self.record(event, start + event.t)
        return end


def _one_run(parts: Sequence[Path], headers: Sequence[Header]) -> None:
    for path, header in zip(parts, headers, strict=True):
        for name in _SAME:
            if getattr(header, name) != getattr(headers[0], name):
                raise HistoryError(
                    f"{path} and {parts[0]} are no parts of one run: they differ in {name}; run it again"
                )


def _before(history: History) -> Iterator[AnyEvent]:
    for event in history.events():
        if isinstance(event, ExampleStarted | CampaignEnded):
            return
        yield event


def _driven(history: History) -> Iterator[AnyEvent]:
    begun = False
    for event in history.events():
        begun = begun or isinstance(event, ExampleStarted | CampaignEnded)
        if begun:
            yield event


def _end(history: History, end: CampaignEnded | None) -> tuple[Reason, str]:
    names = ", ".join(str(scenario.get("name")) for scenario in history.header.scenarios)
    if end is None:
        return "error", f"{names}: the history was cut short"
    detail = f"{names}: {end.detail}" if end.detail else ""
    return end.reason, detail
