"""What a campaign adds up to: counts per invariant and cell, and a bounded list of leaks.

Memory stays bounded by the largest example: an example is digested, added here, and let go.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from overheard.check.exposure import Recall, exposures, recalls
from overheard.check.kept import End, Kept, KeptStray, Missing, kept, kept_stray, missing
from overheard.check.observe import STRAYS_KEPT, How, Leak, Observed, Stray
from overheard.check.relation import DISTINCT, IDS, MATCHES, RECALL
from overheard.check.swap import answers
from overheard.check.view import NEVER, Call, Op, Step, View
from overheard.core.canary import FactKey, is_canary, is_nonce
from overheard.core.collision import RESERVED, Collision, collisions
from overheard.core.ids import Id
from overheard.core.operation import Condition
from overheard.core.outcome import Channel
from overheard.history.events import Injection

LEAKS_KEPT: Final = 1_000
"""Missed recalls kept, and leaks that wait to be told apart; the rest are counted."""

ALIKE_KEPT: Final = 20
"""Leaks kept of one kind: scenario, invariant, channel, whose prompt. The rest are counted. A target that
shares everything leaks dozens of facts in every operation: a single list was full after two concurrent
examples, and what the quiet ones had shown was no longer there to tell its story."""


EVERYWHERE_KEPT: Final = 200
"""Strays kept of those who presented an id that is the same in every example."""


class CellKey(NamedTuple):
    surface: str
    relation: str
    condition: Condition


class CellCount:
    """Exposures of one cell by control."""

    __slots__ = ("bracketed", "late", "none", "refused")

    def __init__(self) -> None:
        self.bracketed = 0
        self.late = 0
        self.refused = 0
        self.none = 0


class LeakKey(NamedTuple):
    """What makes two leaks alike: told by one kind of traffic, seen by one kind of channel, and, where it is
    what they are about, between ids that collide in the same ways."""  # noqa: D209

    scenario: str
    invariant: str
    channel: Channel
    how: How
    surface: str
    is_id: bool
    collisions: frozenset[Collision]


def alike(leak: Leak | Kept) -> LeakKey:
    """The kind of a leak."""
    surface = leak.observer.plan.surface
    met = collisions_of(leak.owner, leak.observer) if leak.invariant == DISTINCT else frozenset()
    is_id = not is_canary(leak.token)
    return LeakKey(leak.scenario, leak.invariant, leak.channel, leak.how, surface, is_id, met)


def collisions_of(owner: Step, observer: Step) -> frozenset[Collision]:
    """How the ids of two operations collide."""
    return collisions(owner.presented, observer.presented)


class LeakCount:
    """How many leaks of one kind there were, and in which examples, whether they were kept or not."""

    __slots__ = ("examples", "times")

    def __init__(self) -> None:
        self.times = 0
        self.examples: set[int] = set()


class Tally:
    """Counts over all exploring examples, and what the proving ones showed."""

    def __init__(self, *, campaign: int) -> None:
        self.campaign = campaign
        self.cells: defaultdict[CellKey, CellCount] = defaultdict(CellCount)
        self.controls: Counter[str] = Counter()
        self.independent: dict[str, Counter[str]] = {}
        self.leaks: list[Kept] = []
        self.leak_counts: Counter[tuple[str, str]] = Counter()
        self.alike: dict[LeakKey, LeakCount] = {}
        self.leaking_examples: dict[str, set[int]] = {}
        self.clean: Counter[tuple[str, bool]] = Counter()
        self.kept_apart: Counter[frozenset[Collision]] = Counter()
        """Chances that showed nothing, between ids that collide in these ways."""
        self.pending: list[Kept] = []
        self.strays: list[KeptStray] = []
        self._strays_everywhere = 0
        self._first_users: dict[Id, Id] = {}
        """Of threads whose id is the same in every example: the resource that used it first of all."""
        self.recall_promised = 0
        self.recall_seen = 0
        self.wide_promised = 0
        self.wide_seen = 0
        self.missed: list[Missing] = []
        self.wide_missed: list[Missing] = []
        self.foreign = 0
        self.examples = 0
        self.operations = 0
        self.outcomes: Counter[str] = Counter()
        self.empty = 0
        self.answered = 0
        self.overlapping = 0
        self.concurrent_operations = 0
        self.concurrent_suspended = 0
        self.stalls = 0
        self.decisions = self.blocked = 0
        self.cancelled = 0
        self.kept_before: Counter[str] = Counter()
        """By invariant: chances to break it that were not taken before the first call was cancelled."""
        self._first_cancelled: tuple[int, int] | None = None
        self.attribution: Counter[str] = Counter()
        self.first_error = ""
        self.unended = 0
        self.told_ok = 0
        self.without_id: list[Kept] = []
        self.idless: Counter[str] = Counter()
        """Operations about a message whose id the target never showed, by surface: they were not made."""
        self.injected: Counter[tuple[str, str, str]] = Counter()
        self.injected_seen: Counter[tuple[str, str, str]] = Counter()

    @property
    def room(self) -> int:
        """How many more strays are kept."""
        return STRAYS_KEPT - len(self.strays)

    def add(self, seen: Observed) -> None:
        """Add one example, judged by its phase."""
        started = seen.view.started
        if started.phase == "prove" and started.injection is not None:
            self._prove(seen, started.injection)
        elif started.phase in ("explore", "regression"):
            self._explore(seen)

    def _prove(self, seen: Observed, injection: Injection) -> None:
        key = (injection.invariant, injection.injector, injection.channel)
        if injection.injector == "loss" and seen.view.ops[injection.into].outcome == "info":
            return  # it could not be put in: that says nothing about what would have been seen
        self.injected[key] += 1
        if any(
            leak.invariant == injection.invariant
            and leak.observer.number == injection.into
            and leak.owner.number == injection.fact
            # What is lost is missed by whichever look comes first.
            and (leak.channel == injection.channel or leak.loss is not None)
            and (is_canary(leak.token) or is_nonce(leak.token))
            for leak in seen.leaks
        ):
            self.injected_seen[key] += 1

    def _explore(self, seen: Observed) -> None:
        view = seen.view
        self.examples += 1
        self.unended += not view.ended
        self.foreign += seen.foreign
        if self._first_cancelled is None:
            stopped = [op.stopped for op in view.ops.values() if op.cancelled]
            self._first_cancelled = (view.number, min(stopped)) if stopped else None
        self.stalls += view.stalls
        self.decisions += view.decisions
        self.blocked += view.blocked
        self._traffic(view)
        self._leaks(seen)
        self._keep_strays(seen.strays)
        if view.started.phase == "regression":
            # Plans of earlier failures: what leaks is a finding, what does not is evidence of nothing else.
            return
        exercised = self._exposures(seen) | self._recalls(seen) | self._answers(seen)
        if view.independent and view.ended:
            counter = self.independent.setdefault(view.scenario, Counter())
            counter.update(exercised)
        self.controls[RECALL] += sum(map(len, seen.recalled.values()))
        for op in view.ops.values():
            if op.thread in RESERVED and op.invoked != NEVER:
                self._first_users.setdefault(op.thread, op.resource)

    def _taken(self, op: Op) -> bool:
        """Whether the thread of `op` may be somebody else's since an earlier example: under an id such as
        `default`, first come, first served is a fair answer, and a stranger's words may be lost there."""  # noqa: D209
        return self._first_users.get(op.thread, op.resource) != op.resource

    def _keep_strays(self, strays: Iterable[Stray]) -> None:
        """Keep strays while there is room; of ids that are the same in every example, few: what they show of
        earlier ones is mostly permitted, and must not take the room of what is not."""  # noqa: D209
        for stray in strays:
            everywhere = not RESERVED.isdisjoint(stray.observer.presented)
            if self.room <= 0 or (everywhere and self._strays_everywhere >= EVERYWHERE_KEPT):
                continue
            self._strays_everywhere += everywhere
            self.strays.append(kept_stray(stray))

    def _traffic(self, view: View) -> None:
        done = [op for op in view.ops.values() if op.outcome is not None]
        self.idless.update(
            op.plan.surface
            for op in view.ops.values()
            if op.plan.message is not None and op.invoked == NEVER and view.ended
        )
        self.operations += len(done)
        self.overlapping += sum(op.overlapped for op in done)
        self.cancelled += sum(op.cancelled for op in done)
        if view.mode == "concurrent":
            self.concurrent_operations += len(done)
            self.concurrent_suspended += sum(op.suspended for op in done)
        for op in done:
            outcome = op.outcome
            self.outcomes[outcome] += 1  # type: ignore[index]  # it is done
            if outcome == "ok":
                answered = op.answered()
                self.answered += answered
                self.empty += not answered
                self.told_ok += op.plan.tells is not None
            elif not self.first_error and outcome == "info" and not op.cancelled:
                self.first_error = f"{op.reason}: {op.text}" if op.text else op.reason
        chats = [call for call in view.calls if call.event.kind != "embedding"]
        self.attribution["calls"] += len(chats)
        self.attribution.update(map(_belongs, chats))

    def _leaks(self, seen: Observed) -> None:
        for leak in seen.leaks:
            self.add_leak(leak)
        contract = seen.view.contract
        refused = [kind for kind in contract.missing_ids if contract.refuses(kind)]
        for op in seen.view.ops.values() if refused else ():
            if op.outcome == "ok" and op.sends and any(kind in refused for kind in op.missing):
                self._answered_without_id(seen.view, op)

    def _answered_without_id(self, view: View, op: Op) -> None:
        if view.contract.thread_ids == "bearer" and op.missing[0] is None:
            return
        self.leaking_examples.setdefault(IDS, set()).add(view.number)
        self.leak_counts[IDS, "reply"] += 1
        if len(self.without_id) < LEAKS_KEPT:
            nothing = FactKey(self.campaign, view.number, op.number, 0)
            leak = Leak(
                IDS, view, op, op, nothing, "reply", "", "", None, "own", op.ended_t, op.text, view.number
            )
            self.without_id.append(kept(leak))

    def after_cancelled(self, end: End) -> bool:
        """Whether an operation began after a call had been cancelled on purpose."""
        first = self._first_cancelled
        return first is not None and (end.example, end.invoked) > first

    def add_leak(self, leak: Leak) -> None:
        """Count a leak, and keep it while there is room.

        One that may break either of two promises waits until it is known what else was broken.
        """
        if len(leak.may_be) > 1:
            if len(self.pending) < LEAKS_KEPT:
                self.pending.append(kept(leak))
        elif self._count(leak, leak.view.number):
            self.leaks.append(kept(leak))

    def add_kept(self, leak: Kept) -> None:
        """Count a leak whose example has been let go, and keep it while there is room."""
        if self._count(leak, leak.example):
            self.leaks.append(leak)

    def _count(self, leak: Leak | Kept, example: int) -> bool:
        """Count a leak. True if there is room to keep it."""
        self.leaking_examples.setdefault(leak.invariant, set()).add(example)
        self.leak_counts[leak.invariant, leak.channel] += 1
        count = self.alike.setdefault(alike(leak), LeakCount())
        count.times += 1
        count.examples.add(example)
        return count.times <= ALIKE_KEPT

    def settle(self) -> None:
        """Decide about the leaks that may break either of two promises: a promise that is known to be broken
        explains them, else the mildest does. (An agent that shows strangers to each other was said to mix a
        resource's threads as well, because two callers had asked in the same words.)"""  # noqa: D209
        pending, self.pending = self.pending, []
        broken = set(self.leaking_examples)
        for leak in pending:
            known = [option for option in leak.may_be if option[0] in broken]
            invariant, observer = (known or leak.may_be)[0]
            self.add_kept(leak._replace(invariant=invariant, observer=observer, may_be=()))

    def _exposures(self, seen: Observed) -> set[str]:
        leaked = {(leak.owner.number, leak.observer.number) for leak in seen.leaks}
        exercised = set()
        for exposure in exposures(seen):
            cell = self.cells[CellKey(exposure.probe.plan.surface, exposure.relation, exposure.condition)]
            if exposure.control == "bracketed":
                cell.bracketed += 1
                self.controls[exposure.invariant] += 2
                exercised.add(exposure.invariant)
            elif exposure.control == "late":
                cell.late += 1
            elif exposure.control == "refused":
                cell.refused += 1
            else:
                cell.none += 1
            quiet = (exposure.fact.number, exposure.probe.number) not in leaked and exposure.probe.sends
            if quiet and exposure.control in ("bracketed", "late"):
                self.kept_before[exposure.invariant] += self._first_cancelled is None
                disturbed = exposure.condition in ("concurrent", "cancelled")
                self.clean[exposure.invariant, disturbed] += 1
                if exposure.invariant == DISTINCT and exposure.probe.outcome == "ok":
                    self.kept_apart[collisions_of(exposure.fact, exposure.probe)] += 1
        return exercised

    def _answers(self, seen: Observed) -> set[str]:
        """Count the answers that could have been another's. One that says whose it is would have shown it."""
        exercised = set()
        counts = Counter(
            (answer.op.plan.surface, answer.condition, answer.control)
            for answer in answers(seen.view, self.campaign)
        )
        for (surface, condition, control), times in counts.items():
            cell = self.cells[CellKey(surface, MATCHES, condition)]
            if control:
                cell.bracketed += times
                self.controls[MATCHES] += times
                self.kept_before[MATCHES] += times * (self._first_cancelled is None)
                exercised.add(MATCHES)
            else:
                cell.none += times
        return exercised

    def _recalls(self, seen: Observed) -> set[str]:
        exercised = set()
        promised = [one for one in recalls(seen) if one.seen or not self._taken(one.ask)]
        missed = _missed_by_ranking if seen.view.contract.recall_kind == "ranked" else _missed
        for recall in promised:
            cell = self.cells[CellKey(recall.ask.plan.surface, RECALL, recall.condition)]
            self.recall_promised += 1
            if recall.seen:
                cell.bracketed += 1
                self.recall_seen += 1
                self.kept_before[RECALL] += self._first_cancelled is None
                exercised.add(RECALL)
            else:
                cell.none += 1
        room = LEAKS_KEPT - len(self.missed)
        self.missed.extend(missing(seen.view, one.fact, one.ask) for one in missed(promised)[: max(room, 0)])
        if seen.view.contract.scope != "thread":
            self._wide(seen)
        return exercised

    def _wide(self, seen: Observed) -> None:
        """At a wider scope, recall across threads of a resource is a promise of its own."""
        view = seen.view
        for op in view.ops.values():
            if not op.sends or not op.answered():
                continue
            for number in op.plan.asks:
                fact = view.ops[number]
                if (
                    fact.outcome == "ok"
                    and fact.ended < op.invoked
                    and fact.owner == op.owner
                    and fact.thread != op.thread
                    and not op.plan.intrudes
                    and seen.relations.of(fact, op) == RECALL
                ):
                    self.wide_promised += 1
                    if seen.saw(op, number):
                        self.wide_seen += 1
                    elif len(self.wide_missed) < LEAKS_KEPT:
                        self.wide_missed.append(missing(view, fact, op))

    def bracketed(self, invariant: str) -> tuple[int, int, int]:
        """(controlled, late-controlled, uncontrolled) exposures of an invariant, over its cells."""
        counts = [
            cell
            for key, cell in self.cells.items()
            if key.relation == invariant or key.relation.startswith(f"{invariant}:")
        ]
        return (
            sum(cell.bracketed for cell in counts),
            sum(cell.late for cell in counts),
            sum(cell.none for cell in counts),
        )

    def examples_of(self, invariant: str, scenarios: Iterable[str]) -> int:
        """The fewest independent examples that any of `scenarios` exercised the invariant in.

        A scenario that was not driven at all, because the contract does not promise what it is about, says
        nothing either way.
        """
        counts = [self.independent[name][invariant] for name in scenarios if name in self.independent]
        return min(counts, default=0)


def _missed(promised: list[Recall]) -> list[Recall]:
    """Every promised recall that did not come."""
    return [recall for recall in promised if not recall.seen]


def _missed_by_ranking(promised: list[Recall]) -> list[Recall]:
    """The first recall of each fact that was asked for again and again and never came.

    A memory that ranks picks what it finds best: an index of nearest neighbours that is approximate, as
    most are, passed over a fact in one turn and found it twelve turns later. So one miss is no proof that
    the fact is lost; that nothing at all was recalled is seen by the controls, of which there are none.
    """
    by_fact: dict[int, list[Recall]] = {}
    for recall in promised:
        by_fact.setdefault(recall.fact.number, []).append(recall)
    return [
        recalls[0]
        for recalls in by_fact.values()
        if len(recalls) > 1 and not any(recall.seen for recall in recalls)
    ]


def _belongs(call: Call) -> str:
    """How surely it is known whose call it was: a field of `Attribution`."""
    if call.certain:
        return "attributed"
    if call.attributed.late:
        return "late"
    return "ambiguous" if call.attributed.candidates else "unattributed"
