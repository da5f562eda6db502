"""Getting away from a target that does not let go.

What a target started may outlive the run: a task that swallows its cancellation, a clean-up that waits for
a server that is gone. `asyncio.run` waits for both without end, and a verdict that has been reached would
never be said.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from types import FrameType
from typing import Any, Final, TypeVar

from overheard.core.errors import TargetBuildError

T = TypeVar("T")

ENTER_SECONDS: Final = 300.0
"""For how long a target may take to be built: models are loaded there, and services waited for."""

LEAVE_SECONDS: Final = 30.0
"""For how long its clean-up may take."""

_GRACE: Final = 2.0

_GIVEN_UP: Final[list[asyncio.Task[Any]]] = []
"""Tasks that do not end, kept from being collected: that would run their clean-up at any moment."""


@asynccontextmanager
async def bounded(
    manager: AbstractAsyncContextManager[T],
    *,
    name: str,
    entering: float = ENTER_SECONDS,
    leaving: float = LEAVE_SECONDS,
) -> AsyncIterator[T]:
    """Enter and leave `manager`, each within so many seconds, in the task that asks.

    Raises TargetBuildError, calling it `name`, if one of them takes longer.
    """
    stack = AsyncExitStack()
    async with _within(entering, f"{name} could not be built: it was not ready after {entering:g} s"):
        entered = await stack.enter_async_context(manager)
    try:
        yield entered
    except BaseException as error:
        # The first error is the one to tell.
        with suppress(TargetBuildError):
            async with _within(leaving, ""):
                await stack.__aexit__(type(error), error, error.__traceback__)
        raise
    async with _within(leaving, f"{name} could not be left: its clean-up had not ended after {leaving:g} s"):
        await stack.aclose()


@asynccontextmanager
async def _within(seconds: float, trouble: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TargetBuildError(trouble) from error


def no_trace_of_interrupts(loop: asyncio.AbstractEventLoop) -> None:
    """Let `loop` say nothing of a task that ended by Ctrl-C: its traceback is of wherever it just was."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), KeyboardInterrupt):
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


@contextmanager
def interruptible(patience: float = _GRACE) -> Iterator[None]:
    """Let one Ctrl-C be enough, also while the target blocks the running loop (an import that hangs does).

    asyncio obeys the first one by cancelling, which a blocked loop never comes to; only a second one is
    raised where the program is. After `patience` seconds without a sign of life we send that ourselves.
    """
    asyncios = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(asyncios):
        yield
        return
    loop = asyncio.get_running_loop()
    alive = threading.Event()
    insisted = False

    def insist() -> None:
        if not alive.wait(patience):
            # A real signal: a flag that is set does not end a system call.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal insisted
        if not insisted:
            insisted = True
            loop.call_soon_threadsafe(alive.set)
            threading.Thread(target=insist, daemon=True).start()
        asyncios(number, frame)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        alive.set()
        signal.signal(signal.SIGINT, asyncios)


async def let_go(grace: float = _GRACE) -> int:
    """End every other task of the running loop; of those that do not end in time, say how many.

    The loop forgets them, so that closing it does not wait for them.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if not others:
        return 0
    _, stubborn = await asyncio.wait(others, timeout=grace)
    for task in stubborn:
        # Documented for whoever writes tasks of their own; nothing else takes a task from a loop.
        asyncio._unregister_task(task)  # noqa: SLF001
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
        _GIVEN_UP.append(task)
    return len(stubborn)
