"""One request and its answer: read no further than a limit, and understood as a yes, a no, or neither.

What means no is declared, by status or by body. Everything else that is not the answer described (a broken
connection, a redirect, a page of HTML, 429, 5xx) says nothing about whether the call was carried out, and
must never pass for a refusal that proves isolation. Whatever was received goes into the words of the
error, whole: a leak in an error page is a leak.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec
from multidict import CIMultiDictProxy

from overheard.adapters.blame import one_line
from overheard.adapters.http import path as paths
from overheard.adapters.http.model import NEVER_REFUSED, TRANSPORT, Observed, Refusals, Scalar
from overheard.adapters.http.path import Path
from overheard.adapters.http.request import Filled
from overheard.core.outcome import Refused, TargetError

LIMIT: Final = 16 << 20
"""Bytes of one answer that are read. What comes after them is not waited for."""

RETRIES: Final = 3
"""How often a request that was answered 429 is sent again. Nothing was done about it, so it is the same."""

LONGEST_WAIT: Final = 60.0
"""Seconds that a `Retry-After` may ask for."""

BROKEN: Final = (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, ValueError)
"""What aiohttp raises when a connection, or what comes over it, is not as it should be."""

NO_JSON: Final = object()
"""Stands for the document of a body that is no JSON."""

_WAIT: Final = 1.0
_TOO_MANY: Final = 429
_ERRORS: Final = 500
_SHOWN: Final = 200


class Condition(NamedTuple):
    """What a document must have at a path."""

    path: Path
    value: Scalar

    def holds(self, document: Any) -> bool:
        # `1 == True` in Python, and not in JSON.
        return any(
            found == self.value and isinstance(found, bool) == isinstance(self.value, bool)
            for found in paths.find(document, self.path)
        )


def conditions(table: Mapping[str, Scalar]) -> tuple[Condition, ...]:
    """A table of path = value, ready to be asked."""
    return tuple(Condition(paths.parse(path), value) for path, value in table.items())


def hold(wanted: tuple[Condition, ...], document: Any) -> bool:
    """Whether all of them hold."""
    return all(each.holds(document) for each in wanted)


class Rules(NamedTuple):
    """How the answers of one target are understood, and what of them is looked through."""

    refused_status: frozenset[int]
    refused_when: tuple[tuple[Condition, ...], ...]
    headers: frozenset[str]
    body: bool

    @classmethod
    def of(cls, refused: Refusals, observed: Observed) -> Rules:
        return cls(
            refused_status=frozenset(refused.status),
            refused_when=tuple(conditions(table) for table in refused.when),
            headers=frozenset(name.lower() for name in observed.headers),
            body=observed.body,
        )

    def shown(self, headers: CIMultiDictProxy[str]) -> str:
        """The response headers that are looked through, one a line."""
        return "\n".join(
            f"{name}: {value}"
            for name, value in headers.items()
            if (lower := name.lower()) in self.headers or ("*" in self.headers and lower not in TRANSPORT)
        )


class Answer(NamedTuple):
    """A response that has come whole. What is only for words is put into them when it is asked for.

    `document`  its JSON, NO_JSON if it is none.
    `headers`   those of its headers that are looked through.
    """

    response: aiohttp.ClientResponse
    body: bytes
    document: Any
    headers: str

    @property
    def told(self) -> str:
        """In words, which status it had."""
        return told(self.response)

    @property
    def content_type(self) -> str:
        """What it says that it is."""
        return one_line(self.response.headers.get("Content-Type", "no content type"), _SHOWN)

    @property
    def text(self) -> str:
        """The body."""
        return decoded(self.body, self.response.charset)

    @property
    def whole(self) -> str:
        """All that the caller was shown."""
        return f"{self.text}\n{self.headers}" if self.headers else self.text


class Exchange:
    """Sends requests over one session, which everybody shares.

    `ended` says in words how the target ended, "" if that is not known.
    """

    def __init__(
        self, session: aiohttp.ClientSession, rules: Rules, ended: Callable[[], Awaitable[str]]
    ) -> None:
        self._session = session
        self._ended = ended
        self.rules = rules

    async def ask(self, request: Filled) -> Answer:
        """Send a request and read the answer. Raises Refused, or TargetError if it says neither."""
        response = await self._admitted(request)
        async with response:
            return self.understood(response, await read(response))

    @asynccontextmanager
    async def opened(self, request: Filled) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response whose status is a success, still to be read. Raises as `ask` for any other."""
        response = await self._admitted(request)
        async with response:
            if not 200 <= response.status < 300:
                self.understood(response, await read(response))
            yield response

    async def _admitted(self, request: Filled) -> aiohttp.ClientResponse:
        """The first response that does not ask for patience, or the last that was waited for."""
        for _ in range(RETRIES):
            response = await self._sent(request)
            if response.status != _TOO_MANY:
                return response
            wait = _retry_after(response.headers.get("Retry-After"))
            if wait > LONGEST_WAIT:
                return response
            async with response:
                await read(response)
            await asyncio.sleep(wait)
        return await self._sent(request)

    async def _sent(self, request: Filled) -> aiohttp.ClientResponse:
        try:
            return await self._session.request(
                request.method,
                request.url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
            )
        except BROKEN as error:
            raise TargetError(await self._ended() or _wrong(request, error)) from error

    def understood(self, response: aiohttp.ClientResponse, body: bytes) -> Answer:
        """An answer that is a success. Raises Refused if it says no, TargetError if it says anything else."""
        answer = Answer(response, body, _document(body), self.rules.shown(response.headers))
        status = response.status
        if self._refuses(status, answer.document):
            raise Refused(f"{answer.told}: {answer.whole}")
        if not 200 <= status < 300:
            raise TargetError(f"{answer.told}{_advice(response)}: {answer.whole}")
        return answer

    def _refuses(self, status: int, document: Any) -> bool:
        rules = self.rules
        if status in rules.refused_status:
            return True
        if not rules.refused_when or document is NO_JSON or status in NEVER_REFUSED or status >= _ERRORS:
            return False
        return any(hold(wanted, document) for wanted in rules.refused_when)


async def read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body. Raises TargetError, with what has come, if it is cut off or longer than LIMIT."""
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := await response.content.readany():
            pieces.append(piece)
            size += len(piece)
            if size > LIMIT:
                break
    except BROKEN as error:
        received = decoded(b"".join(pieces), response.charset)
        why = f"the answer was cut off ({reason_of(error)})"
        raise TargetError(f"{told(response)}, and {why}: {received}") from error
    body = b"".join(pieces)
    if size > LIMIT:
        response.close()
        raise TargetError(
            f"{told(response)} with more than {LIMIT >> 20} MiB, the rest of which was not read: "
            + decoded(body, response.charset)
        )
    return body


def told(response: aiohttp.ClientResponse) -> str:
    """What status the target answered with, in words."""
    reason = one_line(response.reason or "", _SHOWN)
    return f"the target answered {response.status}{f' {reason}' if reason else ''}"


def decoded(body: bytes, charset: str | None) -> str:
    """Bytes as text, whatever they are: what cannot be read must not hide what can."""
    try:
        return body.decode(charset or "utf-8", errors="replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or one that is none of text
        return body.decode("utf-8", errors="replace")


def reason_of(error: Exception) -> str:
    """An error's own words, on one line."""
    return one_line(str(error) or type(error).__name__, _SHOWN)


def _wrong(request: Filled, error: Exception) -> str:
    """What went wrong with a request that got no answer, and what to do."""
    where = f"{request.url.scheme}://{request.url.host_port_subcomponent}"
    why = reason_of(error)
    if isinstance(error, aiohttp.ClientConnectorError):  # what it says itself repeats the address
        why = one_line(_system(error.os_error), _SHOWN)
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=inner):
            why = one_line(getattr(inner, "verify_message", "") or str(inner), _SHOWN)
            return (
                f"the certificate of {where} is not trusted ({why}); "
                'if it is your own, name it: certificates = "FILE.pem"'
            )
        case aiohttp.ClientSSLError():
            return f"{where} does not speak TLS as it should ({why}); is it http and not https?"
        case aiohttp.ClientConnectorDNSError():
            return f"there is no host {request.url.host} ({why})"
        case aiohttp.ClientConnectorError():
            return f"nothing answers at {where} ({why}): start it, or let overheard do so: --serve COMMAND"
        case aiohttp.ServerDisconnectedError():
            return f"{where} closed the connection without an answer"
        case aiohttp.ClientResponseError():
            return f"{where} answered with something that is no HTTP: {one_line(error.message, _SHOWN)}"
    return f"the request to {where} failed: {type(error).__name__}: {why}"


def _system(error: OSError) -> str:
    """The system's words for its error: asyncio puts its own in their place."""
    # Numbers of TLS and of name resolution are others than the system's.
    number = 0 if isinstance(error, ssl.SSLError | socket.gaierror) else error.errno or 0
    return os.strerror(number) if number in errno.errorcode else error.strerror or str(error)


def _advice(response: aiohttp.ClientResponse) -> str:
    if 300 <= response.status < 400:
        to = one_line(response.headers.get("Location", "nowhere"), _SHOWN)
        return f" and redirects to {to}, which is not followed; write the address that it leads to"
    if response.status == _TOO_MANY:
        return f" (Retry-After: {one_line(response.headers.get('Retry-After', 'not said'), _SHOWN)})"
    return ""


def _document(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):  # msgspec's own error is a ValueError too
        pass
    # A byte order mark; or half a surrogate pair, which JavaScript makes where it cuts an emoji in two.
    if not body.startswith((b"{", b"[", b'"', b"\xef")):
        return NO_JSON
    try:
        lenient = json.loads(body.decode("utf-8-sig"))
        return msgspec.json.decode(json.dumps(lenient, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return NO_JSON


def _retry_after(value: str | None) -> float:
    """Seconds to wait: a number of them, or a date."""
    if value is None:
        return _WAIT
    with suppress(ValueError, OverflowError):
        return max(0.0, float(int(value)))
    with suppress(ValueError, TypeError):
        moment = parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return _WAIT
