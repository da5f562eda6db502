"""What of a campaign's findings is known: a baseline, which the history carries, put beside them.

Known is not gone. A promise that only known findings break is *accepted*: it did not hold, and whoever reads
a report is told who accepted that, why, and until when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from msgspec.structs import replace

from overheard.check.result import Finding, InvariantResult, Standing
from overheard.core.baseline import Known, day_of, uncovered

_DECIDED: Final = ("judged", "not promised")
"""States of a promise in which an entry about it either hides something or nothing."""


def settled(
    found: Iterable[Finding], baseline: Sequence[Known], *, started: str, part: bool
) -> tuple[Finding, ...]:
    """The findings, each with the entries that accept it and the places where none does.

    In a `part` of a run the diagnosis does not count: it is made from what leaked beside what did not, and a
    part has seen little of either (an agent that was said to ignore the resource ignored, seen in one
    scenario alone, all ids). The whole, which is judged after its parts, is exact.
    """
    day = day_of(started)
    return tuple(_settled(one, baseline, day=day, part=part) for one in found)


def _settled(finding: Finding, baseline: Sequence[Known], *, day: date | None, part: bool) -> Finding:
    about = [
        entry
        for entry in baseline
        if entry.invariant == finding.invariant
        and (part or entry.diagnosis == finding.diagnosis)
        and len(uncovered(finding.places, [entry])) < len(finding.places)
    ]
    accepted = tuple(entry for entry in about if not entry.is_over(day))
    return replace(
        finding,
        accepted=accepted,
        lapsed=tuple(entry for entry in about if entry not in accepted),
        new=uncovered(finding.places, accepted) if accepted else finding.places,
    )


def standings(
    found: Sequence[Finding],
    baseline: Iterable[Known],
    results: Iterable[InvariantResult],
    *,
    started: str,
    whole: bool,
) -> tuple[Standing, ...]:
    """What became of each entry. That one hides nothing is said of a `whole` run only."""
    day = day_of(started)
    decided = {one.name for one in results if one.status in _DECIDED}
    made = []
    for entry in baseline:
        count = sum(entry in (*one.accepted, *one.lapsed) for one in found)
        if entry.is_over(day):
            made.append(Standing(entry=entry, state="expired", findings=count))
        elif count:
            made.append(Standing(entry=entry, state="hides", findings=count))
        else:
            idle = whole and entry.invariant in decided
            made.append(Standing(entry=entry, state="unused" if idle else "not judged", findings=0))
    return tuple(made)


def acceptance(finding: Finding) -> str:
    """Who accepts a known finding, until when, and why: one sentence for each entry."""
    return f"{finding.diagnosis}: {'; '.join(map(accepted_by, finding.accepted))}"


def accepted_by(entry: Known) -> str:
    """As `acceptance`, of one entry."""
    return f"accepted until {entry.expires} by {entry.owner}: {entry.reason}"


def told(baseline: Iterable[Standing]) -> Iterable[str]:
    """What has to be said of a baseline: entries that are over, and those that hide nothing any more."""
    for one in baseline:
        entry = one.entry
        name = f"baseline, finding {entry.number} ({entry.invariant}: {entry.diagnosis}, {entry.owner})"
        if one.state == "expired":
            what = "it was found again" if one.findings else "it was not found again: take it out"
            yield f"{name} expired on {entry.expires} and hides nothing: {what}"
        elif one.state == "unused":
            yield f"{name} hides nothing any more: take it out"
