"""What histories in these tests are made of."""

from itertools import count

import pytest

from overheard.core.canary import FactKey, mint_fact
from overheard.core.contract import Contract
from overheard.core.offers import Offers
from overheard.core.operation import Operation, Plan
from overheard.history.events import (
    CampaignEnded,
    Completed,
    ExampleEnded,
    ExampleStarted,
    Header,
    Invoked,
    Sight,
)
from overheard.history.writer import Recorder


@pytest.fixture
def header():
    return Header(
        overheard="1.0", campaign=7, seed=11, target="agent:agent", contract=Contract(), offers=Offers()
    )


@pytest.fixture
def plan():
    return Plan(
        scenario="recall",
        mode="sequential",
        operations=(
            Operation(
                number=0, round=0, caller="r0", resource="r0-<<ns>>", thread="t-<<ns>>", text="<<fact>>"
            ),
        ),
    )


@pytest.fixture
def fact():
    """The canary of operation `number` of `example`."""

    def mint(number=0, example=1):
        return mint_fact(FactKey(7, example, number, 0))

    return mint


@pytest.fixture
def example_events(plan, fact):
    """The events of one small example, as the driver gives them."""

    def events(example):
        return [
            ExampleStarted(example=example, plan=plan),
            Invoked(example=example, operation=0, t=0, thread=f"t-{example}", resource=None),
            Completed(
                example=example,
                operation=0,
                t=0,
                text="你好 \N{WAVING HAND SIGN} \x1b[31m\u2028 </script>",
                length=20,
                sights=(Sight(fact(0, example), "reply"),),
            ),
            ExampleEnded(example=example, t=0),
        ]

    return events


@pytest.fixture
def recorder_of():
    """Recorders with a clock that ticks once for each event."""
    opened = []

    def make(path=None, observe=None):
        ticks = count(1)
        recorder = Recorder(path, clock=lambda: next(ticks), observe=observe)
        opened.append(recorder)
        return recorder

    yield make
    for recorder in opened:
        recorder.close()


@pytest.fixture
def history_file(tmp_path, header, example_events, recorder_of):
    """A whole history of three examples, and its events."""
    path = tmp_path / "history.jsonl"
    events = []
    recorder = recorder_of(path, events.append)
    recorder.record(header)
    for example in range(3):
        for event in example_events(example):
            recorder.record(event)
    recorder.record(CampaignEnded(t=0))
    recorder.close()
    return path, events
