"""How long a chat call is kept before it is answered."""

from __future__ import annotations

import asyncio
from typing import NamedTuple


class Pace(NamedTuple):
    """`latency` seconds at most are spent on a call; with `width` above 1 it is spent waiting for company."""

    latency: float = 0.0
    width: int = 1


class Pacer:
    """Keeps calls. All methods but `set` belong to the mirror's loop; `set` may be called from any thread."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._waiting: set[asyncio.Future[None]] = set()

    def set(self, pace: Pace) -> None:
        """From now on, arriving calls are kept this way; those already kept stay as they are."""
        self._pace = pace  # one assignment of a frozen value: no reader can see half of it

    async def hold(self) -> None:
        """Return when the call may be answered. Cancelled if the asker hangs up."""
        pace = self._pace
        if pace.latency <= 0:
            return
        if pace.width <= 1:
            await asyncio.sleep(pace.latency)
            return
        await self._meet(pace)

    async def _meet(self, pace: Pace) -> None:
        """Rendezvous: overlap is made certain instead of likely, and costs no more time than it needs."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.add(place)
        try:
            if len(self._waiting) >= pace.width:
                met, self._waiting = self._waiting, set()
                for other in met:
                    if not other.done():
                        other.set_result(None)
            else:
                await asyncio.wait((place,), timeout=pace.latency)
        finally:
            self._waiting.discard(place)
