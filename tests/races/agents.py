"""Planted races of known depth, each with a twin that is mended, for driving in process and behind HTTP.

The depth is that of Burckhardt and others ("A randomized scheduler with probabilistic guarantees of finding
bugs", 2010): so many orderings of two steps each that, when all of them hold, the bug shows whatever else
happens. A step is here what runs from one scheduling point to the next: from an operation's start, or from
the answer to one of its model calls. In no order in which requests are served one after the other, each of
them first come, first served, does any of the three show anything.

All remember what a resource said, in whichever thread. `server.mjs` has the same three, for Node.
"""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections import defaultdict
from typing import Any, ClassVar, Self, TypeAlias

import aiohttp

Messages: TypeAlias = list[dict[str, str]]


class Agent(ABC):
    """What the three have in common: a memory, and the model that it is shown to."""

    overheard_contract: ClassVar = {"scope": "resource"}

    async def __aenter__(self) -> Self:
        self.memory: defaultdict[str, Messages] = defaultdict(list)
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.session.close()

    async def send(self, message: str, *, thread: str, resource: str) -> str:
        introduction = await self.introduced(message, resource)
        asked = {"role": "user", "content": message}
        reply = await self.ask([*introduction, *self.memory[resource][-20:], asked])
        self.memory[resource] += [asked, {"role": "assistant", "content": reply[:400]}]
        return reply

    @abstractmethod
    async def introduced(self, message: str, resource: str) -> Messages:
        """What the model is told beforehand of whom it talks to; here are the races."""

    def known(self, resource: str) -> Messages:
        said = [one["content"] for one in self.memory[resource][-8:] if one["role"] == "user"]
        title = "You are talking to somebody who lately said:"
        return [{"role": "system", "content": "\n".join([title, *said])}] if said else []

    async def ask(self, messages: Messages, **more: Any) -> str:
        url = f"{os.environ['OPENAI_BASE_URL']}/chat/completions"
        body = {"model": "any", "messages": messages, **more}
        async with self.session.post(url, json=body) as response:
            answer = await response.json()
        return answer["choices"][0]["message"]["content"]

    async def considered(self, question: str, message: str, **more: Any) -> str:
        """Ask the model about a message, before it is answered."""
        return await self.ask(
            [{"role": "system", "content": question}, {"role": "user", "content": message}], **more
        )


PROFILE = {
    "type": "json_schema",
    "json_schema": {
        "name": "profile",
        "schema": {"type": "object", "properties": {"language": {"type": "string"}}},
    },
}


class Depth1(Agent):
    """Two model calls are made at once, and the first one's answer is taken to come first.

    Leaks if the tone is answered before the profile: until there is a profile, the latest is taken, and that
    is somebody else's. One ordering, of two steps of one and the same operation.
    """

    async def __aenter__(self) -> Self:
        self._latest: Messages = []
        return await super().__aenter__()

    async def introduced(self, message: str, resource: str) -> Messages:
        profiling = asyncio.create_task(self._profile(message, resource))
        toning = asyncio.create_task(self.considered("Which tone would fit?", message))
        await toning
        introduction = profiling.result() if profiling.done() else self.meanwhile()
        await profiling
        return introduction

    async def _profile(self, message: str, resource: str) -> Messages:
        await self.considered("Who is this?", message, response_format=PROFILE)
        self._latest = self.known(resource)
        return self._latest

    def meanwhile(self) -> Messages:
        return self._latest


class Depth1Mended(Depth1):
    def meanwhile(self) -> Messages:
        return []


class Box:
    """What is known while a message is answered, and of whom."""

    owner: str
    introduction: Messages


class Depth2(Agent):
    """What belongs to one request is kept on the agent, set before a model call and used after it.

    Leaks to A if B begins after A has begun, and before A's first call is answered: two orderings.
    """

    def __init__(self) -> None:
        self._box = Box()

    def box(self) -> Box:
        return self._box

    async def introduced(self, message: str, resource: str) -> Messages:
        box = self.box()
        box.introduction = self.known(resource)
        await self.considered("May this be answered?", message)
        return box.introduction


class Depth2Mended(Depth2):
    def box(self) -> Box:
        return Box()


class Depth3(Depth2):
    """The same, with a check whose is what is there; but the name and the content are written apart.

    Leaks to A if B begins before A does (or the name would be B's), A's first call is answered before B's
    first (or the content would be A's), and that before A's second (or it would not be there yet): three
    orderings, of which none can be left out.
    """

    async def introduced(self, message: str, resource: str) -> Messages:
        box = self.box()
        box.owner = resource
        await self.considered("May this be answered?", message)
        box.introduction = own = self.known(resource)
        await self.considered("Which tone would fit?", message)
        return box.introduction if box.owner == resource else own


class Depth3Mended(Depth3):
    def box(self) -> Box:
        return Box()


PLANTED = {1: (Depth1, Depth1Mended), 2: (Depth2, Depth2Mended), 3: (Depth3, Depth3Mended)}
"""By depth: the race, and its twin."""
