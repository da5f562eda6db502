"""Surfaces beyond sending, as a file describes them."""

import asyncio
import json

import pytest
from aiohttp import web

from overheard.adapters.enter import enter
from overheard.adapters.manners import Manners
from overheard.adapters.validate import InvalidAnswer
from overheard.core.ids import OMITTED
from overheard.core.offers import Takes
from overheard.core.operation import DESTRUCTIVE
from overheard.core.outcome import Caller, Refused, TargetError

FILE = """
headers.X-Caller = "{caller}"

[send]
path = "/chat"
answer = "text"
json = { message = "{message}", thread = "{thread}", resource = "{resource}" }

[list_threads]
method = "GET"
path = "/threads"
query = { user = "{resource}" }
answer = "threads"

[read_messages]
method = "GET"
path = "/threads/{thread}/messages"

[search]
path = "/search"
json = { q = "{query}", where = { thread = "{filter.thread}", user = "{filter.resource}" } }
answer = "hits.*.text"

[update_thread]
method = "PATCH"
path = "/threads/{thread}"
json = { title = "{title}", owner = "{new_resource}" }

[delete_message]
method = "DELETE"
path = "/messages/{message_id}"
"""

ANY = Manners(allow_destructive=True)


@pytest.fixture
def use(describe):
    """use(url, text, (surface, text, arguments), ...): what came of each, and what was offered."""

    def use(url, text, *calls, manners=ANY):
        target = describe(url, text)

        async def one(adapted, surface, words, arguments):
            ids = {"thread": OMITTED, "resource": OMITTED, "caller": Caller("r0"), **arguments}
            try:
                return (await adapted.use(surface, words, **ids)).reply
            except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
                return error

        async def run():
            async with enter(target, name="target.toml", manners=manners) as adapted:
                return [await one(adapted, *call) for call in calls], adapted.offers

        return asyncio.run(run())

    return use


@pytest.fixture
def asked(servers):
    """asked(answers by path): the address of a server, and what it was asked."""
    seen = []

    def asked(answers):
        async def handler(request):
            body = await request.text()
            seen.append(
                (
                    request.method,
                    request.path_qs,
                    json.loads(body) if body else None,
                    request.headers["X-Caller"],
                )
            )
            status, answer = answers.get(request.path, (200, {}))
            return web.json_response(answer, status=status)

        return servers.app(handler), seen

    return asked


def test_each_surface_is_asked_as_its_table_says(use, asked):
    url, seen = asked(
        {
            "/threads": (200, {"threads": [{"id": "a"}, {"id": "b"}], "debug": "x"}),
            "/threads/t/u/messages": (200, ["one", "two"]),
            "/search": (200, {"hits": [{"text": "h"}, {"text": "i"}]}),
        }
    )
    replies, _ = use(
        url,
        FILE,
        ("list_threads", "", {"resource": "r1"}),
        ("read_messages", "", {"thread": "t/u"}),
        ("search", "locker code", {"filters": {"resource": "r1"}}),
        ("update_thread", "my title", {"thread": "t"}),
        ("update_thread", "", {"thread": "t", "new_resource": "r2"}),
        ("delete_message", "", {"message_id": "7"}),
    )
    assert [reply.text for reply in replies] == [
        '{"id":"a"}\n{"id":"b"}',
        "one\ntwo",
        "h\ni",
        "{}",
        "{}",
        "{}",
    ]
    assert "x" in replies[0].channels["header"]
    assert seen == [
        ("GET", "/threads?user=r1", None, "r0"),
        ("GET", "/threads/t%2Fu/messages", None, "r0"),
        ("POST", "/search", {"q": "locker code", "where": {"user": "r1"}}, "r0"),
        ("PATCH", "/threads/t", {"title": "my title"}, "r0"),
        ("PATCH", "/threads/t", {"owner": "r2"}, "r0"),
        ("DELETE", "/messages/7", None, "r0"),
    ]


def test_what_a_surface_takes_is_what_its_request_has_a_place_for(use, asked):
    _, offers = use(asked({})[0], FILE)
    assert offers.beyond == {
        "list_threads": Takes(accepts=("resource", "caller"), cannot=("resource null",)),
        "read_messages": Takes(
            accepts=("thread", "caller"),
            required=("thread",),
            cannot=("thread omitted", "thread null"),
        ),
        "search": Takes(accepts=("caller", "filters")),
        "update_thread": Takes(
            accepts=("thread", "caller", "new_resource", "title"),
            required=("thread",),
            cannot=("thread omitted", "thread null"),
        ),
        "delete_message": Takes(accepts=("caller", "message_id")),
    }


def test_what_deletes_is_withheld_from_a_server_that_was_there_before(use, asked):
    _, offers = use(asked({})[0], FILE, manners=Manners())
    assert offers.withheld == ("update_thread", "delete_message")
    assert set(offers.surfaces) == {"send", "list_threads", "read_messages", "search"}
    assert not set(offers.beyond) & set(DESTRUCTIVE)


def test_only_the_surfaces_that_are_named_are_used(use, asked):
    _, offers = use(asked({})[0], 'surfaces = ["search"]\n' + FILE)
    assert offers.surfaces == ("send", "search")
    assert use(asked({})[0], "surfaces = []\n" + FILE)[1].surfaces == ("send",)


def test_a_thread_whose_id_the_server_chooses_is_told(use, asked):
    made = '[create_thread]\npath = "/made"\njson = { owner = "{resource}" }\n'
    url, _ = asked({"/made": (200, {"thread": {"threadId": "t-9"}, "more": {"nr": 5}})})
    [reply], offers = use(url, FILE + made, ("create_thread", "", {"resource": "r"}))
    assert reply.ids == {"thread": "t-9"}
    assert offers.mints
    [reply], _ = use(url, FILE + made + 'ids.thread = "more.nr"', ("create_thread", "", {"resource": "r"}))
    assert reply.ids == {"thread": "5"}


def test_no_is_no_and_nothing_else_is(use, asked):
    url, _ = asked(
        {
            "/threads": (403, {"error": "not yours"}),
            "/search": (500, {"error": "broken"}),
            "/threads/t": (200, {"error": "failed"}),
            "/threads/t/messages": (200, "x" * 100),
        }
    )
    text = FILE.replace('path = "/threads/{thread}"\n', 'path = "/threads/{thread}"\nerror = "error"\n')
    replies, _ = use(
        url,
        text.replace("[read_messages]", '[read_messages]\nanswer = "messages"'),
        ("list_threads", "", {}),
        ("search", "q", {}),
        ("update_thread", "t", {"thread": "t"}),
        ("read_messages", "", {"thread": "t"}),
    )
    assert [type(reply) for reply in replies] == [Refused, TargetError, TargetError, InvalidAnswer]
    assert "not yours" in str(replies[0])
    assert "has no messages" in str(replies[3])
