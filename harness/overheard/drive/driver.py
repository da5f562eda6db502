"""Executing one plan against one target: the only stage with effects.

Concurrency is real. The operations of one round are tasks of the target's own loop that all begin before
any of them can come back, and what really overlapped is read from the order of the history's lines, not
from the plan. How an operation ends is one of Jepsen's three: `ok`, `fail` (the target said no), or `info`
(nobody knows whether it happened).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from overheard.core.errors import UsageError
from overheard.core.operation import BEYOND, DELETING, SENDING, own_resources, thread_secrets
from overheard.core.schedule import Schedule
from overheard.drive.bindings import Bindings, Names
from overheard.drive.call import Call, Target
from overheard.drive.ending import end
from overheard.drive.inject import injector_for
from overheard.drive.patience import Patience
from overheard.drive.scheduler import Scheduler
from overheard.history.events import ExampleEnded, ExampleStarted, Injection

if TYPE_CHECKING:
    from overheard.adapters.adapted import Adapted
    from overheard.core.contract import Contract
    from overheard.core.operation import Operation, Phase, Plan
    from overheard.history.writer import Recorder
    from overheard.mirror.gate import Gate

GRACE_SECONDS: Final = 5.0
"""For how long a cancelled operation may take to end before it is given up."""


_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Held(Protocol):
    """The part of a mirror that the driver uses."""

    @property
    def gate(self) -> Gate:
        """What holds model calls until they are released."""
        ...

    def pace(self, *, latency: float, width: int) -> None:
        """From now on keep each chat call for up to `latency` seconds, or until `width` calls are open."""
        ...


async def drive(
    plan: Plan,
    *,
    example: int,
    phase: Phase,
    adapted: Adapted,
    recorder: Recorder,
    mirror: Held | None,
    campaign: int,
    contract: Contract,
    timeout: float,  # noqa: ASYNC109 - for each operation, which outlives it as `info`; not for the example
    injection: Injection | None = None,
    reduces: int | None = None,
    regression: str = "",
    grace: float = GRACE_SECONDS,
    secrets: Mapping[str, str] = _NONE,
    names: Names | None = None,
    patience: Patience | None = None,
) -> None:
    """Execute `plan` as example number `example` of `campaign` and record all of it.

    Rounds run in order; the operations of one round run at once. After a round in which something was told
    or deleted, `contract.settle` milliseconds pass. An operation without an answer after `timeout` seconds is
    cancelled and, if it has not ended `grace` seconds later, given up; the example goes on. With an
    `injection`, the leak that it describes is put in. `secrets` are thread ids, each with its owner, to look
    for besides those of the plan; `names` is what earlier plans of the same example have bound, and gets what
    this one binds. Where the plan has a schedule, the operations of a round go on step by step, as it says;
    `patience` is what earlier examples showed of the target's pace.

    Whatever the target raises is recorded, `sys.exit` included. Raises UsageError, before anything is
    recorded, if the plan uses a surface that the target does not have; InternalError if the history cannot
    be written; CancelledError when cancelled itself, after the operations in flight have been
    recorded as such (the example then has no end in the history, for its plan was not carried out).
    """
    _check_surfaces(plan, adapted)
    injector = None
    if injection is not None:
        injector = injector_for(injection, plan, campaign=campaign, example=example)
    target = Target(
        adapted=adapted,
        recorder=recorder,
        campaign=campaign,
        example=example,
        injector=injector,
        own=own_resources(plan),
        secrets={**secrets, **thread_secrets(plan, campaign, example)},
        bindings=Bindings(
            Names() if names is None else names,
            plan,
            adapted=adapted,
            recorder=recorder,
            campaign=campaign,
            example=example,
        ),
    )
    recorder.record(
        ExampleStarted(
            example=example,
            phase=phase,
            plan=plan,
            t=0,
            injection=injection,
            reduces=reduces,
            regression=regression,
        )
    )
    ordered = sorted(plan.operations, key=lambda operation: operation.round)
    scheduler = None
    cancels = {operation.round for operation in plan.operations if operation.cancel is not None}
    if plan.schedule is not None or cancels:
        scheduler = Scheduler(
            plan.schedule or Schedule(),
            gate=None if mirror is None else mirror.gate,
            recorder=recorder,
            campaign=campaign,
            example=example,
            patience=patience or Patience(),
            timeout=timeout,
            grace=grace,
        )
    try:
        for number, members in groupby(ordered, key=lambda operation: operation.round):
            calls = [Call(target, operation) for operation in members]
            if scheduler is not None and (plan.schedule is not None or number in cancels):
                await scheduler.round(calls)
            else:
                if mirror is not None:
                    mirror.pace(latency=plan.latency / 1_000, width=len(calls))
                await _round(calls, timeout=timeout, grace=grace)
            if contract.settle and any(_settles(call.operation) for call in calls):
                await asyncio.sleep(contract.settle / 1_000)
    except asyncio.CancelledError:
        recorder.flush()
        raise
    recorder.record(ExampleEnded(example=example, t=0))


def _settles(operation: Operation) -> bool:
    return operation.tells is not None or operation.surface in DELETING


def _check_surfaces(plan: Plan, adapted: Adapted) -> None:
    for operation in plan.operations:
        known = operation.surface in (*SENDING, *BEYOND)
        if not known or operation.surface not in adapted.offers.surfaces:
            raise UsageError(
                f"operation {operation.number} of the plan uses the surface {operation.surface!r}, which "
                f"cannot be driven on {adapted.name}; it offers: {', '.join(adapted.offers.surfaces)}"
            )


async def _round(calls: list[Call], *, timeout: float, grace: float) -> None:  # noqa: ASYNC109 - as in `drive`
    tasks: dict[asyncio.Task[None], Call] = {}
    try:
        for call in calls:
            # Before it begins: time spent waiting for a turn is no time that the target took.
            await call.turn()
            tasks[asyncio.create_task(call.run())] = call
        # One pass of the loop, in which every task begins: the clock of a time-out must not start while a
        # neighbour that blocks the loop keeps an operation from being invoked at all.
        await asyncio.sleep(0)
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError:
        await end(tasks, "cancelled", grace=grace)
        raise
    await end(tasks, "timeout", grace=grace)
    for task in tasks:
        # A call records what the target does wrong; what it raises is ours (a full disk) or Ctrl-C.
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
