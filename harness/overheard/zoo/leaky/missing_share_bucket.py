"""A missing id becomes "default", and all who leave it out meet in there."""

from __future__ import annotations

from overheard.zoo.agent import Agent, required


class Leaky(Agent):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return resource or "default", thread or "default"


class Mended(Leaky):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return required(resource, thread)
