"""Noticing that the driver's loop is blocked: by a target that computes or sleeps without giving way.

While the loop is blocked nothing else can happen on it, no time-out and no Ctrl-C handler either, so the
watch is kept from a thread of its own: it asks the loop for a sign of life and measures how long that takes.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Self

from overheard.core.errors import InternalError
from overheard.history.events import Stalled

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import TracebackType

    from overheard.history.writer import Recorder

_STALL: Final = 1.0
"""Seconds without a sign of life that are recorded. Below, it is an agent that thinks."""

_REST: Final = 0.2
"""Seconds between two signs of life asked for: the error of the measured duration."""

_STEP: Final = 0.05


class Watchdog:
    """Watches `loop` from its own thread while the context is entered.

    A loop that was blocked for more than a second is recorded as `Stalled`, with its duration, when it
    comes back. If it is blocked for more than `limit` seconds, `on_hang(seconds)` is called once for that
    hang, from the watchdog's thread: the door decides what to do (the loop cannot).
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        recorder: Recorder,
        *,
        limit: float,
        on_hang: Callable[[float], None],
        stall: float = _STALL,
    ) -> None:
        self._loop = loop
        self._recorder = recorder
        self._limit = limit
        self._on_hang = on_hang
        self._stall = stall
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="overheard-watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_REST):
            alive = threading.Event()
            asked = time.monotonic()
            try:
                self._loop.call_soon_threadsafe(alive.set)
            except RuntimeError:
                return  # The loop is closed.
            self._wait_for(alive, asked)
            blocked = time.monotonic() - asked
            if alive.is_set() and blocked > self._stall:
                self._record(blocked)

    def _wait_for(self, alive: threading.Event, asked: float) -> None:
        hung = False
        while not alive.wait(_STEP) and not self._stop.is_set():
            blocked = time.monotonic() - asked
            if blocked > self._limit and not hung:
                hung = True
                self._on_hang(blocked)

    def _record(self, seconds: float) -> None:
        event = Stalled(example=self._recorder.example, t=0, milliseconds=round(seconds * 1_000))
        try:
            self._recorder.record(event)
        except InternalError:
            self._stop.set()  # The driver meets the same error at its next event, and can report it.
