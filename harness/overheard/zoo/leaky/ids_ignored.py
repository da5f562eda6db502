"""One history for all: the agent takes ids and never uses them."""

from __future__ import annotations

from overheard.zoo.agent import Agent, transcript
from overheard.zoo.model import Message


class Leaky(Agent):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return resource or "", thread or ""

    def recall(self, resource: str, thread: str) -> list[Message]:  # noqa: ARG002 - the flaw
        return transcript(self.host.history())


class Mended(Leaky):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return Agent.admit(self, resource, thread)

    def recall(self, resource: str, thread: str) -> list[Message]:
        return transcript(self.host.history(resource=resource, thread=thread))
