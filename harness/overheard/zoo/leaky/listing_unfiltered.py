"""The agent keeps everybody apart, and its list of threads is everybody's."""

from __future__ import annotations

from overheard.zoo.hosts import Where
from overheard.zoo.library import Library


class Leaky(Library):
    def listed(self, resource: str | None) -> Where:
        self.known(resource)
        return {}


class Mended(Leaky):
    def listed(self, resource: str | None) -> Where:
        return {"resource": self.known(resource)}
