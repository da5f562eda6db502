"""The mirror as a server: shapes, errors, life, who is told of what."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import socket
import struct
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp
import pytest

from overheard.core.canary import mint_nonce
from overheard.core.errors import InternalError, UsageError
from overheard.mirror import server
from overheard.mirror.server import Mirror


def user(text):
    return {"role": "user", "content": text}


def test_a_completion_has_the_shape_clients_read(ask, say):
    got = ask({"model": "any/model:name", "messages": [user(say.tell(0))]})
    body = got.json
    assert got.kind == "application/json"
    assert body["object"] == "chat.completion"
    assert body["model"] == "any/model:name"
    assert body["created"] == 0
    assert body["choices"][0]["finish_reason"] == "stop"
    assert got.message["role"] == "assistant"
    assert got.message["content"] == f"Noted. (re {say.nonce(0)})"
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


def test_ids_differ_between_answers_and_between_campaigns(ask, say):
    first, second = (ask({"messages": [user(say.tell(0))]}).json["id"] for _ in range(2))
    other = ask({"messages": [user(f"hello {mint_nonce(8, 1, 0)}")]}).json["id"]
    assert len({first, second, other}) == 3
    # A mirror that starts anew counts from one: the campaign keeps its ids apart from the last one's.
    assert first.split("-")[1][:8] == second.split("-")[1][:8] != other.split("-")[1][:8]


def test_the_prefix_is_optional_and_several_answers_can_be_had(ask, mirror, say):
    got = ask({"messages": [user(say.tell(0))], "n": 3}, base=mirror.url.removesuffix("/v1"))
    assert [choice["index"] for choice in got.json["choices"]] == [0, 1, 2]


def test_a_stream_says_the_same_in_pieces_that_cut_canaries(ask, say):
    body = {"messages": [user(say.tell(0)), user(say.question(1))]}
    whole = ask(body).message["content"]
    got = ask({**body, "stream": True})
    assert got.kind == "text/event-stream"
    deltas = [event["choices"][0]["delta"] for event in got.events]
    pieces = [delta["content"] for delta in deltas if delta.get("content")]
    assert deltas[0]["role"] == "assistant"
    assert "".join(pieces) == whole
    assert len(pieces) > 2
    assert not any(len(piece) >= 22 for piece in pieces)
    assert [event["choices"][0]["finish_reason"] for event in got.events][-1] == "stop"
    assert len({event["id"] for event in got.events}) == 1
    assert all("usage" not in event for event in got.events)


def test_a_stream_ends_with_usage_if_asked(ask, say):
    body = {"messages": [user(say.tell(0))], "stream": True, "stream_options": {"include_usage": True}}
    *before, last = ask(body).events
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0
    assert all(event["usage"] is None for event in before)


def test_a_streamed_tool_call_joins_to_its_arguments(ask, say):
    tool = {"type": "function", "function": {"name": "save_memory", "parameters": {
        "type": "object", "properties": {"content": {"type": "string"}}, "required": ["content"]}}}  # fmt: skip
    got = ask({"messages": [user(say.tell(0))], "tools": [tool], "stream": True})
    calls = [
        delta["tool_calls"][0]
        for event in got.events
        if "tool_calls" in (delta := event["choices"][0]["delta"])
    ]
    assert calls[0]["function"]["name"] == "save_memory"
    assert calls[0]["id"]
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"content": say.tell(0)}
    assert got.events[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_the_log_gets_user_texts_newest_first_and_everything_else(ask, log, say):
    ask(
        {
            "messages": [
                {"role": "system", "content": "be kind"},
                user("first"),
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "save", "arguments": '{"x": "kept"}'}}]},
                {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "done"}]},
                user([{"type": "text", "text": "second"}, {"type": "image_url", "image_url": {"url": "http://pic"}}]),
            ],
            "tools": [{"type": "function", "function": {"name": "t", "description": "what tools say"}}],
        },
        headers={"x-thread-id": "t-1", "x-resource-id": "r-1"},
    )  # fmt: skip
    assert list(log.calls) == [1]
    call = log.calls[1]
    assert call["kind"] == "chat"
    assert call["user_texts"] == ["second", "first"]
    others = "\n".join(call["other_texts"])
    assert all(
        word in others for word in ("http://pic", "done", '{"x": "kept"}', "be kind", "what tools say")
    )
    assert others.index("http://pic") < others.index("done") < others.index("kept") < others.index("be kind")
    assert (call["thread"], call["resource"]) == ("t-1", "r-1")
    assert log.closed == {1: False}
    assert log.threads == {"overheard-mirror"}


def test_texts_that_are_no_unicode_reach_the_log_as_text(ask, log):
    got = ask(b'{"messages": [{"role": "user", "content": "cut \\ud83d emoji \\ud83d\\ude00"}]}')
    assert got.status == 200
    assert log.calls[1]["user_texts"] == ["cut \ufffd emoji \U0001f600"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff\xfe{", None),
        (b'{"messages": NaN}', None),
        (b"[" * 50_000, None),
        (b'"text"', None),
        ({}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [user(3)]}, "messages[0].content"),
        ({"messages": [user([3])]}, "messages[0].content[0]"),
        ({"messages": [{"role": "assistant", "tool_calls": "x"}]}, "messages[0].tool_calls"),
        ({"messages": [user("x")], "tools": {}}, "tools"),
        ({"messages": [user("x")], "tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"messages": [user("x")], "n": 0}, "n"),
        ({"messages": [user("x")], "tool_choice": {"type": "function", "function": {"name": "nope"}}}, "tool_choice"),
        ({"messages": [user("x")], "response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        ({"messages": [user("x")], "response_format": {"type": "json_schema", "json_schema": {
            "schema": {"type": "string", "minLength": "many"}}}}, "response_format"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_in_openais_shape_and_not_logged(ask, log, body, param):
    got = ask(body)
    assert got.status == 400
    assert got.error["type"] == "invalid_request_error"
    assert got.error["param"] == param
    assert log.calls == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/responses"),
        ("GET", "/conversations"),
        ("GET", "/chat/completions"),
        ("DELETE", "/models"),
        ("GET", "/"),
        ("POST", "/%2e%2e/x"),
    ],
)
def test_anything_else_is_not_found(ask, method, path):
    got = ask(b"{}" if method == "POST" else None, method=method, path=path)
    assert got.status == 404
    assert "/v1/chat/completions" in got.error["message"]


def test_a_request_that_is_too_large_is_told_so(ask, mirror, log, monkeypatch):
    monkeypatch.setattr(server, "BODY_LIMIT", 1000)
    with Mirror(log) as small:
        got = ask({"messages": [user("x" * 2000)]}, base=small.url)
        assert got.status == 413
        assert got.error["code"] == "request_too_large"
        assert ask({"messages": [user("x" * 20)]}, base=small.url).status == 200


def test_a_failure_of_ours_is_no_page_with_a_traceback(ask, log, monkeypatch):
    monkeypatch.setattr(log, "called", lambda **_: 1 // 0)
    got = ask({"messages": [user("x")]})
    assert got.status == 500
    assert got.error["type"] == "server_error"


def test_models_are_listed_and_any_name_is_one(ask):
    listed = ask(method="GET", path="/models").json
    assert listed["object"] == "list"
    assert [model["object"] for model in listed["data"]] == ["model"]
    assert ask(method="GET", path="/models/gpt-9/turbo").json["id"] == "gpt-9/turbo"


# -- life ----------------------------------------------------------------------------------------------------


def test_start_and_stop_are_idempotent_and_can_be_repeated(log, ask):
    mirror = Mirror(log)
    with pytest.raises(InternalError):
        _ = mirror.url
    mirror.start()
    first = mirror.url
    mirror.start()
    assert mirror.url == first
    mirror.stop()
    mirror.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        ask({}, base=first)
    with mirror:
        assert ask({"messages": [user("x")]}, base=mirror.url).status == 200


def test_a_port_that_is_taken_is_a_usage_error(log):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match=str(taken.getsockname()[1])):
            Mirror(log, port=taken.getsockname()[1]).start()


def test_the_environment_leads_here_and_keeps_proxy_exceptions(mirror, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "internal.example, localhost")
    found = mirror.environment()
    assert found["OPENAI_BASE_URL"] == found["OPENAI_API_BASE"] == found["OVERHEARD_MIRROR"] == mirror.url
    assert found["OPENAI_API_KEY"]
    assert found["NO_PROXY"] == found["no_proxy"] == "internal.example,localhost,127.0.0.1"
    assert found["LANGSMITH_TRACING"] == "false"
    assert found["OPENAI_AGENTS_DISABLE_TRACING"] == "1"


def test_a_client_that_hangs_up_is_noticed(mirror, log):
    mirror.pace(latency=30, width=1)

    async def hang_up():
        async with aiohttp.ClientSession() as session:
            post = session.post(mirror.url + "/chat/completions", json={"messages": [user("x")]})
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(post, 0.2)

    asyncio.run(hang_up())
    log.wait(lambda log: log.closed == {1: True})


def test_a_connection_that_is_being_accepted_when_it_stops_is_closed(log, monkeypatch):
    """Agents are on their way to it at any moment; what nobody closed is warned of in somebody else's test."""
    left, address, over = [], [], threading.Event()
    monkeypatch.setattr(sys, "unraisablehook", lambda error: left.append(repr(error.exc_value)))

    def connecting():
        open_now = deque(maxlen=20)
        while not over.is_set():
            with suppress(OSError, IndexError):
                client = socket.create_connection(address[-1], timeout=1)
                if len(open_now) == 20:
                    open_now[0].close()
                open_now.append(client)
        for client in open_now:
            client.close()

    others = [threading.Thread(target=connecting) for _ in range(2)]
    for other in others:
        other.start()
    for _ in range(10):
        with Mirror(log) as mirror:
            url = urlsplit(mirror.environment()["OPENAI_BASE_URL"])
            address.append((url.hostname, url.port))
            time.sleep(0.02)
    over.set()
    for other in others:
        other.join()
    gc.collect()
    assert left == []


def test_stopping_hangs_up_on_kept_calls(log):
    mirror = Mirror(log)
    mirror.start()
    mirror.pace(latency=60, width=1)

    async def be_hung_up_on():
        async with aiohttp.ClientSession() as session:
            post = asyncio.ensure_future(
                session.post(mirror.url + "/chat/completions", json={"messages": [user("x")]})
            )
            await asyncio.to_thread(log.wait, lambda log: 1 in log.calls)
            before = time.monotonic()
            await asyncio.to_thread(mirror.stop)
            assert time.monotonic() - before < 5
            with pytest.raises(aiohttp.ClientError):
                await post

    asyncio.run(be_hung_up_on())
    assert log.closed == {1: True}


# -- pace ----------------------------------------------------------------------------------------------------


def burst(mirror, count):
    """Seconds that `count` calls took together."""

    async def go():
        async with aiohttp.ClientSession() as session:
            # Connections first, so that only the mirror's own time is measured.
            before = time.monotonic()
            posts = [
                session.post(mirror.url + "/chat/completions", json={"messages": [user("x")]})
                for _ in range(count)
            ]
            answers = await asyncio.gather(*posts)
            for answer in answers:
                assert answer.status == 200
                await answer.read()
            return time.monotonic() - before

    return asyncio.run(go())


def test_latency_is_kept_and_taken_back(mirror):
    mirror.pace(latency=0.3, width=1)
    assert 0.3 <= burst(mirror, 2) < 5
    mirror.pace(latency=0, width=1)
    assert burst(mirror, 2) < 0.3


def test_a_rendezvous_ends_when_all_have_come(mirror):
    mirror.pace(latency=20, width=3)
    assert burst(mirror, 3) < 10
    assert burst(mirror, 6) < 10


def test_a_rendezvous_that_nobody_joins_ends_after_the_latency(mirror):
    mirror.pace(latency=0.3, width=3)
    assert 0.3 <= burst(mirror, 2) < 5


def test_one_that_hung_up_is_no_company(mirror, log):
    mirror.pace(latency=0.8, width=2)

    async def go():
        async with aiohttp.ClientSession() as session:

            def post():
                return session.post(mirror.url + "/chat/completions", json={"messages": [user("x")]})

            gone = asyncio.ensure_future(post())
            await asyncio.to_thread(log.wait, lambda log: 1 in log.calls)
            gone.cancel()
            await asyncio.to_thread(log.wait, lambda log: log.closed.get(1))
            before = time.monotonic()
            (await post()).close()
            return time.monotonic() - before

    assert asyncio.run(go()) >= 0.7


# -- embeddings over the wire --------------------------------------------------------------------------------


def test_embeddings_in_all_their_forms(ask, log, say):
    def vectors(**body):
        got = ask(body, path="/embeddings")
        assert got.status == 200, got.body
        assert got.json["usage"]["total_tokens"] >= 0
        return [each["embedding"] for each in got.json["data"]]

    [one] = vectors(model="m", input=say.tell(0))
    assert len(one) == 64
    assert log.calls[1]["kind"] == "embedding"
    assert log.calls[1]["user_texts"] == [say.tell(0)]
    two = vectors(model="m", input=[say.tell(0), "shoe size"], dimensions=17)
    assert [len(each) for each in two] == [17, 17]
    [packed] = vectors(model="m", input=say.tell(0), encoding_format="base64")
    assert struct.unpack("<64f", base64.b64decode(packed)) == pytest.approx(one, abs=1e-6)
    [tokens] = vectors(model="m", input=[5, 6, 7])
    assert vectors(model="m", input=[[5, 6, 7], [8]])[0] == tokens
    assert len(vectors(model="text-embedding-3-small", input="x")[0]) == 1536


@pytest.mark.parametrize("wrong", [{}, {"input": []}, {"input": 3}, {"input": [None]}, {"input": [["a"]]},
                                   {"input": "x", "dimensions": 0}, {"input": "x", "dimensions": 10**9}])  # fmt: skip
def test_wrong_embedding_requests_are_refused(ask, log, wrong):
    got = ask(wrong, path="/embeddings")
    assert got.status == 400
    assert got.error["param"] in ("input", "dimensions")
    assert log.calls == {}
