"""Drawing schedules: in which order what overlaps goes on. None of the ways to draw one wins everywhere.

Measured on planted and natural races (a workload of eight operations): everything at once and at the same
time finds most, and is cheapest, but misses what needs a lead; a random walk finds what depends on one change
and rarely a lost update; priorities find those. So each has its share of the examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from overheard.core.schedule import Schedule, trimmed
from overheard.plan.choose import Chooser
from overheard.scenario.model import ScheduleKind

_POINTS: Final = 3
"""Scheduling points for each operation, about: its start, and one or two model calls."""

_SPREAD: Final = 60
"""Choices are drawn below a number that two to six divide, so that modulo them each is as likely."""

_CYCLE: Final = 1_000
"""Turns are taken anew from here on: to come to the millionth one need not go through all before it."""

_SELDOM: Final = 0.15
"""How often a list of choices deviates from first come, first served: about once in a round."""


def kind_of(weights: Mapping[ScheduleKind, float], index: int) -> ScheduleKind:
    """The way in which example `index` is scheduled: each has its turn as often as its weight says.

    In turn and not drawn: in eight examples a way with a tenth of the weight would be missed four times in
    ten. (Smooth weighted round robin, as load balancers do it.)
    """
    wanted = {kind: weight for kind, weight in weights.items() if weight > 0}
    total = sum(wanted.values())
    credit = dict.fromkeys(wanted, 0.0)
    chosen: ScheduleKind = "gather"
    for _ in range(index % _CYCLE + 1):
        for kind, weight in wanted.items():
            credit[kind] += weight
        # The heaviest first, where several are due: everything at once is cheapest.
        chosen = max(wanted, key=lambda kind: (round(credit[kind], 6), wanted[kind]))
        credit[chosen] -= total
    return chosen


def schedule(
    choose: Chooser, kind: ScheduleKind, operations: int, rounds: int, width: int
) -> Schedule | None:
    """A schedule for so many operations in so many rounds, `width` of them at once; None for `gather`."""
    if kind == "gather":
        return None
    points = _POINTS * operations
    if kind == "walk":
        return Schedule(strategy="walk", choices=tuple(choose.integer(0, _SPREAD - 1) for _ in range(points)))
    if kind == "choices":
        return Schedule(choices=trimmed([_seldom(choose) for _ in range(points)]))
    depth = int(kind.removeprefix("pct-"))
    return Schedule(
        strategy="pct",
        priorities=tuple(choose.shuffle(range(operations))),
        changes=tuple(choose.integer(0, _POINTS * width - 1) for _ in range(rounds * (depth - 1))),
        depth=depth,
    )


def _seldom(choose: Chooser) -> int:
    return choose.integer(1, _SPREAD - 1) if choose.chance(_SELDOM) else 0
