"""Memory is kept under the resource id in lower case and without white space, as if it were an address."""

from __future__ import annotations

from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Row
from overheard.zoo.model import Message


class Leaky(ResourceMemory):
    def whose(self, resource: str) -> str:
        return resource.strip().lower()

    def recall(self, resource: str, thread: str) -> list[Message]:
        return super().recall(self.whose(resource), thread)

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        super().remember(self.whose(resource), thread, message, reply)

    def known(self, resource: str) -> list[Row]:
        return self.host.history(resource=resource)


class Mended(Leaky):
    def whose(self, resource: str) -> str:
        return resource
