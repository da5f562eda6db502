"""What memory has noted of a conversation stays in every later prompt when that is deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from overheard.zoo.agent import knowledge
from overheard.zoo.hosts import Host, Row
from overheard.zoo.keeper import Keeper
from overheard.zoo.model import Message

PLAIN = 120
"""Characters of a note: the beginning of what was said."""


class Leaky(Keeper):
    overheard_contract: ClassVar[Mapping[str, str]] = {"scope": "resource"}

    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._notes: list[Row] = []

    def recall(self, resource: str, thread: str) -> list[Message]:
        mine = [row for row in self._notes if row.resource == resource]
        return [*knowledge("You know of this user:", mine), *super().recall(resource, thread)]

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        super().remember(resource, thread, message, reply)
        said = self.host.history(resource=resource, thread=thread, limit=2)[0]
        self._notes.append(said._replace(text=said.text[:PLAIN]))


class Mended(Leaky):
    def erase_message(self, row: Row) -> None:
        super().erase_message(row)
        self._notes = [note for note in self._notes if note.id != row.id]

    def erase_thread(self, resource: str, thread: str) -> None:
        super().erase_thread(resource, thread)
        self._notes = [note for note in self._notes if (note.resource, note.thread) != (resource, thread)]
