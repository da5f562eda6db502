"""Not faster than somebody asked for: calls begin evenly spaced."""

from __future__ import annotations

import asyncio


class Pace:
    """Lets `rate` calls a second begin, and none before its turn; without a rate all begin at once."""

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


UNHURRIED = Pace(None)
"""No limit."""
