"""Not faster than somebody asked for: calls begin evenly spaced."""

from __future__ import annotations

import asyncio
from typing import Final


class Pace:
    """Lets `rate` calls a second begin, evenly spaced; without a rate all begin at once.

    Calls are counted before they begin, and what one of them asks besides (a login, a thread that has to be
    created first) when it asks: an operation must not run out of its time by waiting for us.
    """

    def __init__(self, rate: float | None) -> None:
        self._pause = None if rate is None else 1 / rate
        self._next = 0.0

    async def turn(self) -> None:
        """Wait until the caller may begin. Turns are given in the order in which they are asked for."""
        if self._pause is None:
            return
        now = asyncio.get_running_loop().time()
        mine = max(now, self._next)
        self._next = mine + self._pause
        if mine > now:
            await asyncio.sleep(mine - now)

    def spend(self) -> None:
        """Count one more call, which begins at once: whoever comes next waits for it."""
        if self._pause is not None:
            self._next = max(asyncio.get_running_loop().time(), self._next) + self._pause


UNHURRIED: Final = Pace(None)
"""No limit."""
