"""Whoever creates a thread owns it from then on, also if it was there and somebody else's."""

from __future__ import annotations

from overheard.core.outcome import Refused
from overheard.zoo.keeper import Keeper


class Leaky(Keeper):
    def creatable(self, resource: str, thread: str | None) -> tuple[str, str]:
        if not thread:
            raise Refused("a thread id is required")
        return resource, thread


class Mended(Leaky):
    def creatable(self, resource: str, thread: str | None) -> tuple[str, str]:
        resource, thread = super().creatable(resource, thread)
        if self.host.owner(thread) not in (None, resource):
            raise Refused("that id is taken")
        return resource, thread
