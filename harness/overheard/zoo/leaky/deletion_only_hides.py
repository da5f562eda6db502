"""A deleted thread is marked as such, and the mark is taken off when somebody writes to it again."""

from __future__ import annotations

from collections.abc import Callable

from overheard.core.outcome import Refused
from overheard.zoo.hosts import Host
from overheard.zoo.keeper import Keeper


class Leaky(Keeper):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._hidden: dict[str, str] = {}

    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        resource, thread = super().admit(resource, thread)
        if thread in self._hidden:
            self.reopen(thread)
        return resource, thread

    def reopen(self, thread: str) -> None:
        del self._hidden[thread]
        self.host.hand_over(thread, self.host.owner(thread) or "")

    def erase_thread(self, resource: str, thread: str) -> None:
        self._hidden[thread] = resource
        # Nobody's: so no list and no search shows it.
        self.host.hand_over(thread, "")

    def creatable(self, resource: str, thread: str | None) -> tuple[str, str]:
        resource, thread = super().creatable(resource, thread)
        if thread in self._hidden:
            self.reopen(thread)
        return resource, thread

    def opened(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        resource, thread = super().opened(resource, thread)
        if thread in self._hidden:
            raise Refused(self.refusal(thread))
        return resource, thread


class Mended(Leaky):
    def reopen(self, thread: str) -> None:
        self.host.remove(thread=thread)
        super().reopen(thread)
