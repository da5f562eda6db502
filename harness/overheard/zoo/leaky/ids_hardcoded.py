"""The reference rule's own example: a thread and a resource written into the code, the same for all users."""

from __future__ import annotations

from overheard.zoo.agent import Agent, required


class Leaky(Agent):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:  # noqa: ARG002 - the flaw
        return "main-resource", "main-thread"


class Mended(Leaky):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return required(resource, thread)
