"""One of the planted races behind HTTP: `python3 server.py DEPTH [mended]`. It listens on PORT."""

import os
import sys

from agents import PLANTED
from aiohttp import web


async def entered(app):
    depth, *mended = sys.argv[1:]
    async with PLANTED[int(depth)][len(mended)]() as agent:
        app["agent"] = agent
        yield


async def chat(request):
    body = await request.json()
    text = await request.app["agent"].send(
        body["message"], thread=body.get("thread"), resource=body["resource"]
    )
    return web.json_response({"text": text})


async def healthy(request):
    return web.Response(text="ready")


app = web.Application()
app.cleanup_ctx.append(entered)
app.add_routes([web.post("/chat", chat), web.get("/healthz", healthy)])
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None)
