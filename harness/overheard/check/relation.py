"""Which promise speaks about an observer of a fact? Each exposure belongs to exactly one invariant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from overheard.core.collision import collisions
from overheard.core.contract import Contract

if TYPE_CHECKING:
    from overheard.check.changes import Changes
    from overheard.check.view import Op, Step

RECALL: Final = "recall-within-thread"
CROSS_THREAD: Final = "no-cross-thread-recall"
CROSS_RESOURCE: Final = "no-cross-resource-leakage"
OWNERSHIP: Final = "thread-ownership"
DISTINCT: Final = "distinct-ids-stay-distinct"
IDS: Final = "ids-required"
FORGOTTEN: Final = "forgotten-stays-forgotten"
MATCHES: Final = "reply-matches-request"

LEAKAGE: Final = (CROSS_THREAD, CROSS_RESOURCE, OWNERSHIP, DISTINCT, IDS, FORGOTTEN)
INVARIANTS: Final = (RECALL, *LEAKAGE, MATCHES)

CONVERSATION: Final = ("list_threads", "read_messages", "read_message")
"""Surfaces that show a conversation itself, and not what memory has made of it."""

TITLES: Final = {
    RECALL: "what is said in a thread is recalled in it",
    CROSS_THREAD: "nothing crosses threads of one resource",
    CROSS_RESOURCE: "nothing crosses resources",
    OWNERSHIP: "a thread answers only its owner",
    DISTINCT: "ids that differ are never taken for one",
    IDS: "missing ids fail closed",
    FORGOTTEN: "what is deleted is gone, and nothing else",
    MATCHES: "an answer is the one to the request that it answers",
}


def missing_of(op: Step, contract: Contract) -> tuple[str | None, str | None]:
    """The kinds of missing (thread, resource) that count under the contract.

    Under `bearer` the thread id is the key, and what happens without a resource id is not promised.
    """
    thread, resource = op.missing
    return thread, None if contract.thread_ids == "bearer" else resource


class Relations:
    """`relation` for the operations of one example, each pair of standings worked out once."""

    __slots__ = ("_changes", "_contract", "_known")

    def __init__(self, contract: Contract, changes: Changes | None = None) -> None:
        self._contract = contract
        self._changes = changes
        self._known: dict[tuple[int, int], str | None] = {}

    def of(self, owner: Op, observer: Op) -> str | None:
        """As `relation`, in the light of what was changed before `observer`."""
        usual = self.usual(owner, observer)
        if observer.plan.message == owner.plan.number:
            # Whoever presents a message's id presents what was said in it, whichever thread it names besides.
            by_message = {CROSS_THREAD: RECALL, CROSS_RESOURCE: self._owned}
            usual = by_message.get(usual or "", usual)
        if self._changes is None or owner is observer:
            return usual
        return self._changed(owner, observer, usual, self._changes)

    def _changed(self, owner: Op, observer: Op, usual: str | None, changes: Changes) -> str | None:
        deletion = changes.deleted(owner, observer.invoked)
        if deletion is not None and self._reaches(deletion, owner, observer):
            return FORGOTTEN
        if usual == IDS:
            return IDS
        if usual in (CROSS_RESOURCE, OWNERSHIP) and changes.given(owner, observer):
            return RECALL
        copy = changes.copied(owner, observer)
        if copy is not None and usual != RECALL:
            mine = owner.owner == observer.owner
            if copy.owner == owner.owner:
                return RECALL if mine else self._owned
            return None if mine else self._owned
        if usual == CROSS_RESOURCE and (
            changes.grasped(owner, observer) or changes.written_by_a_stranger(owner, observer)
        ):
            return self._owned
        return usual

    @property
    def _owned(self) -> str | None:
        """A bearer target answers whoever holds the id: ownership is the application's business."""
        return None if self._contract.thread_ids == "bearer" else OWNERSHIP

    def _reaches(self, deletion: Op, owner: Op, observer: Op) -> bool:
        """Whether a deletion promises anything about where `observer` looked."""
        if self._contract.deletion == "everywhere" or deletion.plan.surface != "delete_thread":
            return True
        return observer.thread == owner.thread and observer.plan.surface in CONVERSATION

    def usual(self, owner: Op, observer: Op) -> str | None:
        """As `relation`."""
        pair = owner.standing, observer.standing
        try:
            return self._known[pair]
        except KeyError:
            known = self._known[pair] = relation(owner, observer, self._contract)
            return known


def relation(owner: Op, observer: Op, contract: Contract) -> str | None:
    """The invariant by which `observer` must not see what `owner` told; RECALL where it may.

    None where the contract promises nothing. Rows are tried from the most particular to the most general.
    """
    told, probed = missing_of(owner, contract), missing_of(observer, contract)
    if any(told) or any(probed):
        # A caller that proved who it is may be served as itself when it names no resource: nobody else's
        # memory is opened by that. Nor need it be: to refuse is as right.
        itself = owner.caller is not None and owner.owner == observer.owner
        wide = contract.scope_of(observer.plan.surface) != "thread"
        known = not told[0] and not probed[0] and (wide or owner.thread == observer.thread)
        # Nor is what a list shows its caller of its own a leak, whatever was left out: that it shows others
        # as much is seen by those who leave it out as well.
        mine = observer.reads and owner.plan.caller == observer.plan.caller
        return None if mine or (itself and known) else IDS
    whatever = without_likeness(owner, observer, contract)
    if whatever in (RECALL, None):
        return whatever
    return DISTINCT if collisions(owner.presented, observer.presented) else whatever


def without_likeness(owner: Step, observer: Step, contract: Contract) -> str | None:
    """The same, of operations with all their ids, as if ids were only ever equal or not."""
    scope = contract.scope_of(observer.plan.surface)
    same_thread = owner.thread == observer.thread
    if owner.owner == observer.owner:
        return RECALL if same_thread or scope != "thread" else CROSS_THREAD
    if scope == "tenant" and owner.plan.tenant == observer.plan.tenant:
        return RECALL
    if same_thread:
        # A bearer target answers whoever holds the id: ownership is the application's business.
        return None if contract.thread_ids == "bearer" else OWNERSHIP
    return CROSS_RESOURCE


def between_examples(owner: Step, observer: Step, contract: Contract) -> str | None:
    """The same, where `owner` told in one example and `observer` saw in another.

    Ids carry their example's namespace, so the two have in common only what is no example's: a missing id, or
    one that means something to some code and is the same everywhere (`default`, `*`). Callers and tenants of
    two examples are never the same.
    """
    if any(missing_of(owner, contract)) or any(missing_of(observer, contract)):
        return IDS
    same_thread, same_resource = owner.thread == observer.thread, owner.resource == observer.resource
    if same_thread and contract.thread_ids == "bearer":
        return None
    if same_resource:
        return RECALL if same_thread or contract.scope_of(observer.plan.surface) != "thread" else CROSS_THREAD
    if same_thread:
        return OWNERSHIP
    return DISTINCT if collisions(owner.presented, observer.presented) else CROSS_RESOURCE
