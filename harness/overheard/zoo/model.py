"""The zoo's model client: one pooled session for each agent, and as little else as possible.

It speaks OpenAI chat completions with whatever `OPENAI_BASE_URL` names when the first call is made.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Literal, TypeAlias

import aiohttp
import msgspec

from overheard.core.outcome import TargetError

Role: TypeAlias = Literal["system", "user", "assistant"]


class Message(msgspec.Struct, frozen=True):
    """One message of a prompt."""

    role: Role
    content: str


class _Said(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Said


class _Answer(msgspec.Struct):
    choices: list[_Choice]


class Model:
    """A chat model behind `OPENAI_BASE_URL`. The session is opened by the first call, inside its loop."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._url = ""
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(_Answer)

    async def chat(self, messages: Sequence[Message]) -> str:
        """The model's answer to a prompt. Raises TargetError if the model cannot be reached or errs."""
        session = self._session or self._open()
        body = self._encoder.encode({"model": "zoo", "messages": messages})
        try:
            async with session.post(self._url, data=body) as response:
                payload = await response.read()
                if response.status != 200:
                    raise TargetError(f"the model answered with status {response.status}")
                answer = self._decoder.decode(payload)
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            raise TargetError(f"the model gave no answer: {error!r}") from error
        return answer.choices[0].message.content or "" if answer.choices else ""

    def _open(self) -> aiohttp.ClientSession:
        base = os.environ.get("OPENAI_BASE_URL")
        if not base:
            raise TargetError("OPENAI_BASE_URL is not set, so there is no model to talk to")
        self._url = base.rstrip("/") + "/chat/completions"
        key = os.environ.get("OPENAI_API_KEY", "none")
        self._session = aiohttp.ClientSession(
            # Without a limit of our own: a hundred connections at most would make the hundred-and-first
            # operation wait in the client, and what was driven concurrently would not be concurrent.
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        return self._session

    async def close(self) -> None:
        """Close the session, if there is one."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            # The transports close on the loop's next turn, and a loop that ends before warns of them.
            await asyncio.sleep(0)
