"""What was done to the stored conversations of one example, and what that means for who may see them.

A conversation that was copied is the same conversation under another id; one that was given away is the
receiver's as well; what its owner deleted nobody must see any more. Order is by positions, as everywhere.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from overheard.core.ids import Id, bind_id
from overheard.core.operation import own_resources

if TYPE_CHECKING:
    from overheard.check.view import Op, View

_DONE: Final = ("ok", "info")
"""How an operation ended that may have been carried out."""


class Changes:
    """The changing operations of one example. `made` holds all that were invoked, in order.

    `owners` maps a thread id to the first operation by which its owner used it (`Ids.homes`).
    """

    __slots__ = (
        "_copied_by",
        "_copies",
        "_deletions",
        "_ends",
        "_gifts",
        "_own",
        "_owners",
        "_recited",
        "made",
    )

    def __init__(self, view: View, owners: Mapping[Id, Op]) -> None:
        changing = (op for op in view.ops.values() if op.changes and op.outcome is not None)
        self.made: list[Op] = sorted(changing, key=attrgetter("invoked"))
        self._ends = sorted(op.ended for op in self.made)
        self._owners = owners
        self._own = {
            caller: bind_id(template, view.campaign, view.number)
            for caller, template in own_resources(view.started.plan).items()
        }
        self._copies: dict[Id, Op] = {}
        self._copied_by: dict[Id, list[Op]] = {}
        self._gifts: list[tuple[Op, Id]] = []
        self._deletions: list[Op] = []
        for op in self.made:
            self._sort(op, view)
        self._recited: dict[int, int] = {}
        for op in view.ops.values() if self._deletions else ():
            self._note_recital(op)

    def _sort(self, op: Op, view: View) -> None:
        if op.outcome not in _DONE or any(op.missing):
            return
        surface = op.plan.surface
        if surface == "clone_thread":
            self._copied_by.setdefault(op.thread, []).append(op)
            made = view.bound_id(op.plan.new_thread)
            if isinstance(made, str):
                self._copies.setdefault(made, op)
        elif op.plan.new_resource:
            self._gifts.append((op, view.bound_id(op.plan.new_resource)))
        elif op.deletes and op.outcome == "ok":
            self._deletions.append(op)

    def _note_recital(self, op: Op) -> None:
        """Remember when a reply first repeated a fact in its own words: what is stored of that is another
        message, which outlives the one that told it, and rightly so."""  # noqa: D209
        if op.sends and op.outcome == "ok":
            for fact in op.repeats():
                self._recited[fact] = min(op.invoked, self._recited.get(fact, op.invoked))

    def deleted(self, fact: Op, position: int) -> Op | None:
        """The operation by which the owner of `fact` had deleted it before `position`, if one had.

        Not what was told while it was being deleted, nor what lives on in a copy of its thread.
        """
        for op in self._deletions:
            if op.ended < position and fact.ended < op.invoked and self.covers(op, fact):
                copies = self._copied_by.get(fact.thread, ())
                if any(copy.invoked < op.ended for copy in copies):
                    return None
                return op
        return None

    def covers(self, deletion: Op, fact: Op) -> bool:
        """Whether a deletion is of that fact, by its owner."""
        if deletion.owner != fact.owner:
            return False
        match deletion.plan.surface:
            case "delete_thread":
                return deletion.thread == fact.thread
            case "delete_message":
                recited = self._recited.get(fact.number)
                return deletion.plan.message == fact.number and (recited is None or recited > deletion.ended)
        return deletion.resource == fact.resource

    def before(self, op: Op) -> int:
        """How many changes had begun, and how many had ended, before `op` began: a number that grows with
        both, so that two operations of one number have the same past."""  # noqa: D209
        begun = bisect_left(self.made, op.invoked, key=attrgetter("invoked"))
        return begun + bisect_left(self._ends, op.invoked)

    def between(self, fact: Op, observer: Op) -> bool:
        """Whether anything was changed after `fact` was told and before `observer` began."""
        first = bisect_right(self.made, fact.ended, key=attrgetter("invoked"))
        return first < len(self.made) and self.made[first].invoked < observer.invoked

    def ghost(self, home: Op, observer: Op, ops: Iterable[Op]) -> Op | None:
        """The deletion of a thread, by its owner, that a list of threads shows all the same.

        Not if the thread was used again since: then it is there by right.
        """
        for op in self._deletions:
            if (
                op.plan.surface == "delete_thread"
                and op.thread == home.thread
                and op.owner == observer.owner
                and home.ended < op.invoked
                and op.ended < observer.invoked
                and not self.used_again(home, op, ops, observer.invoked)
            ):
                return op
        return None

    def used_again(self, fact: Op, deletion: Op, ops: Iterable[Op], position: int) -> bool:
        """Whether the thread of a deleted fact was written to again since, up to `position`."""
        return any(
            op.thread == fact.thread
            and deletion.ended < op.invoked <= position
            and (op.sends or op.plan.surface == "create_thread")
            for op in ops
        )

    def given(self, fact: Op, observer: Op) -> bool:
        """Whether the owner of `fact` had given its thread to whoever observes."""
        return any(
            op.thread == fact.thread
            and op.owner == fact.owner
            and op.invoked < observer.invoked
            and receiver in (observer.resource, self._own.get(observer.plan.caller))
            for op, receiver in self._gifts
        )

    def copied(self, fact: Op, observer: Op) -> Op | None:
        """The operation that had made the observer's thread out of the one in which `fact` was told."""
        thread: Id = observer.thread
        for _ in range(len(self._copies)):
            copy = self._copies.get(thread)
            if copy is None or not fact.ended < copy.ended or not copy.invoked < observer.invoked:
                return None
            thread = copy.thread
            if thread == fact.thread:
                return copy
        return None

    def grasped(self, fact: Op, observer: Op) -> Op | None:
        """The last change that the observer had made to the thread of `fact`, which is not its own, and that
        was not refused."""  # noqa: D209
        found = None
        for op in self.made:
            if op.invoked >= observer.invoked:
                break
            if (
                op.plan.caller == observer.plan.caller
                and op.outcome in _DONE
                and op.owner != fact.owner
                and self.concerns(op, fact)
            ):
                found = op
        return found

    def concerns(self, op: Op, fact: Op) -> bool:
        """Whether a changing operation presented the thread of `fact`, or its message."""
        if op.plan.message is not None:
            return op.plan.message == fact.number
        if op.plan.surface == "delete_resource":
            return op.resource == fact.resource
        return op.thread == fact.thread

    def written_by_a_stranger(self, teller: Op, observer: Op) -> bool:
        """Whether `teller` put a title on the observer's thread without being its owner."""
        home = self._owners.get(teller.thread)
        return (
            teller.changes
            and home is not None
            and home.plan.caller != teller.plan.caller
            and home.plan.caller == observer.plan.caller
        )
