"""A chat server whose callers prove who they are. It keeps conversations and asks a model for answers.

    POST /login    {"user"}                            -> {"token"}
    POST /chat     {"conversation", "message"}         -> {"reply"}      whose it is follows from the token
    POST /believing-chat {"user", "conversation", …} -> {"reply"}   the mistake: the body says whose it is
    GET  /healthz

It listens on the port that PORT names, and its model is where OPENAI_BASE_URL says.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import AsyncIterator

from aiohttp import ClientSession, web

SECRET = secrets.token_bytes(32)
SESSION = web.AppKey("session", ClientSession)

conversations: dict[tuple[str, str], list[dict[str, str]]] = {}


def signature(user: str) -> str:
    return hmac.new(SECRET, user.encode(), hashlib.sha256).hexdigest()


def authenticated(request: web.Request) -> str:
    """Whose token the request carries."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    signed, _, name = token.partition(".")
    # Names are sent in hexadecimal, because a header cannot hold every name.
    user = bytes.fromhex(name).decode() if signed else ""
    if not user or not hmac.compare_digest(signed, signature(user)):
        raise web.HTTPUnauthorized
    return user


async def login(request: web.Request) -> web.Response:
    """A real server would ask for a password here."""
    user = (await request.json())["user"]
    return web.json_response({"token": f"{signature(user)}.{user.encode().hex()}"})


async def chat(request: web.Request) -> web.Response:
    body = await request.json()
    return await answered(request, authenticated(request), body)


async def believing_chat(request: web.Request) -> web.Response:
    body = await request.json()
    authenticated(request)
    return await answered(request, body.get("user"), body)


async def answered(request: web.Request, user: str | None, body: dict[str, str]) -> web.Response:
    if not user or not body.get("conversation"):
        raise web.HTTPBadRequest(text=json.dumps({"error": "say which conversation"}))
    history = conversations.setdefault((user, body["conversation"]), [])
    said = {"role": "user", "content": body["message"]}
    asked = {"model": "any", "messages": [*history, said]}
    url = os.environ["OPENAI_BASE_URL"].rstrip("/") + "/chat/completions"
    key = os.environ.get("OPENAI_API_KEY", "none")
    async with request.app[SESSION].post(
        url, json=asked, headers={"Authorization": f"Bearer {key}"}
    ) as response:
        response.raise_for_status()
        reply = (await response.json())["choices"][0]["message"]
    history += [said, {"role": "assistant", "content": reply["content"]}]
    return web.json_response({"reply": reply["content"]})


async def healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ready")


async def model_session(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession() as app[SESSION]:
        yield


app = web.Application()
app.cleanup_ctx.append(model_session)
app.router.add_post("/login", login)
app.router.add_post("/chat", chat)
app.router.add_post("/believing-chat", believing_chat)
app.router.add_get("/healthz", healthy)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")), access_log=None)
