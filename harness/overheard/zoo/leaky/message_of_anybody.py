"""The route that shows one message by its id does not ask whose it is."""

from __future__ import annotations

from overheard.core.outcome import Refused
from overheard.zoo.hosts import Row
from overheard.zoo.keeper import Keeper


class Leaky(Keeper):
    def readable(self, resource: str, message_id: str | None) -> Row:  # noqa: ARG002 - the flaw
        found = self.host.history(id=message_id) if message_id else []
        if not found:
            raise Refused("there is no such message of yours")
        return found[0]


class Mended(Leaky):
    def readable(self, resource: str, message_id: str | None) -> Row:
        row = super().readable(resource, message_id)
        if row.resource != resource:
            raise Refused("there is no such message of yours")
        return row
