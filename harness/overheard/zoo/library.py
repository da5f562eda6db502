"""An agent that also shows what it stored: lists of threads, the messages of one, and a search.

The honest part of every flawed one: threads are owned, and each surface looks up whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from overheard.core.outcome import Refused
from overheard.zoo.agent import OwningAgent
from overheard.zoo.hosts import Row, Where

PREVIEW = 80
"""Characters of a thread's first message that a list shows."""


class Library(OwningAgent):
    """Keeps a conversation for each pair of resource and thread, and shows a resource its own."""

    async def list_threads(self, *, resource: str | None = None) -> list[dict[str, str]]:
        """A resource's threads, each with how it began. Raises Refused without a resource."""
        return threads_in(self.host.history(**self.listed(resource)))

    def listed(self, resource: str | None) -> Where:
        """Which rows a list of threads is made from."""
        return {"resource": self.known(resource)}

    async def read_messages(
        self, *, thread: str | None = None, resource: str | None = None
    ) -> list[dict[str, str]]:
        """The messages of a thread, oldest first. Raises Refused if it is not the resource's own."""
        resource, thread = self.opened(resource, thread)
        return [{"role": row.role, "text": row.text} for row in self.host.history(thread=thread)]

    def opened(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        """The ids under which messages are read. Raises Refused."""
        resource = self.known(resource)
        if not thread or self.host.owner(thread) != resource:
            raise Refused(self.refusal(thread or ""))
        return resource, thread

    async def search(
        self, query: str, *, resource: str | None = None, filters: Mapping[str, str] | None = None
    ) -> list[str]:
        """A resource's messages that hold every word of the query, newest first. Raises Refused."""
        return matching(query, self.host.history(**self.searched(self.known(resource), filters or {})))

    def searched(self, resource: str, filters: Mapping[str, str]) -> Where:
        """Which rows are searched."""
        if filters.get("resource", resource) != resource:
            raise Refused("a search is among one's own messages")
        thread = filters.get("thread")
        return {"resource": resource, "thread": thread} if thread else {"resource": resource}

    def known(self, resource: str | None) -> str:
        """The resource that asks. Raises Refused if it is not said."""
        if not resource:
            raise Refused("a resource id is required")
        return resource


def threads_in(rows: Iterable[Row]) -> list[dict[str, str]]:
    """The threads that rows are of, each with the beginning of its first message."""
    first: dict[str, str] = {}
    for row in rows:
        first.setdefault(row.thread, row.text)
    return [{"thread": thread, "begins": text[:PREVIEW]} for thread, text in first.items()]


def matching(query: str, rows: list[Row]) -> list[str]:
    """The texts that hold every word of the query, newest first, ten at most."""
    words = query.lower().split()
    return [row.text for row in reversed(rows) if all(word in row.text.lower() for word in words)][:10]
