"""A campaign: plan → drive → check → reduce, example after example. The only module that knows all stages.

Two doors call `run`: the command line and the pytest plugin. Neither has logic of its own. What the run
says is read from the history it recorded and from nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from overheard.adapters.adapted import Adapted
from overheard.adapters.enter import enter, renewable
from overheard.adapters.locate import locate
from overheard.adapters.manners import Manners
from overheard.adapters.resolve import load
from overheard.check.diagnose import Diagnosis
from overheard.check.extension import Invariant
from overheard.check.judge import judge
from overheard.check.kept import Kept, Lost
from overheard.check.losses import Loss
from overheard.check.observe import Leak, Observed, observe
from overheard.check.regressed import doubt_of, excluded, shows
from overheard.check.relation import DISTINCT, RECALL
from overheard.check.result import Judgement
from overheard.check.tally import Tally, alike
from overheard.check.view import View
from overheard.core.baseline import Known, accepted_now
from overheard.core.collision import Collision
from overheard.core.contract import Contract, DeclaredContract, Origin, declare, origin_words, suited
from overheard.core.errors import InternalError, UsageError
from overheard.core.extension import Adapter
from overheard.core.operation import FACT_MARK, NONCE_MARK, Operation, Phase, Plan, cancels
from overheard.core.regression import Regression
from overheard.core.schedule import Decision
from overheard.drive.driver import drive
from overheard.drive.keeping import Leavings
from overheard.drive.leaving import bounded, interruptible, let_go, no_trace_of_interrupts
from overheard.drive.patience import Patience
from overheard.drive.watchdog import Watchdog
from overheard.environment import environment
from overheard.history.events import (
    AnyEvent,
    CampaignEnded,
    Decided,
    ExampleEnded,
    ExampleStarted,
    Header,
    Injection,
    Reduced,
)
from overheard.history.reader import History, open_history
from overheard.history.writer import Recorder
from overheard.mirror.server import Mirror
from overheard.plan.draw import draw
from overheard.plan.retell import retold
from overheard.plan.weave import expand
from overheard.reduce.prove import Proof, proofs_of, swaps_of
from overheard.reduce.shrink import Ends, shrink
from overheard.reduce.trace import Trace
from overheard.scenario.model import Scenario
from overheard.version import __version__

LEAKS_ENOUGH: Final = 3
"""Examples of one scenario in which something leaked, or was not recalled, after which more of the same says
nothing new: the rest of the budget goes to the other scenarios."""

REPLAYS: Final = 3
"""How often a minimal plan is executed again, to say how often it shows the leak; and that of an earlier
failure, until it does."""

HANG_SECONDS: Final = 60.0
"""For how long the target may block the loop before the door is asked to give up."""

OVERTIME: Final = 1.5
"""How much of its budget a campaign may take in all. The budget is for exploring; what is left is for the
example that is running when it is spent, for proofs and for reductions. One example of a target that sends a
gigabyte a time would otherwise take as long as it likes."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """How much is done.

    `explore`   seed-expanded examples of each scenario; these are independent and carry the bounds.
    `drawn`     further examples of each scenario drawn by Hypothesis, which favours the extreme.
    `proofs`    leaks put in on purpose, for each invariant and channel.
    `reductions` findings made small at most.
    `seconds`   budget of exploring; what is not done by then is said. All ends within `OVERTIME` of it.
    `operations` length of each seed-expanded plan; None lets the scenario decide.
    """

    name: str
    title: str
    explore: int
    drawn: int
    proofs: int
    reductions: int
    seconds: float
    operations: int | None = None


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(
            name="smoke",
            title="on every push: 8 + 2 examples of each scenario, a minute at most",
            explore=8, drawn=2, proofs=1, reductions=4, seconds=60,
        ),
        Profile(
            name="standard",
            title="before a merge: 25 + 5 examples of each scenario, five minutes at most",
            explore=25, drawn=5, proofs=1, reductions=6, seconds=300,
        ),
        Profile(
            name="thorough",
            title="before a release: 250 + 50 examples of each scenario, an hour at most",
            explore=250, drawn=50, proofs=3, reductions=10, seconds=3600,
        ),
    )
}  # fmt: skip


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run needs, decided at the door.

    `target`    as the user wrote it; relative paths are relative to `base`.
    `seed`      what all plans are expanded from; `campaign` the 30-bit number that all canaries carry. The
                door draws both afresh: with an old campaign number a target would meet its own past.
    `scenarios` those to run; `regressions` plans of earlier failures, driven first; `extra` further plans to
                drive as they are.
    `layers`    contract settings above the target's own declaration, each with its origin.
    `plugins`   names and versions of plugins; `invariants` and `adapters` are what they bring.
    `timeout`   seconds for one operation.
    `serve`     command that starts the target, in place of what its file says; `allow_remote` says that it
                may be on another machine, `allow_destructive` that something may be deleted in one that was
                not started here. `rate` is how many calls a second may begin, if that is limited.
    `prove`     put in every leak there is, not only the short form.
    `baseline`  known findings that are accepted; `part` says that this is part of a run, judged with others.
    `command`, `started`   how and when the run was asked for, for the record.
    `history`   file to record to; None keeps the history in memory.
    `replays`   how often to drive each of `regressions`, whatever it shows, for its own sake; 0: until it
                shows or proves something.
    `first`     number of the first example: campaigns that are later read as one share their campaign number
                and must not share examples, or one's canaries would pass for the other's.
    """

    target: str
    base: Path
    seed: int
    campaign: int
    profile: Profile
    scenarios: tuple[Scenario, ...]
    layers: tuple[tuple[Origin, Mapping[str, Any]], ...] = ()
    timeout: float = 30.0
    serve: str | None = None
    allow_remote: bool = False
    allow_destructive: bool = False
    rate: float | None = None
    prove: bool = False
    command: str = ""
    started: str = ""
    history: Path | None = None
    extra: tuple[Plan, ...] = ()
    first: int = 0
    regressions: tuple[Regression, ...] = ()
    replays: int = 0
    plugins: Mapping[str, str] = {}
    invariants: tuple[Invariant, ...] = ()
    adapters: tuple[Adapter, ...] = ()
    baseline: tuple[Known, ...] = ()
    part: bool = False


def run(
    options: Options,
    *,
    observe: Callable[[AnyEvent], None] | None = None,
    target_object: Any = None,
    on_hang: Callable[[float], None] | None = None,
) -> Judgement:
    """Run a campaign and judge its history: the synchronous door.

    `observe` is given every event as it is recorded, from whichever thread records it. `target_object` is
    the target itself, where a door has it already (a fixture); otherwise `options.target` is loaded. If
    the target blocks the loop for good, `on_hang` is called with the seconds, from the watchdog's thread.

    Raises UsageError or TargetBuildError if the target cannot be found, built or entered, InternalError if
    the history cannot be recorded, and KeyboardInterrupt after recording what was done.
    """
    tap = _Tap(keep=options.history is None, observe=observe)
    begin = time.perf_counter_ns()
    recorder = Recorder(
        options.history,
        clock=lambda: (time.perf_counter_ns() - begin) // 1_000,
        observe=tap,
        campaign=options.campaign,
    )
    try:
        # With a factory of its own the runner leaves the thread's current loop alone: under pytest it is
        # somebody else's.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            no_trace_of_interrupts(runner.get_loop())
            runner.run(_campaign(options, recorder, tap, target_object, on_hang))
    finally:
        recorder.close()
    history = History.from_events(tap.kept) if options.history is None else open_history(options.history)
    return judge(history, options.invariants)


class _Tap:
    """Passes on every event as it is recorded, and collects those of the running example."""

    def __init__(self, *, keep: bool, observe: Callable[[AnyEvent], None] | None) -> None:
        self.kept: list[AnyEvent] = []
        self.example: list[AnyEvent] = []
        self._keep = keep
        self._observe = observe

    def __call__(self, event: AnyEvent) -> None:
        if isinstance(event, ExampleStarted):
            self.example = []
        self.example.append(event)
        if self._keep:
            self.kept.append(event)
        if self._observe is not None:
            self._observe(event)


async def _campaign(
    options: Options,
    recorder: Recorder,
    tap: _Tap,
    target_object: Any,
    on_hang: Callable[[float], None] | None,
) -> None:
    try:
        with interruptible():
            async with _stage(options, recorder, tap, target_object, on_hang) as stage:
                try:
                    await stage.play()
                except (asyncio.CancelledError, KeyboardInterrupt):
                    stage.leave()
                    recorder.record(CampaignEnded(t=0, reason="interrupted"))
                    raise
                await stage.clear()
                recorder.record(CampaignEnded(t=0, reason=stage.reason, detail=stage.detail))
    finally:
        await let_go()


@contextlib.asynccontextmanager
async def _stage(
    options: Options,
    recorder: Recorder,
    tap: _Tap,
    target_object: Any,
    on_hang: Callable[[float], None] | None,
) -> AsyncIterator[Stage]:
    """Start the mirror, then build and enter the target, and tear both down again.

    The mirror is up, and the usual variables point at it, before anything of the target is even imported:
    agents read them where they are built.
    """
    log = _MirrorLog(recorder)
    with Mirror(log) as mirror, environment(mirror.environment()):
        loop = asyncio.get_running_loop()

        def hung(seconds: float) -> None:
            with contextlib.suppress(InternalError):
                recorder.flush()  # The door may leave at once, and what was seen so far is evidence.
            if on_hang is not None:
                on_hang(seconds)

        watchdog = Watchdog(loop, recorder, limit=HANG_SECONDS, on_hang=hung)
        target = load(options.target, base=options.base) if target_object is None else target_object
        async with _Entered(target, options) as entered:
            adapted = entered.adapted
            declared = suited(declare(("target", adapted.settings), *options.layers), adapted.offers)
            _promises_what_it_can(declared, adapted)
            recorder.record(
                Header(
                    overheard=__version__,
                    versions={**_versions(), **options.plugins},
                    campaign=options.campaign,
                    seed=options.seed,
                    target=options.target,
                    command=options.command,
                    profile=options.profile.name,
                    started=options.started,
                    contract=declared.contract,
                    origins=declared.origins,
                    scenarios=tuple(msgspec.to_builtins(scenario) for scenario in options.scenarios),
                    offers=adapted.offers,
                    source=locate(options.target, base=options.base),
                    regressions=options.regressions,
                    invariants=tuple(one.name for one in options.invariants),
                    baseline=options.baseline,
                    part=options.part,
                    replays=options.replays,
                )
            )
            log.open = True
            with watchdog:
                yield Stage(options, recorder, tap, entered, mirror, declared.contract)


def _manners(options: Options) -> Manners:
    folder = None if options.history is None else options.history.parent
    return Manners(
        serve=options.serve,
        allow_remote=options.allow_remote,
        allow_destructive=options.allow_destructive,
        rate=options.rate,
        folder=folder,
    )


def _promises_what_it_can(declared: DeclaredContract, adapted: Adapted) -> None:
    """Raise UsageError for a promise that nothing the target takes could keep.

    Told of no tenant, it cannot tell two apart: everybody would be permitted to hear everything, and a run
    that found nothing would have looked for nothing.
    """
    if declared.contract.scope == "tenant" and "tenant" not in adapted.offers.accepts:
        raise UsageError(
            f"scope=tenant ({origin_words(declared.origins['scope'])}) promises that memory is kept apart "
            f"by tenant, and {adapted.name} takes no parameter `tenant`; let it take one, or declare "
            f"scope=resource"
        )


class _MirrorLog:
    """Hands model calls to the recorder once there is a header: a history begins with it, and what a
    target asks while it is being built belongs to nobody."""  # noqa: D209

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.open = False

    def called(self, **call: Any) -> int:
        return self._recorder.called(**call) if self.open else 0

    def answered(self, call: int, *, closed: bool = False) -> None:
        if call:
            self._recorder.answered(call, closed=closed)


class _Entered:
    """The target, entered; and, where it comes from a factory or is started by us, entered anew."""

    def __init__(self, target: Any, options: Options) -> None:
        self._target = target
        self._name = options.target
        self._manners = _manners(options)
        self._adapters = options.adapters
        self._manager: contextlib.AbstractAsyncContextManager[Adapted] | None = None
        self.renewable = renewable(target, self._manners)
        self.adapted: Adapted

    async def __aenter__(self) -> Self:
        entering = enter(self._target, name=self._name, manners=self._manners, adapters=self._adapters)
        manager = bounded(entering, name=self._name)
        self.adapted = await manager.__aenter__()
        self._manager = manager
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        manager, self._manager = self._manager, None
        if manager is not None:
            await manager.__aexit__(kind, error, trace)

    async def renew(self) -> None:
        """Leave it, and enter another one. Raises TargetBuildError."""
        await self.__aexit__(None, None, None)
        await self.__aenter__()


class _TimeIsUp(Exception):  # noqa: N818 - no error: the budget was spent in the middle of an example
    """Nothing more is driven."""


class Stage:
    """A target that has been entered, and everything that is done with it."""

    def __init__(
        self,
        options: Options,
        recorder: Recorder,
        tap: _Tap,
        entered: _Entered,
        mirror: Mirror,
        contract: Contract,
    ) -> None:
        self.reason: Any = "completed"
        self.detail = ""
        self._options = options
        self._recorder = recorder
        self._tap = tap
        self._entered = entered
        self._mirror = mirror
        self._contract = contract
        self._tally = Tally(campaign=options.campaign)
        self._leavings = Leavings(options.campaign)
        self._number = options.first
        self._collided: set[frozenset[Collision]] = set()
        self._deadline = self._end = 0.0
        self._start_clock()
        self._proofs: dict[tuple[str, ...], list[Proof]] = {}
        self._leaking: dict[int, View] = {}
        """Examples in which something leaked, by number: to make their plans smaller."""
        self._patience = Patience()
        accepted = accepted_now(options.baseline, options.started)
        self._known = {one.invariant for one in accepted}
        self._accepted = {(one.invariant, one.diagnosis) for one in accepted}

    def _start_clock(self) -> None:
        now, seconds = time.monotonic(), self._options.profile.seconds
        self._deadline, self._end = now + seconds, now + seconds * OVERTIME

    async def play(self) -> None:
        """Explore, prove, reduce: the whole campaign."""
        if not await self._contact():
            self.reason, self.detail = "error", "the target answered neither of the first two calls"
            return
        try:
            await self._retell()
            await self._explore()
            self._tally.settle()
            await self._prove()
            await self._reduce()
        except _TimeIsUp:
            self._out_of_time()

    async def clear(self) -> None:
        """Delete what the campaign left in a target that was there before it, and record what stayed."""
        if self._adapted.outlives:
            options = self._options
            cleared = await self._leavings.clear(
                self._adapted, timeout=options.timeout, seconds=options.profile.seconds
            )
            self._recorder.record(cleared)

    def leave(self) -> None:
        """Record that all of it stays: somebody has no more time."""
        if self._adapted.outlives:
            self._recorder.record(self._leavings.left(self._adapted, why="the run was interrupted"))

    def _out_of_time(self) -> None:
        self.reason, self.detail = "budget", f"{self._options.profile.seconds:g} seconds were spent"

    async def _contact(self) -> bool:
        """Two first calls, before any plan: is anybody there? They also warm the target up.

        A target that hangs in every call would otherwise take a time-out for each operation of each plan.
        """
        seen = await self._execute(_FIRST_CONTACT, "explore")
        return any(op.outcome != "info" for op in seen.view.ops.values())

    async def _retell(self) -> None:
        """Drive the plans of earlier failures. What does not show at once may need luck: a race, for one."""
        every = self._options.replays
        for one in self._options.regressions:
            status, _ = excluded(one, self._contract, self._adapted.offers)
            for _ in range((every or REPLAYS) if status == "judged" else 0):
                seen = await self._execute(retold(one), "regression", regression=one.name)
                await self._start_afresh(seen, one.plan)
                if every:
                    continue
                if shows(seen, one) or (one.plan.mode != "concurrent" and not doubt_of(seen, one)):
                    break

    async def _explore(self) -> None:
        troubled: dict[str, int] = {}
        plans = await asyncio.to_thread(self._plans)
        # From here on: the first calls, which load half a framework, and the drawing of plans had spent the
        # seven seconds of one scenario of a smoke run, on a busy machine, before anything was driven.
        self._start_clock()
        # Those that come last have their share of a budget that ends early.
        early = self._deadline - self._options.profile.seconds * sum(map(cancels, plans)) / max(len(plans), 1)
        for plan in plans:
            if troubled.get(plan.scenario, 0) >= LEAKS_ENOUGH:
                continue
            if time.monotonic() > (self._deadline if cancels(plan) else early):
                self._out_of_time()
                continue
            missed = len(self._tally.missed)
            seen = await self._execute(plan, "explore")
            await self._start_afresh(seen, plan)
            missed_more = len(self._tally.missed) > missed and RECALL not in self._known
            if self._troubled(seen) or missed_more:
                troubled[plan.scenario] = troubled.get(plan.scenario, 0) + 1
            self._remember_proofs(seen)

    def _troubled(self, seen: Observed) -> bool:
        """Whether something leaked in an example, and more of the same would say nothing new.

        Ids that collide otherwise than all that leaked before do say something: which function it is. And
        where a promise is known to be broken, it may be broken anew: what leaks there is no reason to stop.
        (Which promise a stray breaks is not known before the end.)
        """
        met = {alike(leak).collisions for leak in seen.leaks if leak.invariant == DISTINCT}
        new = met - self._collided
        self._collided |= met
        return (
            (bool(met) and not new and DISTINCT not in self._known)
            or any(leak.invariant not in (DISTINCT, *self._known) for leak in seen.leaks)
            or (seen.strayed and not self._known)
        )

    @property
    def _adapted(self) -> Adapted:
        """The target as it is now."""
        return self._entered.adapted

    async def _start_afresh(self, seen: Observed, plan: Plan) -> None:
        """Go on with another target where one was left with somebody's answer still to be read."""
        if (seen.leaks or seen.strayed) and cancels(plan):
            await self._renew()

    async def _renew(self) -> None:
        """Have a target in which nothing is left of what has happened to this one, if that can be had.

        A connection on which an answer was left unread gives everybody who comes later the answer to what was
        asked before: whatever is seen in it from then on tells of that, and of nothing else.
        """
        if self._entered.renewable:
            await self._entered.renew()

    def _plans(self) -> list[Plan]:
        """All plans of the campaign, before anything of them is driven, woven round robin: a budget that
        ends early has then been fair to every scenario."""  # noqa: D209
        options, profile = self._options, self._options.profile
        contract, offers = self._contract, self._adapted.offers
        by_scenario = []
        for scenario in options.scenarios:
            plans = [
                expand(
                    scenario,
                    seed=options.seed,
                    index=index,
                    contract=contract,
                    offers=offers,
                    operations=profile.operations,
                )
                for index in range(profile.explore)
            ]
            drawn = draw(scenario, seed=options.seed, count=profile.drawn, contract=contract, offers=offers)
            by_scenario.append([*[plan for plan in plans if plan is not None], *drawn])
        longest = max((len(plans) for plans in by_scenario), default=0)
        woven = [plans[place] for place in range(longest) for plans in by_scenario if place < len(plans)]
        # Where nothing can be had anew, what a cancelled call leaves behind is there for all that come later.
        return sorted([*woven, *options.extra], key=cancels)

    async def _execute(
        self,
        plan: Plan,
        phase: Phase,
        *,
        injection: Injection | None = None,
        reduces: int | None = None,
        regression: str = "",
    ) -> Observed:
        """Drive one plan as the next example and look at what it recorded. Raises _TimeIsUp."""
        number = self._number
        self._number += 1
        try:
            async with asyncio.timeout(self._end - time.monotonic()) as limit:
                await drive(
                    plan,
                    example=number,
                    phase=phase,
                    adapted=self._adapted,
                    recorder=self._recorder,
                    mirror=self._mirror,
                    campaign=self._options.campaign,
                    contract=self._contract,
                    timeout=self._options.timeout,
                    injection=injection,
                    reduces=reduces,
                    patience=self._patience,
                    regression=regression,
                )
        except TimeoutError as error:
            if limit.expired():
                raise _TimeIsUp from error
            raise
        finally:
            if self._adapted.outlives:
                self._leavings.add(self._tap.example)
        started, *events = self._tap.example
        assert isinstance(started, ExampleStarted)  # noqa: S101 - the driver records it first
        body = [event for event in events if not isinstance(event, ExampleEnded)]
        view = View(started, body, campaign=self._options.campaign, contract=self._contract)
        seen = observe(view, campaign=self._options.campaign, room=self._tally.room)
        self._tally.add(seen)
        if seen.leaks and phase in ("explore", "regression"):
            self._leaking[view.number] = view
        return seen

    def _remember_proofs(self, seen: Observed) -> None:
        """Keep what leaks could be put in: in short form so many of each invariant and channel, with `prove`
        of each cell and channel."""  # noqa: D209
        wanted = self._options.profile.proofs
        leaked = {leak.invariant for leak in seen.leaks}
        for proof in (*proofs_of(seen), *swaps_of(seen, self._options.campaign)):
            if proof.injection.invariant in leaked:
                continue
            kind = proof.kind if self._options.prove else ()
            key = (proof.injection.invariant, proof.injection.injector, proof.injection.channel, *kind)
            kept = self._proofs.setdefault(key, [])
            if len(kept) < wanted:
                kept.append(proof)

    async def _prove(self) -> None:
        """Put leaks in on purpose, where nothing leaked by itself: would one have been seen?"""
        for (invariant, *_), proofs in sorted(self._proofs.items()):
            if self._tally.leaking_examples.get(invariant) and invariant not in self._known:
                continue
            for proof in proofs:
                await self._execute(proof.plan, "prove", injection=proof.injection)

    async def _reduce(self) -> None:
        """Make one finding of each story small, and see how often the small plan shows it."""
        diagnosis = Diagnosis(self._tally, self._contract)
        stories: dict[tuple[str, str], Kept] = {}
        for leak in self._tally.leaks:
            key = (leak.invariant, diagnosis.of(leak))
            told = stories.get(key)
            if told is None or (told.channel == "prompt" and leak.channel != "prompt"):
                stories[key] = leak
        # What is known already comes last: there may not be room for everything.
        news = sorted(stories.items(), key=lambda story: story[0] in self._accepted)
        for _, leak in news[: self._options.profile.reductions]:
            await self._reduce_one(leak)

    async def _reduce_one(self, leak: Kept) -> None:
        found_in = leak.example
        view = self._leaking[found_in]
        last = found_in
        steps: list[Decision] = []
        lost = _looks(leak.lost)

        async def reproduces(plan: Plan, ends: Ends) -> Ends | None:
            nonlocal last, lost
            if cancels(whole):
                await self._renew()
            seen = await self._execute(plan, "reduce", reduces=found_in)
            shown_again = [other for other in seen.leaks if alike(other)[1:] == alike(leak)[1:]]
            if not shown_again:
                return None
            last = seen.view.number
            steps[:] = _steps(self._tap.example)
            same = (other for other in shown_again if _ends(other)[:2] == ends[:2])
            found = next(same, shown_again[0])
            lost = _looks(found.loss)
            return _ends(found)

        whole = view.started.plan
        ends = _ends(leak)
        shrunk = None
        if whole.mode == "concurrent":
            shrunk = await shrink(whole, ends, reproduces, order=Trace(view).schedule)
        shrunk = shrunk or await shrink(whole, ends, reproduces)
        plan, executions = whole, 0
        replayed = 0
        if shrunk is not None:
            plan, ends, executions = shrunk
            plan, shown = _followed(plan, steps), last
            for _ in range(REPLAYS):
                replayed += await reproduces(plan, ends) is not None
            last = shown
        self._recorder.record(
            Reduced(
                example=found_in,
                invariant=leak.invariant,
                owner=ends.owner,
                observer=ends.observer,
                channel=leak.channel,
                minimal=last,
                plan=plan,
                executions=executions,
                replays=REPLAYS,
                replayed=replayed,
                before=lost[0],
                missed=lost[1],
            )
        )


def _ends(leak: Leak | Kept) -> Ends:
    return Ends(leak.owner.number, leak.observer.number, leak.through)


def _looks(loss: Loss | Lost | None) -> tuple[int, int] | tuple[None, None]:
    """The operations by which a fact was shown before it was lost, and not any more afterwards."""
    return (None, None) if loss is None else (loss.before.number, loss.after.number)


def _steps(events: Iterable[AnyEvent]) -> list[Decision]:
    """The steps that were taken in an example, as a replay follows them."""
    return [
        Decision(
            action=event.action,
            operation=event.operation,
            shape=event.shape,
            nth=event.nth,
            after=event.after,
        )
        for event in events
        if isinstance(event, Decided)
    ]


def _followed(plan: Plan, steps: Iterable[Decision]) -> Plan:
    """The plan, with the run that showed the leak to be followed step by step."""
    if plan.schedule is None:
        return plan
    schedule = msgspec.structs.replace(plan.schedule, decisions=tuple(steps))
    return msgspec.structs.replace(plan, schedule=schedule)


_FIRST_CONTACT: Final = Plan(
    scenario="first-contact",
    mode="sequential",
    source="file",
    operations=tuple(
        Operation(
            number=number,
            round=number,
            caller="r0",
            resource="visitor-<<ns>>",
            thread="visit-<<ns>>",
            text=text,
            tells=tells,
            asks=asks,
        )
        for number, (text, tells, asks) in enumerate(
            (
                (f"My visitor badge is {FACT_MARK}. {NONCE_MARK}", "visitor badge", ()),
                (f"What is my visitor badge? {NONCE_MARK}", None, (0,)),
            )
        )
    ),
)


def _versions() -> dict[str, str]:
    """Versions of what may have a say in the outcome, as far as it is installed."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in ("hypothesis", "faker", "aiohttp", "langgraph", "langchain-core"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def fresh_numbers() -> tuple[int, int]:
    """A seed and a campaign number nobody chose, from the system's own randomness."""
    source = random.SystemRandom()
    return source.getrandbits(32), source.getrandbits(30)
