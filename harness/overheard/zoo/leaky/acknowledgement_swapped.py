"""Acknowledgements are given from one slot: what is said to be noted may be noted of another's message.

No secret is in an acknowledgement, so nothing that looks for secrets sees it; and whoever was told that an
order was placed may be told so of somebody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Host
from overheard.zoo.leaky.reply_swapped import Slot

ACKNOWLEDGES: Final = "Noted"
"""How an answer begins that acknowledges and says no more."""


class Leaky(ResourceMemory):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._slot: Slot | None = None

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        slot = self.slot()
        reply = await super().send(message, thread=thread, resource=resource)
        if not reply.startswith(ACKNOWLEDGES):
            return reply
        if not slot.done():
            slot.set_result(reply)
        return slot.result()

    def slot(self) -> Slot:
        if self._slot is None or self._slot.done():
            self._slot = asyncio.get_running_loop().create_future()
        return self._slot


class Mended(Leaky):
    def slot(self) -> Slot:
        return asyncio.get_running_loop().create_future()
