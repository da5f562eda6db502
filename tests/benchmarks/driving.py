"""Driving operations, against a bare loop that makes the same calls, and what recording adds to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overheard.adapters.enter import enter
from overheard.core.contract import Contract
from overheard.core.operation import NONCE_MARK, Operation, Plan, bind_text
from overheard.drive.driver import drive
from overheard.history.events import Completed, Invoked
from overheard.history.writer import Recorder

CAMPAIGN = 7


class Agent:
    """Gives way once, as everything that talks to a model does, and answers with a sentence."""

    async def send(self, message: str, *, thread: str, resource: str) -> str:
        await asyncio.sleep(0)
        return f"Noted, {resource}. I will remember that for {thread}, and you can ask me about it any time."


class Nowhere:
    """Takes what a recorder takes and keeps nothing: the rest of the drive, alone."""

    def record(self, event: Any) -> Any:
        return event

    def flush(self) -> None:
        pass


def plan_of(operations: int) -> Plan:
    return Plan(
        scenario="benchmark",
        mode="interleaved",
        operations=tuple(
            Operation(
                number=number,
                round=number,
                caller=f"r{number % 8}",
                resource=f"r{number % 8}-<<ns>>",
                thread=f"t{number % 16}-<<ns>>",
                text=f"Good morning, this is about my order of last week. {NONCE_MARK}",
            )
            for number in range(operations)
        ),
    )


def _record(path: Path, *, operations: int) -> float:
    """Processor seconds for recording what one operation leaves behind: that it began, and how it ended."""
    recorder = Recorder(path, clock=lambda: time.perf_counter_ns() // 1_000)
    text = "Noted, r3-0123abcd. I will remember that, and you can ask me about it any time. " * 2
    begin = time.process_time()
    for number in range(operations):
        recorder.record(
            Invoked(example=0, operation=number, t=0, thread="t3-0123abcd", resource="r3-0123abcd")
        )
        recorder.record(Completed(example=0, operation=number, t=0, text=text, length=len(text)))
    recorder.flush()
    spent = time.process_time() - begin
    recorder.close()
    return spent


async def _bare(agent: Agent, plan: Plan) -> None:
    for operation in plan.operations:
        task = asyncio.create_task(
            agent.send(
                bind_text(operation, CAMPAIGN, 0),
                thread=str(operation.thread),
                resource=str(operation.resource),
            )
        )
        await task


async def _sides(folder: Path, *, operations: int, rounds: int) -> dict[str, float]:
    plan, agent = plan_of(operations), Agent()
    least = dict.fromkeys(("bare", "unrecorded", "recorded", "record"), float("inf"))
    async with enter(agent, name="benchmark") as adapted:
        for turn in range(rounds):
            begin = time.perf_counter_ns()
            recorder = Recorder(
                folder / f"{turn}.jsonl", clock=lambda begin=begin: (time.perf_counter_ns() - begin) // 1_000
            )
            for name, into in (("bare", None), ("unrecorded", Nowhere()), ("recorded", recorder)):
                started = time.process_time()
                if into is None:
                    await _bare(agent, plan)
                else:
                    await drive(
                        plan,
                        example=turn,
                        phase="explore",
                        adapted=adapted,
                        recorder=into,
                        mirror=None,
                        campaign=CAMPAIGN,
                        contract=Contract(),
                        timeout=30.0,
                    )
                least[name] = min(least[name], time.process_time() - started)
            recorder.close()
            least["record"] = min(
                least["record"], _record(folder / f"{turn}-alone.jsonl", operations=operations)
            )
    return least


def rows(folder: Path, *, operations: int, rounds: int) -> Iterator[tuple[str, str, str, float, str]]:
    least = asyncio.run(_sides(folder, operations=operations, rounds=rounds))
    each = {name: seconds / operations * 1e6 for name, seconds in least.items()}
    added = each["recorded"] - each["unrecorded"]
    for name, cost in (("alone", each["record"]), ("as the difference of two drives", added)):
        yield (
            f"recorder, for an operation, {name}", f"{cost:.1f} us",
            f"the drive without it {each['unrecorded']:.1f} us", cost / each["unrecorded"], "under 5 us",
        )  # fmt: skip
    yield (
        "a driven operation, all of it", f"{each['recorded']:.1f} us", f"bare asyncio {each['bare']:.1f} us",
        each["recorded"] / each["bare"], "",
    )  # fmt: skip
