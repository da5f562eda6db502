"""Worker threads for targets that are plain functions.

`concurrent.futures` joins its threads when the interpreter exits, so one hanging target would keep
`overheard` from ever ending; and asyncio's default executor has `cpu + 4` threads, which on a small
machine overlaps six calls of sixteen, so a race that needs more is never driven. These threads are
daemons, and there are as many as the plan may need.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_T = TypeVar("_T")

_IDLE_SECONDS = 5.0
"""How long a worker without work stays. Starting one costs some 60 microseconds, keeping one a stack."""


class DaemonPool(ThreadPoolExecutor):
    """An executor of daemon threads: at most `workers` at once, started as they are needed.

    It is a `ThreadPoolExecutor` by type only, because `loop.set_default_executor` accepts nothing else;
    none of that class's threads is ever started. It needs no shutdown: idle threads leave by themselves,
    and hanging ones die with the interpreter.
    """

    def __init__(self, workers: int) -> None:
        super().__init__(max_workers=workers)
        self._limit = workers
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._idle = 0
        self._running = 0

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Run `fn(*args, **kwargs)` in a worker thread, as soon as there is one."""
        future: Future[_T] = Future()
        with self._changed:
            self._waiting.append((future, lambda: fn(*args, **kwargs)))
            if len(self._waiting) > self._idle and self._running < self._limit:
                self._running += 1
                threading.Thread(target=self._work, name="overheard-target", daemon=True).start()
            self._changed.notify()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - inherited
        """Give up what has not begun. Never waits: what hangs would hang us.

        asyncio calls this on the way out (`loop.shutdown_default_executor`) with `wait=True`.
        """
        with self._changed:
            for future, _ in self._waiting:
                future.cancel()

    def _work(self) -> None:
        while (item := self._take()) is not None:
            future, call = item
            if future.set_running_or_notify_cancel():
                try:
                    result = call()
                except BaseException as error:  # noqa: BLE001 - the future is where it belongs
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            # A worker that waits must not keep the last answer (it may be a gigabyte) alive.
            del item, future, call

    def _take(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        with self._changed:
            while not self._waiting:
                self._idle += 1
                called = self._changed.wait(_IDLE_SECONDS)
                self._idle -= 1
                if not called and not self._waiting:
                    self._running -= 1
                    return None
            return self._waiting.popleft()
