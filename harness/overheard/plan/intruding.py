"""How somebody presents ids that are somebody else's."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from overheard.core.operation import Proof
from overheard.plan.cast import Actor, Place
from overheard.plan.steps import Loom

_PROOFS: Final[tuple[Proof, ...]] = ("own", "none", "invalid")


def intruder(loom: Loom, actor: Actor, place: Place, *, tells: bool = False) -> Place:
    """Where `actor` stands when it presents the thread id of `place`.

    Where callers prove who they are, it sometimes names the owner's resource too, as itself or without
    valid credentials: the proof must decide. Who is to tell something there (`tells`) proves itself: what is
    told by nobody in particular is nobody's, and who of them hears it again is no matter of ids.
    """
    if not _named(loom, loom.offers.accepts):
        return Place(actor, place.thread, actor.resource, intrudes=True)
    proof = _proof(loom, tells=tells)
    return Place(actor, place.thread, place.actor.resource, intrudes=True, credentials=proof)


def elsewhere(loom: Loom, takes: Collection[str], mine: Place, theirs: Place) -> Place:
    """Where a stranger looks from by a surface of what a resource has: its own place.

    Where callers prove who they are and the surface takes the resource as well, it names the owner's now and
    then.
    """
    if loom.contract.thread_ids != "owned" or "resource" not in takes or not _named(loom, takes):
        return mine
    proof = _proof(loom, tells=False)
    return Place(mine.actor, mine.thread, theirs.resource, intrudes=True, credentials=proof)


def _named(loom: Loom, takes: Collection[str]) -> bool:
    """Whether somebody who intrudes names the owner's resource, this time."""
    proves = loom.contract.authentication == "caller" and "caller" in takes
    return proves and loom.choose.chance(0.5 if loom.offers.proves else 0.3)


def _proof(loom: Loom, *, tells: bool) -> Proof:
    return loom.choose.pick(_PROOFS) if loom.offers.proves and not tells else "own"
