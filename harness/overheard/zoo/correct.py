"""Three correct agents, one for each scope of memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from overheard.core.outcome import Refused
from overheard.zoo.agent import Agent, OwningAgent, knowledge, required, shortened, transcript
from overheard.zoo.hosts import Row
from overheard.zoo.model import Message


class ThreadMemory(OwningAgent):
    """Remembers per thread; threads are owned. (The honest loop as it is.)"""


class ResourceMemory(OwningAgent):
    """Remembers per resource, across its threads; threads are still owned.

    The conversation at hand is always shown in full, whatever else the resource said in the meantime.
    """

    overheard_contract: ClassVar[Mapping[str, str]] = {"scope": "resource"}

    def recall(self, resource: str, thread: str) -> list[Message]:
        elsewhere = [row for row in self.known(resource) if row.thread != thread]
        here = self.host.history(resource=resource, thread=thread)
        return [*knowledge("You know of this user:", elsewhere), *transcript(here)]

    def known(self, resource: str) -> list[Row]:
        """The long-term memory: what the resource said in any thread."""
        return self.host.history(resource=resource)


class TenantMemory(Agent):
    """Remembers per tenant: its resources share what they know, and its threads belong to the tenant."""

    overheard_contract: ClassVar[Mapping[str, str]] = {"scope": "tenant"}

    async def send(
        self,
        message: str,
        *,
        thread: str | None = None,
        resource: str | None = None,
        tenant: str | None = None,
    ) -> str:
        """Answer a message. Raises Refused without a tenant, too."""
        resource, thread = required(resource, thread)
        if not tenant:
            raise Refused("a tenant is required")
        if self.host.claim(thread, tenant) != tenant:
            raise Refused("there is no such conversation of yours")
        elsewhere = [row for row in self.host.history(tenant=tenant) if row.thread != thread]
        here = self.host.history(tenant=tenant, thread=thread)
        reply = await self.model.chat(
            [
                *knowledge("You know of this organisation:", elsewhere),
                *transcript(here),
                Message("user", message),
            ]
        )
        self.host.append(
            Row(tenant, resource, thread, "user", message),
            Row(tenant, resource, thread, "assistant", shortened(reply)),
        )
        return reply
