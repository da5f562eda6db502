"""Calling a target's function, and seeing whether it ever gave way to another call meanwhile.

A call that never suspends cannot be interleaved by anybody: what is concurrent in a plan is then not
offered by the target, and the report must not claim it.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from overheard.adapters.blame import error_text
from overheard.core.outcome import TargetError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence

    from overheard.adapters.pool import DaemonPool

_T = TypeVar("_T")

_WAITED_SECONDS: Final = 0.001
"""A plain function that took this much longer than it computed has waited for something."""


class CallProbe:
    """What is seen of one call from outside. It is filled in however the call ends, so that a caller who
    got an exception, or gave up waiting, still knows."""  # noqa: D209

    __slots__ = ("suspended",)

    def __init__(self) -> None:
        self.suspended = False


class Watched(Generic[_T]):
    """An awaitable that behaves as the one it wraps and notes in `probe` that it ever yielded to the loop.

    Results, exceptions, cancellation and closing pass through unchanged.
    """

    def __init__(self, awaitable: Awaitable[_T], probe: CallProbe) -> None:
        self._awaitable = awaitable
        self._probe = probe

    def __await__(self) -> Generator[Any, Any, _T]:
        # `yield from`, spelt out (PEP 380) because it has no place for an observer.
        inner = self._awaitable.__await__()
        resume: Callable[[], Any] = partial(next, inner)
        while True:
            try:
                waiting_for = resume()
            except StopIteration as done:
                result: _T = done.value
                return result
            self._probe.suspended = True
            try:
                sent = yield waiting_for
            except GeneratorExit:
                _close(inner)
                raise
            except BaseException as error:  # noqa: BLE001 - cancellation above all has to get inside
                resume = _thrower(inner, error)
            else:
                resume = partial(next, inner) if sent is None else partial(inner.send, sent)


def _close(inner: Any) -> None:
    # An awaitable's iterator need not be a generator (asyncio's C futures have these, others may not).
    if (close := getattr(inner, "close", None)) is not None:
        close()


def _thrower(inner: Any, error: BaseException) -> Callable[[], Any]:
    throw = getattr(inner, "throw", None)
    if throw is not None:
        return partial(throw, error)

    def reraise() -> Any:
        raise error

    return reraise


async def watch(awaitable: Awaitable[_T], probe: CallProbe) -> _T:
    """Await something of the target's, watched.

    Raises what it raises; what would end the run and not only the call becomes a TargetError.
    """
    try:
        return await Watched(awaitable, probe)
    except Exception:
        raise
    except BaseException as error:
        if _ours(error):
            raise
        raise TargetError(_escaped(error)) from error


async def call_plain(
    pool: DaemonPool,
    function: Callable[..., Any],
    args: Sequence[Any],
    keywords: Mapping[str, Any],
    probe: CallProbe,
) -> Any:
    """Call the plain `function(*args, **keywords)` in a worker thread. Raises as `watch` does.

    A cancelled call that has begun goes on in its thread: nothing can stop it.
    """
    work = partial(contextvars.copy_context().run, _timed, partial(function, *args, **keywords), probe)
    result, error = await asyncio.get_running_loop().run_in_executor(pool, work)
    if error is None:
        return result
    try:
        if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
            raise error
        raise TargetError(_escaped(error)) from error
    finally:
        del error  # it holds the frame that holds it


def _timed(work: Callable[[], Any], probe: CallProbe) -> tuple[Any, BaseException | None]:
    """Run `work` and hand back (result, None) or (None, error).

    As a value, because asyncio refuses a StopIteration as a future's exception and would wait for ever.
    """
    began, computed = time.perf_counter(), time.thread_time()
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
        return None, error
    finally:
        waited = (time.perf_counter() - began) - (time.thread_time() - computed)
        if waited > _WAITED_SECONDS:
            probe.suspended = True


def _ours(error: BaseException) -> bool:
    """Whether an exception that is no Exception is meant for us, and not only for the call.

    A target that calls `sys.exit` must not stop the loop that drives everybody, and a CancelledError that
    it made up must not look as if somebody here had cancelled the call. Ctrl-C stays what it is.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is None or task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt | GeneratorExit)


def _escaped(error: BaseException) -> str:
    return f"the target raised {type(error).__name__} out of its call: {error_text(error)}"
