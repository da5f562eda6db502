"""The condition by which a list is filtered is added only where there is a resource id."""

from __future__ import annotations

from overheard.zoo.hosts import Where
from overheard.zoo.library import Library


class Leaky(Library):
    def listed(self, resource: str | None) -> Where:
        return {"resource": resource} if resource else {}


class Mended(Leaky):
    def listed(self, resource: str | None) -> Where:
        return {"resource": self.known(resource)}
