"""An agent of the zoo behind HTTP: a server as small as a server can be, for one agent that serves everybody.

    python -m overheard.zoo.serve thread-only-key-sqlite --port 8000

POST /chat takes `{"message", "thread", "resource", "tenant"}` and answers `{"text"}`; a key that is left out
is a keyword that is not passed. POST /stream takes the same and answers in server-sent events, a word each.
What the agent shows and changes besides is reached alike: POST /list_threads, /search, /delete_thread, … take
its keywords and answer `{"shown"}`. A refusal is a 403, a failure a 502. GET /healthz answers once the agent
is there.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from overheard.core.operation import BEYOND
from overheard.core.outcome import Refused, TargetError
from overheard.zoo.catalogue import CATALOGUE, Build

HOST: Final = "127.0.0.1"
_AGENT: Final = web.AppKey("agent", object)
_IDS: Final = ("thread", "resource", "tenant")


def application(build: Build) -> web.Application:
    """The server of one agent, which is entered when the server starts and left when it ends."""
    app = web.Application(middlewares=[_saying_why])

    async def agent(app: web.Application) -> AsyncIterator[None]:
        async with build() as entered:
            app[_AGENT] = entered
            yield

    app.cleanup_ctx.append(agent)
    app.router.add_post("/chat", _chat)
    app.router.add_post("/stream", _stream)
    app.router.add_post(f"/{{surface:{'|'.join(BEYOND)}}}", _use)
    app.router.add_get("/healthz", _healthy)
    return app


@web.middleware
async def _saying_why(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as error:
        return _json({"error": str(error)}, status=403)
    except TargetError as error:
        return _json({"error": str(error)}, status=502)


async def _chat(request: web.Request) -> web.Response:
    return _json({"text": await _asked(request)})


async def _use(request: web.Request) -> web.Response:
    surface = getattr(request.app[_AGENT], request.match_info["surface"], None)
    if surface is None:
        raise web.HTTPNotFound
    return _json({"shown": await surface(**msgspec.json.decode(await request.read()))})


async def _stream(request: web.Request) -> web.StreamResponse:
    text = await _asked(request)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    pieces = [word for piece in text.split(" ") for word in (" ", piece)][1:]
    for piece in pieces:
        event = msgspec.json.encode({"type": "text", "delta": piece})
        await response.write(b"data: " + event + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ready")


async def _asked(request: web.Request) -> str:
    body: dict[str, Any] = msgspec.json.decode(await request.read())
    agent: Any = request.app[_AGENT]
    ids = {name: body[name] for name in _IDS if name in body}
    return str(await agent.send(body["message"], **ids))


def _json(body: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json", status=status)


def main() -> None:
    """Serve one agent until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m overheard.zoo.serve", description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=sorted(CATALOGUE))
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    web.run_app(application(CATALOGUE[chosen.name].build), host=HOST, port=chosen.port, access_log=None)


if __name__ == "__main__":
    main()
