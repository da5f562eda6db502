"""Filters that a caller sends are merged over the one that keeps it among its own messages."""

from __future__ import annotations

from collections.abc import Mapping

from overheard.zoo.hosts import Where
from overheard.zoo.library import Library


class Leaky(Library):
    def searched(self, resource: str, filters: Mapping[str, str]) -> Where:
        where: Where = {"resource": filters.get("resource", resource)}
        if "thread" in filters:
            where["thread"] = filters["thread"]
        return where


class Mended(Leaky):
    def searched(self, resource: str, filters: Mapping[str, str]) -> Where:
        where = super().searched(resource, filters)
        return {**where, "resource": resource}
