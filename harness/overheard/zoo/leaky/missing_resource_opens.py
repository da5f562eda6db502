"""Whose a thread is, is asked only of those who say who they are."""

from __future__ import annotations

from overheard.zoo.agent import OwningAgent, required, transcript
from overheard.zoo.model import Message


class Leaky(OwningAgent):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return ("", thread) if thread and not resource else super().admit(resource, thread)

    def recall(self, resource: str, thread: str) -> list[Message]:  # noqa: ARG002 - a thread has one owner
        return transcript(self.host.history(thread=thread))


class Mended(Leaky):
    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return super().admit(*required(resource, thread))
