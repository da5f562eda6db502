"""Each conversation is a file, named after its thread: in lower case, with a hyphen for all punctuation."""

from __future__ import annotations

import re

from overheard.zoo.agent import Agent
from overheard.zoo.model import Message


class Leaky(Agent):
    def kept_as(self, thread: str) -> str:
        return re.sub(r"[^a-z0-9]+", "-", thread.lower()).strip("-")

    def recall(self, resource: str, thread: str) -> list[Message]:
        return super().recall(resource, self.kept_as(thread))

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        super().remember(resource, self.kept_as(thread), message, reply)


class Mended(Leaky):
    def kept_as(self, thread: str) -> str:
        return thread.encode().hex()
