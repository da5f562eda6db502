"""Replies are cached by the words of the message: who says the same is answered as the first who said it.

Calls in flight are shared as well, as caching decorators for coroutines do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Host


class Leaky(ResourceMemory):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._replies: dict[tuple[str, ...], asyncio.Task[str]] = {}

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        resource, thread = self.admit(resource, thread)
        key = self.cache_key(resource, thread, message)
        if key not in self._replies:
            answering = super().send(message, thread=thread, resource=resource)
            self._replies[key] = asyncio.create_task(answering)
        return await self._replies[key]

    def cache_key(self, resource: str, thread: str, message: str) -> tuple[str, ...]:  # noqa: ARG002 - the flaw
        return (message,)


class Mended(Leaky):
    def cache_key(self, resource: str, thread: str, message: str) -> tuple[str, ...]:
        return (resource, thread, message)
