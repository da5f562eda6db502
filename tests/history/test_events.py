"""Whatever is recorded is read back as it was."""

import tempfile
from itertools import count
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.contract import Contract
from overheard.core.ids import OMITTED
from overheard.core.offers import Offers
from overheard.core.operation import Operation, Plan
from overheard.history.events import (
    CampaignEnded,
    Chunked,
    Completed,
    ExampleEnded,
    ExampleStarted,
    Failed,
    Header,
    Injection,
    Invoked,
    ModelAnswered,
    ModelCalled,
    Reduced,
    Sight,
    Stalled,
    Unknown,
)
from overheard.history.reader import open_history
from overheard.history.writer import Recorder

TEXT = st.text(max_size=20)
NUMBER = st.integers(0, 2**40)
SMALL = st.integers(0, 9)
ID = st.one_of(TEXT, st.none(), st.just(OMITTED))
CHANNEL = st.sampled_from(["reply", "chunk", "prompt", "tool", "listing", "error", "header"])
SIGHTS = st.lists(st.builds(Sight, TEXT, CHANNEL, TEXT), max_size=3).map(tuple)
NONCES = st.lists(st.tuples(NUMBER, NUMBER, NUMBER), max_size=3).map(tuple)
WORDS = st.dictionaries(TEXT, TEXT, max_size=2)
OPERATION = st.builds(
    Operation,
    number=SMALL,
    round=SMALL,
    caller=TEXT,
    tenant=st.none() | TEXT,
    resource=ID,
    thread=ID,
    text=TEXT,
    tells=st.none() | TEXT,
    asks=st.lists(SMALL, max_size=2).map(tuple),
    intrudes=st.booleans(),
)
PLAN = st.builds(
    Plan,
    scenario=TEXT,
    mode=st.sampled_from(["sequential", "interleaved", "concurrent"]),
    operations=st.lists(OPERATION, max_size=3).map(tuple),
    seed=st.none() | NUMBER,
    latency=SMALL,
)
ABOUT = {"example": SMALL, "operation": SMALL, "t": st.just(0)}
SAID = {"text": TEXT, "length": NUMBER, "sights": SIGHTS, "suspended": st.booleans()}
EVENT = st.one_of(
    st.builds(
        ExampleStarted,
        example=SMALL,
        plan=PLAN,
        injection=st.none()
        | st.builds(Injection, injector=TEXT, invariant=TEXT, channel=CHANNEL, fact=SMALL, into=SMALL),
        reduces=st.none() | SMALL,
    ),
    st.builds(Invoked, **ABOUT, thread=ID, resource=ID),
    st.builds(Completed, **ABOUT, **SAID, ids=WORDS),
    st.builds(Failed, **ABOUT, **SAID),
    st.builds(Unknown, **ABOUT, **SAID, reason=st.sampled_from(["error", "timeout", "cancelled", "invalid"])),
    st.builds(Chunked, **ABOUT, text=TEXT, sights=SIGHTS),
    st.builds(
        ModelCalled,
        example=SMALL,
        call=NUMBER,
        t=st.just(0),
        nonces=NONCES,
        elsewhere=NONCES,
        thread=st.none() | TEXT,
        resource=st.none() | TEXT,
        text=TEXT,
        sights=SIGHTS,
    ),
    st.builds(ModelAnswered, example=SMALL, call=NUMBER, t=st.just(0), closed=st.booleans()),
    st.builds(Stalled, example=SMALL, t=st.just(0), milliseconds=NUMBER),
    st.builds(ExampleEnded, example=SMALL, t=st.just(0)),
    st.builds(
        Reduced,
        example=SMALL,
        invariant=TEXT,
        owner=SMALL,
        observer=SMALL,
        channel=CHANNEL,
        minimal=SMALL,
        plan=PLAN,
        executions=NUMBER,
    ),
    st.builds(CampaignEnded, t=st.just(0), detail=TEXT),
)


def _everything(history):
    """All events of a history after its header, but for the ends of examples."""
    examples = list(history.examples())
    events = list(history.before)
    for example in examples:
        events += [example.started, *example.events]
    return events, list(history.reductions), history.end


@settings(deadline=None, max_examples=150)
@given(st.lists(EVENT, max_size=12))
def test_any_sequence_of_events_is_read_back_as_it_was_recorded(events):
    ticks = count(1)
    recorded = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        recorder = Recorder(path, clock=lambda: next(ticks), observe=recorded.append)
        recorder.record(
            Header(overheard="1", campaign=1, seed=2, target="t", contract=Contract(), offers=Offers())
        )
        for event in events:
            recorder.record(event)
        recorder.close()
        history = open_history(path)
        read, reductions, end = _everything(history)
    apart = (ExampleEnded, Reduced, CampaignEnded)
    assert history.header == recorded[0]
    assert read == [event for event in recorded[1:] if not isinstance(event, apart)]
    assert reductions == [event for event in recorded if isinstance(event, Reduced)]
    ends = [event for event in recorded if isinstance(event, CampaignEnded)]
    assert end == (ends[-1] if ends else None)
    assert [event.t for event in recorded[1:]] == list(range(1, len(recorded)))
