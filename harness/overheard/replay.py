"""What a counterexample program runs on: one small plan, step by step, in a fresh campaign.

A program written by `report.program` is a coroutine that takes a `Stage`, sends messages and asks for a
verdict. The stage drives every step as a campaign does (same driver, same mirror, same scan), so what a
program shows is what the run saw. Campaign number and with it all ids and canaries are new in every run:
what an earlier run left in a target's memory can never pass for a leak of this one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from overheard.adapters.adapted import Adapted
from overheard.adapters.enter import enter
from overheard.adapters.manners import said_in
from overheard.adapters.resolve import load
from overheard.core.canary import CAMPAIGN_LIMIT, FactKey, decode_canary, is_canary
from overheard.core.contract import Contract, declare
from overheard.core.errors import OverheardError, UsageError
from overheard.core.ids import OMITTED, Id
from overheard.core.operation import (
    FACT_MARK,
    Cancel,
    Operation,
    Plan,
    Proof,
    bind_ids,
    thread_secrets,
)
from overheard.core.outcome import Channel, Outcome
from overheard.core.schedule import Schedule
from overheard.drive.bindings import Names
from overheard.drive.driver import Held, drive
from overheard.history.events import AnyEvent, Chunked, Completed, Failed, ModelCalled, Sight, Unknown
from overheard.history.writer import Recorder
from overheard.mirror.server import Mirror
from overheard.plugins import load as load_plugins
from overheard.report.escape import visible
from overheard.report.words import Breach
from overheard.settings import plugins_here

SHOWN: Final = 1
NOT_SHOWN: Final = 0
USAGE: Final = 2
BROKEN: Final = 4
INTERRUPTED: Final = 130

_TIMEOUT: Final = 30.0
_EXAMPLE: Final = 0
_ENDED: Final[Mapping[Outcome, str]] = {
    "ok": "was answered",
    "fail": "was refused",
    "info": "ended in an error or a time-out",
}


class Observation(NamedTuple):
    """What one step showed its caller, and the model on its behalf.

    `reply` is the first of the answer's text, or of the refusal's or error's; `sights` are the canaries
    found in all of it, in its chunks, and in the prompts that belong to this step and no other. `made_for`
    are the steps for which the answer was made, by the nonces in it: the mirror repeats that of the message
    it answers.
    """

    step: int
    caller: str
    outcome: Outcome
    reply: str
    sights: tuple[Sight, ...]
    made_for: tuple[int, ...] = ()

    def channels_of(self, fact: FactKey) -> list[Channel]:
        """Through which channels `fact` or an echo of it was visible here."""
        channels = (
            sight.channel
            for sight in self.sights
            if is_canary(sight.token) and decode_canary(sight.token).fact == fact
        )
        return list(dict.fromkeys(channels))

    def channels_of_id(self, thread: Id) -> list[Channel]:
        """Through which channels the thread id `thread` was shown here."""
        return list(dict.fromkeys(sight.channel for sight in self.sights if sight.token == thread))


class Verdict(NamedTuple):
    """Whether the promise was broken, and how to say so in one line."""

    broken: bool
    sentence: str


class Step:
    """A message that is going to be sent: await it, or give it to `Stage.together`."""

    def __init__(self, stage: Stage, operation: Operation) -> None:
        self.operation = operation
        self._stage = stage

    def __await__(self) -> Generator[object, None, Observation]:
        return self._alone().__await__()

    async def _alone(self) -> Observation:
        (observation,) = await self._stage.together(self)
        return observation


class Stage:
    """Sends the messages of one counterexample to one entered target, and watches."""

    def __init__(
        self,
        adapted: Adapted,
        recorder: Recorder,
        events: list[AnyEvent],
        mirror: Held,
        *,
        campaign: int,
        contract: Contract,
        latency: int,
    ) -> None:
        self._adapted = adapted
        self._recorder = recorder
        self._events = events
        self._mirror = mirror
        self._campaign = campaign
        self._contract = contract
        self._latency = latency
        self._steps = 0
        self._threads: dict[int, Id] = {}
        self._leaders: dict[int, int] = {}
        self._secrets: dict[str, str] = {}
        self._names = Names()

    def send(
        self,
        text: str,
        *,
        resource: Id = OMITTED,
        thread: Id = OMITTED,
        caller: str,
        tenant: str | None = None,
        surface: str = "send",
        filters: Mapping[str, str] | None = None,
        message: int | None = None,
        new_resource: Id = OMITTED,
        new_thread: Id = OMITTED,
        asks: bool = False,
        same_text_as: int | None = None,
        credentials: Proof = "own",
        cancel: Mapping[str, int] | None = None,
    ) -> Step:
        """The next step: `caller` sends `text`, presenting these ids. Steps count from 0.

        `<<fact>>` in the text becomes a canary and `<<ref>>` the nonce that names the step; ids may hold
        `<<ns>>`, `<<uuid:NAME>>` and `<<hex:NAME>>`. `asks` has the mirror recite what it is shown.
        `same_text_as` repeats the text of that step to the letter, its nonce included. Another `surface`
        than `send` shows what is stored, or changes it; the text of a `search` is its query, and `filters` go
        with it. `message` is the step whose message is meant, by the id that the target gave it;
        `new_resource` and `new_thread` are whose a thread is to be, and what a copy of it is to be called.
        `credentials` of "none" are left out, and "invalid" ones are nobody's.
        `cancel` says where the step is cancelled: when so many `calls` of the model have been answered, and
        then after so many `steps` of the loop or `milliseconds`, or else at the next model call. What stands
        behind it in `together` starts when it has ended.
        """
        step, self._steps = self._steps, self._steps + 1
        operation = Operation(
            number=step,
            round=0,
            caller=caller,
            tenant=tenant,
            surface=surface,
            resource=resource,
            thread=thread,
            text=text,
            filters=filters or {},
            message=message,
            new_resource=new_resource,
            new_thread=new_thread,
            tells="a fact" if FACT_MARK in text else None,
            asks=(step,) if asks else (),
            same_text_as=same_text_as,
            credentials=credentials,
            cancel=None if cancel is None else Cancel(**cancel),
        )
        if operation.tells is not None:
            self._names.wanted.add(step)
        return Step(self, operation)

    async def together(self, *steps: Step, schedule: Sequence[int] | None = None) -> list[Observation]:
        """Start all steps at once and wait for all. Returns what each of them showed, in their order.

        With a `schedule`, they go on in the order that it says: one number for each choice there is, counted
        from 0 among the model calls that are held, oldest first, and then the steps that have not started.
        When the numbers are spent, it is first come, first served.
        """
        operations = tuple(step.operation for step in steps)
        plan = Plan(
            scenario="counterexample",
            mode="concurrent" if len(steps) > 1 else "sequential",
            operations=operations,
            source="file",
            latency=self._latency,
            schedule=None if schedule is None else Schedule(choices=tuple(schedule)),
        )
        before = len(self._events)
        await drive(
            plan,
            example=_EXAMPLE,
            phase="regression",
            adapted=self._adapted,
            recorder=self._recorder,
            mirror=self._mirror,
            campaign=self._campaign,
            contract=self._contract,
            timeout=_TIMEOUT,
            secrets=self._secrets,
            names=self._names,
        )
        self._secrets.update(thread_secrets(plan, self._campaign, _EXAMPLE))
        self._threads |= {one.number: bind_ids(one, self._campaign, _EXAMPLE)[0] for one in operations}
        self._leaders |= {one.number: _leader(one) for one in operations}
        happened = self._events[before:]
        return [_observed(operation, operations, happened, self._campaign) for operation in operations]

    def verdict(
        self,
        told: Observation,
        seen: Observation,
        *,
        before: Observation | None = None,
        broken_if: Breach = "seen",
    ) -> Verdict:
        """Whether `seen` breaks the promise about what `told` told.

        `broken_if` says how: the fact was `seen`; it was `missing` although the call was answered; the id of
        the thread in which `told` spoke was `listed`; the answer that `told` asked for was `swapped`, given
        to `seen`; the call was `answered` at all, where a refusal is promised; or the fact was `lost`: shown
        in `before`, and in `seen` not any more.
        """
        if broken_if == "swapped":
            return _handed(told, seen, self._leaders.get(told.step, told.step))

        fact = FactKey(self._campaign, _EXAMPLE, told.step, 0)
        channels = seen.channels_of(fact)
        if broken_if == "lost":
            return self._lost(fact, told, seen, before)
        if broken_if == "answered":
            broken = seen.outcome == "ok"
        elif broken_if == "missing":
            broken = seen.outcome == "ok" and not channels
        else:
            broken = bool(channels)
        what = f"what {told.caller} told in step {told.step}"
        if broken_if == "listed":
            channels = seen.channels_of_id(self._threads.get(told.step))
            broken = bool(channels)
            what = f"the id of {told.caller}'s thread of step {told.step}"
        saw = f"saw {what} ({', '.join(channels)})" if channels else f"did not see {what}"
        sentence = f"{seen.caller} {saw}; step {seen.step} {_ENDED[seen.outcome]}"
        return Verdict(broken, f"{'violated' if broken else 'did not reproduce'}: {sentence}")

    def _lost(
        self, fact: FactKey, told: Observation, seen: Observation, before: Observation | None
    ) -> Verdict:
        thread = self._threads.get(told.step)

        def shown(look: Observation) -> bool:
            return bool(look.channels_of(fact) or look.channels_of_id(thread))

        had = before is not None and shown(before)
        broken = had and seen.outcome != "info" and not shown(seen)
        what = f"what {told.caller} told in step {told.step}"
        words = f"was shown {what} before, and not in step {seen.step}" if broken else f"did not lose {what}"
        sentence = f"{seen.caller} {words}; step {seen.step} {_ENDED[seen.outcome]}"
        return Verdict(broken, f"{'violated' if broken else 'did not reproduce'}: {sentence}")


def _handed(told: Observation, seen: Observation, message: int) -> Verdict:
    broken = message in seen.made_for
    given = "was given" if broken else "was not given"
    what = f"{seen.caller}, in step {seen.step}, {given} the answer to step {told.step} of {told.caller}"
    return Verdict(broken, f"{'violated' if broken else 'did not reproduce'}: {what}")


def _observed(
    operation: Operation, neighbours: tuple[Operation, ...], events: list[AnyEvent], campaign: int
) -> Observation:
    outcome: Outcome = "info"
    text = ""
    sights: list[Sight] = []
    made_for: tuple[int, ...] = ()
    for event in events:
        match event:
            case Completed() | Failed() | Unknown() if event.operation == operation.number:
                outcome = _outcome(event)
                if not isinstance(event, Failed):
                    made_for = _made_for(operation, event.nonces, events, campaign)
                text = event.text
                sights += event.sights
            case Chunked() if event.operation == operation.number:
                sights += event.sights
            case ModelCalled() if _asked_by(event, neighbours, campaign) == [operation.number]:
                sights += event.sights
            case _:
                pass
    return Observation(operation.number, operation.caller, outcome, text, tuple(sights), made_for)


def _made_for(
    operation: Operation, nonces: Sequence[tuple[int, int, int]], events: list[AnyEvent], campaign: int
) -> tuple[int, ...]:
    """The steps that an answer names, but those whose messages stood in one prompt with the operation's own:
    they were quoted, or answered together with it."""  # noqa: D209
    own = _leader(operation)
    prompts = [
        {step for number, _, step in (*event.nonces, *event.elsewhere) if number == campaign}
        for event in events
        if isinstance(event, ModelCalled)
    ]
    named = [step for number, _, step in nonces if number == campaign]
    return tuple(step for step in named if step == own or not any({step, own} <= said for said in prompts))


def _leader(operation: Operation) -> int:
    """The step whose nonce an operation's message carries."""
    return operation.number if operation.same_text_as is None else operation.same_text_as


def _outcome(event: Completed | Failed | Unknown) -> Outcome:
    if isinstance(event, Completed):
        return "ok"
    return "fail" if isinstance(event, Failed) else "info"


def _asked_by(event: ModelCalled, neighbours: tuple[Operation, ...], campaign: int) -> list[int]:
    """The steps of this round that a model call may belong to: those named by its newest message that names
    any. Two, where two sent the same text: then what was in the prompt convicts neither.
    """
    if event.kind == "embedding":  # batched and cached by targets as they please: they belong to nobody
        return []
    for nonce_campaign, _, step in (*event.nonces, *event.elsewhere):
        if nonce_campaign != campaign:
            continue
        named = [operation.number for operation in neighbours if step == _leader(operation)]
        if named:
            return named
    return []


def play(
    main: Callable[[Stage], Awaitable[Verdict]],
    argv: Sequence[str],
    *,
    target: str,
    latency: int = 0,
    settle: int = 0,
) -> int:
    """Run a counterexample program and print its one line. Returns the exit code.

    1 if the promise is broken, 0 if that did not reproduce, 2 for usage (an unknown target too), 4 if the
    target cannot be built or the failure is ours, 130 if interrupted. `argv` is that of the program, whose
    only argument names another target; paths in a target start at the current folder. `latency` is how
    long the mirror keeps a model call, `settle` how long to wait after a fact is told, in milliseconds.
    """
    parser = argparse.ArgumentParser(
        prog=Path(argv[0]).name,
        description="A counterexample found by overheard. Exits 1 if it shows again, 0 if it does not.",
    )
    parser.add_argument("target", metavar="TARGET", nargs="?", default=target, help="default: %(default)r")
    chosen: str = parser.parse_args(list(argv[1:])).target
    try:
        verdict = _played(main, chosen, latency=latency, settle=settle)
    except UsageError as error:
        return _complain(str(error), USAGE)
    except OverheardError as error:
        return _complain(str(error), BROKEN)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - a program that dies of an exception exits 1: "violated"
        return _complain(f"this is a bug in overheard: {type(error).__name__}: {error}", BROKEN)
    print(visible(verdict.sentence))  # noqa: T201 - a program says one line
    return SHOWN if verdict.broken else NOT_SHOWN


def _played(
    main: Callable[[Stage], Awaitable[Verdict]], target: str, *, latency: int, settle: int
) -> Verdict:

    began = time.monotonic_ns()
    events: list[AnyEvent] = []
    campaign = secrets.randbelow(CAMPAIGN_LIMIT)
    recorder = Recorder(
        None,
        clock=lambda: (time.monotonic_ns() - began) // 1_000,
        observe=events.append,
        campaign=campaign,
    )
    with Mirror(recorder) as mirror:
        # Before the target is imported: clients are often built at import, and read their address then.
        os.environ.update(mirror.environment())
        loaded = load(target, base=Path.cwd())
        return asyncio.run(
            _entered(
                main,
                loaded,
                name=target,
                recorder=recorder,
                events=events,
                mirror=mirror,
                campaign=campaign,
                latency=latency,
                settle=settle,
            )
        )


async def _entered(
    main: Callable[[Stage], Awaitable[Verdict]],
    loaded: object,
    *,
    name: str,
    recorder: Recorder,
    events: list[AnyEvent],
    mirror: Held,
    campaign: int,
    latency: int,
    settle: int,
) -> Verdict:

    names, home = plugins_here((), cwd=Path.cwd())
    adapters = load_plugins(names, base=home, environ=os.environ).adapters
    async with enter(loaded, name=name, manners=said_in(os.environ), adapters=adapters) as adapted:
        contract = declare(("target", adapted.settings)).contract
        stage = Stage(
            adapted,
            recorder,
            events,
            mirror,
            campaign=campaign,
            contract=msgspec.structs.replace(contract, settle=max(settle, contract.settle)),
            latency=latency,
        )
        return await main(stage)


def _complain(sentence: str, code: int) -> int:
    print(f"overheard: {visible(sentence)}", file=sys.stderr)  # noqa: T201 - as above
    return code
