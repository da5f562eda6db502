"""There is one slot for the answer that is waited for: right until two wait, and both take the first.

Each call is made with its own memory and stored in its own conversation; only what is handed back is
somebody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Host

Slot: TypeAlias = asyncio.Future[str]


class Leaky(ResourceMemory):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._slot: Slot | None = None

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        slot = self.slot()
        reply = await super().send(message, thread=thread, resource=resource)
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
