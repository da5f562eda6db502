"""What somebody lost by another's doing: destroyed, taken over, or locked away.

A fact is lost if its owner was shown it before, asks for it again in the same way, and is not shown it any
more, although nobody who may had deleted it. That is held against a change made in between only if it
cannot be put down to the memory itself: another fact, as many turns old, was still shown afterwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Final, Literal, NamedTuple, TypeAlias

from overheard.check.changes import Changes
from overheard.check.view import NEVER, Op, View

Kind: TypeAlias = Literal["taken", "unnamed", "beyond"]
"""By whom: `taken` by a stranger who presented the thread or message; `unnamed` by a call that left an id
out; `beyond` what a deletion of something else was to reach."""

_GRAVEST: Final[tuple[Kind, ...]] = ("beyond", "unnamed", "taken")
"""Last, what names the thread itself."""

_STEADY: Final = ("send", "read_messages", "read_message", "list_threads")
"""Surfaces that show a fact again as long as it is there. A search ranks, and may find others better."""

Shown: TypeAlias = Mapping[int, set[int]]


class Watch(NamedTuple):
    """A fact, and its owner's looks at it by one surface: `before` it was shown, `after` it should be."""

    fact: Op
    before: Op
    after: Op
    shown: bool


class Loss(NamedTuple):
    """A fact that was lost, by which operation, and the proof: shown `before`, missed `after`, while
    `other` was still shown by `steady`, after as many `turns`."""  # noqa: D209

    kind: Kind
    fact: Op
    cause: Op
    before: Op
    after: Op
    other: Op
    steady: Op
    turns: tuple[Op, ...]

    @property
    def proof(self) -> tuple[int, ...]:
        """The operations without which nobody could tell."""
        return tuple(op.number for op in (self.before, self.after, self.other, self.steady, *self.turns))


class Chance(NamedTuple):
    """A change that might have cost somebody a fact; `watch` is None if nobody looked before and after."""

    kind: Kind
    fact: Op
    cause: Op
    watch: Watch | None


class Ledger:
    """Which facts were shown to whom in one example, and what is missing from it.

    `recalled` maps operations to the facts that they were shown and may see.
    """

    def __init__(self, view: View, recalled: Shown) -> None:
        self._view = view
        self._changes = view.changes or Changes(view, view.ids.homes)
        self._recalled = recalled
        ops = sorted(view.ops.values(), key=attrgetter("invoked"))
        self._ops = [op for op in ops if op.invoked != NEVER and op.outcome is not None]
        self._watches = list(self._watched())
        self.losses = tuple(self._lost())
        """Everything lost in this example, each fact once: what is gone cannot be taken again."""

    def _lost(self) -> Iterator[Loss]:
        missed = sorted(
            (watch for watch in self._watches if not watch.shown), key=lambda one: one.after.invoked
        )
        first: dict[int, int] = {}
        told: set[int] = set()
        for watch in missed:
            number = watch.fact.number
            # Whatever happened to it, it had happened by the first look that missed it.
            by = first.setdefault(number, watch.after.invoked)
            blamed = self._blamed(watch, by)
            if blamed is None or number in told:
                continue
            steady = self._steady(watch, blamed[1])
            if steady is not None:
                told.add(number)
                yield Loss(blamed[0], watch.fact, blamed[1], watch.before, watch.after, *steady)

    def chances(self) -> Iterator[Chance]:
        """Every change that might have cost somebody a fact, with the proof that it would have been missed.

        What a change does not name is at risk only where its owner was watching.
        """
        lost = {(loss.fact.number, loss.cause.number) for loss in self.losses}
        watched: dict[tuple[int, int], Chance] = {}
        for watch in self._watches:
            for cause in self._between(watch):
                pair = watch.fact.number, cause.number
                kind = self._kind(cause, watch.fact)
                # What was lost was looked for as well; that is how it is known.
                if kind is not None and (watch.shown or pair in lost):
                    watched.setdefault(pair, Chance(kind, watch.fact, cause, watch))
        yield from watched.values()
        for cause in self._changes.made:
            for fact in self._view.ids.facts.get(cause.thread, ()):
                pair = fact.number, cause.number
                told = fact.sends and fact.outcome == "ok" and fact.ended < cause.invoked
                if told and pair not in watched and self._kind(cause, fact) == "taken":
                    if self._deleted(fact, cause.invoked):
                        continue
                    yield Chance("taken", fact, cause, None)

    def _between(self, watch: Watch) -> Iterator[Op]:
        """Changes that began after the first look had ended, and had ended when the second began."""
        made = self._changes.made
        start = bisect_right(made, watch.before.ended, key=attrgetter("invoked"))
        for cause in made[start:]:
            if cause.invoked >= watch.after.invoked:
                return
            if cause.ended < watch.after.invoked:
                yield cause

    def _deleted(self, fact: Op, position: int) -> bool:
        return self._changes.deleted(fact, position) is not None

    def _kind(self, cause: Op, fact: Op) -> Kind | None:
        """In which way an operation might cost somebody a fact; None if that would be its owner's wish."""
        if any(cause.missing):
            return "unnamed" if cause.changes else None
        if cause.owner != fact.owner and self._changes.concerns(cause, fact):
            return "taken"
        if cause.deletes and not self._changes.covers(cause, fact):
            return "beyond"
        return None

    def _watched(self) -> Iterator[Watch]:
        """Every look of an owner at its fact after one by the same surface that showed it."""
        for after in self._ops:
            if after.plan.surface not in _STEADY or not self._decided(after):
                continue
            for number in after.plan.asks:
                fact = self._view.ops[number]
                before = self._shown_before(fact, after) if _owns(after, fact) else None
                if before is not None and not self._disowned(fact, after):
                    yield Watch(fact, before, after, self._saw(after, fact))

    def _decided(self, op: Op) -> bool:
        """Whether an operation says anything about what is there: a refusal does, an error does not."""
        if op.outcome == "fail":
            return True
        ranked = op.sends and self._view.contract.recall_kind == "ranked"
        return op.answered() and not ranked

    def _shown_before(self, fact: Op, after: Op) -> Op | None:
        """The owner's last look at the fact by the same surface, before it looked again."""
        earlier = (
            op
            for op in reversed(self._ops)
            if op.plan.surface == after.plan.surface
            and op.ended < after.invoked
            and _owns(op, fact)
            and self._saw(op, fact)
        )
        return next(earlier, None)

    def _disowned(self, fact: Op, after: Op) -> bool:
        """Whether the owner itself had done something to the fact: deleted it, or given it away."""
        return any(
            op.owner == fact.owner
            and op.invoked < after.invoked
            and (
                self._changes.covers(op, fact)
                if op.deletes
                else op.thread == fact.thread and op.plan.new_resource
            )
            for op in self._changes.made
        )

    def _saw(self, op: Op, fact: Op) -> bool:
        return fact.number in self._recalled.get(op.number, ())

    def _blamed(self, watch: Watch, by: int) -> tuple[Kind, Op] | None:
        """The operation that may have done it, after the fact had been shown and before the position `by`.

        A stranger's before anybody else's, one that was not refused before one that was, and the last of
        those; a mere message only if nothing was changed in any other way.
        """
        between = [op for op in self._ops if watch.before.ended < op.invoked < by]
        kinds = ((self._kind(op, watch.fact), op) for op in between if op.changes)
        candidates = [(kind, op) for kind, op in kinds if kind is not None]
        candidates = candidates or [("taken", op) for op in between if self._locks_out(op, watch)]
        return max(
            candidates,
            key=lambda one: (_GRAVEST.index(one[0]), one[1].outcome != "fail", one[1].invoked),
            default=None,
        )

    def _locks_out(self, op: Op, watch: Watch) -> bool:
        """Whether it is a message into somebody else's thread, and its owner is refused there afterwards."""
        wrote = op.sends and op.thread == watch.fact.thread and op.owner != watch.fact.owner
        return wrote and watch.after.outcome == "fail" and not any(op.missing)

    def _steady(self, watch: Watch, cause: Op) -> tuple[Op, Op, tuple[Op, ...]] | None:
        """Another fact that was still shown by the same surface, by which operation, and turns that had been
        taken since it was told: as many as since the lost one was told."""  # noqa: D209
        age = len(self._turns(watch.fact, watch.after))
        for op in reversed(self._ops):
            if op.invoked <= cause.invoked:
                return None
            if op.plan.surface != watch.after.plan.surface or op.outcome != "ok":
                continue
            for number in sorted(self._recalled.get(op.number, ())):
                other = self._view.ops[number]
                turns = self._turns(other, op) if _owns(op, other) else ()
                if other is not watch.fact and _owns(op, other) and len(turns) >= age:
                    return other, op, turns[:age]
        return None

    def _turns(self, fact: Op, look: Op) -> tuple[Op, ...]:
        """The turns that its owner had taken in the fact's thread since it was told."""
        return tuple(
            op
            for op in self._ops
            if op.sends and _owns(op, fact) and fact.invoked < op.invoked < look.invoked
        )


def _owns(op: Op, fact: Op) -> bool:
    """Whether an operation is one of the fact's owner in the fact's own thread."""
    return op.owner == fact.owner and op.thread == fact.thread and not any(op.missing)
