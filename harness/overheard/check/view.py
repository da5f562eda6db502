"""One example, digested: what each operation presented, when it ran, what was seen in it.

Everything here follows from the order of lines in the history (a position) and never from time stamps,
which are for people.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from overheard.check.attribute import Attributed, attribute
from overheard.check.changes import Changes
from overheard.check.relation import Relations
from overheard.core.canary import decode_canary, is_canary
from overheard.core.contract import Contract
from overheard.core.ids import Id, bind_id, show_id
from overheard.core.operation import (
    CHANGING,
    DELETING,
    READING,
    SENDING,
    Condition,
    Mode,
    Operation,
    bind_filters,
)
from overheard.history.events import (
    AnyEvent,
    Bound,
    Chunked,
    Completed,
    Decided,
    ExampleStarted,
    Failed,
    Invoked,
    ModelAnswered,
    ModelCalled,
    Sight,
    Stalled,
    Unknown,
)

NEVER: Final = sys.maxsize

_ENDS: Final = frozenset((Completed, Failed, Unknown))


class Call:
    """One model call, with the operations it may belong to."""

    __slots__ = ("answered", "attributed", "certain", "event", "position")

    attributed: Attributed
    certain: bool
    """`attributed.certain`, looked up once: it is asked for every sight."""

    def __init__(self, event: ModelCalled, position: int) -> None:
        self.event = event
        self.position = position
        self.answered = NEVER


class Step:
    """What one operation presented, when it ran, and how it ended.

    `invoked` and `ended` are positions (`NEVER` if it did not), `outcome` is None while in flight.
    `caller` is who proved to be calling, None where nobody has to.
    """

    __slots__ = (
        "caller",
        "ended",
        "ended_t",
        "invoked",
        "invoked_t",
        "missing",
        "outcome",
        "plan",
        "resource",
        "thread",
    )

    plan: Operation
    invoked: int
    invoked_t: int
    ended: int
    ended_t: int
    outcome: str | None
    thread: Id
    resource: Id
    missing: tuple[str | None, str | None]
    caller: str | None

    @property
    def number(self) -> int:
        return self.plan.number

    @property
    def leader(self) -> int:
        """The operation whose text, nonce included, this one repeats; itself if it has its own."""
        return self.plan.number if self.plan.same_text_as is None else self.plan.same_text_as

    @property
    def owner(self) -> tuple[str | None, Id]:
        """Tenant and resource: whose conversation it is, as presented.

        Where callers prove who they are, it is the caller's, whatever resource it names.
        """
        return self.plan.tenant, self.caller if self.caller is not None else self.resource

    @property
    def sends(self) -> bool:
        """Whether it sent a message, and so took a turn in its conversation."""
        return self.plan.surface in SENDING

    @property
    def reads(self) -> bool:
        """Whether it looked at what is stored."""
        return self.plan.surface in READING

    @property
    def changes(self) -> bool:
        """Whether it was to change what is stored, by other means than a message."""
        return self.plan.surface in CHANGING

    @property
    def deletes(self) -> bool:
        """Whether it was to delete something."""
        return self.plan.surface in DELETING

    @property
    def presented(self) -> tuple[Id, Id]:
        """Its thread and its resource id, as the target was shown them."""
        return self.thread, self.resource

    def overlaps(self, other: Step) -> bool:
        return self.invoked < other.ended and other.invoked < self.ended


class Op(Step):
    """One operation as it really went.

    An `info` operation stays in flight to the end of its example: nobody knows when what it does ends, though
    it was no longer waited for when it `stopped`. Operations of
    one `standing` presented the same in the same way: whatever one of them may see, all may.
    """

    __slots__ = (
        "calls",
        "chunks",
        "filters",
        "length",
        "nonces",
        "overlapped",
        "reason",
        "sights",
        "standing",
        "stopped",
        "suspended",
        "text",
    )

    def __init__(self, plan: Operation) -> None:
        self.plan = plan
        self.invoked = NEVER
        self.invoked_t = 0
        self.ended = NEVER
        self.ended_t = 0
        self.stopped = NEVER
        self.outcome = None
        self.reason = ""
        self.thread = msgspec.UNSET
        self.resource = msgspec.UNSET
        self.missing = (None, None)
        self.caller = None
        self.filters: dict[str, str] = {}
        self.text = ""
        self.length = 0
        self.sights: tuple[Sight, ...] = ()
        self.nonces: tuple[tuple[int, int, int], ...] = ()
        self.chunks: list[Chunked] = []
        self.calls: list[Call] = []
        self.suspended = False
        self.overlapped = False
        self.standing = 0

    def repeats(self) -> set[int]:
        """Operations whose facts its answer repeats as they were told, and not in an echo."""
        tokens = [sight.token for sight in self.sights if sight.channel == "reply"]
        found = (decode_canary(token) for token in tokens if is_canary(token))
        return {canary.fact.operation for canary in found if canary.reciter is None}

    def in_flight(self, position: int) -> bool:
        return self.invoked <= position < self.ended

    def called(self) -> bool:
        """Whether it, and surely it, made a chat call of the model."""
        for call in self.calls:  # noqa: SIM110 - asked for every operation, several times
            if call.certain:
                return True
        return False

    def answered(self) -> bool:
        """Whether it was answered with anything at all: some text, an attributed model call, or a listing,
        which may well be empty, as may be what is said of a change."""  # noqa: D209
        return self.outcome == "ok" and (self.length > 0 or not self.sends or self.called())

    def presents(self) -> tuple[Id, ...]:
        """The ids that it brought itself, in whichever place."""
        return self.thread, self.resource, *self.filters.values()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled on purpose, as its plan says."""
        return self.plan.cancel is not None and self.reason == "cancelled"


class Ids:
    """Who is at home in which thread of an example, what was told there, and who brought which id when.

    `homes` maps a thread id to the first operation by which its owner used it, `facts` to the operations
    that told something under it; `brought` maps (caller, id) to the position where it first presented it.
    """

    __slots__ = ("brought", "facts", "homes")

    def __init__(self, ops: Iterable[Op]) -> None:
        self.homes: dict[Id, Op] = {}
        self.facts: dict[Id, list[Op]] = {}
        self.brought: dict[tuple[str, Id], int] = {}
        for op in sorted(ops, key=attrgetter("invoked")):
            if op.invoked == NEVER:
                break
            for value in op.presents():
                self.brought.setdefault((op.plan.caller, value), op.invoked)
            if not op.plan.intrudes and not any(op.missing):
                self.homes.setdefault(op.thread, op)
            if op.plan.tells is not None:
                self.facts.setdefault(op.thread, []).append(op)


class View:
    """One example digested. `ops` is in order of the plan and holds every operation, invoked or not.

    `bound` maps names of threads to the ids that the target chose for them, `shown` the operations whose
    messages have ids that were presented to the operations that were shown these.
    """

    __slots__ = (
        "_changes",
        "_ids",
        "_relations",
        "_unchanged",
        "after_cancelled",
        "blocked",
        "bound",
        "calls",
        "campaign",
        "contract",
        "decisions",
        "diverged",
        "ended",
        "groups",
        "mode",
        "number",
        "ops",
        "shown",
        "stalls",
        "started",
    )

    def __init__(
        self,
        started: ExampleStarted,
        events: Iterable[AnyEvent],
        *,
        campaign: int,
        contract: Contract,
        ended: bool = True,
    ) -> None:
        self.started = started
        self.number = started.example
        self.mode: Mode = started.plan.mode
        self.contract = contract
        self.ended = ended
        self.stalls = 0
        self.decisions = self.blocked = 0
        self.diverged = False
        self.ops = {operation.number: Op(operation) for operation in started.plan.operations}
        self.groups: dict[int, list[Op]] = {}
        for number, op in self.ops.items():
            leader = op.plan.same_text_as
            if leader is None:
                leader = number
            group = self.groups.get(leader)
            if group is None:
                self.groups[leader] = [op]
            else:
                group.append(op)
        self.calls: list[Call] = []
        self.campaign = campaign
        self.bound: dict[str, str] = {}
        self.shown: dict[int, int] = {}
        self._ids: Ids | None = None
        self._changes: Changes | None = None
        self._unchanged = not any(operation.surface in CHANGING for operation in started.plan.operations)
        self._relations: Relations | None = None
        self._read(events)
        self.after_cancelled = frozenset(_after_cancelled(self.ops.values()))
        number, groups = self.number, self.groups
        for call in self.calls:
            call.attributed = attributed = attribute(call.event, call.position, groups, campaign, number)
            candidates = attributed.candidates
            call.certain = len(candidates) == 1 and attributed.by != "late"
            for op in candidates:
                op.calls.append(call)
        if self.mode == "concurrent":
            _mark_overlaps(self)
        _mark_standings(self.ops.values())

    def _read(self, events: Iterable[AnyEvent]) -> None:
        opened: dict[int, Call] = {}
        for position, event in enumerate(events):
            # One look at the type, most frequent first: this runs for every line of a history.
            kind = type(event)
            if kind is ModelCalled:
                call = opened[event.call] = Call(event, position)  # type: ignore[union-attr, arg-type]  # by `kind`
                self.calls.append(call)
            elif kind is ModelAnswered:
                answered = opened.pop(event.call, None)  # type: ignore[union-attr]  # by `kind`
                if answered is not None:
                    answered.answered = position
            elif kind is Decided or kind is Stalled:
                self._counted(event)  # type: ignore[arg-type]  # by `kind`
            elif kind is Invoked:
                self._invoked(position, event)  # type: ignore[arg-type]  # by `kind`
            elif kind in _ENDS:
                self._ended(position, event)  # type: ignore[arg-type]  # by `kind`
            elif kind is Chunked or kind is Bound:
                self._besides(event)  # type: ignore[arg-type]  # by `kind`

    def _besides(self, event: Bound | Chunked) -> None:
        if isinstance(event, Chunked):
            op = self.ops.get(event.operation)
            if op is not None:
                op.chunks.append(event)
            return
        if event.thread is not None:
            self.bound[event.thread] = event.id
        if event.message is not None:
            self.shown[event.message] = event.operation

    def _counted(self, event: Decided | Stalled) -> None:
        if type(event) is Decided:
            self.decisions += 1
            self.diverged = self.diverged or event.diverged
            self.blocked += bool(event.blocked)
        else:
            self.stalls += 1

    def _invoked(self, position: int, event: Invoked) -> None:
        op = self.ops.get(event.operation)
        if op is not None:
            op.invoked, op.invoked_t = position, event.t
            op.thread, op.resource = thread, resource = event.thread, event.resource
            op.missing = (self.contract.missing(thread), self.contract.missing(resource))
            if self.contract.authentication == "caller":
                op.caller = op.plan.caller
            if op.plan.filters:
                filters = bind_filters(op.plan, self.campaign, self.number)
                op.filters = {field: self.bound.get(value, value) for field, value in filters.items()}

    def _ended(self, position: int, event: Completed | Failed | Unknown) -> None:
        op = self.ops.get(event.operation)
        if op is None:
            return
        op.ended_t = event.t
        op.text, op.length, op.sights, op.suspended = event.text, event.length, event.sights, event.suspended
        if type(event) is Unknown:
            op.outcome, op.reason, op.nonces, op.stopped = "info", event.reason, event.nonces, position
        elif type(event) is Completed:
            op.outcome, op.ended, op.nonces = "ok", position, event.nonces
        else:
            op.outcome, op.ended = "fail", position

    @property
    def scenario(self) -> str:
        return self.started.plan.scenario

    @property
    def independent(self) -> bool:
        """Whether it may count towards a bound: expanded from a seed of its own, and exploring."""
        return self.started.plan.source == "seed" and self.started.phase == "explore"

    @property
    def ids(self) -> Ids:
        """Who used and brought which ids; worked out when it is first asked for, which is rarely."""
        if self._ids is None:
            self._ids = Ids(self.ops.values())
        return self._ids

    @property
    def changes(self) -> Changes | None:
        """What was done to stored conversations; None if no operation was there to change any."""
        if self._changes is None and not self._unchanged:
            self._changes = Changes(self, self.ids.homes)
        return self._changes

    @property
    def relations(self) -> Relations:
        """Which promise speaks about whom."""
        if self._relations is None:
            self._relations = Relations(self.contract, self.changes)
        return self._relations

    def bound_id(self, template: Id) -> Id:
        """The id that was really presented, or made, for a template of the plan."""
        name = bind_id(template, self.campaign, self.number)
        return self.bound.get(name, name) if isinstance(name, str) else name

    def let_go(self) -> None:
        """Let go of the model calls, when everything has been read out of them.

        An operation and its calls hold each other: without this, the memory of every example would wait for a
        collector of cycles, and a history of a million events is read faster than that comes round.
        """
        for call in self.calls:
            for op in call.attributed.candidates:
                op.calls.clear()

    def condition(self, op: Op) -> Condition:
        """What was going on around `op`: overlap is proved, never taken from the plan.

        Right after a call was cancelled come those of its round that began when it had ended.
        """
        if op.number in self.after_cancelled:
            return "cancelled"
        if op.overlapped:
            return "concurrent"
        return "sequential" if self.mode == "sequential" else "interleaved"


def _after_cancelled(ops: Iterable[Op]) -> Iterator[int]:
    victims = {op.plan.round: op for op in ops if op.cancelled}
    for op in ops if victims else ():
        victim = victims.get(op.plan.round)
        if victim is not None and op.plan.caller != victim.plan.caller and op.invoked > victim.stopped:
            yield op.number


def _mark_standings(ops: Iterable[Op]) -> None:
    standings: dict[tuple[object, ...], int] = {}
    for op in ops:
        plan = op.plan
        # Who proved to be calling says with the rest whose conversation it is (`Op.owner`).
        presented = (op.thread, op.resource, plan.tenant, op.caller, op.missing, plan.surface, plan.caller)
        op.standing = standings.setdefault(presented, len(standings))


def _mark_overlaps(view: View) -> None:
    """Mark the operations that really were in flight together with another resource's.

    Where the target talks to the mirror, only model calls open at the same time prove it: an agent that
    takes one lock around everything has every operation of a round invoked and waiting, and overlaps
    nothing. Without model calls, intervals must cross and both operations must have given way.
    """
    chats = [call for call in view.calls if call.attributed.candidates and not call.attributed.late]
    if chats:
        _mark_open_together(chats)
        return
    by_round: dict[int, list[Op]] = {}
    for op in view.ops.values():
        if op.outcome is not None and op.suspended:
            by_round.setdefault(op.plan.round, []).append(op)
    for together in by_round.values():
        _mark_crossing(together)


def _mark_open_together(calls: Sequence[Call]) -> None:
    open_now: list[Call] = []
    for call in calls:
        open_now = [other for other in open_now if other.answered > call.position]
        for other in open_now:
            for mine in call.attributed.candidates:
                for theirs in other.attributed.candidates:
                    if mine.plan.caller != theirs.plan.caller:
                        mine.overlapped = theirs.overlapped = True
        open_now.append(call)


def _mark_crossing(together: Sequence[Op]) -> None:
    for index, mine in enumerate(together):
        for theirs in together[index + 1 :]:
            if mine.plan.caller != theirs.plan.caller and mine.overlaps(theirs):
                mine.overlapped = theirs.overlapped = True


def describe(op: Step) -> tuple[str, str]:
    """Resource and thread of an operation, written for people."""
    return show_id(op.resource), show_id(op.thread)
