import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import pytest

from overheard.adapters import pool as pool_module
from overheard.adapters.pool import DaemonPool


def test_as_many_run_at_once_as_there_are_workers_and_no_more():
    together = threading.Barrier(16)
    pool = DaemonPool(16)
    # Sixteen that wait for one another: with fewer threads (asyncio's own pool) this breaks.
    for future in [pool.submit(together.wait, 10) for _ in range(16)]:
        future.result(20)

    running, most, lock = 0, 0, threading.Lock()

    def count():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    small = DaemonPool(3)
    for future in [small.submit(count) for _ in range(12)]:
        future.result(20)
    assert most == 3


def test_a_worker_is_used_again():
    pool = DaemonPool(4)
    idents = set()
    for _ in range(20):
        idents.add(pool.submit(threading.get_ident).result(5))
        time.sleep(0.001)  # for it to become idle
    assert len(idents) < 10


def test_idle_workers_leave_and_new_ones_come(monkeypatch):
    monkeypatch.setattr(pool_module, "_IDLE_SECONDS", 0.01)
    pool = DaemonPool(2)
    worker = pool.submit(threading.current_thread).result(5)
    worker.join(5)
    assert not worker.is_alive()
    assert pool.submit(lambda: "again").result(5) == "again"


def test_results_exceptions_and_cancelled_work():
    pool = DaemonPool(1)
    release = threading.Event()
    first = pool.submit(release.wait, 10)
    second = pool.submit(lambda: "never")
    assert second.cancel()
    third = pool.submit(int, "x")
    release.set()
    assert first.result(5) is True
    with pytest.raises(ValueError, match="invalid literal"):
        third.result(5)


def test_shutting_down_gives_up_what_waits_and_does_not_wait():
    pool = DaemonPool(1)
    begun, release = threading.Event(), threading.Event()
    running = pool.submit(lambda: begun.set() or release.wait(10))
    waiting = pool.submit(lambda: "never")
    assert begun.wait(5)
    pool.shutdown(wait=True)
    assert waiting.cancelled()
    release.set()
    assert running.result(5) is True


def test_an_idle_worker_keeps_no_answer_alive():
    class Huge: ...

    pool = DaemonPool(1)
    future = pool.submit(Huge)
    alive = weakref.ref(future.result(5))
    del future
    deadline = time.monotonic() + 5
    while alive() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.001)
    assert alive() is None


def test_a_hanging_function_does_not_keep_the_interpreter(tmp_path):
    program = tmp_path / "hang.py"
    program.write_text(
        textwrap.dedent("""
        import asyncio, time
        from overheard.adapters.enter import enter
        from overheard.core.outcome import Caller

        def agent(message):
            time.sleep(600)

        async def main():
            async with enter(agent, name="hang") as adapted:
                try:
                    await asyncio.wait_for(adapted.send("m", thread=None, resource=None, caller=Caller("r")), 0.1)
                except TimeoutError:
                    print("gave up")

        asyncio.run(main())
        """)
    )
    ran = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=True
    )
    assert (ran.stdout, ran.stderr) == ("gave up\n", "")


def test_the_loop_takes_it_as_its_default():
    async def run():
        asyncio.get_running_loop().set_default_executor(DaemonPool(2))
        return await asyncio.to_thread(lambda: threading.current_thread().daemon)

    assert asyncio.run(run()) is True
