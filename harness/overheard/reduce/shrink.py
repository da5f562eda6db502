"""Making a counterexample small: the two ends first, then delta debugging.

A leak names its two ends, who told and who saw, and most leaks need nothing else; so the plan of just
those two is tried before anything is searched for (measured: 1 to 13 executions, where a general shrinker
took 131 to 890 and stopped short). A race needs a third now and then, of the same people and in flight
together with one of the two. What is left is Zeller and Hildebrandt's ddmin over the other operations
("Simplifying and isolating failure-inducing input", 2002), and then over the schedule: each deviation from
first come, first served is taken back, if the leak stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from overheard.core.operation import Operation, Plan, cancels
from overheard.core.schedule import Schedule, of_rounds, rounds_of
from overheard.reduce.project import Projection, project


class Ends(NamedTuple):
    """The operation that told the fact and the one that saw it, or lost it; `through` are those without which
    it would be no leak: what deleted it before it was seen, what shows that it is gone."""  # noqa: D209

    owner: int
    observer: int
    through: tuple[int, ...] = ()

    @property
    def all(self) -> frozenset[int]:
        """Every operation that has to stay."""
        return frozenset((self.owner, self.observer, *self.through))

    def renumbered(self, numbers: Mapping[int, int]) -> Ends:
        """The same, where the operations have other numbers."""
        through = tuple(numbers[one] for one in self.through if one in numbers)
        return Ends(numbers[self.owner], numbers[self.observer], through)


class Shrunk(NamedTuple):
    """The smallest plan that still showed the leak, its ends there, and how many executions it took."""

    plan: Plan
    ends: Ends
    executions: int


Reproduces = Callable[[Plan, Ends], Awaitable[Ends | None]]
"""Executes a plan; the ends of the same leak in it, or None. Ends may move: another operation of the same
relation to the fact may be the one that sees it."""

Order = Callable[[Collection[int]], Schedule]
"""The schedule for the operations that are kept, by their numbers: choices for each round."""


async def shrink(
    plan: Plan, ends: Ends, reproduces: Reproduces, *, order: Order | None = None, limit: int = 60
) -> Shrunk | None:
    """The smallest plan found within `limit` executions; None if not even the whole plan shows it again.

    `reproduces` must say yes only if the canary seen was minted in that very execution. With an `order`,
    plans have the schedule that it gives; without one, what overlaps in them is left to chance.
    """
    search = _Search(plan, reproduces, order, limit)
    smallest = await search.first(_guesses(plan, ends), ends)
    if smallest is None:
        return None
    kept, found = smallest
    kept, found = await search.ddmin(kept, found)
    projection = search.projected(kept)
    shrunk = Shrunk(projection.plan, found, search.executions)
    if order is None:
        return shrunk
    numbers = _back(projection)
    return await straighten(shrunk, reproduces, apart=lambda found: _apart(found, numbers, reproduces, order))


async def _apart(shrunk: Shrunk, numbers: Mapping[int, int], reproduces: Reproduces, order: Order) -> Shrunk:
    """The same with no operation beside another, each in its own order, and the one that sees it the last: if
    some had an order of their own, and the leak is in that. `numbers` are those that `order` knows them by.

    Where one operation's calls come in the wrong order, whoever else was under way is beside the point; but
    found beside another, and reduced beside it, it took three deviations to say what one says.
    """
    plan, ends, executions = shrunk
    alone = sorted(plan.operations, key=lambda one: (one.number == ends.observer, one.number))
    rounds = [order({numbers[one.number]}).choices for one in alone]
    asked = {number for one in plan.operations for number in one.asks}
    if not any(rounds) or cancels(plan) or ends.observer in asked:
        return shrunk
    operations = tuple(replace(one, round=place) for place, one in enumerate(alone))
    projection = project(replace(plan, operations=operations), {one.number for one in alone})
    candidate = replace(projection.plan, schedule=of_rounds(rounds))
    found = await reproduces(candidate, ends.renumbered(projection.numbers))
    if found is None:
        return shrunk._replace(executions=executions + 1)
    return Shrunk(candidate, found, executions + 1)


async def straighten(
    shrunk: Shrunk,
    reproduces: Reproduces,
    *,
    apart: Callable[[Shrunk], Awaitable[Shrunk]] | None = None,
) -> Shrunk:
    """The same with as few deviations from first come, first served as the leak needs: all at once taken back
    first, then one by one from the end: by first come, first served in its place, or by leaving it out, so
    that what comes after it comes where it was. (Of a wrong order of one operation's own calls, found while
    another operation was under way as well, what was about the other could go in no other way.) Before that,
    `apart` may bring the operations apart.

    A leak that needs none, and no operation cancelled, is no race: its operations then go one after the
    other.
    """
    plan, ends, executions = shrunk
    if plan.schedule is None:
        return shrunk
    for simpler in (_serial(plan), *_with_fewer_cancelled(plan)):
        executions += 1
        found = await reproduces(simpler, ends)
        if found is not None:
            again = Shrunk(simpler, found, executions)
            return again if simpler.schedule is None else await straighten(again, reproduces)
    tried = Shrunk(plan, ends, executions)
    return await _taken_back(tried if apart is None else await apart(tried), reproduces)


async def _taken_back(shrunk: Shrunk, reproduces: Reproduces) -> Shrunk:
    """The deviations, one by one."""
    plan, ends, executions = shrunk
    rounds = rounds_of(plan.schedule or Schedule())
    tried = {of_rounds(rounds)}
    for turn, place in reversed(
        [(turn, place) for turn, each in enumerate(rounds) for place in range(len(each))]
    ):
        if not rounds[turn][place]:
            continue
        if sum(choice != 0 for each in rounds for choice in each) < 2 and not cancels(plan):
            break  # Without the last one it is the sequential run, which was tried.
        for instead in ((0,), ()):
            before, after = rounds[turn][:place], rounds[turn][place + 1 :]
            straighter = [*rounds[:turn], (*before, *instead, *after), *rounds[turn + 1 :]]
            schedule = of_rounds(straighter)
            if schedule in tried:
                continue
            tried.add(schedule)
            executions += 1
            candidate = replace(plan, schedule=schedule)
            found = await reproduces(candidate, ends)
            if found is not None:
                plan, ends, rounds = candidate, found, straighter
                break
    return Shrunk(plan, ends, executions)


def _serial(plan: Plan) -> Plan:
    """The operations one after the other, none of them cancelled."""
    return replace(
        plan,
        operations=tuple(replace(one, round=place, cancel=None) for place, one in enumerate(plan.operations)),
        schedule=None,
    )


def _with_fewer_cancelled(plan: Plan) -> Iterator[Plan]:
    """The plan with one of its operations left to its end."""
    for cancelled in plan.operations:
        if cancelled.cancel is not None:
            operations = tuple(
                replace(one, cancel=None) if one is cancelled else one for one in plan.operations
            )
            yield replace(plan, operations=operations)


def _guesses(plan: Plan, ends: Ends) -> list[frozenset[int]]:
    """Sets of operations to try before searching: from the two ends to everything."""
    by_number = {operation.number: operation for operation in plan.operations}
    two = ends.all
    people = {by_number[number].caller for number in two}
    threads = {by_number[number].thread for number in two}
    last = max(by_number[number].round for number in two)

    def those(keep: Callable[[Operation], bool]) -> frozenset[int]:
        return two | {one.number for one in plan.operations if one.round <= last and keep(one)}

    beside = [
        two | {one.number}
        for one in plan.operations
        if one.number not in two and one.caller in people and one.round in (by_number[ends.owner].round, last)
    ]
    guesses = [
        two,
        *beside[:3],
        those(lambda one: one.caller in people and one.thread in threads),
        those(lambda one: one.caller in people),
        two | {one.number for one in plan.operations if one.round <= last},
        frozenset(by_number),
    ]
    return list(dict.fromkeys(guesses))


class _Search:
    def __init__(self, plan: Plan, reproduces: Reproduces, order: Order | None, limit: int) -> None:
        self._plan = plan
        self._reproduces = reproduces
        self._order = order
        self._limit = limit
        self._failed: set[tuple[frozenset[int], Ends]] = set()
        self.executions = 0

    def projected(self, kept: frozenset[int]) -> Projection:
        """The plan of what is kept, under its schedule if there is to be one."""
        projection = project(self._plan, kept)
        if self._order is None:
            return projection
        return projection._replace(plan=replace(projection.plan, schedule=self._order(projection.numbers)))

    async def first(self, guesses: list[frozenset[int]], ends: Ends) -> tuple[frozenset[int], Ends] | None:
        for kept in guesses:
            found = await self._try(kept, ends)
            if found is not None:
                return kept, found
        return None

    async def ddmin(self, kept: frozenset[int], found: Ends) -> tuple[frozenset[int], Ends]:
        """Drop ever smaller parts of what is neither end, as long as the leak stays.

        `found` are ends in the projected plan; they are mapped back before each step, because the numbers
        of a projection are its own.
        """
        parts = 2
        while self.executions < self._limit:
            ends = found.renumbered(_back(self.projected(kept)))
            spare = sorted(kept - ends.all)
            if not spare:
                break
            size = -(-len(spare) // parts)
            for start in range(0, len(spare), size):
                candidate = kept - set(spare[start : start + size])
                smaller = await self._try(candidate, ends)
                if smaller is not None:
                    kept, found, parts = candidate, smaller, max(parts - 1, 2)
                    break
            else:
                if size == 1:
                    break
                parts = min(parts * 2, len(spare))
        return kept, found

    async def _try(self, kept: frozenset[int], ends: Ends) -> Ends | None:
        # What the guesses tried in vain, ddmin would come to again, and ddmin's halves to its quarters.
        if self.executions >= self._limit or (kept, ends) in self._failed:
            return None
        self.executions += 1
        projection = self.projected(kept)
        if not {ends.owner, ends.observer} <= projection.numbers.keys():
            return None  # one of them is about a message that is not sent any more
        mapped = ends.renumbered(projection.numbers)
        found = await self._reproduces(projection.plan, mapped)
        if found is None:
            self._failed.add((kept, ends))
        return found


def _back(projection: Projection) -> dict[int, int]:
    return {new: old for old, new in projection.numbers.items()}
