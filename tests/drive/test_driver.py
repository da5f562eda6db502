"""Driving plans: rounds, real concurrency, and every way in which an operation can end."""

import asyncio
import os
import threading
import time
from types import SimpleNamespace

import pytest

from overheard import OMITTED, Chunk, Refused, Reply, TargetError
from overheard.adapters.enter import enter
from overheard.adapters.manners import Manners
from overheard.core.canary import FactKey, mint_fact, mint_nonce
from overheard.core.contract import Contract
from overheard.core.errors import InternalError, UsageError
from overheard.core.ids import namespace
from overheard.drive.driver import drive
from overheard.history.events import (
    TEXT_LIMIT,
    Chunked,
    Completed,
    ExampleEnded,
    ExampleStarted,
    Failed,
    Invoked,
    Sight,
    Unknown,
)
from overheard.history.writer import Recorder

FACT = mint_fact(FactKey(7, 3, 0, 0))


def _kinds(events):
    return [(type(event).__name__, getattr(event, "operation", None)) for event in events]


def _ends(events):
    return [event for event in events if isinstance(event, Completed | Failed | Unknown)]


# --- what is called, and when


def test_ids_texts_and_callers_are_bound_to_campaign_and_example(driven, op, plan_of):
    seen = []

    async def target(message, *, thread="unset", resource="unset", caller, tenant):
        seen.append((message, thread, resource, caller.name, caller.tenant, tenant))
        return "ok"

    ns = namespace(7, 3)
    plan = plan_of(
        op(
            0,
            0,
            thread="t-<<ns>>",
            resource=None,
            text="it is <<fact>> <<ref>>",
            caller="r0",
            tenant="acme-<<ns>>",
        ),
        op(1, 1, thread=OMITTED, resource="", text="again <<ref>>", caller="r1-<<ns>>", asks=(0,)),
    )
    events = driven(target, plan)
    assert seen == [
        (f"it is {FACT} {mint_nonce(7, 3, 0)}", f"t-{ns}", None, "r0", f"acme-{ns}", f"acme-{ns}"),
        (f"again {mint_nonce(7, 3, 1, flags=1)}", "unset", "", f"r1-{ns}", None, None),
    ]
    invoked = [event for event in events if isinstance(event, Invoked)]
    assert [(event.thread, event.resource) for event in invoked] == [(f"t-{ns}", None), (OMITTED, "")]
    assert events[-1] == ExampleEnded(example=3, t=6)


def test_the_beginning_of_the_example_is_recorded_with_everything_about_it(driven, recording, plan_of):
    plan = plan_of(1)
    driven(lambda message: "ok", plan, phase="reduce", reduces=2)
    assert recording[1][0] == ExampleStarted(example=3, phase="reduce", plan=plan, t=1, reduces=2)


def test_operations_of_a_round_all_begin_before_any_ends_and_rounds_do_not_mix(driven, op, plan_of):
    async def target(message, *, thread):
        await asyncio.sleep(0)
        return thread

    plan = plan_of(*(op(number, number // 4) for number in range(8)))
    events = driven(target, plan)
    kinds = _kinds(events)
    for first in (0, 4):
        members = list(range(first, first + 4))
        part = kinds[2 * first : 2 * first + 8]
        assert part[:4] == [("Invoked", number) for number in members]
        assert sorted(part[4:]) == [("Completed", number) for number in members]
    assert all(event.suspended for event in _ends(events))


def test_concurrency_is_real_for_coroutines_and_for_plain_functions(driven, plan_of):
    """Each call waits for all the others: driven one after the other, this would end in time-outs."""
    barrier = threading.Barrier(12, timeout=5)

    def plain(message):
        barrier.wait()
        return "together"

    events = driven(plain, plan_of(12))
    assert [event.text for event in _ends(events)] == ["together"] * 12


def test_coroutines_meet_too(driven, plan_of):
    waiting = []
    everybody = asyncio.Event()

    async def target(message):
        waiting.append(message)
        if len(waiting) == 12:
            everybody.set()
        await asyncio.wait_for(everybody.wait(), 5)
        return "together"

    assert [event.text for event in _ends(driven(target, plan_of(12)))] == ["together"] * 12


def test_a_target_that_never_suspends_is_recorded_as_that(driven, plan_of):
    async def target(message):
        return "at once"

    events = driven(target, plan_of(2))
    assert _kinds(events[:-1]) == [("Invoked", 0), ("Completed", 0), ("Invoked", 1), ("Completed", 1)]
    assert not any(event.suspended for event in _ends(events))


def test_a_refusal_that_never_suspends_is_recorded_as_that(driven, plan_of):
    async def target(message):
        raise PermissionError("no")

    assert [event.suspended for event in _ends(driven(target, plan_of(1)))] == [False]


def test_the_mirror_is_paced_before_each_round(driven, op, plan_of):
    paces = []
    mirror = SimpleNamespace(pace=lambda *, latency, width: paces.append((latency, width)))

    async def target(message):
        paces.append("call")
        return "ok"

    driven(target, plan_of(op(0, 0), op(1, 1), op(2, 1), latency=250), mirror=mirror)
    assert paces == [(0.25, 1), "call", (0.25, 2), "call", "call"]


def test_what_was_told_settles_before_it_is_asked_for(driven, op, plan_of):
    times = []

    async def target(message):
        times.append(time.monotonic())
        return "ok"

    plan = plan_of(op(0, 0, tells="code"), op(1, 1), op(2, 2))
    driven(target, plan, contract=Contract(settle=120))
    assert times[1] - times[0] >= 0.12
    assert times[2] - times[1] < 0.12


def test_a_surface_that_the_target_does_not_have_is_refused_before_anything_is_recorded(
    recording, op, plan_of
):
    recorder, events = recording

    async def main(surface):
        async with enter(lambda message: "ok", name="my agent") as adapted:
            await drive(
                plan_of(op(0, 0, surface=surface)),
                example=0,
                phase="explore",
                adapted=adapted,
                recorder=recorder,
                mirror=None,
                campaign=7,
                contract=Contract(),
                timeout=1,
            )

    for surface in ("stream", "search"):
        with pytest.raises(
            UsageError, match=f"'{surface}', which cannot be driven on my agent; it offers: send"
        ):
            asyncio.run(main(surface))
    assert events == []


def test_no_operation_runs_out_of_its_time_while_it_waits_for_its_turn(driven, plan_of):
    begun = []

    async def target(message):
        begun.append(time.monotonic())
        await asyncio.sleep(0.05)
        return "ok"

    events = driven(target, plan_of(8), timeout=0.2, manners=Manners(rate=20))
    assert [type(event) for event in _ends(events)] == [Completed] * 8
    assert begun[-1] - begun[0] >= 7 / 20 - 0.02


# --- how operations end


def test_answers_are_scanned_whole_and_cut(driven, plan_of):
    async def target(message):
        return Reply(
            text="x" * 100_000 + f" my code is {FACT}.",
            ids={"thread": "th-1", "message": "m" * 5_000},
            channels={"header": f"trace {FACT}", "tool": "nothing"},
        )

    (end,) = _ends(driven(target, plan_of(1)))
    assert isinstance(end, Completed)
    assert end.length == 100_000 + len(f" my code is {FACT}.")
    assert len(end.text) <= TEXT_LIMIT
    assert f"my code is {FACT}" in end.text
    assert end.ids == {"thread": "th-1", "message": "m" * TEXT_LIMIT}
    assert end.sights == (Sight(FACT, "reply"), Sight(FACT, "header"))


@pytest.mark.parametrize("error", [Refused, PermissionError, KeyError])
def test_a_refusal_is_a_failure_and_its_text_is_scanned(driven, plan_of, error):
    async def target(message):
        await asyncio.sleep(0)
        raise error(f"not yours: {FACT}")

    (end,) = _ends(driven(target, plan_of(1)))
    assert isinstance(end, Failed)
    assert f"not yours: {FACT}" in end.text
    assert end.sights == (Sight(FACT, "error"),)
    assert end.suspended


class OddError(Exception):
    def __str__(self):
        raise RuntimeError("even this")


@pytest.mark.parametrize(
    ("error", "reason", "text"),
    [
        (ValueError(f"row {FACT}"), "error", f"ValueError: row {FACT}"),
        (TargetError("HTTP 500"), "error", "TargetError: HTTP 500"),
        (TimeoutError(), "error", "TimeoutError"),
        (OddError(), "error", "OddError"),
        (SystemExit(3), "error", "SystemExit"),
        (StopAsyncIteration("x"), "error", "StopAsyncIteration"),
        (asyncio.CancelledError("inside"), "error", "CancelledError"),
        (BaseExceptionGroup("both", [SystemExit(1), ValueError(FACT)]), "error", FACT),
    ],
)
@pytest.mark.parametrize("plain", [False, True])
def test_whatever_else_is_raised_is_unknown_and_the_run_goes_on(
    driven, op, plan_of, error, reason, text, plain
):
    def work(message):
        if "message 0" in message:
            raise error
        return "fine"

    async def target(message):
        return work(message)

    events = driven(work if plain else target, plan_of(op(0, 0), op(1, 0), op(2, 1)))
    first, *others = sorted(_ends(events), key=lambda event: event.operation)
    assert (type(first), first.reason) == (Unknown, reason)
    assert text in first.text
    assert [sight.token for sight in first.sights] == ([FACT] if FACT in first.text else [])
    assert [event.text for event in others] == ["fine", "fine"]
    assert isinstance(events[-1], ExampleEnded)


@pytest.mark.parametrize(
    "answer", [None, 7, b"bytes", {"text": "no"}, Reply(text=3), Reply(text="a", ids={1: 2})]
)
def test_an_answer_that_is_none_is_unknown_for_that_reason(driven, plan_of, answer):
    async def target(message):
        return answer

    (end,) = _ends(driven(target, plan_of(1)))
    assert (type(end), end.reason) == (Unknown, "invalid")
    assert end.text.startswith("InvalidAnswer: ")


def test_ctrl_c_in_a_target_is_not_swallowed(driven, plan_of):
    async def target(message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driven(target, plan_of(1))


# --- time-outs, cancellation


def test_a_time_out_ends_one_operation_and_not_its_neighbours(driven, op, plan_of):
    async def target(message):
        if "message 0" in message:
            await asyncio.sleep(60)
        return "fine"

    began = time.monotonic()
    events = driven(target, plan_of(op(0, 0), op(1, 0), op(2, 1)), timeout=0.1)
    assert time.monotonic() - began < 5
    ends = {event.operation: event for event in _ends(events)}
    assert (type(ends[0]), ends[0].reason) == (Unknown, "timeout")
    assert [ends[1].text, ends[2].text] == ["fine", "fine"]
    assert isinstance(events[-1], ExampleEnded)


def test_a_target_that_will_not_be_cancelled_is_given_up_and_says_no_more(driven, op, plan_of):
    released = []

    async def target(message):
        if "message 1" in message:
            released.append(True)
            await asyncio.sleep(0.1)
            return "second round"
        while not released:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        return f"too late {FACT}"

    events = driven(target, plan_of(op(0, 0), op(1, 1)), timeout=0.05, grace=0.05)
    assert _kinds(events) == [
        ("Invoked", 0),
        ("Unknown", 0),
        ("Invoked", 1),
        ("Unknown", 1),
        ("ExampleEnded", None),
    ]
    assert events[1].reason == "timeout"


def test_what_a_target_says_when_cancelled_is_unknown_and_scanned(driven, plan_of):
    async def target(message):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return f"so far: {FACT}"

    (end,) = _ends(driven(target, plan_of(1), timeout=0.05))
    assert (end.reason, end.sights) == ("timeout", (Sight(FACT, "reply"),))


def test_a_hanging_plain_function_times_out(driven, plan_of):
    release = threading.Event()
    try:
        (end,) = _ends(driven(lambda message: release.wait(30) and "late", plan_of(1), timeout=0.05))
    finally:
        release.set()
    assert end.reason == "timeout"


def test_a_neighbour_that_blocks_the_loop_does_not_use_up_the_time_of_the_others(driven, plan_of):
    async def target(message):
        if "message 0" in message:
            time.sleep(0.4)  # noqa: ASYNC251 - the mistake under test
            return "slow"
        await asyncio.sleep(0.05)
        return "fine"

    assert sorted(event.text for event in _ends(driven(target, plan_of(3), timeout=0.3))) == [
        "fine",
        "fine",
        "slow",
    ]


def test_cancelling_the_drive_records_what_was_in_flight_and_propagates(recording, op, plan_of, tmp_path):
    recorder, events = recording
    begun = asyncio.Event()

    async def target(message):
        begun.set()
        await asyncio.sleep(60)

    async def main():
        async with enter(target, name="t") as adapted:
            task = asyncio.create_task(
                drive(
                    plan_of(op(0, 0), op(1, 0), op(2, 1)),
                    example=0,
                    phase="explore",
                    adapted=adapted,
                    recorder=recorder,
                    mirror=None,
                    campaign=7,
                    contract=Contract(),
                    timeout=50,
                )
            )
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()

    asyncio.run(main())
    assert _kinds(events[1:]) == [("Invoked", 0), ("Invoked", 1), ("Unknown", 0), ("Unknown", 1)]
    assert {event.reason for event in _ends(events)} == {"cancelled"}


# --- streams


class Streamer:
    """Streams the given pieces; an exception among them is raised, a number slept."""

    def __init__(self, *pieces):
        self.pieces = pieces

    async def send(self, message):
        return "sent"

    async def stream(self, message):
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                yield piece


def _stream(driven, op, plan_of, *pieces, **options):
    return driven(Streamer(*pieces), plan_of(op(0, 0, surface="stream")), **options)


def test_deltas_are_scanned_one_by_one_and_joined(driven, op, plan_of):
    other = mint_fact(FactKey(7, 3, 5, 0))
    events = _stream(
        driven,
        op,
        plan_of,
        "hello ",
        Chunk(f"one {FACT} "),
        0.001,
        "and ",
        other[:9],
        Chunk(other[9:]),
        " bye",
    )
    chunks = [event for event in events if isinstance(event, Chunked)]
    assert [(chunk.text, chunk.sights) for chunk in chunks] == [(f"one {FACT} ", (Sight(FACT, "chunk"),))]
    (end,) = _ends(events)
    assert end.text == f"hello one {FACT} and {other} bye"
    assert end.length == len(end.text)
    assert end.sights == (Sight(FACT, "reply"), Sight(other, "reply"))
    assert end.suspended


@pytest.mark.parametrize(
    ("last", "reason"),
    [(ValueError("broke"), "error"), (30.0, "timeout"), (7, "invalid"), (PermissionError("no"), None)],
)
def test_what_was_streamed_before_the_end_counts(driven, op, plan_of, last, reason):
    (end,) = _ends(_stream(driven, op, plan_of, FACT[:7], FACT[7:], last, timeout=0.2))
    assert end.sights == (Sight(FACT, "reply"),)
    assert end.text.startswith(FACT)
    assert getattr(end, "reason", None) == reason


# --- extremes


def test_fifty_megabytes_are_an_answer_like_any_other(driven, op, plan_of):
    text = "lorem ipsum dolor sit amet, " * 1_800_000 + FACT

    async def target(message):
        return text

    (end,) = _ends(driven(target, plan_of(1), timeout=120))
    assert (end.length, end.sights) == (len(text), (Sight(FACT, "reply"),))
    assert len(end.text) <= TEXT_LIMIT


def test_a_time_out_while_an_answer_is_being_scanned_does_not_hide_what_is_in_it(driven, plan_of):
    text = "lorem ipsum dolor sit amet, " * 1_800_000 + FACT

    async def target(message):
        return text

    (end,) = _ends(driven(target, plan_of(1), timeout=0.01, grace=0.01))
    assert (type(end), end.sights) == (Completed, (Sight(FACT, "reply"),))


def test_a_history_that_cannot_be_written_stops_the_example(tmp_path, plan_of):
    recorder = Recorder(tmp_path / "history.jsonl", clock=lambda: 0)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, recorder._file)
    os.close(full)
    calls = []

    async def target(message):
        calls.append(message)
        if len(calls) > 1:
            await asyncio.sleep(60)
        return "x" * 3_000

    async def main():
        async with enter(target, name="t") as adapted:
            for example in range(10_000):
                await drive(
                    plan_of(2),
                    example=example,
                    phase="explore",
                    adapted=adapted,
                    recorder=recorder,
                    mirror=None,
                    campaign=7,
                    contract=Contract(),
                    timeout=0.01,
                )

    with pytest.raises(InternalError, match="No space left on device"):
        asyncio.run(main())
    recorder.close()
    assert len(calls) == 2
