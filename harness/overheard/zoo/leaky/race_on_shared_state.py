"""What belongs to one request is kept on the agent, set before an await and used after it.

The agent asks the model whether a message may be answered at all; by the time it knows, another request
has put its own user's introduction in the place of the first one's.
"""

from __future__ import annotations

from collections.abc import Callable

from overheard.zoo.agent import knowledge
from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Host
from overheard.zoo.model import Message


class Request:
    """What is known while one message is answered."""

    introduction: list[Message]


class Leaky(ResourceMemory):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._request = Request()

    def request(self) -> Request:
        return self._request

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        resource, thread = self.admit(resource, thread)
        request = self.request()
        lately = self.host.history(resource=resource, limit=8)
        request.introduction = knowledge("You are talking to somebody who lately said:", lately)
        await self.model.chat([Message("system", "May this be answered?"), Message("user", message)])
        memory = [*request.introduction, *self.recall(resource, thread)]
        reply = await self.model.chat([*memory, Message("user", message)])
        self.remember(resource, thread, message, reply)
        return reply


class Mended(Leaky):
    def request(self) -> Request:
        return Request()
