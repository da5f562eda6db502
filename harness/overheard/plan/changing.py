"""The move in which strangers try to change what is not theirs, by every surface that changes something.

What a refused call has done to a conversation only its owner can tell, so every attempt lies between two
looks of the owner: it is shown its own before, the stranger tries and looks whether it has gained anything,
and then the owner looks again, and asks. The stranger asks for its own as often: if the memory itself had
let go of what was told, it would be gone there as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from overheard.core.ids import Id
from overheard.core.operation import BY_MESSAGE, TITLED
from overheard.plan.cast import Actor, Place
from overheard.plan.intruding import intruder
from overheard.plan.missing import leave_out
from overheard.plan.offered import Cell, attempts, changing_cells, looks
from overheard.plan.steps import Bracket, Loom, Step, in_turn
from overheard.plan.story import Story

ATTEMPTS: Final = 4
"""Changes that strangers try in one move; of seven surfaces at most, so two moves try them all."""

CELLS: Final = 3
"""Ways of leaving out ids, each by one surface, that one move goes through."""

LOOKS: Final = ("read_messages", "list_threads")
"""Surfaces by which an owner sees that its conversation is still there, as long as it is."""

LARGEST: Final = ATTEMPTS * 20 + CELLS + 24
"""Operations of one such move, or more."""


def change(loom: Loom) -> None:
    """Strangers try one change after the other, owners change their own in between; then nobody is named."""
    story = Story(loom)
    pair = _Pair(loom, story)
    for surface in _next_attempts(loom):
        if pair.room < 1:
            pair = _Pair(loom, story)
        stranger, owner = loom.choose.shuffle(pair.brackets)
        if loom.choose.chance(0.4):
            pair.change_own(loom.choose.pick(pair.brackets))
        pair.attempt(surface, stranger, owner)
        pair.look_again()
    less = _next_cells(loom)
    if less:
        _Pair(loom, story).name_nobody(less)


def _next_attempts(loom: Loom) -> list[str]:
    found = in_turn(attempts(loom.contract, loom.offers), loom.attempt, ATTEMPTS)
    loom.attempt += 1
    return loom.choose.shuffle(found)


def _next_cells(loom: Loom) -> list[tuple[str, Cell]]:
    found = in_turn(changing_cells(loom.scenario, loom.contract, loom.offers), loom.cell, CELLS)
    loom.cell += 1
    return found


class _Pair:
    """Two resources that must not hear each other, each with a fact told in a new thread of its own.

    `room` is how many more turns the two may take before a memory may have let the facts go.
    """

    def __init__(self, loom: Loom, story: Story) -> None:
        self._loom = loom
        self._story = story
        self.brackets = [self._told(actor) for actor in _strangers(loom)]
        self.room = 1 + min(bracket.room for bracket in self.brackets)
        for bracket in self.brackets:
            self._story.show(bracket.place, bracket.facts, LOOKS)

    def _told(self, actor: Actor) -> Bracket:
        place = actor.open()
        if self._loom.choose.chance(0.5):
            self._story.create(place)
        return self._story.bracket(place)

    def look_again(self) -> None:
        """Both look, and both ask: a turn of each."""
        self.room -= 1
        for bracket in self.brackets:
            self._story.show(bracket.place, bracket.facts, LOOKS)
            self._story.ask(bracket.place, bracket.facts)

    def attempt(self, surface: str, stranger: Bracket, owner: Bracket) -> None:
        """A stranger tries to change the owner's thread, and looks whether it has gained anything."""
        loom, story = self._loom, self._story
        actor, fact = stranger.place.actor, owner.facts[0]
        copy = actor.open()
        stranger_at = intruder(loom, actor, owner.place, tells=surface in TITLED)
        self._use(surface, stranger_at, fact, copy.thread)
        if surface == "clone_thread":
            story.ask(copy, [fact])
        if surface not in BY_MESSAGE or loom.choose.chance(0.5):
            story.ask(intruder(loom, actor, owner.place), [fact])
        by_thread = [name for name, takes in looks(loom.offers).items() if "thread" in takes.accepts]
        if by_thread and loom.choose.chance(0.5):
            story.show(intruder(loom, actor, owner.place), [fact], [loom.choose.pick(by_thread)])

    def change_own(self, bracket: Bracket) -> None:
        """What an owner may do: give its thread a title, go on in a copy of it, begin a new one."""
        loom, actor = self._loom, bracket.place.actor
        ways = [
            name for name in ("update_thread", "clone_thread", "create_thread") if name in loom.offers.beyond
        ]
        way = loom.choose.pick(ways) if ways else ""
        if way == "update_thread" and "title" in loom.offers.beyond[way].accepts:
            self._story.change(bracket.place, way, titled=True)
        elif way == "clone_thread":
            copy = actor.open()
            self._use(way, bracket.place, bracket.facts[0], copy.thread)
            self._story.ask(copy, bracket.facts)
        elif way == "create_thread":
            self._story.create(actor.open())

    def name_nobody(self, less: Sequence[tuple[str, Cell]]) -> None:
        """Changes without an id, which must reach nobody; and a new fact, in case they reach everybody."""
        for surface, cell in less:
            caller, other = self._loom.choose.shuffle(self.brackets)
            self._use(surface, leave_out(self._loom, cell, caller.place), other.facts[0], None)
        self.look_again()
        again = self._story.bracket(self.brackets[0].place.actor.open())
        self._story.ask(again.place, again.facts)
        self._story.show(again.place, again.facts, LOOKS)

    def _use(self, surface: str, place: Place, fact: Step, copy: Id) -> None:
        """Use a surface that changes something, with all that it takes."""
        takes, chance = self._loom.offers.takes(surface).accepts, self._loom.choose.chance
        titled = surface in TITLED and "title" in takes
        ids: dict[str, Id] = {}
        if surface == "clone_thread":
            ids["new_thread"] = copy
        # Where an update takes no title, whose the thread is to be is all that it can change.
        if "new_resource" in takes and (surface != "update_thread" or not titled or chance(0.5)):
            ids["new_resource"] = place.actor.resource
        message = fact if surface in BY_MESSAGE else None
        self._story.change(place, surface, titled=titled, message=message, ids=ids)


def _strangers(loom: Loom) -> list[Actor]:
    """Two resources; of two tenants where memory is a tenant's."""
    drawn = loom.choose.shuffle(loom.actors)
    apart = [
        (one, other)
        for one in drawn
        for other in drawn
        if one is not other and not (loom.contract.scope == "tenant" and one.tenant == other.tenant)
    ]
    return list(apart[0]) if apart else drawn[:2]
