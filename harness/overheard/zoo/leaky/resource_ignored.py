"""Long-term memory whose namespace forgets the resource: everybody is told what anybody said.

Threads are owned and missing ids refused, so nothing else gives it away.
"""

from __future__ import annotations

from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Row


class Leaky(ResourceMemory):
    def known(self, resource: str) -> list[Row]:  # noqa: ARG002 - the flaw
        return self.host.history()


class Mended(Leaky):
    def known(self, resource: str) -> list[Row]:
        return self.host.history(resource=resource)
