"""A blocked loop is noticed from outside of it."""

import asyncio
import threading
import time

from overheard.adapters.enter import enter
from overheard.core.contract import Contract
from overheard.core.errors import InternalError
from overheard.drive.driver import drive
from overheard.drive.watchdog import Watchdog
from overheard.history.events import Stalled


def _watched(recorder, work, *, limit=60.0, stall=1.0):
    hangs = []

    async def main():
        def on_hang(seconds):
            hangs.append((seconds, threading.current_thread() is threading.main_thread()))

        with Watchdog(asyncio.get_running_loop(), recorder, limit=limit, on_hang=on_hang, stall=stall):
            await work()
            await asyncio.sleep(0.3)

    asyncio.run(main())
    return hangs


def test_a_target_that_blocks_the_loop_is_recorded_with_its_duration(recording, plan_of):
    recorder, events = recording

    async def target(message):
        time.sleep(1.6)  # noqa: ASYNC251 - the mistake under test
        return "slow"

    async def work():
        await asyncio.sleep(0.3)
        async with enter(target, name="t") as adapted:
            await drive(
                plan_of(1),
                example=3,
                phase="explore",
                adapted=adapted,
                recorder=recorder,
                mirror=None,
                campaign=7,
                contract=Contract(),
                timeout=10,
            )

    assert _watched(recorder, work) == []
    (stalled,) = [event for event in events if isinstance(event, Stalled)]
    assert stalled.example == 3
    assert 1_100 < stalled.milliseconds < 6_000


def test_a_loop_that_only_waits_is_not_blocked(recording):
    recorder, events = recording

    async def work():
        await asyncio.sleep(1.2)

    assert _watched(recorder, work, stall=0.5) == []
    assert events == []


def test_a_hang_is_told_once_while_it_lasts_from_another_thread(recording):
    recorder, _ = recording

    async def work():
        await asyncio.sleep(0.25)
        time.sleep(1.2)  # noqa: ASYNC251 - the mistake under test

    ((seconds, in_main_thread),) = _watched(recorder, work, limit=0.3)
    assert 0.3 < seconds < 1.2
    assert not in_main_thread


def test_it_leaves_no_thread_behind_and_minds_no_closed_loop(recording):
    recorder, events = recording

    async def nothing():
        pass

    _watched(recorder, nothing)
    assert "overheard-watchdog" not in {thread.name for thread in threading.enumerate()}
    loop = asyncio.new_event_loop()
    loop.close()
    with Watchdog(loop, recorder, limit=1, on_hang=lambda seconds: None):
        time.sleep(0.4)
    assert events == []


def test_a_history_that_cannot_be_written_does_not_print_a_traceback_from_its_thread():
    """pytest turns an exception in a thread into a failure of the test."""
    asked = []

    class Broken:
        example = 0

        def record(self, event):
            asked.append(event)
            raise InternalError("disk full")

    async def work():
        await asyncio.sleep(0.25)
        time.sleep(0.6)  # noqa: ASYNC251 - the mistake under test

    _watched(Broken(), work, stall=0.2)
    assert len(asked) == 1
