"""Whoever reads another's messages is refused, in words that quote how the thread begins."""

from __future__ import annotations

from overheard.core.outcome import Refused
from overheard.zoo.library import Library


class Leaky(Library):
    def opened(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        resource = self.known(resource)
        if not thread or self.host.owner(thread) != resource:
            raise Refused(self.no_reading(thread or ""))
        return resource, thread

    def no_reading(self, thread: str) -> str:
        begins = "".join(row.text for row in self.host.history(thread=thread)[:1])
        return f"that conversation ({begins!r}) is not yours"


class Mended(Leaky):
    def no_reading(self, thread: str) -> str:
        return self.refusal(thread)
