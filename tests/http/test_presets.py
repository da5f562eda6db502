"""Presets, against servers that speak what they are for."""

import itertools
import json

import pytest
from aiohttp import web

from overheard.core.canary import FactKey, decode_canary, find_canaries, mint_fact, mint_nonce
from overheard.core.ids import OMITTED
from overheard.core.outcome import Caller, Refused
from overheard.mirror.server import Mirror

FACT = FactKey(7, 1, 0, 0)
TELL = f"My locker code is {mint_fact(FACT)}. {mint_nonce(7, 1, 0)}"
ASK = f"What is my locker code? {mint_nonce(7, 1, 1, flags=1)}"


class Silent:
    """A log that keeps nothing."""

    def called(self, **_call):
        return 1

    def answered(self, _call, *, closed=False):
        pass


def recites(text):
    return any(decode_canary(token).fact == FACT for token in find_canaries(text))


@pytest.fixture
def seen():
    """What servers were asked, in order."""
    return []


async def _events(request, *events):
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        data = event if isinstance(event, str) else json.dumps(event)
        await response.write(f"data: {data}\n\n".encode())
    return response


def test_mastra(servers, describe, talk, seen):
    async def generate(request):
        seen.append((request.path, await request.json(), request.headers.get("Authorization")))
        if request.headers.get("Authorization") == "Bearer bad":
            return web.json_response({"error": "Unauthorized"}, status=401)
        if request.path.endswith("/generate"):
            return web.json_response({"text": "hi", "steps": [{"request": {"body": "the prompt"}}]})
        return await _events(
            request,
            {"type": "start", "payload": {"id": "a"}},
            {"type": "text-delta", "payload": {"id": "1", "text": "h"}},
            {"type": "reasoning-delta", "payload": {"id": "2", "text": "hm"}},
            {"type": "text-delta", "payload": {"id": "1", "text": "i"}},
            {"type": "finish", "payload": {}},
            "[DONE]",
        )

    target = describe(servers.app(generate), 'preset = "mastra"\nvariables.agent = "support"')
    talked = talk(target, ("m", "t", "r"), ("m", None, "r"), ("m", OMITTED, OMITTED))
    assert talked.said == ["hi", "hi", "hi"]
    assert "the prompt" in talked.replies[0].channels["header"]
    assert talk(target, ("m", "t", "r"), streaming=True).said == [["h", "i"]]
    messages = [{"role": "user", "content": "m"}]
    assert seen == [
        (f"/api/agents/support/{route}", {"messages": messages, "memory": memory}, None)
        for route, memory in (
            ("generate", {"thread": "t", "resource": "r"}),
            ("generate", {"thread": None, "resource": "r"}),
            ("generate", {}),
            ("stream", {"thread": "t", "resource": "r"}),
        )
    ]
    beyond = ("list_threads", "read_messages", "search", "create_thread", "clone_thread")
    assert talked.offers.surfaces == ("send", "stream", *beyond), "and those that destroy nothing"
    assert talked.offers.accepts == ("thread", "resource")
    proving = describe(
        servers.app(generate), 'preset = "mastra"\nvariables.agent = "support"\ncredentials = "{caller}"'
    )
    talked = talk(
        proving, ("m", "t", "r", Caller("r0", resource="bad")), ("m", "t", "r", Caller("r0", resource="a"))
    )
    assert isinstance(talked.said[0], Refused)
    assert seen[-1][2] == "Bearer a"


@pytest.mark.parametrize("preset", ["openai-chat", "openai-chat-metadata"])
def test_openai_chat(servers, describe, talk, seen, preset):
    async def complete(request):
        body = await request.json()
        headers = {name: value for name, value in request.headers.items() if name.startswith("X-")}
        seen.append((request.path, body.get("metadata", headers), body["messages"]))
        if not body.get("stream"):
            return web.json_response({"choices": [{"message": {"role": "assistant", "content": "hi"}}]})
        first = {"choices": [{"delta": {"role": "assistant"}}]}
        deltas = [{"choices": [{"delta": {"content": piece}}]} for piece in ("h", "i")]
        return await _events(request, first, *deltas, {"choices": [], "usage": {}}, "[DONE]")

    target = describe(f"{servers.app(complete)}/v1", f'preset = "{preset}"')
    talked = talk(target, ("m", "t", "r"), ("m", OMITTED, "r"))
    assert talked.said == ["hi", "hi"]
    assert "".join(talk(target, ("m", "t", "r"), streaming=True).said[0]) == "hi"
    thread, resource = ("thread", "resource") if "metadata" in preset else ("X-Thread-Id", "X-Resource-Id")
    messages = [{"role": "user", "content": "m"}]
    assert seen == [
        ("/v1/chat/completions", {thread: "t", resource: "r"}, messages),
        ("/v1/chat/completions", {resource: "r"}, messages),
        ("/v1/chat/completions", {thread: "t", resource: "r"}, messages),
    ]
    assert ("thread null" in talked.offers.cannot) == (preset == "openai-chat")


@pytest.mark.parametrize("streaming", [False, True])
def test_openai_responses_with_conversations_kept_by_the_server(describe, talk, streaming):
    with Mirror(Silent()) as mirror:
        target = describe(mirror.url, 'preset = "openai-responses"')
        calls = [(TELL, "t1", "r"), (ASK, "t1", "r"), (ASK, "t2", "r"), (ASK, OMITTED, "r")]
        talked = talk(target, *calls, streaming=streaming)
    assert not [said for said in talked.said if isinstance(said, Exception)]
    assert [recites("".join(said)) for said in talked.said] == [False, True, False, False]
    assert talked.offers.accepts == ("thread",)


def test_openai_responses_continued_by_the_last_one(describe, talk):
    text = """
    [send]
    path = "/responses"
    answer = "output.*.content.*.text"
    ids.response = "id"
    json = { model = "m", input = "{message}", previous_response_id = "{minted.response}" }
    """
    with Mirror(Silent()) as mirror:
        talked = talk(describe(mirror.url, text), (TELL, "t1", "r"), (ASK, "t1", "r"), (ASK, "t2", "r"))
    assert [recites(said) for said in talked.said] == [False, True, False]


def test_conversations_of_a_server_that_mints_are_each_their_own(servers, describe, talk, seen):
    numbers = itertools.count(1)

    async def handler(request):
        body = await request.json()
        seen.append((request.path, body.get("conversation")))
        if request.path.endswith("/conversations"):
            return web.json_response({"id": f"conv_{next(numbers)}"})
        content = [{"type": "output_text", "text": "h"}, {"type": "output_text", "text": "i"}]
        return web.json_response({"output": [{"type": "reasoning"}, {"type": "message", "content": content}]})

    target = describe(f"{servers.app(handler)}/v1", 'preset = "openai-responses"')
    assert (
        talk(target, ("m", "a", "r"), ("m", "b", "r"), ("m", "a", "s"), ("m", None, "r")).said == ["h\ni"] * 4
    )
    assert [each for each in seen if "responses" in each[0]] == [
        ("/v1/responses", conversation) for conversation in ("conv_1", "conv_2", "conv_1", None)
    ]
