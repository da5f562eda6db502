"""Servers that answer as they please: what is a yes, what a no, and what says nothing."""

import asyncio
import gzip
import json
import ssl
import subprocess
import time

import pytest
from aiohttp import web

from overheard.adapters.enter import enter
from overheard.adapters.http import exchange
from overheard.adapters.validate import InvalidAnswer
from overheard.core.canary import FactKey, mint_fact
from overheard.core.outcome import Caller, Refused, TargetError

CANARY = mint_fact(FactKey(1, 2, 3, 0))


@pytest.fixture
def asked(describe, talk, chat, servers):
    """What comes of one call of a server: its handler, or the bytes that it answers whatever it is asked."""

    def asked(server, text="", *, answers=1):
        if isinstance(server, bytes):
            said = server

            async def speak(_reader, writer):
                writer.write(said)

            server = servers.raw(speak)
        elif not isinstance(server, str):
            server = servers.app(server)
        talked = talk(describe(server, text + chat), *[("hello", "t", "r")] * answers)
        return talked.said[0] if answers == 1 else talked.said

    return asked


def answering(body, **settings):
    async def handler(_request):
        return web.Response(body=body if isinstance(body, bytes) else json.dumps(body).encode(), **settings)

    return handler


def test_an_answer(asked):
    assert asked(answering({"text": "hi"})) == "hi"
    assert asked(answering({"text": None})) == ""
    assert asked(answering({"text": {"a": 1}})) == '{"a":1}'


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_these_mean_no_and_what_they_say_is_looked_through(asked, status):
    headers = {"X-Why": "because", "Set-Cookie": "session=credential"}
    error = asked(answering({"error": f"no: {CANARY}"}, status=status, headers=headers))
    assert "credential" not in str(error)
    assert isinstance(error, Refused)
    assert str(status) in str(error)
    assert CANARY in str(error)
    assert "X-Why: because" in str(error)


@pytest.mark.parametrize("status", [402, 405, 408, 409, 413, 418, 425, 500, 501, 502, 503, 504])
def test_everything_else_proves_nothing(asked, status):
    error = asked(answering({"error": CANARY}, status=status))
    assert type(error) is TargetError
    assert str(status) in str(error)
    assert CANARY in str(error)


def test_which_status_means_no_can_be_said(asked):
    said = "refused.status = [409]\n"
    assert isinstance(asked(answering({}, status=409), said), Refused)
    assert type(asked(answering({}, status=403), said)) is TargetError


WHEN = 'refused.when = [{ "error.code" = "forbidden" }, { ok = false, why = "owner" }]\n'


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"error": {"code": "forbidden"}}, Refused),
        (200, {"ok": False, "why": "owner"}, Refused),
        (200, {"ok": False, "text": "x"}, str),
        (200, {"ok": 0, "why": "owner", "text": "x"}, str),
        (409, {"error": {"code": "forbidden"}}, Refused),
        (500, {"error": {"code": "forbidden"}}, TargetError),
        (429, {"error": {"code": "forbidden"}}, TargetError),
    ],
)
def test_which_body_means_no_can_be_said(asked, monkeypatch, status, body, kind):
    monkeypatch.setattr(exchange, "RETRIES", 0)
    assert type(asked(answering(body, status=status), WHEN)) is kind


def test_a_failure_may_be_told_under_a_status_of_success(asked, servers, describe, talk, chat):
    server = servers.app(answering({"text": "", "error": f"boom {CANARY}"}))
    text = chat + 'error = "error"\n'
    error = talk(describe(server, text), ("m", "t", "r")).said[0]
    assert type(error) is TargetError
    assert CANARY in str(error)
    server = servers.app(answering({"text": "fine", "error": None}))
    assert talk(describe(server, text), ("m", "t", "r")).said == ["fine"]


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"<html><h1>Welcome</h1></html>", "text/html", "no JSON (text/html)"),
        (b"", "application/json", "no JSON"),
        (b'{"text": "half', "application/json", "no JSON"),
        (b"[" * 100_000, "application/json", "no JSON"),
        (b"\xff\xfe\x00", "application/json; charset=nonsense", "no JSON"),
        (b"abc", "application/json; charset=hex", "no JSON"),
        (b'{"reply": "x"}', "application/json", "has no text"),
        (b"[]", "application/json", "has no text"),
        (b"null", "application/json", "has no text"),
    ],
)
def test_what_is_no_answer(asked, body, kind, says):
    error = asked(answering(body + b"  " + CANARY.encode(), headers={"Content-Type": kind}))
    assert isinstance(error, InvalidAnswer)
    assert CANARY in str(error)
    if says == "has no text":
        error = asked(answering(body, headers={"Content-Type": kind}))
    assert says in str(error)


def test_half_an_emoji_and_a_byte_order_mark_are_no_reason_to_hear_nothing(asked):
    assert asked(answering(b'{"text": "cut \\ud83d here"}')) == "cut ? here"
    assert asked(answering(b'\xef\xbb\xbf{"text": "marked"}')) == "marked"


def test_redirects_are_not_followed(asked):
    went = []

    async def handler(request):
        went.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    error = asked(handler)
    assert type(error) is TargetError
    assert "redirects to /elsewhere, which is not followed" in str(error)
    assert went == ["/chat"]


def test_429_is_sent_again_after_the_time_it_asks_for(asked):
    times = []

    async def handler(_request):
        times.append(time.monotonic())
        if len(times) < 3:
            return web.Response(status=429, headers={"Retry-After": "0" if len(times) == 2 else "1"})
        return web.json_response({"text": "at last"})

    assert asked(handler) == "at last"
    assert times[1] - times[0] >= 1


@pytest.mark.parametrize("after", ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "-5"])
def test_429_for_ever_is_a_failure(asked, after):
    calls = []

    async def handler(_request):
        calls.append(1)
        return web.Response(status=429, headers={"Retry-After": after}, text=CANARY)

    error = asked(handler)
    assert type(error) is TargetError
    assert len(calls) == exchange.RETRIES + 1
    assert f"Retry-After: {after}" in str(error)
    assert CANARY in str(error)


@pytest.mark.parametrize("after", ["86400", "Wed, 21 Oct 2399 07:28:00 GMT", "9" * 4_000])
def test_nobody_waits_for_a_day(asked, after):
    error = asked(answering(b"later", status=429, headers={"Retry-After": after}))
    assert type(error) is TargetError
    assert "429" in str(error)


def test_how_long_to_wait_is_a_number_or_a_date_or_a_second():
    assert exchange._retry_after("7") == 7
    assert exchange._retry_after("soon") == 1
    assert exchange._retry_after(None) == 1
    assert exchange._retry_after("Wed, 21 Oct 2015 07:28:00") == 0


GARBAGE = {
    "nothing": (b"", "closed the connection without an answer"),
    "garbage": (b"\x00\x01\x02 garbage\r\n\r\n", "no HTTP"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", "no HTTP"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", "closed the connection without an answer"),
    "half a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + CANARY.encode(), "cut off"),
    "bad chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n" + CANARY.encode(), ""),
    "half chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + CANARY.encode(),
        "cut off",
    ),
    "a header without end": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "no HTTP"),
    "no gzip": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "cut off"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nhello", "no HTTP"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_said_plainly(asked, name):
    said, words = GARBAGE[name]
    error = asked(said)
    assert type(error) is TargetError, error
    assert words in str(error)
    assert "\n" not in str(error).partition(": ")[0]
    if words == "cut off" and CANARY.encode() in said:
        assert CANARY in str(error)


def test_a_reset_is_said_plainly(asked, servers):
    async def reset(_reader, writer):
        writer.transport.abort()

    error = asked(servers.raw(reset))
    assert type(error) is TargetError
    assert "closed" in str(error) or "reset" in str(error)


def test_a_target_that_is_down_is_said_plainly(asked, servers):
    error = asked("http://127.0.0.1:9")
    assert type(error) is TargetError
    assert "nothing answers at http://127.0.0.1:9 (Connection refused)" in str(error)
    assert "--serve COMMAND" in str(error)


def endless(piece):
    async def speak(_reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not writer.is_closing():
            sent[0] += len(piece)
            writer.write(piece)
            await writer.drain()

    sent = [0]
    return speak, sent


def test_a_gigabyte_is_read_only_so_far(asked, servers):
    speak, sent = endless(CANARY.encode() * 2_000)
    error = asked(servers.raw(speak))
    assert type(error) is TargetError
    assert "more than 16 MiB, the rest of which was not read" in str(error)
    assert CANARY in str(error)
    assert exchange.LIMIT <= len(str(error)) < exchange.LIMIT + (4 << 20)
    assert sent[0] < 100_000_000


def test_a_bomb_is_no_more_than_what_it_becomes(asked):

    bomb = gzip.compress(b"0" * 200_000_000)
    error = asked(answering(bomb, headers={"Content-Encoding": "gzip"}))
    assert type(error) is TargetError
    assert len(str(error)) < exchange.LIMIT + (40 << 20)


def test_a_hang_ends_when_the_caller_gives_up(describe, chat, servers):

    gone = []

    async def hang(reader, _writer):
        assert await reader.read() == b""
        gone.append(1)

    target = describe(servers.raw(hang), chat)

    async def run():
        async with enter(target, name="t") as adapted:
            call = adapted.send("m", thread="t", resource="r", caller=Caller("r"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(call, 0.2)
            while not gone:  # noqa: ASYNC110 - in another loop
                await asyncio.sleep(0.01)

    asyncio.run(run())


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for 127.0.0.1, and a server context that uses it."""

    key, pem = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem, "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    return pem, context


def test_a_certificate_of_its_own_is_trusted_once_it_is_named(asked, servers, certificate):
    pem, context = certificate

    async def speak(_reader, writer):
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"text": "s"}')

    url = servers.raw(speak, ssl=context)
    error = asked(url)
    assert type(error) is TargetError
    assert "is not trusted (self" in str(error)
    assert 'certificates = "FILE.pem"' in str(error)
    assert asked(url, f'certificates = "{pem.name}"\n') == "s"


def test_tls_where_there_is_none(asked, servers):
    error = asked(servers.app(answering({"text": "x"})).replace("http:", "https:"))
    assert type(error) is TargetError
    assert "does not speak TLS as it should" in str(error)
    assert "is it http and not https?" in str(error)
    assert "Operation not permitted" not in str(error)


def test_headers_and_the_rest_of_the_body_are_looked_through(describe, talk, chat, servers):
    body = {"text": "hi", "debug": {"prompt": [f"told {CANARY}"]}}
    server = servers.app(answering(body, headers={"X-Debug": "seen", "Server": "hidden"}))
    [reply] = talk(describe(server, chat), ("m", "t", "r")).replies
    assert CANARY in reply.channels["header"]
    assert "X-Debug: seen" in reply.channels["header"]
    assert "hidden" not in reply.channels["header"]
    assert "hi" not in reply.channels["header"].split("\n")
    [reply] = talk(
        describe(server, 'observe = { headers = ["server"], body = false }\n' + chat), ("m",)
    ).replies
    assert reply.channels == {"header": "Server: hidden"}
    [reply] = talk(describe(server, "observe = { headers = [], body = false }\n" + chat), ("m",)).replies
    assert reply.channels == {}


def test_without_a_path_the_whole_body_is_the_answer(describe, talk, servers):
    server = servers.app(
        answering("grüße".encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1"})
    )
    assert talk(describe(server, 'send.path = "/"'), ("m",)).said == ["grüße"]
