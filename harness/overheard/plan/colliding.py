"""The move that tells and asks under ids that differ, and that some function takes for one.

A base is told first and asked for; then its lookalikes, each by whoever uses it as an id of its own: they
tell a fact, and ask for theirs and for the base's. So each has its own control: an id that is no id to the
target, under which nothing is remembered, has shown nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from overheard.plan.cast import Actor, Place
from overheard.plan.lookalikes import RARE, RESERVED_NAMES, USUAL, group, joint
from overheard.plan.offered import JOINED, RESERVED, Clash, clashes, sayable
from overheard.plan.steps import Bracket, Loom, in_turn

CLASHES: Final = 3
"""Visits of one move: of at most twenty-four, so eight moves reach them all."""

LARGEST: Final = CLASHES * 30
"""Operations of one such move, or more."""


def collide(loom: Loom) -> None:
    """The next few kinds of colliding ids."""
    visits = in_turn(clashes(loom.scenario, loom.contract, loom.offers), loom.cell, CLASHES)
    loom.cell += 1
    for clash in visits:
        if clash.what == JOINED:
            _joined(loom, clash)
        elif clash.what == RESERVED:
            _reserved(loom, clash)
        else:
            _lookalikes(loom, clash)


def _lookalikes(loom: Loom, clash: Clash) -> None:
    wanted = loom.scenario.colliding.by
    made = group(clash.what, loom.visit(), loom.choose)
    alike = [
        each.template
        for each in made.alike
        if each.family in wanted and sayable(each.family, clash.ids, loom.offers)
    ]
    places = _Places(loom, clash, made.base)
    base = loom.bracket(places.base, 1)
    for template in alike:
        _meet(loom, places.of(template), [base])
    loom.close(base)


def _joined(loom: Loom, clash: Clash) -> None:
    """Pairs of a thread and a resource id that are one when they are joined; and a thread id that is a
    resource id, once."""  # noqa: D209
    by = loom.scenario.colliding.by
    if "joined" in by:
        half = len(USUAL) // 2
        some = USUAL[clash.part * half : (clash.part + 1) * half]
        last = (loom.choose.pick(RARE), False) if clash.part else (loom.choose.pick(USUAL[:-1]), True)
        for delimiter, thread_first in [*((each, False) for each in some), last]:
            made = joint(delimiter, loom.visit(), thread_first=thread_first)
            _pair(loom, made.first, made.second)
    if "kind" in by and (clash.part or "joined" not in by):
        nth = loom.visit()
        both = f"annlee{nth:03}k<<ns>>"
        _pair(loom, (both, f"user{nth:03}k<<ns>>"), (f"talk{nth:03}k<<ns>>", both))


def _pair(loom: Loom, first: tuple[str, str], second: tuple[str, str]) -> None:
    """Two resources, each with a (thread, resource) of its own."""
    owner = loom.guest(_somebody(loom), first[1])
    other = _stranger(loom, owner, second[1])
    base = loom.bracket(Place(owner, first[0], owner.resource), 1)
    _meet(loom, Place(other, second[0], other.resource), [base])
    loom.close(base)


def _reserved(loom: Loom, clash: Clash) -> None:
    """Ids that mean something to some code, an ordinary one beside them, and one who comes new to it all."""
    ordinary = [f"annlee{loom.visit():03}x<<ns>>" for _ in range(2)]
    drawn = [loom.choose.pick(some) for some in RESERVED_NAMES[clash.part]]
    # In a long plan each is somebody's once: a second owner of `default` would be no stranger to it.
    names = [name for name in drawn if loom.first_use(clash.ids, name)]
    places = _Places(loom, clash, ordinary[0])
    base = loom.bracket(places.base, 1)
    brackets = [_meet(loom, places.of(name), [base]) for name in names]
    newcomer = places.new(ordinary[1])
    facts = [fact for bracket in brackets for fact in bracket.facts]
    befores = [bracket.before for bracket in brackets]
    for start in range(0, len(facts), loom.at_once):
        asked = loom.ask(newcomer, facts[start : start + loom.at_once], after=befores)
        for bracket in brackets:
            bracket.within.append(asked)
    loom.ask(newcomer, [loom.tell(newcomer)])
    for bracket in (base, *brackets):
        loom.close(bracket)


class _Places:
    """Where those speak from whose ids collide: threads of one resource, threads of two, or two resources.

    `base` is the place of the first, `of` those of the others.
    """

    def __init__(self, loom: Loom, clash: Clash, template: str) -> None:
        self._loom = loom
        self._ids = clash.ids
        somebody = _somebody(loom)
        if clash.ids == "resource":
            self._owner = self._other = loom.guest(somebody, template)
            self.base = self._owner.open()
            return
        one_resource = loom.contract.scope == "thread" and not clash.apart
        self._owner = somebody
        self._other = somebody if one_resource else _strangers(loom, somebody)[0]
        self.base = Place(somebody, template, somebody.resource)

    def of(self, template: str) -> Place:
        """Where one speaks from whose id is that of this template."""
        if self._ids == "thread":
            return Place(self._other, template, self._other.resource)
        return self._place_of(_stranger(self._loom, self._owner, template))

    def _place_of(self, actor: Actor) -> Place:
        if self._one_thread():
            return Place(actor, self.base.thread, actor.resource, intrudes=True)
        return actor.open()

    def new(self, template: str) -> Place:
        """Where one who must hear nothing of those whose ids collide begins to speak."""
        if self._ids == "thread":
            return Place(self._owner, template, self._owner.resource)
        return self._place_of(self._loom.guest(self._owner, template))

    def _one_thread(self) -> bool:
        """Whether resources that collide use one thread id: a key of both ids tells them apart by another."""
        contract, accepts = self._loom.contract, self._loom.offers.accepts
        return contract.scope == "thread" and contract.thread_ids == "owned" and "thread" in accepts


def _somebody(loom: Loom) -> Actor:
    """One of the actors; with a stranger of its own tenant, if there is such a one."""
    actors = loom.choose.shuffle(loom.actors)
    return next((one for one in actors if _strangers(loom, one)[0].tenant == one.tenant), actors[0])


def _strangers(loom: Loom, owner: Actor) -> list[Actor]:
    """Those who must not hear what `owner` tells: of its tenant first, where that permits nothing, because a
    tenant in the key would keep them apart."""  # noqa: D209
    others = [actor for actor in loom.actors if actor is not owner and loom.apart(actor, owner)]
    return sorted(others, key=lambda actor: actor.tenant != owner.tenant)


def _stranger(loom: Loom, owner: Actor, resource: str) -> Actor:
    """A stranger to `owner` with the id `resource`."""
    return loom.guest(_strangers(loom, owner)[0], resource)


def _meet(loom: Loom, place: Place, bases: Sequence[Bracket]) -> Bracket:
    """Tell a fact in a place, and ask there for it and for those of `bases`, whose ids it collides with."""
    befores = [base.before for base in bases]
    facts = [fact for base in bases for fact in base.facts]
    told = loom.tell(place, after=befores)
    asked = [loom.ask(place, [told, *facts[: loom.at_once - 1]])]
    if loom.at_once <= len(facts):
        asked += [loom.ask(place, [fact]) for fact in facts]
    for base in bases:
        base.within += asked
    return Bracket(place, [told], asked[0], 0)
