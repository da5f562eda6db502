"""Resource and thread are joined into one key, and where one ends and the other begins is lost."""

from __future__ import annotations

import json

from overheard.zoo.agent import Agent, shortened, transcript
from overheard.zoo.hosts import Row
from overheard.zoo.model import Message


class Leaky(Agent):
    def key(self, resource: str, thread: str) -> str:
        return f"{resource}-{thread}"

    def recall(self, resource: str, thread: str) -> list[Message]:
        return transcript(self.host.history(thread=self.key(resource, thread)))

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        key = self.key(resource, thread)
        self.host.append(
            Row("", resource, key, "user", message),
            Row("", resource, key, "assistant", shortened(reply)),
        )


class Mended(Leaky):
    def key(self, resource: str, thread: str) -> str:
        return json.dumps([resource, thread])
