"""What arrives at a real server."""

import asyncio
import json

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.adapters.enter import enter
from overheard.adapters.http.load import load
from overheard.core.ids import OMITTED
from overheard.core.outcome import Caller, TargetError

IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12) | (
    st.sampled_from(
        ["a/b", "../x", "..", ".", "%2e", "a?b#c", "a b", "a+b", "%", "a;b", "a&b=c", "ä/ö", "\n"]
    )
)


@pytest.fixture
def mirror_server(servers):
    """A server that answers with what it was sent."""

    async def show(request):
        body = await request.read()
        return web.json_response(
            {
                "text": "ok",
                "method": request.method,
                "parts": request.raw_path.partition("?")[0].split("/")[1:],
                "match": request.match_info.get("thread"),
                "query": [list(pair) for pair in request.query.items()],
                "form": [list(pair) for pair in (await request.post()).items()] if b"=" in body else None,
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": body.decode(),
            }
        )

    app = web.Application()
    app.router.add_route("*", "/threads/{thread}/messages", show)
    app.router.add_route("*", "/{anything:.*}", show)
    return servers.app(app)


@pytest.fixture
def sent(describe, talk, mirror_server):
    """What the server was sent by one call of what a file describes."""

    def sent(text, thread=OMITTED, resource=OMITTED, message="hello"):
        talked = talk(describe(mirror_server, text), (message, thread, resource))
        if not isinstance(talked.said[0], str):
            raise talked.said[0]
        return json.loads(talked.said[0])

    return sent


def test_json_keeps_apart_what_is_left_out_none_and_empty(sent):
    text = """
    [send]
    path = "/chat"
    json = { message = "{message}", memory = { thread = "{thread}", resource = "{resource}" }, n = 1 }
    """
    seen = [json.loads(sent(text, thread=thread)["body"])["memory"] for thread in (OMITTED, None, "", "t")]
    assert seen == [{}, {"thread": None}, {"thread": ""}, {"thread": "t"}]
    whole = sent(text, thread="t", resource="r", message='say "hi" {thread} \u2028 \U0001f600')
    assert json.loads(whole["body"]) == {
        "message": 'say "hi" {thread} \u2028 \U0001f600',
        "memory": {"thread": "t", "resource": "r"},
        "n": 1,
    }
    assert whole["headers"]["content-type"] == "application/json"
    assert whole["method"] == "POST"


def test_query_form_and_headers_leave_out_what_is_missing(sent):
    text = """
    headers.X-All = "{resource}"
    [send]
    method = "PUT"
    path = "/chat"
    query = { t = "{thread}", fixed = "1" }
    headers = { X-Thread = "{thread}", X-Prefixed = "thread={thread}" }
    form = { m = "{message}", t = "{thread}" }
    """
    seen = sent(text, thread="a&b=c d", resource="r", message="x+y")
    assert seen["query"] == [["t", "a&b=c d"], ["fixed", "1"]]
    assert seen["form"] == [["m", "x+y"], ["t", "a&b=c d"]]
    assert (seen["headers"]["x-thread"], seen["headers"]["x-prefixed"]) == ("a&b=c d", "thread=a&b=c d")
    assert seen["headers"]["x-all"] == "r"
    assert seen["method"] == "PUT"
    for missing in (OMITTED, None):
        seen = sent(text, thread=missing, resource="r")
        assert seen["query"] == [["fixed", "1"]]
        assert seen["form"] == [["m", "hello"]]
        assert not {"x-thread", "x-prefixed"} & set(seen["headers"])


def test_a_tables_own_header_stands_in_place_of_the_common_one(sent):
    text = """
    headers = { X-Key = "common", X-Other = "o" }
    send = { path = "/", headers = { x-key = "own" } }
    """
    headers = sent(text)["headers"]
    assert (headers["x-key"], headers["x-other"]) == ("own", "o")


def test_a_body_of_plain_text(sent):
    seen = sent('send = { path = "/", text = "{thread}: {message}" }', thread="t", message="ä")
    assert seen["body"] == "t: ä"
    assert seen["headers"]["content-type"] == "text/plain; charset=utf-8"


PATHS = '[send]\npath = "/threads/{thread}/messages"\nanswer = "match"\n[send.query]\nr = "{resource}"'


def test_a_part_of_a_path_stays_one_part_whatever_is_in_it(servers, write):
    seen = []

    async def show(request):
        seen.append((request.match_info["thread"], request.raw_path, request.query["r"]))
        return web.json_response({"match": "ok"})

    app = web.Application()
    app.router.add_post("/threads/{thread:[^/]+}/messages", show)
    target = load(write(f'url = "{servers.app(app)}"\n{PATHS}'), shown="t")
    request = target.requests(port=None).send

    @given(IDS, IDS)
    @settings(max_examples=60, deadline=None)
    def arrives(thread, resource):
        raw = request.fill({"thread": thread, "resource": resource}).url.raw_path
        assert raw.count("/") == 3
        assert not {"..", "."} & set(raw.split("/"))
        pairs.append((thread, resource))

    pairs = []
    arrives()

    async def send_all():

        async with enter(target, name="t") as adapted:
            for thread, resource in pairs:
                # A lone dot is one that servers and proxies are free to take away, quoted or not.
                if thread.strip("."):
                    await adapted.send("m", thread=thread, resource=resource, caller=Caller("r"))
                    assert seen[-1][0] == thread
                    assert seen[-1][2] == resource

    asyncio.run(send_all())


def test_an_empty_part_of_a_path_is_sent_as_such(sent):
    assert sent('send = { path = "/threads/{thread}/messages" }', thread="")["parts"] == [
        "threads",
        "",
        "messages",
    ]


def test_a_path_that_lacks_its_id_cannot_be_sent(sent):
    for missing, word in ((OMITTED, "omitted"), (None, "None")):
        with pytest.raises(TargetError, match=rf"needs \{{thread\}}, which is {word}"):
            sent('send = { path = "/threads/{thread}/messages" }', thread=missing)


def test_what_cannot_be_written_is_a_failure_and_no_refusal(sent):
    with pytest.raises(TargetError, match="line break"):
        sent('send = { path = "/", headers = { X = "{thread}" } }', thread="a\r\nInjected: yes")
    for place in (
        'path = "/{thread}"',
        'path = "/", query = {a = "{thread}"}',
        'path = "/", json = {a = "{thread}"}',
    ):
        with pytest.raises(TargetError, match="UTF-8"):
            sent(f"send = {{ {place} }}", thread="\ud800")


def test_a_fresh_id_is_one_id_in_a_request_and_another_in_the_next(describe, talk, mirror_server):
    target = describe(mirror_server, 'send = { path = "/{uuid}", query = { q = "{uuid}" } }')
    first, second = (json.loads(said) for said in talk(target, ("a",), ("b",)).said)
    assert first["parts"] == [first["query"][0][1]]
    assert first["parts"] != second["parts"]


JSON = 'json = { thread = "{thread}", resource = "{resource}" }'


@pytest.mark.parametrize(
    ("send", "accepts", "required", "cannot"),
    [
        (f'path = "/", {JSON}', ("thread", "resource"), (), ()),
        ('path = "/"', (), (), ()),
        ('path = "/{thread}"', ("thread",), ("thread",), ("thread omitted", "thread null")),
        (
            f'path = "/{{thread}}", {JSON}',
            ("thread", "resource"),
            ("thread",),
            ("thread omitted", "thread null"),
        ),
        ('path = "/", headers = { T = "{thread}" }', ("thread",), (), ("thread null", "thread blank")),
        ('path = "/", query = { t = "{thread}" }', ("thread",), (), ("thread null",)),
        (f'path = "/", query = {{ t = "{{thread}}" }}, {JSON}', ("thread", "resource"), (), ()),
        ('path = "/", json = { t = "u-{thread}" }', ("thread",), (), ("thread null",)),
        (
            'path = "/", text = "{resource}"',
            ("resource",),
            ("resource",),
            ("resource omitted", "resource null"),
        ),
        ('path = "/", json = { t = "{tenant}", c = "{caller}" }', ("tenant", "caller"), (), ()),
        ('path = "/", headers = { A = "{credentials}" }', (), (), ()),
    ],
)
def test_what_can_be_presented_is_read_from_where_ids_stand(describe, talk, send, accepts, required, cannot):
    offers = talk(describe("http://127.0.0.1:1", f"send = {{ {send} }}")).offers
    assert (offers.accepts, offers.required, offers.cannot) == (accepts, required, cannot)
    assert (offers.adapter, offers.surfaces) == ("http", ("send",))
