"""Prompts are written into lists that are used again; they are emptied when the model has answered.

When the caller goes away before that, the list is put back with everything in it, and the next prompt begins
with somebody else's conversation.
"""

from __future__ import annotations

from collections.abc import Callable

from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Host
from overheard.zoo.model import Message


class Leaky(ResourceMemory):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._spare: list[list[Message]] = []

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        resource, thread = self.admit(resource, thread)
        prompt = self._spare.pop() if self._spare else []
        try:
            prompt += [*self.recall(resource, thread), Message("user", message)]
            reply = await self.model.chat(prompt)
            prompt.clear()
        finally:
            self.put_back(prompt)
        self.remember(resource, thread, message, reply)
        return reply

    def put_back(self, prompt: list[Message]) -> None:
        self._spare.append(prompt)


class Mended(Leaky):
    def put_back(self, prompt: list[Message]) -> None:
        prompt.clear()
        super().put_back(prompt)
