"""A message can be deleted by whoever knows its id."""

from __future__ import annotations

from overheard.core.outcome import Refused
from overheard.zoo.hosts import Row
from overheard.zoo.keeper import Keeper


class Leaky(Keeper):
    def deletable_message(self, resource: str, message_id: str | None) -> Row:  # noqa: ARG002 - the flaw
        found = self.host.history(id=message_id) if message_id else []
        if not found:
            raise Refused("there is no such message of yours")
        return found[0]


class Mended(Leaky):
    def deletable_message(self, resource: str, message_id: str | None) -> Row:
        row = super().deletable_message(resource, message_id)
        if row.resource != resource:
            raise Refused("there is no such message of yours")
        return row
