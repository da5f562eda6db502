"""Requests are numbered, and a number is given out again as soon as nobody waits for its answer.

The caller who went away waits no more; the answer to it is still on its way, and finds another waiting under
its number.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence

from overheard.core.outcome import TargetError
from overheard.zoo.correct import ResourceMemory
from overheard.zoo.hosts import Host
from overheard.zoo.model import Message


class Leaky(ResourceMemory):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()

    async def __aexit__(self, *error: object) -> None:
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        await super().__aexit__(*error)

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        resource, thread = self.admit(resource, thread)
        number = self.number()
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._post(number, [*self.recall(resource, thread), Message("user", message)])
        try:
            reply = await answer
        finally:
            del self._waiting[number]
        self.remember(resource, thread, message, reply)
        return reply

    def number(self) -> int:
        return next(number for number in itertools.count() if number not in self._waiting)

    def _post(self, number: int, prompt: Sequence[Message]) -> None:
        asking = asyncio.create_task(self._ask(number, prompt))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _ask(self, number: int, prompt: Sequence[Message]) -> None:
        try:
            reply = await self.model.chat(prompt)
        except TargetError as error:
            if answer := self._waited_for(number):
                answer.set_exception(error)
        else:
            if answer := self._waited_for(number):
                answer.set_result(reply)

    def _waited_for(self, number: int) -> asyncio.Future[str] | None:
        answer = self._waiting.get(number)
        return None if answer is None or answer.done() else answer


class Mended(Leaky):
    def number(self) -> int:
        return next(self._numbers)
