"""The honest loop that every agent of the zoo shares; flawed ones differ from it in a few lines each.

Read what was said, put it before the new message, ask the model, store both, answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Final, Self

from overheard.core.outcome import Refused
from overheard.zoo.hosts import Host, Row
from overheard.zoo.model import Message, Model

STORED: Final = 400
"""Characters of a reply that are stored. A reply that recites everything it sees is as long as all that
was told; kept whole, a history that many share would grow with the square of its length."""


def required(resource: str | None, thread: str | None) -> tuple[str, str]:
    """Both ids. Raises Refused if one is `None` or empty; white space is an id like any other."""
    if not resource:
        raise Refused("a resource id is required")
    if not thread:
        raise Refused("a thread id is required")
    return resource, thread


def shortened(reply: str) -> str:
    """A reply as it is stored: whole words of its first `STORED` characters."""
    return reply if len(reply) <= STORED else reply[:STORED].rsplit(maxsplit=1)[0]


def transcript(rows: Iterable[Row]) -> list[Message]:
    """Stored messages as the turns of a conversation."""
    return [Message(row.role, row.text) for row in rows]


def knowledge(title: str, rows: Iterable[Row]) -> list[Message]:
    """What users said, as one system message under a title; no message at all if nothing was said."""
    said = [f"- {row.text}" for row in rows if row.role == "user"]
    return [Message("system", "\n".join([title, *said]))] if said else []


class Agent:
    """An agent that keeps one conversation for each pair of resource and thread.

    Enter it to open its host and its model; one agent serves everybody. Presenting somebody else's thread
    opens an empty conversation of one's own, because the resource is part of the key.
    """

    overheard_contract: ClassVar[Mapping[str, str]] = {"scope": "thread"}

    def __init__(self, open_host: Callable[[], Host]) -> None:
        self._open_host = open_host
        self.model = Model()

    async def __aenter__(self) -> Self:
        self.host = self._open_host()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.host.close()
        await self.model.close()

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        """Answer a message. Raises Refused, or TargetError if the model fails."""
        resource, thread = self.admit(resource, thread)
        reply = await self.model.chat([*self.recall(resource, thread), Message("user", message)])
        self.remember(resource, thread, message, reply)
        return reply

    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        """The ids under which the call is served. Raises Refused."""
        return required(resource, thread)

    def recall(self, resource: str, thread: str) -> list[Message]:
        """What the model is shown before the new message."""
        return transcript(self.host.history(resource=resource, thread=thread))

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        """Store both sides of an exchange."""
        self.host.append(
            Row("", resource, thread, "user", message),
            Row("", resource, thread, "assistant", shortened(reply)),
        )


class OwningAgent(Agent):
    """An agent whose threads belong to the resource that used them first; it refuses everybody else."""

    def admit(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        resource, thread = required(resource, thread)
        if self.host.claim(thread, resource) != resource:
            raise Refused(self.refusal(thread))
        return resource, thread

    def refusal(self, thread: str) -> str:  # noqa: ARG002 - a refusal that tells overrides this
        """What a stranger is told about a thread: the same of every thread, so nothing."""
        return "there is no such conversation of yours"
