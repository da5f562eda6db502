"""The agent refuses other people's threads, and the route that shows a thread's messages does not."""

from __future__ import annotations

from overheard.core.outcome import Refused
from overheard.zoo.library import Library


class Leaky(Library):
    def opened(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        resource = self.known(resource)
        if not thread:
            raise Refused("a thread id is required")
        return resource, thread


class Mended(Leaky):
    def opened(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        resource, thread = super().opened(resource, thread)
        if self.host.owner(thread) != resource:
            raise Refused(self.refusal(thread))
        return resource, thread
