import asyncio
import contextvars
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.adapters.call import CallProbe, Watched, call_plain, watch
from overheard.adapters.pool import DaemonPool
from overheard.core.outcome import TargetError


class Script:
    """An awaitable that follows a list of steps, and what it was sent and thrown meanwhile."""

    def __init__(self, steps):
        self.steps = steps
        self.heard = []

    def __await__(self):
        for step in self.steps:
            kind, value = step
            if kind == "yield":
                try:
                    self.heard.append(("sent", (yield value)))
                except GeneratorExit:
                    self.heard.append(("closed", None))
                    raise
                except ZeroDivisionError as error:
                    self.heard.append(("thrown", str(error)))
            elif kind == "raise":
                raise ValueError(value)
            else:
                return value
        return "end"


def follow(awaitable, inputs):
    """Drive an awaitable's iterator by hand; what it yields, returns and raises."""
    iterator = awaitable.__await__()
    seen = []
    try:
        seen.append(next(iterator))
        for kind, value in inputs:
            if kind == "send":
                seen.append(iterator.send(value))
            elif kind == "throw":
                seen.append(iterator.throw(ZeroDivisionError(value)))
            elif kind == "throw other":
                seen.append(iterator.throw(asyncio.CancelledError(value)))
            else:
                seen.append(iterator.close())
    except StopIteration as stop:
        seen.append(("returned", stop.value))
    except BaseException as error:  # noqa: BLE001 - compared, whatever it is
        seen.append((type(error), str(error)))
    iterator.close()
    return seen


STEPS = st.lists(
    st.tuples(st.sampled_from(["yield", "yield", "raise", "return"]), st.integers(0, 3)), max_size=5
)
INPUTS = st.lists(
    st.tuples(st.sampled_from(["send", "throw", "throw other", "close"]), st.none() | st.integers(0, 3)),
    max_size=6,
)


@given(STEPS, INPUTS)
@settings(deadline=None)
def test_a_watched_awaitable_behaves_as_the_bare_one(steps, inputs):
    bare, inner, probe = Script(steps), Script(steps), CallProbe()
    assert follow(Watched(inner, probe), inputs) == follow(bare, inputs)
    assert inner.heard == bare.heard
    assert probe.suspended == bool(steps and steps[0][0] == "yield")


async def never_suspends():
    return "at once"


async def suspends():
    await asyncio.sleep(0)
    return "later"


async def suspends_and_fails():
    await asyncio.sleep(0)
    raise ValueError("late")


async def fails():
    raise ValueError("early")


@pytest.mark.parametrize(
    ("function", "suspended"),
    [(never_suspends, False), (suspends, True), (suspends_and_fails, True), (fails, False)],
)
def test_whether_a_coroutine_ever_suspended_is_known_however_it_ends(function, suspended):
    async def run():
        probe = CallProbe()
        try:
            await watch(function(), probe)
        except ValueError:
            assert function in (fails, suspends_and_fails)
        return probe.suspended

    assert asyncio.run(run()) is suspended


def test_waiting_for_what_is_there_already_is_no_suspension():
    async def run():
        done = asyncio.get_running_loop().create_future()
        done.set_result("there")

        async def call():
            return await done

        probe = CallProbe()
        return await watch(call(), probe), probe.suspended

    assert asyncio.run(run()) == ("there", False)


def test_cancelling_reaches_the_target_and_comes_back():
    seen = []

    async def target():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            await asyncio.sleep(0)  # cleaning up may suspend again
            seen.append("cleaned up")
            raise

    async def run():
        probe = CallProbe()
        task = asyncio.create_task(watch(target(), probe))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return probe.suspended

    assert asyncio.run(run())
    assert seen == ["cancelled", "cleaned up"]


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError("made up"), BaseException("odd")])
@pytest.mark.parametrize("plain", [True, False])
def test_what_would_end_the_run_ends_only_the_call(error, plain):
    def raise_plainly():
        raise error

    async def raise_later():
        raise error

    async def run():
        probe = CallProbe()
        call = (
            call_plain(DaemonPool(1), raise_plainly, (), {}, probe) if plain else watch(raise_later(), probe)
        )
        with pytest.raises(TargetError, match=type(error).__name__):
            await call
        return "the loop lives"

    assert asyncio.run(run()) == "the loop lives"


def test_a_stop_iteration_in_a_thread_does_not_hang():
    # As a future's exception asyncio refuses it, and whoever waits for the future waits for ever.
    async def run():
        with pytest.raises(TargetError, match="StopIteration"):
            await asyncio.wait_for(call_plain(DaemonPool(1), next, (iter(()),), {}, CallProbe()), 5)

    asyncio.run(run())


@pytest.mark.parametrize(("function", "suspended"), [(lambda: time.sleep(0.02), True), (lambda: None, False)])
def test_a_plain_function_suspended_if_it_waited(function, suspended):
    async def run():
        # The best of several: another process on this core looks like waiting.
        seen = []
        for _ in range(5):
            probe = CallProbe()
            await call_plain(DaemonPool(1), function, (), {}, probe)
            seen.append(probe.suspended)
        return seen

    seen = asyncio.run(run())
    assert all(seen) if suspended else not all(seen)


def test_computing_is_not_waiting():
    async def run():
        seen = []
        for _ in range(20):
            probe = CallProbe()
            await call_plain(DaemonPool(1), lambda: sum(range(10_000)), (), {}, probe)
            seen.append(probe.suspended)
        return seen

    assert not all(asyncio.run(run()))


def test_a_plain_function_fails_with_its_own_exception_and_sees_the_callers_context():
    who = contextvars.ContextVar("who", default="nobody")

    def target():
        raise KeyError(who.get())

    async def run():
        who.set("the caller")
        await call_plain(DaemonPool(1), target, (), {}, CallProbe())

    with pytest.raises(KeyError, match="the caller"):
        asyncio.run(run())
