"""How somebody presents ids that are somebody else's."""

from __future__ import annotations

from overheard.plan.cast import Actor, Place
from overheard.plan.steps import Loom


def intruder(loom: Loom, actor: Actor, place: Place) -> Place:
    """Where `actor` stands when it presents the thread id of `place`.

    Where callers prove who they are, it sometimes names the owner's resource too: the proof must decide.
    """
    named = actor.resource
    if (
        loom.contract.authentication == "caller"
        and "caller" in loom.offers.accepts
        and loom.choose.chance(0.3)
    ):
        named = place.actor.resource
    return Place(actor, place.thread, named, intrudes=True)
