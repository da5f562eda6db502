"""The mirror's thread, loop and routes."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import threading
from collections.abc import Iterable
from functools import partial
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from aiohttp import web

from overheard.core.canary import operations_named
from overheard.core.errors import InternalError, UsageError
from overheard.mirror import wire
from overheard.mirror.answer import Answer, answer
from overheard.mirror.embed import DIMENSIONS_LIMIT, dimensions_of, embed, embed_tokens
from overheard.mirror.environ import variables
from overheard.mirror.gate import Asked, Gate, shape_of
from overheard.mirror.keeper import Handler, Keeper
from overheard.mirror.log import ModelLog
from overheard.mirror.pace import Pace, Pacer
from overheard.mirror.request import BadRequest, ChatRequest, decode, read_chat
from overheard.mirror.respond import header, respond
from overheard.mirror.responses import NotFound

HOST: Final = "127.0.0.1"
BODY_LIMIT: Final = 64 << 20
"""Bytes of one request. A conversation is far smaller; a target that sends a gigabyte is told so."""

INPUTS_LIMIT: Final = 4096
_STOP_SECONDS: Final = 10.0
_BACKLOG: Final = 1024


class Mirror:
    """A model server on loopback, in a thread and loop of its own.

    On the driver's loop, one blocking client call inside an `async def` of the target would deadlock
    everything. Start and stop are idempotent, and a stopped mirror can be started again; as a context
    manager it runs from entry to exit.
    """

    def __init__(self, log: ModelLog, *, port: int = 0) -> None:
        """`port` 0 takes any free one."""
        self._routes = _Routes(log)
        self._port = port
        self._running: _Running | None = None

    @property
    def gate(self) -> Gate:
        """What holds chat calls until they are released; open, and holding none, until it is closed."""
        return self._routes.gate

    @property
    def url(self) -> str:
        """Base address, as `OPENAI_BASE_URL` wants it. Raises InternalError while the mirror is down."""
        if self._running is None:
            raise InternalError("the mirror has no address before it is started")
        return f"http://{HOST}:{self._running.port}/v1"

    def start(self) -> None:
        """Be up when this returns. Raises UsageError if the port cannot be had."""
        if self._running is None:
            self._running = _start(self._routes, self._port)

    def stop(self) -> None:
        """Hang up on whoever still waits, and end the thread."""
        running, self._running = self._running, None
        if running is not None:
            running.loop.call_soon_threadsafe(running.ending.set)
            running.thread.join(_STOP_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """The variables that lead a target here: addresses, a key, telemetry off, no proxy for loopback."""
        return variables(self.url, os.environ)

    def pace(self, *, latency: float, width: int) -> None:
        """How chat calls that arrive from now on are kept before they are answered. Thread-safe.

        `latency` seconds each; with `width` above 1 a rendezvous: until `width` chat calls are being kept
        at once, or `latency` has passed.
        """
        self._routes.pacer.set(Pace(latency, width))


class _Running(NamedTuple):
    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    ending: asyncio.Event
    port: int


def _start(routes: _Routes, port: int) -> _Running:
    ready = threading.Event()
    up: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = []
    failure: list[BaseException] = []

    async def serve() -> None:
        ending = asyncio.Event()
        # Without handler_cancellation a client that hangs up is never noticed, and its call stays open in
        # the history. The short timeout is for stop(): calls still kept then are hung up on.
        runner = web.AppRunner(
            routes.application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await runner.setup()
        listener = None
        try:
            listener = socket.create_server((HOST, port), backlog=_BACKLOG)
            await web.SockSite(runner, listener, backlog=_BACKLOG).start()
            up.append((asyncio.get_running_loop(), ending, runner.addresses[0][1]))
            ready.set()
            await ending.wait()
        finally:
            if listener is not None:
                # A connection that is being accepted is a task that has not begun. If its server had closed
                # by then, or it were cancelled before its first turn, nobody would close its socket. So first
                # no more are accepted, and those that were have two turns to become known.
                asyncio.get_running_loop().remove_reader(listener)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            await runner.cleanup()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
            failure.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="overheard-mirror", daemon=True)
    thread.start()
    ready.wait()
    if not up:
        thread.join()
        reason = failure[0]
        if isinstance(reason, OSError | OverflowError):
            raise UsageError(
                f"the mirror cannot listen on {HOST}:{port}: {reason}; choose another port, or 0 for any"
            ) from reason
        raise InternalError(f"the mirror did not start: {reason!r}") from reason
    return _Running(thread, *up[0])


class _Routes:
    """What is answered. Lives on the mirror's loop."""

    def __init__(self, log: ModelLog) -> None:
        self._log = log
        self._numbers = itertools.count(1)
        self._keeper = Keeper(self.ask)
        self.pacer = Pacer()
        self.gate = Gate()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=BODY_LIMIT)

        def add(method: str, path: str, handler: Handler) -> None:
            # Not as a middleware: aiohttp keeps the last thousand handlers that it put middlewares around,
            # and with them all that these hold: in a process of many campaigns, every history recorded.
            app.router.add_route(method, path, partial(_in_openai_shape, handler=handler))

        for prefix in ("/v1", ""):
            add("POST", f"{prefix}/chat/completions", self.chat)
            add("POST", f"{prefix}/embeddings", self.embeddings)
            self._keeper.add_to(add, prefix)
            add("GET", f"{prefix}/models", self.models)
            add("GET", f"{prefix}/models/{{name:.+}}", self.model)
        add("*", "/{anything:.*}", self.unknown)
        return app

    async def chat(self, request: web.Request) -> web.Response:
        wanted = read_chat(decode(await request.read()))
        said = await self.ask(request, wanted)
        # The campaign is part of the number: stores that outlive a campaign replace messages by id, and a
        # fresh mirror counts from one again.
        campaign = said.about.nonce.campaign if said.about.nonce else 0
        number = campaign << 32 | next(self._numbers)
        if wanted.stream:
            return respond(wire.events(wanted, said, number), content_type="text/event-stream")
        return respond(wire.completion(wanted, said, number))

    async def ask(self, request: web.Request, wanted: ChatRequest) -> Answer:
        """Record a model call, keep it, and answer it."""
        said = answer(wanted)
        user_texts, other_texts = wanted.user_texts(), wanted.other_texts()
        thread, resource = header(request, "x-thread-id"), header(request, "x-resource-id")
        shape = shape_of(wanted)
        call = self._log.called(
            kind="chat",
            user_texts=user_texts,
            other_texts=other_texts,
            thread=thread,
            resource=resource,
            shape=shape,
        )
        try:
            if self.gate.closed:
                named = operations_named(user_texts), operations_named(other_texts)
                await self.gate.hold(Asked(call, *named, thread, resource, shape))
            else:
                await self.pacer.hold()
        except asyncio.CancelledError:
            self._log.answered(call, closed=True)
            raise
        # Said before the bytes go out, or an operation could end before its model call did.
        self._log.answered(call)
        return said

    async def embeddings(self, request: web.Request) -> web.Response:
        body = decode(await request.read())
        model = str(body.get("model") or "mirror")
        dimensions = _dimensions(body.get("dimensions"), model)
        inputs = _inputs(body.get("input"))
        texts = [each for each in inputs if isinstance(each, str)]
        call = self._log.called(
            kind="embedding",
            user_texts=texts,
            other_texts=(),
            thread=header(request, "x-thread-id"),
            resource=header(request, "x-resource-id"),
        )
        vectors = [
            embed(each, dimensions) if isinstance(each, str) else embed_tokens(each, dimensions)
            for each in inputs
        ]
        tokens = wire.tokens_in(texts) + sum(len(each) for each in inputs if not isinstance(each, str))
        as_base64 = body.get("encoding_format") == "base64"
        self._log.answered(call)
        return respond(wire.embeddings(model, vectors, as_base64=as_base64, tokens=tokens))

    async def models(self, _request: web.Request) -> web.Response:
        return respond(wire.models())

    async def model(self, request: web.Request) -> web.Response:
        return respond(wire.encode(wire.model(request.match_info["name"])))

    async def unknown(self, request: web.Request) -> web.Response:
        message = (
            f"The mirror does not answer {request.method} {request.path}. It answers POST "
            "/v1/chat/completions, POST /v1/responses, POST /v1/conversations and what they issue ids for, "
            "POST /v1/embeddings and GET /v1/models."
        )
        return respond(wire.error(message, code="unknown_url"), status=404)


async def _in_openai_shape(request: web.Request, *, handler: Handler) -> web.StreamResponse:
    """Every failure as a client of OpenAI expects it: JSON, never a page, never a traceback."""
    try:
        return await handler(request)
    except BadRequest as error:
        status = 404 if isinstance(error, NotFound) else 400
        return respond(wire.error(str(error), param=error.param, code=error.code), status=status)
    except web.HTTPRequestEntityTooLarge:
        message = f"Request too large: the limit is {BODY_LIMIT} bytes."
        return respond(wire.error(message, code="request_too_large"), status=413)
    except web.HTTPException as error:
        return respond(wire.error(error.reason), status=error.status)
    except Exception as error:  # noqa: BLE001 - whatever it is, the client gets the shape it can read
        message = f"The mirror failed: {type(error).__name__}: {error}"
        return respond(wire.error(message, kind="server_error"), status=500)


def _dimensions(raw: Any, model: str) -> int:
    if raw is None:
        return dimensions_of(model)
    if not isinstance(raw, int) or isinstance(raw, bool) or not 1 <= raw <= DIMENSIONS_LIMIT:
        message = f"Invalid 'dimensions': expected a whole number from 1 to {DIMENSIONS_LIMIT}."
        raise BadRequest(message, "dimensions")
    return raw


def _inputs(raw: Any) -> list[str | list[int]]:
    """A text, texts, token ids, or lists of token ids."""
    if isinstance(raw, str):
        return [raw]
    if isinstance(raw, list) and raw:
        if _all(raw, int):
            return [raw]
        if len(raw) > INPUTS_LIMIT:
            raise BadRequest(f"Invalid 'input': at most {INPUTS_LIMIT} inputs at once.", "input")
        if all(isinstance(each, str) or (isinstance(each, list) and _all(each, int)) for each in raw):
            return raw
    message = "Invalid 'input': expected a string, an array of strings, or an array of token ids."
    raise BadRequest(message, "input")


def _all(values: Iterable[Any], kind: type) -> bool:
    return all(isinstance(value, kind) for value in values)
