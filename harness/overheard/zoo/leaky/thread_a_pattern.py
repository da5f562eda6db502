"""The thread id is compared with LIKE, where `%` and `_` match anything and case means nothing."""

from __future__ import annotations

from overheard.zoo.agent import Agent, transcript
from overheard.zoo.model import Message


class Leaky(Agent):
    def recall(self, resource: str, thread: str) -> list[Message]:
        found = self.host.like(thread=thread)
        return transcript(row for row in found if row.resource == resource)


class Mended(Leaky):
    def recall(self, resource: str, thread: str) -> list[Message]:
        found = self.host.history(thread=thread)
        return transcript(row for row in found if row.resource == resource)
