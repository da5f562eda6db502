"""Calls that are cancelled on purpose: where, what becomes of them, and that the next one comes at once."""

import asyncio
import contextlib
import time

import pytest

from overheard.adapters.enter import enter
from overheard.core.contract import Contract
from overheard.core.operation import Cancel
from overheard.core.schedule import Decision, Schedule
from overheard.drive.driver import drive
from overheard.environment import environment
from overheard.history.events import Completed, Decided, Invoked, ModelAnswered, ModelCalled, Unknown
from overheard.history.writer import Recorder
from overheard.mirror.server import Mirror
from overheard.zoo.model import Message, Model


class Talking:
    def __init__(self, body):
        self.model, self.body = Model(), body

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error):
        await self.model.close()

    async def ask(self, message):
        return await self.model.chat([Message("user", message)])

    async def send(self, message, *, resource=None):
        return await self.body(self, message, resource)


async def twice(agent, message, resource):
    await agent.ask(message)
    return await agent.ask(message)


@pytest.fixture
def cancelled():
    """cancelled(body, plan, …) -> the events of the example, driven against a mirror of its own."""

    def run(body, plan, *, timeout=20.0, grace=1.0):
        ticks, events = iter(range(1, 10**9)), []
        recorder = Recorder(None, clock=lambda: next(ticks), observe=events.append)

        async def main(mirror):
            async with enter(Talking(body), name="target") as adapted, asyncio.timeout(60):
                await drive(
                    plan, example=3, phase="explore", adapted=adapted, recorder=recorder, mirror=mirror,
                    campaign=7, contract=Contract(), timeout=timeout, grace=grace,
                )  # fmt: skip

        with Mirror(recorder) as mirror, environment(mirror.environment()):
            asyncio.run(main(mirror))
        return events

    return run


def decisions(events):
    return [(e.action, e.operation, e.nth) for e in events if isinstance(e, Decided)]


def ends(events):
    return {e.operation: e for e in events if isinstance(e, Completed | Unknown)}


@pytest.mark.parametrize(
    ("where", "done"),
    [
        (Cancel(), [("start", 0, 0), ("cancel", 0, 0)]),
        (Cancel(calls=1), [("start", 0, 0), ("release", 0, 0), ("cancel", 0, 0)]),
        (Cancel(calls=1, milliseconds=1), [("start", 0, 0), ("release", 0, 0), ("cancel", 0, 0)]),
        (Cancel(steps=1), [("start", 0, 0), ("cancel", 0, 0)]),
        (Cancel(milliseconds=30), [("start", 0, 0), ("cancel", 0, 0)]),
    ],
)
def test_it_is_cancelled_where_the_plan_says_and_the_next_one_comes_at_once(
    cancelled, op, plan_of, where, done
):
    events = cancelled(twice, plan_of(op(0, 0, cancel=where), op(1, 0)))
    assert decisions(events) == [*done, ("start", 1, 0), ("release", 1, 0), ("release", 1, 1)]
    assert (type(ends(events)[0]), ends(events)[0].reason) == (Unknown, "cancelled")
    assert isinstance(ends(events)[1], Completed)
    order = [e for e in events if isinstance(e, Unknown | Decided | Invoked)]
    gone = next(place for place, e in enumerate(order) if isinstance(e, Unknown))
    assert [(type(e).__name__, e.operation) for e in order[gone + 1 : gone + 3]] == [
        ("Decided", 1),
        ("Invoked", 1),
    ]


def test_the_model_hears_that_the_caller_is_gone(cancelled, op, plan_of):
    events = cancelled(twice, plan_of(op(0, 0, cancel=Cancel()), op(1, 0)))
    first = next(e.call for e in events if isinstance(e, ModelCalled))
    assert [e.closed for e in events if isinstance(e, ModelAnswered) and e.call == first] == [True]


def test_what_ends_before_is_not_cancelled(cancelled, op, plan_of):
    async def quick(agent, message, resource):
        return "done"

    for where in (Cancel(), Cancel(calls=3), Cancel(steps=50), Cancel(milliseconds=5)):
        events = cancelled(quick, plan_of(op(0, 0, cancel=where), op(1, 0)))
        assert [e.text for e in ends(events).values()] == ["done", "done"]
        assert "cancel" not in [action for action, _, _ in decisions(events)]


def test_one_that_asks_less_often_than_it_was_to_be_cancelled_ends(cancelled, op, plan_of):
    events = cancelled(twice, plan_of(op(0, 0, cancel=Cancel(calls=2)), op(1, 0)))
    assert all(isinstance(end, Completed) for end in ends(events).values())


def test_who_stands_before_it_in_the_round_may_be_on_its_way_and_who_stands_behind_may_not(
    cancelled, op, plan_of
):
    plan = plan_of(op(0, 0), op(1, 0, cancel=Cancel()), op(2, 0), schedule=Schedule(choices=(0, 1, 0)))
    events = cancelled(twice, plan)
    assert decisions(events)[:4] == [("start", 0, 0), ("start", 1, 0), ("cancel", 1, 0), ("start", 2, 0)]
    assert [e.possible for e in events if isinstance(e, Decided)][:2] == [2, 2]
    assert isinstance(ends(events)[0], Completed)
    assert isinstance(ends(events)[2], Completed)


def test_one_that_waits_for_another_is_cancelled_as_it_waits(cancelled, op, plan_of):
    locks = {}

    async def locked(agent, message, resource):
        async with locks.setdefault(id(agent), asyncio.Lock()):
            return await agent.ask(message)

    plan = plan_of(op(0, 0), op(1, 0, cancel=Cancel()), op(2, 0), schedule=Schedule(choices=(0, 1)))
    events = cancelled(locked, plan)
    assert ends(events)[1].reason == "cancelled"
    assert isinstance(ends(events)[2], Completed)


def test_its_end_is_awaited_but_not_for_ever(cancelled, op, plan_of):
    async def stubborn(agent, message, resource):
        if "message 0" in message:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            await asyncio.sleep(1.0)
        return await agent.ask(message)

    before = time.monotonic()
    events = cancelled(stubborn, plan_of(op(0, 0, cancel=Cancel(steps=3)), op(1, 0)), grace=0.2)
    assert time.monotonic() - before < 20
    assert ends(events)[0].reason == "cancelled"
    assert isinstance(ends(events)[1], Completed)


def test_one_that_cleans_up_is_given_the_time(cancelled, op, plan_of):
    cleaned = []

    async def tidy(agent, message, resource):
        try:
            return await agent.ask(message)
        finally:
            await asyncio.sleep(0.05)
            cleaned.append(message.split()[1])

    events = cancelled(tidy, plan_of(op(0, 0, cancel=Cancel()), op(1, 0)))
    assert cleaned == ["0", "1"]
    invoked = {e.operation: place for place, e in enumerate(events) if isinstance(e, Invoked)}
    gone = next(place for place, e in enumerate(events) if isinstance(e, Unknown))
    assert gone < invoked[1]


def test_a_plain_function_goes_on_in_its_thread_and_is_not_waited_for(driven, op, plan_of):
    began = []

    def slow(message):
        began.append(message.split()[1])
        time.sleep(0.3)
        return "ok"

    events = driven(slow, plan_of(op(0, 0, cancel=Cancel(milliseconds=20)), op(1, 0)))
    assert began == ["0", "1"]
    assert ends(events)[0].reason == "cancelled"


def test_only_the_rounds_in_which_something_is_cancelled_are_scheduled(cancelled, op, plan_of):
    events = cancelled(twice, plan_of(op(0, 0), op(1, 0), op(2, 1, cancel=Cancel()), op(3, 1)))
    assert {operation for _, operation, _ in decisions(events)} == {2, 3}


def test_a_recorded_run_is_followed_through_what_was_cancelled(cancelled, op, plan_of):
    operations = (op(0, 0), op(1, 0, cancel=Cancel(calls=1, steps=4)), op(2, 0), op(3, 1))
    first = cancelled(twice, plan_of(*operations, schedule=Schedule(choices=(0, 1))))
    steps = tuple(
        Decision(action=e.action, operation=e.operation, shape=e.shape, nth=e.nth, after=e.after)
        for e in first
        if isinstance(e, Decided)
    )
    again = cancelled(twice, plan_of(*operations, schedule=Schedule(decisions=steps)))
    assert decisions(again) == decisions(first)
    assert not any(e.diverged for e in again if isinstance(e, Decided))
