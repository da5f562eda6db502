"""Thread ids that look like numbers are read as numbers."""

from __future__ import annotations

from overheard.zoo.agent import Agent
from overheard.zoo.model import Message


class Leaky(Agent):
    def kept_as(self, thread: str) -> str:
        try:
            return str(int(thread))
        except ValueError:
            return thread

    def recall(self, resource: str, thread: str) -> list[Message]:
        return super().recall(resource, self.kept_as(thread))

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        super().remember(resource, self.kept_as(thread), message, reply)


class Mended(Leaky):
    def kept_as(self, thread: str) -> str:
        return thread
