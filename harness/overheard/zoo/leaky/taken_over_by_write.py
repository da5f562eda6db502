"""Reading verifies the owner of a thread, and writing changes it: a stranger writes once, then reads.

A stranger's first message is answered without any memory, as it should be. (Chainlit stored the sender as
the thread's user on every write.) Everybody keeps seeing what they wrote themselves, so the owner notices
nothing.
"""

from __future__ import annotations

from overheard.zoo.agent import Agent, transcript
from overheard.zoo.model import Message


class Leaky(Agent):
    def recall(self, resource: str, thread: str) -> list[Message]:
        rows = self.host.history(thread=thread)
        if self.host.owner(thread) != resource:
            rows = [row for row in rows if row.resource == resource]
        return transcript(rows)

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        super().remember(resource, thread, message, reply)
        self.host.assign(thread, resource)


class Mended(Leaky):
    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        if self.host.claim(thread, resource) == resource:
            Agent.remember(self, resource, thread, message, reply)
