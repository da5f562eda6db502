"""The zoo's model client: pooled connections for each agent, and as little else as possible.

It speaks OpenAI chat completions with whatever `OPENAI_BASE_URL` names when the first call is made. The
zoo is driven through hundreds of thousands of calls, in which a general client cost more than everything
else that an agent does; this one knows the one request that it sends.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

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
    """A chat model behind `OPENAI_BASE_URL`. Connections are opened by calls, inside their loop.

    There are as many as calls at once: with a limit of our own, operations would wait in the client, and
    what was driven concurrently would not be concurrent.
    """

    def __init__(self) -> None:
        self._server: _Server | None = None
        self._idle: list[_Connection] = []
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(_Answer)

    async def chat(self, messages: Sequence[Message]) -> str:
        """The model's answer to a prompt. Raises TargetError if the model cannot be reached or errs."""
        server = self._server = self._server or _server()
        body = self._encoder.encode({"model": "zoo", "messages": messages})
        try:
            status, payload = await self._ask(server, b"%b%d\r\n\r\n%b" % (server.head, len(body), body))
            if status != 200:
                raise TargetError(f"the model answered with status {status}")
            answer = self._decoder.decode(payload)
        except (OSError, ValueError) as error:
            raise TargetError(f"the model gave no answer: {error!r}") from error
        return answer.choices[0].message.content or "" if answer.choices else ""

    async def _ask(self, server: _Server, request: bytes) -> tuple[int, bytes]:
        connection = self._free() or await _connect(server)
        try:
            answer = await connection.ask(request)
        except BaseException:
            # Cancelled above all: the model must see that nobody waits for its answer any more.
            connection.close()
            raise
        if connection.open:
            self._idle.append(connection)
        return answer

    def _free(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return None

    async def close(self) -> None:
        """Close every connection that is not in use."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        # They close on the loop's next turn, and a loop that ends before warns of them.
        await asyncio.sleep(0)


class _Server(NamedTuple):
    """Where the model is, and all of a request but its length and its body."""

    host: str
    port: int
    tls: bool
    head: bytes


def _server() -> _Server:
    base = os.environ.get("OPENAI_BASE_URL")
    if not base:
        raise TargetError("OPENAI_BASE_URL is not set, so there is no model to talk to")
    url = urlsplit(base)
    tls = url.scheme == "https"
    head = (
        f"POST {url.path.rstrip('/')}/chat/completions HTTP/1.1\r\n"
        f"Host: {url.netloc}\r\n"
        f"Authorization: Bearer {os.environ.get('OPENAI_API_KEY', 'none')}\r\n"
        "Content-Type: application/json\r\n"
        "Content-Length: "
    )
    return _Server(url.hostname or "", url.port or (443 if tls else 80), tls, head.encode())


async def _connect(server: _Server) -> _Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        _Connection, server.host, server.port, ssl=True if server.tls else None
    )
    return connection


_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSING: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class _Connection(asyncio.Protocol):
    """One connection, which carries one request at a time."""

    def __init__(self) -> None:
        self.open = True
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._head = b""
        self._received = bytearray()
        self._missing = 0

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError if the connection breaks, ValueError for no HTTP."""
        if self._transport is None or not self.open:
            raise ConnectionError("the model hung up")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def close(self) -> None:
        """Hang up."""
        self.open = False
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows: this is TCP
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._end(exc or ConnectionError("the model hung up before it had answered"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._head:
            head, end, body = bytes(self._received).partition(b"\r\n\r\n")
            if not end:
                return
            length = _LENGTH.search(head)
            if length is None:
                self._end(ValueError("the model's answer does not say how long it is"))
                return
            self._head, self._received, self._missing = head, bytearray(body), int(length[1])
        if len(self._received) >= self._missing:
            self._answered()

    def _answered(self) -> None:
        head, body = self._head, bytes(self._received)
        self._head, self._received = b"", bytearray()
        if _CLOSING.search(head):
            self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((int(head[9:12]), body))

    def _end(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
