"""What it costs to hold every model call and let it go on by a schedule, against the same calls one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import msgspec
from executing import executing

from overheard.core.operation import Plan
from overheard.core.schedule import Schedule
from overheard.drive.patience import Patience
from overheard.history.events import ModelCalled
from overheard.plan.weave import expand
from overheard.scenario.load import builtin
from overheard.zoo.catalogue import CATALOGUE


def _one_by_one(plan: Plan) -> Plan:
    operations = tuple(msgspec.structs.replace(one, round=place) for place, one in enumerate(plan.operations))
    return msgspec.structs.replace(plan, operations=operations, schedule=None, latency=0)


async def _sides(operations: int, rounds: int) -> dict[str, float]:
    """Seconds for each model call: held, in rounds of several operations, and not. The least of the rounds."""
    least = dict.fromkeys(("held", "one by one"), float("inf"))
    async with executing(CATALOGUE["correct-resource"].build, name="benchmark") as execute:
        contract, offers, patience = execute.contract, execute.adapted.offers, Patience()
        for seed in range(rounds):
            plan = expand(
                builtin()["concurrent-resources"],
                seed=seed,
                index=0,
                contract=contract,
                offers=offers,
                operations=operations,
            )
            assert plan is not None
            # The empty schedule: all that is held is let go on at once, so that nothing overlaps.
            held = msgspec.structs.replace(plan, schedule=Schedule(), latency=0)
            for name, each in (("held", held), ("one by one", _one_by_one(plan))):
                started = time.perf_counter()
                events = await execute(each, patience)
                spent = time.perf_counter() - started
                calls = sum(isinstance(one, ModelCalled) for one in events)
                least[name] = min(least[name], spent / calls)
    return least


def rows(*, operations: int, rounds: int) -> Iterator[tuple[str, str, str, float, str]]:
    least = asyncio.run(_sides(operations, rounds))
    yield (
        "a model call, held until it is let go on", f"{least['held'] * 1e3:.2f} ms",
        f"one after the other {least['one by one'] * 1e3:.2f} ms",
        least["held"] / least["one by one"], "1.5 at most",
    )  # fmt: skip
