"""Plans, targets and a way to drive the ones against the others."""

import asyncio
from itertools import count

import pytest

from overheard.adapters.enter import enter
from overheard.adapters.manners import ORDINARY
from overheard.core.contract import Contract
from overheard.core.operation import Operation, Plan
from overheard.drive.driver import drive
from overheard.history.events import ExampleStarted
from overheard.history.writer import Recorder


def operation(number, round_, **fields):
    fields.setdefault("caller", f"r{number}")
    fields.setdefault("thread", f"t{number}")
    fields.setdefault("resource", f"r{number}")
    fields.setdefault("text", f"message {number} <<ref>>")
    return Operation(number=number, round=round_, **fields)


@pytest.fixture
def op():
    return operation


@pytest.fixture
def plan_of():
    """A plan of the given operations; numbers alone stand for one round of as many sends."""

    def make(*operations, **fields):
        if len(operations) == 1 and isinstance(operations[0], int):
            operations = tuple(operation(number, 0) for number in range(operations[0]))
        return Plan(scenario="test", mode="concurrent", operations=operations, **fields)

    return make


@pytest.fixture
def recording():
    """A recorder that keeps its events in a list: (recorder, events)."""
    ticks = count(1)
    events = []
    return Recorder(None, clock=lambda: next(ticks), observe=events.append), events


@pytest.fixture
def driven(recording):
    """Drive a plan against a target and return the events, that of the example's beginning left out."""
    recorder, events = recording

    def run(target, plan, *, manners=ORDINARY, **options):
        settings = {"example": 3, "phase": "explore", "mirror": None, "campaign": 7, "timeout": 10.0}
        settings |= {"contract": Contract()} | options

        async def main():
            async with enter(target, name="target", manners=manners) as adapted:
                await drive(plan, adapted=adapted, recorder=recorder, **settings)

        asyncio.run(main())
        assert isinstance(events[0], ExampleStarted)
        return events[1:]

    return run
