"""Conversations and what is known of users are kept in one place, each under its id: whoever has the id of
somebody's thread for a name is shown the conversation."""  # noqa: D209

from __future__ import annotations

from overheard.zoo.agent import knowledge, shortened, transcript
from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Row
from overheard.zoo.model import Message


class Leaky(ResourceMemory):
    def key(self, kind: str, value: str) -> str:  # noqa: ARG002 - the flaw
        return value

    def recall(self, resource: str, thread: str) -> list[Message]:
        known = self.host.history(tenant=self.key("resource", resource))
        here = self.host.history(tenant=self.key("thread", thread))
        return [*knowledge("You know of this user:", known), *transcript(here)]

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        for key in (self.key("resource", resource), self.key("thread", thread)):
            self.host.append(
                Row(key, resource, thread, "user", message),
                Row(key, resource, thread, "assistant", shortened(reply)),
            )


class Mended(Leaky):
    def key(self, kind: str, value: str) -> str:
        return f"{kind}:{value}"
