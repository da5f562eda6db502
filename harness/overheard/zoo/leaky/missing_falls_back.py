"""A missing id continues the last conversation: the resource's own, or anybody's if that is missing too."""

from __future__ import annotations

from overheard.core.outcome import Refused
from overheard.zoo.agent import Agent, required


class Leaky(Agent):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        if resource and thread:
            return resource, thread
        last = self.host.history(resource=resource, limit=1) if resource else self.host.history(limit=1)
        if not last:
            raise Refused("there is no conversation to continue")
        return last[0].resource, last[0].thread


class Mended(Leaky):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return required(resource, thread)
