"""A search takes the resource and drops it on the way to the index."""

from __future__ import annotations

from collections.abc import Mapping

from overheard.zoo.hosts import Where
from overheard.zoo.library import Library


class Leaky(Library):
    def searched(self, resource: str, filters: Mapping[str, str]) -> Where:
        where = super().searched(resource, filters)
        del where["resource"]
        return where


class Mended(Leaky):
    def searched(self, resource: str, filters: Mapping[str, str]) -> Where:
        return Library.searched(self, resource, filters)
