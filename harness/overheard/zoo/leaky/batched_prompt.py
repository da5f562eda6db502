"""To save calls, messages of several users are summarised in one prompt. Nobody is shown the summaries.

Only messages that were answered already are summarised, so the call belongs to nobody in particular.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Host
from overheard.zoo.model import Message

BATCH: Final = 8


class Leaky(ResourceMemory):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self.answered: defaultdict[str, list[str]] = defaultdict(list)
        self.summaries: list[str] = []

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        resource, thread = self.admit(resource, thread)
        batch = self.answered[self.batch_of(resource)]
        if len(batch) >= BATCH:
            said = "\n".join(batch)
            batch.clear()
            prompt = [Message("system", "Summarise what was said."), Message("user", said)]
            self.summaries.append(await self.model.chat(prompt))
        reply = await super().send(message, thread=thread, resource=resource)
        batch.append(message)
        return reply

    def batch_of(self, resource: str) -> str:  # noqa: ARG002 - the flaw
        return "everybody"


class Mended(Leaky):
    def batch_of(self, resource: str) -> str:
        return resource
