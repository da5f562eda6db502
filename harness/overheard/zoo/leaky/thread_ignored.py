"""Memory is kept per resource although the contract says per thread: conversations of one user mix."""

from __future__ import annotations

from overheard.zoo.agent import Agent, transcript
from overheard.zoo.model import Message


class Leaky(Agent):
    def recall(self, resource: str, thread: str) -> list[Message]:  # noqa: ARG002 - the flaw
        return transcript(self.host.history(resource=resource))


class Mended(Leaky):
    def recall(self, resource: str, thread: str) -> list[Message]:
        return transcript(self.host.history(resource=resource, thread=thread))
