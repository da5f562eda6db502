"""The thread id alone opens a conversation: nobody asks whose it is."""

from __future__ import annotations

from overheard.zoo.agent import Agent, transcript
from overheard.zoo.model import Message


class Leaky(Agent):
    def recall(self, resource: str, thread: str) -> list[Message]:  # noqa: ARG002 - the flaw
        return transcript(self.host.history(thread=thread))


class Mended(Leaky):
    def recall(self, resource: str, thread: str) -> list[Message]:
        return transcript(self.host.history(thread=thread, resource=resource))
