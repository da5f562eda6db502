"""Reading headers and writing whole answers."""

from __future__ import annotations

from aiohttp import web

from overheard.mirror.wire import encode


def respond(body: object, *, status: int = 200, content_type: str = "application/json") -> web.Response:
    """A response: bytes as they are, anything else as JSON.

    A whole body, streams included: headers and body then leave in one write, and no delayed acknowledgement
    (40 ms) can come between them.
    """
    data = body if isinstance(body, bytes) else encode(body)
    return web.Response(body=data, status=status, content_type=content_type)


def header(request: web.Request, name: str) -> str | None:
    """A header's value as text, None if it is empty or not there."""
    value = request.headers.get(name)
    # Headers are bytes; those that are no UTF-8 come as surrogates, which no history could be written with.
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if value else None
