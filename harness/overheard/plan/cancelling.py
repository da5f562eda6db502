"""The move that cancels calls on their way: what one leaves behind, the next one may pick up.

A connection that goes back to its pool with an unread answer in it, a request's number that is given out
anew, a buffer that is emptied when all goes well: each hands one caller's words to whoever comes next. So the
next call is another resource's, and comes with no pause.
"""

from __future__ import annotations

from typing import Final

from overheard.core.operation import Cancel
from overheard.plan.choose import Chooser
from overheard.plan.steps import Bracket, Loom

TIMES: Final = 3
"""Calls cancelled in one move: at a model call, a few steps on the way, and after some time."""

_STEPS: Final = (1, 12)
"""Steps of the loop: a request to a server on the same machine takes some ten of them."""

_MILLISECONDS: Final = (1, 15)


def cancel(loom: Loom) -> None:
    """Owners tell and are answered; three times one asks again and goes away, and another comes at once."""
    actors = loom.choose.shuffle(loom.actors)[:3]
    brackets = [loom.bracket(loom.choose.pick(actor.homes), 1) for actor in actors]
    for time in range(TIMES):
        victim = brackets[time % len(brackets)]
        others = [bracket for bracket in brackets if bracket is not victim]
        strangers = [one for one in others if loom.forbidden(one.place.actor, victim.facts[0])]
        # Where a memory lets go of all at once there is no room for one turn more, and still somebody goes.
        if victim.lend() is not None or loom.room < 2:
            _cancelled(loom, victim, loom.choose.pick(strangers or others), time)
    loom.cell += 1
    for bracket in brackets:
        loom.close(bracket)


def where(choose: Chooser, turn: int) -> Cancel:
    """Where a call is cancelled: in turn at its model calls, on the way to them, and after them."""
    calls = choose.integer(0, 1)
    return (
        Cancel(calls=calls),
        Cancel(steps=choose.integer(*_STEPS)),
        Cancel(milliseconds=choose.integer(*_MILLISECONDS)),
        Cancel(calls=calls + 1, steps=choose.integer(*_STEPS)),
    )[turn % 4]


def _cancelled(loom: Loom, victim: Bracket, other: Bracket, time: int) -> None:
    """The owner of `victim` asks and goes away; the owner of `other` asks for the same, and for its own.

    For what it said in the turn before, in a thread of its own: whatever the memory's window, that is there.
    """
    place = other.place.actor.open() if "thread" in loom.offers.accepts else other.place
    own = [loom.tell(place, after=[other.before])]
    gone = loom.ask(victim.place, victim.facts, after=own)
    gone.cancel = where(loom.choose, loom.cell * TIMES + time)
    stolen = [(victim, victim.facts[0])]
    if loom.at_once < 2:
        own, stolen = ([], stolen) if time % 2 else (own, [])
    gone.follower = loom.probe(place, stolen, served=other, own=own, after=[victim.before])
