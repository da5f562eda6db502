"""One pool for everybody, minted ids, credentials, event streams."""

import asyncio
import itertools
import json

import pytest
from aiohttp import web

from overheard.adapters.call import CallProbe
from overheard.adapters.enter import enter
from overheard.adapters.http import exchange
from overheard.adapters.manners import Manners
from overheard.adapters.validate import InvalidAnswer
from overheard.core.canary import FactKey, mint_fact
from overheard.core.errors import UsageError
from overheard.core.ids import OMITTED
from overheard.core.outcome import Caller, Refused, TargetError

CANARY = mint_fact(FactKey(1, 2, 3, 0))


def test_everybody_shares_one_pool_and_nobody_a_cookie(servers, describe, talk, chat):
    peers, cookies = set(), []

    async def handler(request):
        peers.add(request.transport.get_extra_info("peername"))
        cookies.append(dict(request.cookies))
        answer = web.json_response({"text": "hi"})
        answer.set_cookie("session", "of the first")
        return answer

    target = describe(servers.app(handler), chat)
    talk(target, *[("m", f"t{n}", f"r{n}", Caller(f"r{n}")) for n in range(6)])
    assert len(peers) == 1
    assert cookies == [{}] * 6


def test_a_hundred_and_more_calls_are_under_way_at_once(servers, describe, talk, chat):
    there, everybody = [], asyncio.Event()

    async def handler(_request):
        there.append(1)
        if len(there) == 150:
            everybody.set()
        await asyncio.wait_for(everybody.wait(), 30)
        return web.json_response({"text": "hi"})

    target = describe(servers.app(handler), chat)
    assert talk(target, *[("m", f"t{n}", "r") for n in range(150)], together=True).said == ["hi"] * 150


def test_a_call_over_http_always_gives_way(servers, describe, chat):

    target = describe(servers.app(_answer({"text": "hi"})), chat)

    async def run():
        async with enter(target, name="t") as adapted:
            probe = CallProbe()
            await adapted.send("m", thread="t", resource="r", caller=Caller("r"), probe=probe)
            return probe.suspended

    assert asyncio.run(run())


def _answer(body, **settings):
    async def handler(_request):
        return web.json_response(body, **settings)

    return handler


MINT = """
[mint]
path = "/threads"
json = { owner = "{resource}" }
ids.thread = "thread.id"
[send]
path = "/threads/{minted.thread}/messages"
answer = "text"
json = { message = "{message}", thread = "{minted.thread}" }
"""


@pytest.fixture
def minting(servers):
    """A server that makes threads; what it was asked for, and how many of the first requests fail."""
    asked, failing = [], [0]
    numbers = itertools.count(1)

    async def make(request):
        asked.append(("make", (await request.json())["owner"]))
        await asyncio.sleep(0.05)
        if failing[0]:
            failing[0] -= 1
            return web.json_response({}, status=500)
        return web.json_response({"thread": {"id": f"made/{next(numbers)}"}})

    async def send(request):
        asked.append(("send", request.match_info["id"], (await request.json()).get("thread", "left out")))
        return web.json_response({"text": request.match_info["id"]})

    app = web.Application()
    app.router.add_post("/threads", make)
    app.router.add_post("/threads/{id}/messages", send)
    return servers.app(app), asked, failing


def test_a_thread_is_minted_once_by_whoever_comes_first(minting, describe, talk):
    url, asked, _ = minting
    calls = [("m", "t1", "owner"), ("m", "t1", "stranger"), ("m", "t2", "owner"), ("m", "t1", "owner")]
    said = talk(describe(url, MINT), *calls).said
    assert said == ["made/1", "made/1", "made/2", "made/1"]
    assert [each for each in asked if each[0] == "make"] == [("make", "owner"), ("make", "owner")]


def test_a_thread_is_minted_once_even_by_many_at_once(minting, describe, talk):
    url, asked, _ = minting
    said = talk(describe(url, MINT), *[("m", "t1", f"r{n}") for n in range(8)], together=True).said
    assert said == ["made/1"] * 8
    assert sum(each[0] == "make" for each in asked) == 1


def test_if_minting_fails_so_does_the_call_and_the_next_one_tries_again(minting, describe, talk):
    url, _, failing = minting
    failing[0] = 1
    first, second = talk(describe(url, MINT), ("m", "t1", "r"), ("m", "t1", "r")).said
    assert type(first) is TargetError
    assert second == "made/1"


def test_nothing_is_minted_for_a_missing_thread(servers, describe, talk):
    asked = []

    async def handler(request):
        asked.append((request.path, await request.json()))
        return web.json_response({"text": "x", "thread": {"id": "made"}})

    text = MINT.replace("/threads/{minted.thread}/messages", "/chat")
    target = describe(servers.app(handler), text)
    talk(target, *[("m", thread, "r") for thread in (OMITTED, None, "", "  ")])
    assert asked == [
        ("/chat", {"message": "m"}),
        ("/chat", {"message": "m", "thread": None}),
        ("/chat", {"message": "m", "thread": ""}),
        ("/chat", {"message": "m", "thread": "  "}),
    ]


def test_an_answer_without_the_id_is_said_to_have_none(servers, describe, talk):
    [error] = talk(describe(servers.app(_answer({"text": "x"})), MINT), ("m", "t", "r")).said
    assert isinstance(error, InvalidAnswer)
    assert "no thread.id in it for mint.ids.thread" in str(error)


def test_ids_of_an_answer_come_back_in_the_next_request_of_its_thread(servers, describe, talk):
    seen = []
    numbers = itertools.count(1)

    async def handler(request):
        seen.append((await request.json()).get("previous"))
        return web.json_response({"id": f"resp_{next(numbers)}", "text": "x"})

    text = """
    [send]
    path = "/responses"
    answer = "text"
    ids.response = "id"
    json = { input = "{message}", previous = "{minted.response}" }
    """
    talked = talk(
        describe(servers.app(handler), text),
        ("m", "t1", "r"), ("m", "t1", "r"), ("m", "t2", "r"), ("m", "t1", "stranger"), ("m", None, "r"),
        ("m", "t1", "r"),
    )  # fmt: skip
    assert seen == [None, "resp_1", None, "resp_2", None, "resp_4"]
    assert [reply.ids for reply in talked.replies] == [{"response": f"resp_{n}"} for n in range(1, 7)]
    assert talked.offers.accepts == ("thread",)


AUTH = """
headers.Authorization = "Bearer {credentials}"
[send]
path = "/whoami"
answer = "text"
json = { resource = "{resource}" }
"""


async def _whoami(request):
    return web.json_response({"text": request.headers.get("Authorization", "nobody")})


def test_callers_prove_who_they_are_whomever_they_name(servers, describe, talk):
    target = describe(servers.app(_whoami), 'credentials = "token-of-{caller}"' + AUTH)
    alice, bob = Caller("r0", resource="alice"), Caller("r1", resource="bob")
    talked = talk(
        target,
        ("m", "t", "alice", alice),
        ("m", "t", "alice", bob),
        ("m", "t", OMITTED, bob),
        ("m", "t", "x", Caller("r9")),
        ("m", "t", "bob", bob._replace(credentials="token-of-alice")),
        ("m", "t", "bob", bob._replace(credentials="nonsense")),
        ("m", "t", "bob", bob._replace(credentials="")),
    )
    assert talked.said == [
        "Bearer token-of-alice", "Bearer token-of-bob", "Bearer token-of-bob", "Bearer token-of-r9",
        "Bearer token-of-alice", "Bearer nonsense", "nobody",
    ]  # fmt: skip
    assert talked.offers.accepts == ("resource", "caller")


def test_without_credentials_the_header_is_left_out(servers, describe, talk):
    talked = talk(describe(servers.app(_whoami), AUTH), ("m", "t", "alice"))
    assert talked.said == ["nobody"]
    assert talked.offers.accepts == ("resource",)


def test_a_login_is_made_once_by_each_caller(servers, describe, talk):
    logins = []

    async def login(request):
        body = await request.json()
        logins.append((body, request.headers.get("Authorization"), request.headers["X-App"]))
        await asyncio.sleep(0.05)
        return web.json_response({"session": {"token": f"for-{body['user']}"}})

    app = web.Application()
    app.router.add_post("/login", login)
    app.router.add_post("/whoami", _whoami)
    text = """
    headers.X-App = "overheard"
    [login]
    path = "/login"
    json = { user = "{caller}" }
    credentials = "session.token"
    """
    auth = (
        'send = { path = "/whoami", answer = "text", headers = { Authorization = "Bearer {credentials}" } }\n'
    )
    a, b = Caller("r0", resource="a"), Caller("r1", resource="b")
    talked = talk(
        describe(servers.app(app), auth + text),
        ("m", "t", "a", a), ("m", "t", "b", b), ("m", "t", "a", b), ("m", "t", "a", a), together=True,
    )  # fmt: skip
    assert talked.said == ["Bearer for-a", "Bearer for-b", "Bearer for-b", "Bearer for-a"]
    assert sorted(login[0]["user"] for login in logins) == ["a", "b"]
    assert {login[1:] for login in logins} == {(None, "overheard")}


def test_a_refused_login_is_a_refusal(servers, describe, talk):
    async def handler(request):
        return web.json_response({"text": "x"}, status=401 if request.path == "/login" else 200)

    text = 'send = { path = "/x", answer = "text", headers = { A = "{credentials}" } }\n'
    text += '[login]\npath = "/login"\ncredentials = "token"'
    assert isinstance(talk(describe(servers.app(handler), text), ("m",)).said[0], Refused)


EVENTS = """
[send]
path = "/"
ids.run = "runId"
[send.events]
when = { type = "text" }
text = "payload.text"
done = "[DONE]"
failed = { type = "error" }
[stream]
path = "/"
[stream.events]
when = { type = "text" }
text = "payload.text"
done = "[DONE]"
failed = { type = "error" }
"""


def event(kind, **fields):
    return b"data: " + json.dumps({"type": kind, **fields}).encode() + b"\n\n"


def text(words):
    return event("text", payload={"text": words})


@pytest.fixture
def streamed(servers, describe, talk):
    """streamed(pieces, ...): what comes of it by `send`, and by `stream`."""

    def streamed(*pieces, settings=EVENTS, content_type="text/event-stream", wait=0.0, cut=False):
        async def handler(request):
            response = web.StreamResponse(headers={"Content-Type": content_type})
            await response.prepare(request)
            for piece in pieces:
                await response.write(piece)
                await asyncio.sleep(wait)
            if cut:
                request.transport.abort()
            return response

        target = describe(servers.app(handler), settings)
        whole, pieces_seen = talk(target, ("m",)), talk(target, ("m",), streaming=True)
        return whole.said[0], pieces_seen.said[0], whole.replies

    return streamed


DONE = b"data: [DONE]\n\n"


def test_a_stream_is_joined_by_send_and_comes_in_pieces_by_stream(streamed):
    pieces = [event("start", runId="run1"), text("Hel"), text("lo"), event("finish", said="bye"), DONE]
    whole, parts, [reply] = streamed(*pieces, wait=0.01)
    assert whole == "Hello"
    assert parts == ["Hel", "lo"]
    assert reply.ids == {"run": "run1"}
    assert "bye" in reply.channels["header"].split("\n")
    assert "Hel" not in reply.channels["header"].split("\n")


def test_what_comes_beside_and_after_the_text_was_shown_too(streamed):
    beside = event("tool", input=f"a {CANARY}")
    late = b"data: late " + CANARY.encode() + b"\n\ndata: half"
    whole, parts, [reply] = streamed(text("x"), beside, DONE + text("more"), late)
    assert (whole, parts) == ("x", ["x"])
    assert "more" in reply.channels["header"]
    assert reply.channels["header"].count(CANARY) == 2
    assert "half" in reply.channels["header"]


def test_half_a_stream_is_no_answer(streamed):
    for cut in (False, True):
        whole, parts, _ = streamed(text("half"), b'data: {"type": "te' + CANARY.encode(), cut=cut, wait=0.05)
        assert type(whole) is type(parts) is TargetError
        assert "stopped before the event that ends it" in str(whole) or "cut off" in str(whole)
        assert CANARY in str(whole)


def test_a_stream_may_say_that_it_failed(streamed):
    whole, parts, _ = streamed(text("half"), event("error", error=CANARY), DONE)
    assert type(whole) is type(parts) is TargetError
    assert CANARY in str(whole)


def test_the_end_may_be_an_event_like_any_other(streamed):
    settings = EVENTS.replace('done = "[DONE]"', 'done_when = { type = "completed" }')
    assert streamed(text("a"), event("completed"), settings=settings)[0] == "a"
    assert type(streamed(text("a"), settings=settings)[0]) is TargetError


def test_without_a_known_end_the_end_is_the_end(streamed):
    assert streamed(text("a"), settings=EVENTS.replace('done = "[DONE]"\n', ""))[:2] == ("a", ["a"])


def test_events_may_be_told_apart_by_name_and_be_plain_text(streamed):
    settings = """
    send = { path = "/", events = { name = "delta" } }
    stream = { path = "/", events = { name = "delta" } }
    """
    pieces = [b"event: delta\ndata: a\n\n", b"event: ping\ndata: secret\n\n", b"event: delta\ndata:  b\n\n"]
    whole, parts, [reply] = streamed(*pieces, settings=settings)
    assert (whole, parts) == ("a b", ["a", " b"])
    assert reply.channels["header"] == "secret"


def test_an_event_that_should_be_json_and_is_none(streamed):
    settings = EVENTS.replace('when = { type = "text" }\n', "")
    whole, _, _ = streamed(b"data: plain\n\n", settings=settings)
    assert isinstance(whole, InvalidAnswer)
    assert "no JSON: plain" in str(whole)


def test_another_content_type_is_no_stream(streamed):
    whole, parts, _ = streamed(b"<html>", CANARY.encode(), content_type="text/html")
    assert isinstance(whole, InvalidAnswer)
    assert isinstance(parts, InvalidAnswer)
    assert "no event stream (text/html)" in str(whole)
    assert CANARY in str(whole)


def test_a_stream_that_is_refused_is_a_refusal(servers, describe, talk):
    target = describe(servers.app(_answer({"error": "no"}, status=403)), EVENTS)
    assert isinstance(talk(target, ("m",)).said[0], Refused)
    assert isinstance(talk(target, ("m",), streaming=True).said[0], Refused)


def test_a_stream_without_end_is_read_only_so_far(servers, describe, talk, monkeypatch):
    monkeypatch.setattr("overheard.adapters.http.reading.LIMIT", 1 << 20)

    async def speak(_reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while not writer.is_closing():
            writer.write(text("x" * 1_000))
            await writer.drain()

    target = describe(servers.raw(speak), EVENTS)
    said = talk(target, ("m",)).said[0]
    assert type(said) is TargetError
    assert "more than 1 MiB" in str(said)


def test_a_stream_that_stays_open_after_its_end_is_not_waited_for(servers, describe, talk, monkeypatch):
    monkeypatch.setattr("overheard.adapters.http.reading._PATIENCE", 0.05)

    async def speak(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + text("a") + DONE)
        await writer.drain()
        await reader.read()

    assert talk(describe(servers.raw(speak), EVENTS), ("m",)).said == ["a"]


def test_a_stream_that_is_given_up_is_hung_up_on(servers, describe):
    gone = []

    async def speak(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + text("a"))
        await writer.drain()
        assert await reader.read() == b""
        gone.append(1)

    target = describe(servers.raw(speak), EVENTS)

    async def run():
        async with enter(target, name="t") as adapted:
            stream = adapted.stream("m", thread="t", resource="r", caller=Caller("r"))
            assert (await anext(stream)).text == "a"
            await stream.aclose()
            for _ in range(500):
                if gone:
                    return
                await asyncio.sleep(0.01)

    asyncio.run(run())
    assert gone


def test_a_connection_is_used_again_after_a_stream(servers, describe, talk):
    peers = set()

    async def handler(request):
        peers.add(request.transport.get_extra_info("peername"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(text("a") + DONE)
        return response

    assert talk(describe(servers.app(handler), EVENTS), ("m",), ("m",), ("m",)).said == ["a"] * 3
    assert len(peers) == 1


def test_beyond_this_machine_only_if_that_is_meant(describe, talk, chat):

    target = describe("http://agent.invalid:1", chat)
    with pytest.raises(UsageError, match=r"url leads to agent\.invalid.*--allow-remote"):
        talk(target, ("m", "t", "r"))
    [error] = talk(target, ("m", "t", "r"), manners=Manners(allow_remote=True)).said
    assert type(error) is TargetError


def test_a_port_to_be_chosen_takes_somebody_to_choose_it(describe, talk, chat):
    with pytest.raises(UsageError, match="--serve COMMAND"):
        talk(describe("http://127.0.0.1:{port}", chat), ("m",))


def test_what_is_no_http_target_is_not_served(talk):

    with pytest.raises(UsageError, match="--serve starts a target that is reached over HTTP"):
        talk(lambda message: message, ("m",), manners=Manners(serve="true"))


def test_certificates_that_are_none(describe, talk, chat, write):
    write("no certificate", name="my.pem")
    with pytest.raises(UsageError, match=r"certificates: .*my\.pem has no certificates"):
        talk(describe("https://127.0.0.1:1", 'certificates = "my.pem"\n' + chat), ("m",))


def test_the_waits_of_429_are_bounded():
    assert exchange.RETRIES * exchange.LONGEST_WAIT < 300
