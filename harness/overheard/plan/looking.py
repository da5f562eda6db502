"""The move that looks at what is stored, by every surface that shows it: lists, messages, searches.

The bracket of a surface is the owner's own look through it, before and after: what an owner is not shown
of its own by a list, a list that shows too much need not show to others either. Looking takes no turn in a
conversation, so nothing falls out of a memory by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from overheard.core.operation import BY_MESSAGE, READING
from overheard.plan.cast import Place
from overheard.plan.intruding import elsewhere, intruder
from overheard.plan.missing import leave_out, without
from overheard.plan.offered import IDENTITY, Cell, looking_cells, looks
from overheard.plan.steps import Bracket, Loom, Step, in_turn

MOST: Final = 3
"""Resources that take part. Everybody looks by every surface, twice."""

CELLS: Final = 6
"""Ways of leaving out ids, each by one surface, that one move goes through: four moves reach them all."""

WANTED: Final = 4
"""Looks of one kind by one surface: strangers, intruders, siblings."""

LARGEST: Final = 2 * MOST * 4 + len(READING) * (4 * MOST + 3 * WANTED) + CELLS
"""Operations of one such move, or more: two threads of each in brackets of four, and by each of the surfaces
everybody twice and three kinds of looks in between."""


def look(loom: Loom) -> None:
    """Facts are told; then each surface in turn: their owners, everybody else, their owners again."""
    actors = loom.choose.shuffle(loom.actors)[:MOST]
    brackets = [loom.bracket(place, 1) for actor in actors for place in actor.homes[:2]]
    less = _next_cells(loom)
    # One surface after the other: who has presented an id once learns nothing when it is listed.
    last: list[Step] = []
    for surface, takes in looks(loom.offers).items():
        last = _look_by(loom, surface, takes.accepts, brackets, less, after=last)
    for bracket in brackets:
        loom.close(bracket)


def _next_cells(loom: Loom) -> list[tuple[str, Cell]]:
    found = in_turn(looking_cells(loom.scenario, loom.contract, loom.offers), loom.cell, CELLS)
    loom.cell += 1
    return found


class _Shelf:
    """A bracket seen through one surface: its owner's first looks, and those that come before the last."""

    def __init__(self, loom: Loom, surface: str, bracket: Bracket, after: Sequence[Step]) -> None:
        self.bracket = bracket
        self.place = bracket.place
        self.fact = bracket.facts[0]
        self.before = loom.look(self.place, surface, bracket.facts, after=[bracket.before, *after])
        self.within: list[Step] = []
        self._loom = loom
        self._surface = surface

    def show(self, place: Place, prober: _Shelf, filters: Mapping[str, str] | None = None) -> None:
        """Look for the fact from `place`, whose actor was shown its own before and knows how that looks."""
        after = [*prober.before, *self.before]
        self.within += self._loom.look(place, self._surface, [self.fact], after=after, filters=filters)


def _look_by(
    loom: Loom,
    surface: str,
    takes: Sequence[str],
    brackets: Sequence[Bracket],
    less: Sequence[tuple[str, Cell]],
    *,
    after: Sequence[Step],
) -> list[Step]:
    """Everybody looks by one surface, `after` some other steps. Returns the last looks."""
    shelves = [_Shelf(loom, surface, bracket, after) for bracket in brackets]
    # Under bearer whoever holds a message's id may read it, and nobody else could be told apart.
    held = surface in BY_MESSAGE and loom.contract.thread_ids == "bearer"
    for own, target in [] if held else _pairs(loom, surface, shelves):
        filters = _filters(loom, target.place) if "filters" in takes else None
        target.show(elsewhere(loom, takes, own.place, target.place), own, filters)
    if "thread" in takes and "thread" in loom.offers.accepts and not held:
        _by_thread(loom, surface, shelves)
    for via, cell in less:
        pairs = _pairs(loom, surface, shelves) if via == surface else []
        for own, target in pairs[:1]:
            # A thread id that is not passed is not presented: it must not look as if it were.
            place = without(loom, cell, own.place.actor, target.place)
            target.show(place if "thread" in takes else leave_out(loom, cell, own.place), own)
    last = []
    for shelf in shelves:
        shown = loom.look(shelf.place, surface, shelf.bracket.facts, after=shelf.within)
        shelf.bracket.within += shown
        last += shown
    return last


def _by_thread(loom: Loom, surface: str, shelves: Sequence[_Shelf]) -> None:
    """By a surface that takes a thread id: strangers present their owners', and owners their other ones."""
    if loom.contract.thread_ids == "owned" and not IDENTITY.isdisjoint(loom.offers.accepts):
        for own, target in _pairs(loom, surface, shelves):
            target.show(intruder(loom, own.place.actor, target.place), own)
    if loom.contract.scope_of(surface) != "thread" or surface in BY_MESSAGE:
        return
    for target in shelves[:WANTED]:
        actor = target.place.actor
        homes = [shelf for shelf in shelves if shelf.place.actor is actor and shelf is not target]
        if homes and loom.choose.chance(0.7):
            own = loom.choose.pick(homes)
            target.show(own.place, own)
        else:
            target.show(actor.open(), target)


def _pairs(loom: Loom, surface: str, shelves: Sequence[_Shelf]) -> list[tuple[_Shelf, _Shelf]]:
    """Pairs of (somebody's own shelf, one that it must not see), everybody once before anybody twice."""
    pairs = [
        (own, target)
        for own in loom.choose.shuffle(shelves)
        for target in loom.choose.shuffle(shelves)
        if own.place.actor is not target.place.actor
        and loom.forbidden(own.place.actor, target.fact, surface=surface)
    ]
    return pairs[:: max(1, len(pairs) // WANTED)][:WANTED]


def _filters(loom: Loom, place: Place) -> dict[str, str] | None:
    """Now and then a filter that names somebody else: it may narrow a search and never widen it."""
    if loom.choose.chance(0.4):
        return None
    wanted = {"resource": place.resource, "thread": place.thread}
    name = loom.choose.pick([name for name in wanted if name in loom.offers.accepts] or ["resource"])
    value = wanted[name]
    return {name: value} if isinstance(value, str) else None
