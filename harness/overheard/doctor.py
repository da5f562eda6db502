"""`overheard doctor`: find out in some twenty calls what a target does, before any promise is judged.

Each question is a plan made by hand, driven by the same driver against the same mirror as a campaign, and
answered from the events it recorded. Later questions depend on the answers to earlier ones: whoever
remembers nothing is not asked who else is told.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from msgspec import UNSET
from msgspec.structs import replace

from overheard.adapters.enter import enter
from overheard.adapters.manners import Manners
from overheard.adapters.resolve import load
from overheard.check.observe import sightings
from overheard.check.view import Op, View
from overheard.core.canary import FactKey
from overheard.core.contract import Contract, declare, suited
from overheard.core.ids import MISSING_KINDS, Id, MissingKind
from overheard.core.operation import BY_MESSAGE, FACT_MARK, NONCE_MARK, READING, Operation, Plan
from overheard.drive.driver import drive
from overheard.drive.leaving import bounded, interruptible, let_go, no_trace_of_interrupts
from overheard.drive.watchdog import Watchdog
from overheard.environment import environment
from overheard.examination import Examination, Missing, MissingId, Name, Reach, Shown, Stranger
from overheard.history.events import AnyEvent, ExampleEnded, ExampleStarted
from overheard.history.writer import Recorder
from overheard.mirror.server import Mirror

if TYPE_CHECKING:
    from overheard.adapters.adapted import Adapted
    from overheard.core.extension import Adapter
    from overheard.settings import Settings

TURNS: Final = 5
"""Turns for which a fact is asked for: ten stored messages is where looking for a window ends."""

PATIENCE: Final = 2_000
"""Milliseconds given to a memory that did not recall at once."""

HANG_SECONDS: Final = 60.0
"""For how long the target may block the loop before the door is asked to give up."""

_BEAT: Final = 0.01
_VALUES: Final[Mapping[MissingKind, Id]] = {"omitted": UNSET, "null": None, "empty": "", "blank": "  "}

_MINE: Final = "<<uuid:owner>>"
_STRANGER: Final = "<<uuid:stranger>>"
_FOREIGNER: Final = "<<uuid:foreigner>>"
_THREAD: Final = "<<uuid:thread>>"
_SIBLING: Final = "<<uuid:sibling>>"
_ELSEWHERE: Final = "<<uuid:elsewhere>>"
_ABROAD: Final = "<<uuid:abroad>>"


def run(
    settings: Settings, *, campaign: int, on_hang: Callable[[float], None] | None = None,
    adapters: Sequence[Adapter] = (),
) -> Examination:  # fmt: skip
    """Build the target that `settings` names, examine it, and tear it down again.

    If it blocks the loop for good, `on_hang` is called with the seconds, from the watchdog's thread. Raises
    UsageError if there is no such target, TargetBuildError if it cannot be built or left.
    """
    with asyncio.Runner() as runner:
        no_trace_of_interrupts(runner.get_loop())
        return runner.run(_run(settings, campaign, on_hang or (lambda _seconds: None), adapters))


async def _run(
    settings: Settings, campaign: int, on_hang: Callable[[float], None], adapters: Sequence[Adapter]
) -> Examination:
    try:
        with interruptible():
            return await _examined(settings, campaign, on_hang, adapters)
    finally:
        await let_go()


async def _examined(
    settings: Settings, campaign: int, on_hang: Callable[[float], None], adapters: Sequence[Adapter]
) -> Examination:
    events: list[AnyEvent] = []
    begin = time.perf_counter_ns()
    recorder = Recorder(
        None,
        clock=lambda: (time.perf_counter_ns() - begin) // 1_000,
        observe=events.append,
        campaign=campaign,
    )
    with Mirror(recorder) as mirror, environment(mirror.environment()):
        target = load(settings.target, base=settings.base)
        manners = Manners(serve=settings.serve, allow_remote=settings.allow_remote, rate=settings.rate)
        watchdog = Watchdog(asyncio.get_running_loop(), recorder, limit=HANG_SECONDS, on_hang=on_hang)
        entered = enter(target, name=settings.target, manners=manners, adapters=adapters)
        async with bounded(entered, name=settings.target) as adapted:
            declared = suited(declare(("target", adapted.settings), *settings.layers), adapted.offers)
            desk = Desk(
                adapted, recorder, mirror, events,
                campaign=campaign, timeout=settings.timeout, contract=declared.contract,
            )  # fmt: skip
            given = {key: value for _, layer in settings.layers for key, value in layer.items()}
            with watchdog:
                return await examine(desk, declared={**adapted.settings, **given})


class Desk:
    """Where questions are put: drives one plan after the other and hands back what each recorded."""

    def __init__(
        self,
        adapted: Adapted,
        recorder: Recorder,
        mirror: Mirror,
        events: list[AnyEvent],
        *,
        campaign: int,
        timeout: float,
        contract: Contract,
    ) -> None:
        self.adapted = adapted
        self.views: list[View] = []
        self.blocked = 0.0
        self.settle = contract.settle
        self._recorder = recorder
        self._mirror = mirror
        self._events = events
        self.campaign = campaign
        self._timeout = timeout
        self._contract = contract

    def script(self, title: str, attribute: str) -> Script:
        """An empty script for one question; its callers have tenants if the target takes one."""
        return Script(title, attribute, tenants="tenant" in self.adapted.offers.accepts)

    async def ask(self, script: Script) -> View:
        """Drive one plan. Operations are sequential, so that each sees what those before it left behind."""
        number = len(self.views)
        self._events.clear()
        async with self._heartbeat():
            await drive(
                script.plan(),
                example=number,
                phase="explore",
                adapted=self.adapted,
                recorder=self._recorder,
                mirror=self._mirror,
                campaign=self.campaign,
                contract=replace(self._contract, settle=self.settle),
                timeout=self._timeout,
            )
        events = list(self._events)
        started = next(event for event in events if isinstance(event, ExampleStarted))
        body = [event for event in events if not isinstance(event, ExampleStarted | ExampleEnded)]
        view = View(started, body, campaign=self.campaign, contract=self._contract)
        self.views.append(view)
        return view

    def told(self, told: View, teller: int, view: View, observer: int) -> bool:
        """Whether operation `observer` of `view` saw the fact that operation `teller` of `told` told.

        A recital counts in the operation for which it was made; an older one, out of stored history, shows
        that the history was seen, which is what matters for everybody but its owner.
        """
        fact = FactKey(self.campaign, told.number, teller, 0)
        op = view.ops[observer]
        stranger = op.plan.caller != told.ops[teller].plan.caller
        return any(
            sighting.canary.fact == fact
            and (stranger or sighting.canary.reciter in (None, (view.number, observer)))
            for sighting in sightings(op)
        )

    @asynccontextmanager
    async def _heartbeat(self) -> AsyncIterator[None]:
        """Measure for how long nothing else can run: the longest pause between two beats."""

        async def beat() -> None:
            while True:
                slept = time.monotonic()
                await asyncio.sleep(_BEAT)
                self.blocked = max(self.blocked, (time.monotonic() - slept - _BEAT) * 1_000)

        task = asyncio.create_task(beat())
        try:
            yield
            await asyncio.sleep(_BEAT)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


class Script:
    """A plan in the making. `tell` and `ask` return the number of the operation they add."""

    def __init__(self, title: str, attribute: str, *, tenants: bool) -> None:
        self._title = title
        self._attribute = attribute
        self._tenants = tenants
        self._operations: list[Operation] = []

    def tell(self, caller: str, *, thread: Id, resource: Id) -> int:
        """`caller` tells its fact."""
        text = f"My {self._attribute} is {FACT_MARK}. Please remember it. {NONCE_MARK}"
        return self._add(caller, thread, resource, text, tells=self._attribute)

    def ask(self, caller: str, *, thread: Id, resource: Id) -> int:
        """`caller` asks for the fact, without saying it."""
        text = f"What was said here about my {self._attribute}? {NONCE_MARK}"
        return self._add(caller, thread, resource, text, asks=(0,))

    def look(self, caller: str, surface: str, *, thread: Id, resource: Id) -> int:
        """`caller` looks for the first fact by a surface that shows what is stored."""
        query = self._attribute if surface == "search" else ""
        return self._add(caller, thread, resource, query, asks=(0,), surface=surface)

    def _add(
        self,
        caller: str,
        thread: Id,
        resource: Id,
        text: str,
        *,
        surface: str = "send",
        tells: str | None = None,
        asks: tuple[int, ...] = (),
    ) -> int:
        number = len(self._operations)
        self._operations.append(
            Operation(
                number=number,
                round=number,
                caller=f"{caller}-<<ns>>",
                tenant=self._tenant_of(caller),
                thread=thread,
                resource=resource,
                surface=surface,
                text=text,
                tells=tells,
                asks=asks,
            )
        )
        return number

    def _tenant_of(self, caller: str) -> str | None:
        if not self._tenants:
            return None
        return "abroad-<<ns>>" if caller == "foreigner" else "home-<<ns>>"

    def plan(self) -> Plan:
        return Plan(
            scenario=f"doctor: {self._title}",
            mode="sequential",
            source="file",
            operations=tuple(self._operations),
        )


async def examine(desk: Desk, *, declared: Mapping[str, object]) -> Examination:
    """Ask one question after the other. Never raises for what the target does."""
    offers = desk.adapted.offers
    seen = Examination(
        target=desk.adapted.name,
        adapter=offers.adapter,
        surfaces=offers.surfaces,
        accepts=offers.accepts,
        required=offers.required,
        coroutine=offers.coroutine,
        declared=declared,
        takes={name: takes.accepts for name, takes in offers.beyond.items()},
    )
    if await _nobody_there(desk):
        return _counted(desk, seen)
    seen = await _memory(desk, seen)
    if any(op.answered() for view in desk.views for op in view.ops.values()):
        if seen.recall in ("next turn", "after a while"):
            seen = replace(seen, reach=await _reach(desk))
            seen = replace(seen, stranger=await _ownership(desk, seen.reach))
        seen = replace(seen, missing=tuple([one async for one in _missing(desk, seen)]))
        if any(surface in offers.beyond for surface in READING):
            seen = replace(seen, shows=await _shows(desk))
    return _counted(desk, seen)


async def _nobody_there(desk: Desk) -> bool:
    """Two first calls: one that hangs in every call would take a time-out for each that follows.

    They also warm the target up: its first call opens connections, and is no measure of the others.
    """
    script = desk.script("first contact", "visitor badge")
    script.tell("visitor", thread=_THREAD, resource=_MINE)
    script.ask("visitor", thread=_THREAD, resource=_MINE)
    view = await desk.ask(script)
    return all(op.outcome == "info" for op in view.ops.values())


async def _memory(desk: Desk, seen: Examination) -> Examination:
    """Is a fact recalled in the next turn, and for how long after?"""
    script = desk.script("memory", "locker code")
    script.tell("owner", thread=_THREAD, resource=_MINE)
    for _ in range(TURNS):
        script.ask("owner", thread=_THREAD, resource=_MINE)
    view = await desk.ask(script)
    recalled = [desk.told(view, 0, view, turn) for turn in range(1, TURNS + 1)]
    if recalled[0]:
        last = recalled.index(False) if False in recalled else TURNS
        # After the fact come the reply to it and, for each later turn, a question and its reply.
        return replace(seen, recall="next turn", window=2 * last - 1, window_ends=last < TURNS)
    if not all(op.answered() for op in view.ops.values()):
        return seen
    return await _patiently(desk, seen)


async def _patiently(desk: Desk, seen: Examination) -> Examination:
    """The same once more, with time for a memory that works in the background."""
    before, desk.settle = desk.settle, max(PATIENCE, desk.settle)
    script = desk.script("memory after a while", "parking space")
    script.tell("owner", thread=_THREAD, resource=_MINE)
    script.ask("owner", thread=_THREAD, resource=_MINE)
    view = await desk.ask(script)
    if desk.told(view, 0, view, 1):
        return replace(seen, recall="after a while", settle=desk.settle)
    desk.settle = before
    return replace(seen, recall="never")


async def _reach(desk: Desk) -> Reach:
    """Who else is told: the resource's other thread, another resource, another tenant?"""
    tenants = "tenant" in desk.adapted.offers.accepts
    script = desk.script("scope", "badge number")
    script.tell("owner", thread=_THREAD, resource=_MINE)
    before = script.ask("owner", thread=_THREAD, resource=_MINE)
    sibling = script.ask("owner", thread=_SIBLING, resource=_MINE)
    other = script.ask("stranger", thread=_ELSEWHERE, resource=_STRANGER)
    abroad = script.ask("foreigner", thread=_ABROAD, resource=_FOREIGNER) if tenants else other
    view = await desk.ask(script)
    if desk.told(view, 0, view, abroad):
        return "everyone"
    if desk.told(view, 0, view, other):
        return "tenant"
    if desk.told(view, 0, view, sibling):
        return "resource"
    return "thread" if desk.told(view, 0, view, before) else "unknown"


async def _ownership(desk: Desk, reach: Reach) -> Stranger:
    """What becomes of a stranger who presents the owner's thread id?"""
    if "thread" not in desk.adapted.offers.accepts:
        return "not offered"
    if reach in ("everyone", "tenant"):
        return "moot"  # told whatever thread id it presents: that says nothing about the thread id
    script = desk.script("ownership", "gate password")
    script.tell("owner", thread=_THREAD, resource=_MINE)
    before = script.ask("owner", thread=_THREAD, resource=_MINE)
    stranger = script.ask("stranger", thread=_THREAD, resource=_STRANGER)
    view = await desk.ask(script)
    if desk.told(view, 0, view, stranger):
        return "told"
    if not desk.told(view, 0, view, before):
        return "unknown"
    return {"fail": "refused", "ok": "not told"}.get(view.ops[stranger].outcome or "", "error")  # type: ignore[return-value]


async def _shows(desk: Desk) -> dict[str, Shown]:
    """What is its owner shown of a fact by each surface that shows what is stored?"""
    script = desk.script("what is shown", "bicycle lock")
    script.tell("owner", thread=_THREAD, resource=_MINE)
    looks = {
        surface: script.look("owner", surface, thread=_THREAD, resource=_MINE)
        for surface in READING
        if surface in desk.adapted.offers.beyond and surface not in BY_MESSAGE
    }
    view = await desk.ask(script)
    shows: dict[str, Shown] = {}
    for surface, number in looks.items():
        op = view.ops[number]
        if op.outcome != "ok":
            shows[surface] = "refused" if op.outcome == "fail" else "error"
        elif desk.told(view, 0, view, number):
            shows[surface] = "told"
        else:
            shows[surface] = "listed" if any(sight.token == op.thread for sight in op.sights) else "nothing"
    return shows


async def _missing(desk: Desk, seen: Examination) -> AsyncIterator[MissingId]:
    """What becomes of calls without thread id, and without resource id, in each of the four ways?

    Without a resource id is asked only where the target looks at it: to a bearer the thread id is the key.
    """
    names: list[Name] = ["thread"] if "thread" in seen.accepts else []
    if "resource" in seen.accepts and seen.stranger != "told":
        names.append("resource")
    remembers = seen.recall not in ("never", "unknown")
    answered: dict[MissingKind, int] = dict.fromkeys(MISSING_KINDS, 0)
    for name in names:
        for kind in MISSING_KINDS:
            if kind == "blank" and name == "resource":
                continue
            if (
                kind == "omitted" and name in seen.required
            ) or f"{name} {kind}" in desk.adapted.offers.cannot:
                yield MissingId(id=name, kind=kind, found="not offered")
                continue
            found, detail = await _without(desk, name, kind, remembers=remembers)
            answered[kind] += found in ("own", "stateless")
            yield MissingId(id=name, kind=kind, found=found, detail=detail)
    # One default for the thread and one for the resource are harmless each: together they are one bucket.
    for kind, times in answered.items():
        if times == 2:
            found, detail = await _without(desk, "both", kind, remembers=remembers)
            yield MissingId(id="both", kind=kind, found=found, detail=detail)


async def _without(desk: Desk, name: Name, kind: MissingKind, *, remembers: bool) -> tuple[Missing, str]:
    """Tell without an id; unless that was refused, see who is told: the same caller, and somebody else."""
    # These ids must mean the same in two examples, so they are made here and not from a template.
    prefix = f"overheard-{desk.campaign:x}-{name}-{kind}"
    missing = ("thread", "resource") if name == "both" else (name,)

    def ids(caller: str) -> dict[str, Id]:
        both: dict[str, Id] = {"thread": f"{prefix}-thread-{caller}", "resource": f"{prefix}-{caller}"}
        return {**both, **dict.fromkeys(missing, _VALUES[kind])}

    telling = desk.script(f"{name} {kind}", "club nickname")
    telling.tell("owner", **ids("owner"))
    told = await desk.ask(telling)
    op = told.ops[0]
    if op.outcome != "ok":
        return ("refused" if op.outcome == "fail" else "error"), op.text
    if not remembers:
        return "unknown", ""
    asking = desk.script(f"{name} {kind}, asked", "club nickname")
    own = asking.ask("owner", **ids("owner"))
    other = asking.ask("stranger", **ids("stranger"))
    view = await desk.ask(asking)
    return _fate(desk, told, view, own, other)


def _fate(desk: Desk, told: View, view: View, own: int, other: int) -> tuple[Missing, str]:
    if desk.told(told, 0, view, other):
        return "shared", ""
    if desk.told(told, 0, view, own):
        return "own", ""
    if all(view.ops[number].outcome == "ok" for number in (own, other)):
        return "stateless", ""
    broken = next(view.ops[number] for number in (own, other) if view.ops[number].outcome != "ok")
    return ("refused" if broken.outcome == "fail" else "error"), broken.text


def _counted(desk: Desk, seen: Examination) -> Examination:
    """Add what follows from all calls together."""
    ops = [op for view in desk.views for op in view.ops.values()]
    times = [(op.ended_t - op.invoked_t) / 1_000 for op in ops if op.outcome == "ok"]
    return replace(
        seen,
        calls=len(ops),
        answered=sum(op.answered() for op in ops),
        refused=sum(op.outcome == "fail" for op in ops),
        broke=sum(op.outcome == "info" for op in ops),
        model_calls=sum(call.event.kind != "embedding" for view in desk.views for call in view.calls),
        latency=statistics.median(times) if times else None,
        slowest=max(times, default=None),
        blocked=desk.blocked,
        gives_way=any(op.suspended for op in ops),
        trouble=_first_trouble(ops),
    )


def _first_trouble(ops: list[Op]) -> str:
    return next((op.text or op.reason for op in ops if op.outcome in ("fail", "info")), "")
