"""The move that leaves out ids: thread, resource or both, in each of the ways in which they go missing.

Two things can go wrong, and each way of leaving out is tried for both. (a) A call without an id opens what
was told with ids: probed by somebody else and by the owner itself. (b) Calls without ids share one bucket:
what one caller tells without an id, another (and itself) asks for without it, the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from overheard.core.ids import OMITTED, Id
from overheard.plan.cast import Actor, Place
from overheard.plan.identifiers import missing_id
from overheard.plan.offered import Cell, cells
from overheard.plan.steps import Bracket, Loom, in_turn

CELLS: Final = 4
"""Ways of leaving out ids that one move goes through: of at most twelve, so three moves reach them all."""


def missing(loom: Loom) -> None:
    """The next few ways of leaving out ids, inside the brackets of two resources or three."""
    chosen = _next_cells(loom)
    actors = loom.choose.shuffle(loom.actors)[:3]
    brackets = [loom.bracket(loom.choose.pick(actor.homes)) for actor in actors]
    for cell in chosen:
        owner, other = _pair(loom, brackets)
        _probe_with_less(loom, cell, owner, other)
        _share_a_bucket(loom, cell, owner, other)
    for bracket in brackets:
        loom.close(bracket)


def _next_cells(loom: Loom) -> list[Cell]:
    found = in_turn(cells(loom.scenario, loom.contract, loom.offers), loom.cell, CELLS)
    loom.cell += 1
    return found


def _pair(loom: Loom, brackets: Sequence[Bracket]) -> tuple[Bracket, Bracket]:
    """An owner and another caller, of two tenants where there are two."""
    drawn = loom.choose.shuffle(brackets)
    owner = drawn[0]
    strict = [each for each in drawn[1:] if loom.forbidden(each.place.actor, owner.facts[0])]
    return owner, (strict or drawn[1:])[0]


def _probe_with_less(loom: Loom, cell: Cell, owner: Bracket, other: Bracket) -> None:
    targets = [(owner, fact) for fact in owner.facts]
    loom.probe(without(loom, cell, other.place.actor, owner.place), targets, served=other)
    loom.probe(leave_out(loom, cell, owner.place), targets, served=owner)


def _share_a_bucket(loom: Loom, cell: Cell, owner: Bracket, other: Bracket) -> None:
    place = leave_out(loom, cell, _fresh(loom, owner.place.actor))
    told = loom.tell(place, after=[owner.before, other.before])
    asked = loom.ask(without(loom, cell, other.place.actor, place), [told])
    own = loom.ask(place, [told])
    # Both are served, with their ids, before and after: that is the control of a fact told without.
    for bracket in (owner, other):
        bracket.within += [asked, own]


def without(loom: Loom, cell: Cell, actor: Actor, owners: Place) -> Place:
    """Where `actor` calls from without the ids of `cell`. If the thread id is one that it does present, it
    is its own, or the owner's: who checks ownership only when there is a resource checks nothing.
    """
    if cell.ids == "resource" and loom.choose.chance(0.5):
        place = leave_out(loom, cell, owners)
        return Place(actor, place.thread, place.resource, intrudes=True)
    return leave_out(loom, cell, _fresh(loom, actor))


def _fresh(loom: Loom, actor: Actor) -> Place:
    return actor.open() if "thread" in loom.offers.accepts else actor.homes[0]


def leave_out(loom: Loom, cell: Cell, place: Place) -> Place:
    """`place`, with the ids of `cell` gone."""
    gone = _value(loom, cell)
    thread = gone if "thread" in cell.keywords else place.thread
    resource = gone if "resource" in cell.keywords else place.resource
    return Place(place.actor, thread, resource)


def _value(loom: Loom, cell: Cell) -> Id:
    if cell.kind == "omitted":
        return OMITTED
    # The same value for everybody in this cell: two kinds of blank need not share a bucket.
    return missing_id(cell.kind, loom.cell)
