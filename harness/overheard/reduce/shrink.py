"""Making a counterexample small: the two ends first, then delta debugging.

A leak names its two ends, who told and who saw, and most leaks need nothing else; so the plan of just
those two is tried before anything is searched for (measured: 1 to 13 executions, where a general shrinker
took 131 to 890 and stopped short). What is left is Zeller and Hildebrandt's ddmin over the other
operations ("Simplifying and isolating failure-inducing input", 2002).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from overheard.core.operation import Operation, Plan
from overheard.reduce.project import Projection, project


class Ends(NamedTuple):
    """The operation that told the fact and the one that saw it."""

    owner: int
    observer: int


class Shrunk(NamedTuple):
    """The smallest plan that still showed the leak, its ends there, and how many executions it took."""

    plan: Plan
    ends: Ends
    executions: int


Reproduces = Callable[[Plan, Ends], Awaitable[Ends | None]]
"""Executes a plan; the ends of the same leak in it, or None. Ends may move: another operation of the same
relation to the fact may be the one that sees it."""


async def shrink(plan: Plan, ends: Ends, reproduces: Reproduces, *, limit: int = 60) -> Shrunk | None:
    """The smallest plan found within `limit` executions; None if not even the whole plan shows it again.

    `reproduces` must say yes only if the canary seen was minted in that very execution.
    """
    search = _Search(plan, reproduces, limit)
    smallest = await search.first(_guesses(plan, ends), ends)
    if smallest is None:
        return None
    kept, found = smallest
    kept, found = await search.ddmin(kept, found)
    final = project(plan, kept)
    return Shrunk(final.plan, found, search.executions)


def _guesses(plan: Plan, ends: Ends) -> list[frozenset[int]]:
    """Sets of operations to try before searching: from the two ends to everything."""
    by_number = {operation.number: operation for operation in plan.operations}
    two = frozenset(ends)
    people = {by_number[number].caller for number in ends}
    threads = {by_number[number].thread for number in ends}
    last = by_number[ends.observer].round

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
    def __init__(self, plan: Plan, reproduces: Reproduces, limit: int) -> None:
        self._plan = plan
        self._reproduces = reproduces
        self._limit = limit
        self._failed: set[tuple[frozenset[int], Ends]] = set()
        self.executions = 0

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
            back = _back(project(self._plan, kept))
            ends = Ends(back[found.owner], back[found.observer])
            spare = sorted(kept - set(ends))
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
        projection = project(self._plan, kept)
        mapped = Ends(projection.numbers[ends.owner], projection.numbers[ends.observer])
        found = await self._reproduces(projection.plan, mapped)
        if found is None:
            self._failed.add((kept, ends))
        return found


def _back(projection: Projection) -> dict[int, int]:
    return {new: old for old, new in projection.numbers.items()}
