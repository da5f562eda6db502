"""Rounds under a schedule: the mirror holds model calls, and what goes on next is a matter of data.

Targets here call a real mirror over HTTP, as anybody's do.
"""

import asyncio
import contextlib
import os
import time
from itertools import count, pairwise

import aiohttp
import pytest

from overheard.adapters.enter import enter
from overheard.core.contract import Contract
from overheard.core.schedule import Decision, Happening, Schedule
from overheard.drive.driver import drive
from overheard.drive.patience import FIRST, LATER, Patience
from overheard.environment import environment
from overheard.history.events import (
    Completed,
    Decided,
    ExampleEnded,
    Failed,
    Invoked,
    ModelAnswered,
    ModelCalled,
    Unknown,
)
from overheard.history.writer import Recorder
from overheard.mirror.server import Mirror
from overheard.zoo.model import Message, Model

SEQUENTIAL = Schedule()
WALK = Schedule(strategy="walk", choices=(7, 3, 11, 2, 59, 30, 1, 5, 8, 13, 21, 34, 55, 4, 9))


class Talking:
    """A target with a model client; `body` is what it does with a message."""

    def __init__(self, body):
        self.model, self.body = Model(), body

    async def __aenter__(self):
        self.session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_error):
        await self.session.close()
        await self.model.close()

    async def post(self, path, body, **headers):
        url = f"{os.environ['OPENAI_BASE_URL']}/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(url, json=body, headers=named) as answer:
            assert answer.status == 200
            return await answer.json()

    async def ask(self, message, role="user"):
        return await self.model.chat([Message(role, message)])

    async def send(self, message, *, resource=None):
        return await self.body(self, message, resource)


async def once(agent, message, resource):
    return await agent.ask(message)


async def twice(agent, message, resource):
    await agent.ask(message)
    return await agent.ask(message)


@pytest.fixture
def scheduled():
    """scheduled(body, plan, …) -> the events of the example, driven against a mirror of its own."""

    def run(body, plan, *, timeout=20.0, grace=1.0, patience=None, limit=60.0):
        ticks, events = count(1), []
        recorder = Recorder(None, clock=lambda: next(ticks), observe=events.append)

        async def main(mirror):
            async with enter(Talking(body), name="target") as adapted, asyncio.timeout(limit):
                await drive(
                    plan,
                    example=3,
                    phase="explore",
                    adapted=adapted,
                    recorder=recorder,
                    mirror=mirror,
                    campaign=7,
                    contract=Contract(),
                    timeout=timeout,
                    grace=grace,
                    patience=patience,
                )
            assert not mirror.gate.closed

        with Mirror(recorder) as mirror, environment(mirror.environment()):
            asyncio.run(main(mirror))
        return events

    return run


def decisions(events):
    return [(e.action, e.operation, e.nth) for e in events if isinstance(e, Decided)]


def ends(events):
    return {e.operation: e for e in events if isinstance(e, Completed | Failed | Unknown)}


def intervals(events):
    """Positions of (first call, last answer) by operation, from the order of the history alone."""
    calls, spans = {}, {}
    for position, event in enumerate(events):
        if isinstance(event, ModelCalled) and event.nonces:
            calls[event.call] = event.nonces[0][2]
            spans.setdefault(event.nonces[0][2], [position, position])
        elif isinstance(event, ModelAnswered) and event.call in calls:
            spans[calls[event.call]][1] = position
    return spans


# --- what a schedule means


def test_the_empty_schedule_is_the_sequential_run(scheduled, plan_of):
    events = scheduled(twice, plan_of(3, schedule=SEQUENTIAL))
    assert decisions(events) == [
        (action, number, nth)
        for number in range(3)
        for action, nth in (("start", 0), ("release", 0), ("release", 1))
    ]
    spans = sorted(intervals(events).values())
    assert all(before[1] < after[0] for before, after in pairwise(spans))
    assert all(isinstance(end, Completed) for end in ends(events).values())
    assert isinstance(events[-1], ExampleEnded)


def test_a_choice_counts_among_held_calls_oldest_first_and_then_what_has_not_started(scheduled, plan_of):
    # start 1 (of 0 1 2); start 0 (held: 1; then 0 2); release 0 (held: 1 0); release 1; start 2; ...
    plan = plan_of(3, schedule=Schedule(choices=(1, 1, 1)))
    events = scheduled(once, plan)
    assert decisions(events) == [
        ("start", 1, 0),
        ("start", 0, 0),
        ("release", 0, 0),
        ("release", 1, 0),
        ("start", 2, 0),
        ("release", 2, 0),
    ]
    chosen = [(e.choice, e.possible) for e in events if isinstance(e, Decided)]
    assert chosen == [(1, 3), (1, 3), (1, 3), (0, 2), (0, 1), (0, 1)]


def test_any_integers_are_a_schedule_and_the_same_ones_give_the_same_run(scheduled, plan_of):
    runs = [decisions(scheduled(twice, plan_of(4, schedule=WALK))) for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(runs[0]) == 12
    assert runs[0] != decisions(scheduled(twice, plan_of(4, schedule=SEQUENTIAL)))


def test_each_round_ends_before_the_next_begins_and_choices_go_on(scheduled, op, plan_of):
    plan = plan_of(op(0, 0), op(1, 0), op(2, 1), op(3, 1), schedule=Schedule(choices=(0, 1, 0, 1)))
    events = scheduled(once, plan)
    # Where one thing alone can be done, no choice is spent: two starts and a release in each round.
    assert decisions(events)[:3] == [("start", 0, 0), ("start", 1, 0), ("release", 0, 0)]
    assert decisions(events)[4:6] == [("start", 3, 0), ("release", 3, 0)]
    first = max(position for position, e in enumerate(events) if getattr(e, "operation", 9) < 2)
    assert first < min(p for p, e in enumerate(events) if isinstance(e, Invoked) and e.operation > 1)


def test_by_priority_whoever_is_first_is_served_to_its_end(scheduled, plan_of):
    plan = plan_of(3, schedule=Schedule(strategy="pct", priorities=(1, 9, 4), depth=1))
    assert [operation for _, operation, _ in decisions(scheduled(twice, plan))] == [1, 1, 1, 2, 2, 2, 0, 0, 0]


def test_at_a_change_whoever_would_be_served_falls_behind_all_others(scheduled, op, plan_of):
    # At point 1 operation 1, started and held, falls behind; at point 1 of the next round, operation 2.
    schedule = Schedule(strategy="pct", priorities=(1, 9, 8, 2), changes=(1, 1), depth=2)
    plan = plan_of(op(0, 0), op(1, 0), op(2, 1), op(3, 1), schedule=schedule)
    assert [operation for _, operation, _ in decisions(scheduled(once, plan))] == [1, 0, 0, 1, 2, 3, 3, 2]


def test_what_had_happened_before_each_decision_is_recorded(scheduled, plan_of):
    events = scheduled(once, plan_of(2, schedule=Schedule(choices=(0, 1))))
    assert [e.after for e in events if isinstance(e, Decided)] == [
        (),
        (Happening(0, "chat", 0),),
        (Happening(1, "chat", 0),),
        (Happening(0),),
    ]
    released = {e.call for e in events if isinstance(e, Decided) and e.action == "release"}
    assert released == {e.call for e in events if isinstance(e, ModelCalled)}


def test_calls_of_an_operation_are_told_apart_by_their_shape(scheduled, plan_of):
    async def with_tools(agent, message, resource):
        await agent.ask(message)
        body = {
            "messages": [{"role": "user", "content": message}],
            "response_format": {"type": "json_object"},
        }
        return (await agent.post("chat/completions", body))["choices"][0]["message"]["content"]

    events = scheduled(with_tools, plan_of(1, schedule=SEQUENTIAL))
    assert [(e.shape, e.nth) for e in events if isinstance(e, Decided)] == [
        ("", 0),
        ("chat", 0),
        ("chat document", 0),
    ]


# --- targets of every kind neither hang nor are misjudged


@pytest.mark.parametrize("schedule", [SEQUENTIAL, WALK, Schedule(strategy="pct", priorities=(1, 2), depth=2)])
def test_one_that_never_calls_a_model(scheduled, plan_of, schedule):
    async def silent(agent, message, resource):
        await asyncio.sleep(0.001)
        return "done"

    async def immediate(agent, message, resource):
        return "done"

    for body in (silent, immediate):
        events = scheduled(body, plan_of(4, schedule=schedule))
        assert [action for action, _, _ in decisions(events)] == ["start"] * 4
        assert {end.text for end in ends(events).values()} == {"done"}


@pytest.mark.parametrize("schedule", [SEQUENTIAL, WALK])
def test_one_that_calls_several_times_at_once(scheduled, plan_of, schedule):
    async def parallel(agent, message, resource):
        return " ".join(await asyncio.gather(*(agent.ask(message) for _ in range(3))))

    events = scheduled(parallel, plan_of(2, schedule=schedule))
    assert sorted(decisions(events)) == sorted(
        (action, number, nth)
        for number in range(2)
        for action, nth in (("start", 0), ("release", 0), ("release", 1), ("release", 2))
    )
    assert all(isinstance(end, Completed) for end in ends(events).values())


def test_one_that_streams(scheduled, op, plan_of):
    class Streaming(Talking):
        async def stream(self, message, *, resource=None):
            for word in (await self.ask(message)).split():
                yield word
                await asyncio.sleep(0)

    plan = plan_of(*(op(n, 0, surface="stream") for n in range(3)), schedule=WALK)
    ticks, events = count(1), []
    recorder = Recorder(None, clock=lambda: next(ticks), observe=events.append)

    async def main(mirror):
        async with enter(Streaming(once), name="target") as adapted:
            await drive(
                plan, example=3, phase="explore", adapted=adapted, recorder=recorder, mirror=mirror,
                campaign=7, contract=Contract(), timeout=20.0,
            )  # fmt: skip

    with Mirror(recorder) as mirror, environment(mirror.environment()):
        asyncio.run(main(mirror))
    assert {number: end.nonces for number, end in ends(events).items()} == {
        number: ((7, 3, number),) for number in range(3)
    }


@pytest.mark.parametrize("at_once", [1, 2])
def test_one_that_limits_its_own_concurrency(scheduled, plan_of, at_once):
    rooms = {}

    async def limited(agent, message, resource):
        room = rooms.setdefault(id(agent), asyncio.Semaphore(at_once))
        async with room:
            return await twice(agent, message, resource)

    patience = Patience()
    events = scheduled(limited, plan_of(4, schedule=WALK), patience=patience)
    assert all(isinstance(end, Completed) for end in ends(events).values())
    marked = [e.blocked for e in events if isinstance(e, Decided) and e.blocked]
    assert marked
    assert patience.marks >= 1
    assert patience.slow == 0
    # From then on it is known to block, and is waited for less.
    assert patience.seconds < FIRST


def test_one_that_is_only_slow_is_waited_for(scheduled, plan_of):
    """Slowness must not make a race of a sequential run: the sequential run starts nothing beside it."""
    patience = Patience()

    async def slow(agent, message, resource):
        await asyncio.sleep(0.4)
        return await agent.ask(message)

    events = scheduled(slow, plan_of(3, schedule=SEQUENTIAL), patience=patience)
    assert patience.marks == 0
    spans = sorted(intervals(events).values())
    assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_one_slower_than_the_patience_is_found_to_be_slow_and_waited_for_longer(scheduled, plan_of):
    patience = Patience()

    async def once_slow(agent, message, resource):
        if "message 0" in message:
            await asyncio.sleep(FIRST + 0.6)
        return await agent.ask(message)

    events = scheduled(once_slow, plan_of(2, schedule=SEQUENTIAL), patience=patience)
    assert (patience.marks, patience.slow) == (1, 1)
    assert patience.seconds > FIRST
    assert all(isinstance(end, Completed) for end in ends(events).values())


def test_one_that_gives_up_on_its_model_and_asks_again(scheduled, plan_of):
    async def impatient(agent, message, resource):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.15):
                return await agent.ask(message)
        return await agent.ask(message)

    # Operation 0 is held while 1 takes its time: it hangs up and asks again.
    async def body(agent, message, resource):
        if "message 1" in message:
            await asyncio.sleep(0.5)
            return await agent.ask(message)
        return await impatient(agent, message, resource)

    events = scheduled(body, plan_of(2, schedule=Schedule(choices=(0, 1))))
    assert all(isinstance(end, Completed) for end in ends(events).values())
    assert [e.closed for e in events if isinstance(e, ModelAnswered)].count(True) == 1
    assert ("release", 0, 1) in decisions(events)


def test_work_after_the_answer_is_not_held(scheduled, plan_of):
    late = []

    async def with_a_title(agent, message, resource):
        reply = await agent.ask(message)
        late.append(asyncio.get_running_loop().create_task(_later(agent, message)))
        return reply

    async def _later(agent, message):
        await asyncio.sleep(0.05)
        return await agent.ask(message)

    async def waits(agent, message, resource):
        reply = await with_a_title(agent, message, resource)
        if "message 2" in message:
            await asyncio.wait(late)
        return reply

    events = scheduled(waits, plan_of(3, schedule=SEQUENTIAL))
    assert all(isinstance(end, Completed) for end in ends(events).values())
    assert sum(isinstance(e, ModelCalled) for e in events) == 6
    # The title of the last one is asked for before its answer, and is its second call; the others are late.
    assert [d for d in decisions(events) if d[2] == 1] == [("release", 2, 1)]


def test_calls_of_nobody_and_embeddings_are_not_held(scheduled, plan_of):
    async def probing(agent, message, resource):
        await agent.ask("how long is a vector?")
        await agent.post("embeddings", {"input": [message]})
        return await agent.ask(message)

    events = scheduled(probing, plan_of(3, schedule=WALK))
    assert sum(isinstance(e, ModelCalled) for e in events) == 9
    assert len([d for d in decisions(events) if d[0] == "release"]) == 3


def test_who_is_named_by_headers_only_is_held(scheduled, plan_of):
    async def summarising(agent, message, resource):
        await agent.ask(message)
        number = message.split()[1]
        body = {"messages": [{"role": "user", "content": "Summarise."}]}
        ids = {"x_thread_id": f"t{number}", "x_resource_id": f"r{number}"}
        return (await agent.post("chat/completions", body, **ids))["choices"][0]["message"]["content"]

    events = scheduled(summarising, plan_of(2, schedule=SEQUENTIAL))
    assert decisions(events) == [
        (action, number, nth)
        for number in range(2)
        for action, nth in (("start", 0), ("release", 0), ("release", 1))
    ]


def test_one_that_hangs_is_timed_out_and_keeps_nobody(scheduled, plan_of):
    async def hanging(agent, message, resource):
        if "message 1" in message:
            await asyncio.sleep(60)
        return await agent.ask(message)

    before = time.monotonic()
    events = scheduled(hanging, plan_of(3, schedule=Schedule(choices=(0, 1, 1))), timeout=1.5)
    assert time.monotonic() - before < 15
    assert {n: type(end).__name__ for n, end in ends(events).items()} == {
        0: "Completed",
        1: "Unknown",
        2: "Completed",
    }
    assert ends(events)[1].reason == "timeout"


def test_the_time_spent_held_is_not_the_targets(scheduled, plan_of):
    """Four operations that take half a second each go one after the other: none has had a whole second."""

    async def slow(agent, message, resource):
        await asyncio.sleep(0.25)
        reply = await agent.ask(message)
        await asyncio.sleep(0.25)
        return reply

    # All are started first, so the last one is released two seconds after it began.
    events = scheduled(slow, plan_of(4, schedule=Schedule(choices=(0, 1, 2, 3))), timeout=1.0)
    assert all(isinstance(end, Completed) for end in ends(events).values())


def test_one_that_does_not_end_when_cancelled_is_given_up(scheduled, plan_of):
    async def body(agent, message, resource):
        if "message 0" not in message:
            return await agent.ask(message)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(1.5)
        return "at last"

    before = time.monotonic()
    events = scheduled(body, plan_of(2, schedule=WALK), timeout=0.5, grace=0.2)
    assert time.monotonic() - before < 20
    assert ends(events)[0].reason == "timeout"
    assert isinstance(ends(events)[1], Completed)


def test_one_that_breaks_or_blocks_its_loop(scheduled, plan_of):
    async def breaking(agent, message, resource):
        if "message 0" in message:
            raise RuntimeError("no")
        time.sleep(0.05)  # noqa: ASYNC251 - that is the point
        return await agent.ask(message)

    events = scheduled(breaking, plan_of(3, schedule=WALK))
    assert isinstance(ends(events)[0], Unknown)
    assert isinstance(ends(events)[1], Completed)


def test_an_interrupt_lets_everything_go(scheduled, plan_of):
    async def hanging(agent, message, resource):
        await agent.ask(message)
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        scheduled(hanging, plan_of(3, schedule=WALK), limit=1.0)


def test_without_a_mirror_operations_are_started_in_turn(driven, plan_of):
    begun = []

    async def target(message):
        begun.append(message.split()[1])
        await asyncio.sleep(0)
        return "ok"

    events = driven(target, plan_of(3, schedule=Schedule(choices=(2, 1))))
    assert begun == ["2", "1", "0"]
    assert decisions(events) == [("start", 2, 0), ("start", 1, 0), ("start", 0, 0)]


# --- following a recorded run


def recorded(events):
    return tuple(
        Decision(action=e.action, operation=e.operation, shape=e.shape, nth=e.nth, after=e.after)
        for e in events
        if isinstance(e, Decided)
    )


def test_a_recorded_run_is_followed_step_by_step_whatever_the_target_s_pace(scheduled, plan_of):
    pace = iter(range(1, 1000))

    async def jittery(agent, message, resource):
        await asyncio.sleep(next(pace) * 0.037 % 0.05)
        await agent.ask(message)
        await asyncio.sleep(next(pace) * 0.031 % 0.05)
        return await agent.ask(message)

    first = recorded(scheduled(jittery, plan_of(3, schedule=WALK)))
    for _ in range(3):
        events = scheduled(jittery, plan_of(3, schedule=Schedule(decisions=first)))
        assert [(step.action, step.operation, step.nth) for step in first] == decisions(events)
        assert not any(e.diverged for e in events if isinstance(e, Decided))


def test_a_run_that_cannot_be_followed_says_so_and_goes_on(scheduled, plan_of):
    first = recorded(scheduled(twice, plan_of(2, schedule=WALK)))
    impossible = tuple(
        step if place != 3 else Decision(action="release", operation=0, shape="chat tools")
        for place, step in enumerate(first)
    )
    events = scheduled(twice, plan_of(2, schedule=Schedule(decisions=impossible)))
    made = [e for e in events if isinstance(e, Decided)]
    assert [e.diverged for e in made] == [place == 3 for place in range(len(made))]
    assert all(isinstance(end, Completed) for end in ends(events).values())


def test_what_does_not_happen_is_waited_for_within_bounds(scheduled, plan_of, monkeypatch):
    monkeypatch.setattr("overheard.drive.scheduler.FOLLOW_SECONDS", 0.2)
    awaited = Decision(action="start", operation=1, after=(Happening(0, "chat", 5),))
    steps = (Decision(action="start", operation=0), awaited)
    before = time.monotonic()
    events = scheduled(once, plan_of(2, schedule=Schedule(decisions=steps)))
    assert time.monotonic() - before < 10
    assert decisions(events)[:2] == [("start", 0, 0), ("start", 1, 0)]


def test_many_at_once(scheduled, plan_of):
    events = scheduled(twice, plan_of(30, schedule=WALK))
    made = [e for e in events if isinstance(e, Decided)]
    assert len(made) == 90
    assert not any(e.blocked for e in made)
    assert all(isinstance(end, Completed) for end in ends(events).values())


# --- how long a sign is waited for


def test_patience_grows_with_the_target_and_shrinks_once_it_blocks():
    patience = Patience()
    assert patience.seconds == FIRST
    patience.step(0.4)
    assert patience.seconds == pytest.approx(3.2)
    patience.step(100.0)
    assert patience.seconds == 10.0
    patience = Patience()
    patience.marked()
    patience.resolved(by_another=True)
    assert patience.seconds == LATER
    for _ in range(250):
        patience.step(0.02)
    assert patience.seconds == pytest.approx(0.16)


# --- several calls of one operation at once


async def at_once(agent, message, resource):
    """Asks for a document and for a tone at once; the tone comes over a connection that has to be made."""
    document = {
        "messages": [{"role": "user", "content": message}],
        "response_format": {"type": "json_object"},
    }
    asking = asyncio.create_task(agent.post("chat/completions", document))
    await asyncio.sleep(0.002)
    tone = await agent.ask(message)
    await asking
    return tone


def test_of_an_operation_with_two_calls_at_once_none_is_answered_before_both_are_there(scheduled, plan_of):
    patience = Patience()
    schedule = Schedule(strategy="walk", choices=(1,) * 60)
    scheduled(at_once, plan_of(4, schedule=schedule), patience=patience)
    assert patience.together > 0, "that it makes two at once shows when another is chosen before the first"
    events = scheduled(at_once, plan_of(1, schedule=schedule), patience=patience)
    made = [(e.shape, e.possible) for e in events if isinstance(e, Decided)]
    assert made == [("", 1), ("chat", 2), ("chat document", 1)]


@pytest.mark.parametrize("followed", [False, True])
def test_what_is_answered_has_its_effect_before_the_next_is_though_others_are_held(
    scheduled, plan_of, followed
):
    seen = []

    async def first_comes_first(agent, message, resource):
        async def document():
            body = {
                "messages": [{"role": "user", "content": message}],
                "response_format": {"type": "json_object"},
            }
            await agent.post("chat/completions", body)
            await asyncio.sleep(0.002)
            seen.append("document")

        asking = asyncio.create_task(document())
        await asyncio.sleep(0.002)
        tone = await agent.ask(message)
        seen.append("tone")
        await asking
        return tone

    patience = Patience()
    patience.beside(0.001)
    schedule = Schedule()
    if followed:
        # When the document has been answered the tone is all that is held: that alone is no reason for haste.
        shapes = {"chat document": Happening(0, "chat document"), "chat": Happening(0, "chat")}
        recorded = [Decision(action="start", operation=0)]
        for shape, after in zip(shapes, (tuple(shapes.values()), ()), strict=True):
            recorded.append(Decision(action="release", operation=0, shape=shape, after=after))
        schedule = Schedule(decisions=tuple(recorded))
    for _ in range(10):
        events = scheduled(first_comes_first, plan_of(1, schedule=schedule), patience=patience)
        assert not any(event.diverged for event in events if isinstance(event, Decided))
    assert seen == ["document", "tone"] * 10
