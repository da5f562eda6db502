"""A connection goes back to its pool however a call ends: also with an answer in it that nobody has read.

What is stored is fetched over connections that answer in the order in which they are asked. A call that is
cancelled between asking and reading leaves its answer for whoever has the connection next, and from then on
everybody on it is a turn behind. (This is the shape of what befell redis-py, and those who used it, in 2023.)
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Host
from overheard.zoo.model import Message

ON_THE_WAY: Final = 0.002
"""Seconds from question to answer."""

Memory: TypeAlias = list[Message]


class Connection:
    """Answers come in the order of the questions."""

    def __init__(self) -> None:
        self._coming: deque[asyncio.Future[Memory]] = deque()

    async def fetch(self, found: Memory) -> Memory:
        """Ask for what the other side finds, and read an answer."""
        loop = asyncio.get_running_loop()
        asked = loop.create_future()
        loop.call_later(ON_THE_WAY, _arrive, asked, found)
        self._coming.append(asked)
        answer = await asyncio.shield(self._coming[0])
        self._coming.popleft()
        return answer


def _arrive(asked: asyncio.Future[Memory], found: Memory) -> None:
    if not asked.done():
        asked.set_result(found)


class Leaky(ResourceMemory):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._free: list[Connection] = []

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        resource, thread = self.admit(resource, thread)
        memory = await self.fetched(self.recall(resource, thread))
        reply = await self.model.chat([*memory, Message("user", message)])
        self.remember(resource, thread, message, reply)
        return reply

    async def fetched(self, found: Memory) -> Memory:
        connection = self.connection()
        try:
            return await connection.fetch(found)
        finally:
            self._free.append(connection)

    def connection(self) -> Connection:
        return self._free.pop() if self._free else Connection()


class Mended(Leaky):
    async def fetched(self, found: Memory) -> Memory:
        connection = self.connection()
        answer = await connection.fetch(found)
        self._free.append(connection)
        return answer
