"""Surfaces beyond sending: which methods are one, how each is called, and what it may show."""

import asyncio
import dataclasses
import uuid
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overheard import OMITTED, Refused, Reply
from overheard.adapters.declare import contract
from overheard.adapters.enter import enter
from overheard.adapters.shown import DEEPEST, valid_shown
from overheard.adapters.validate import InvalidAnswer
from overheard.core.contract import declare, suited
from overheard.core.errors import UsageError
from overheard.core.offers import Takes
from overheard.core.outcome import Caller


def entered(target, then=None):
    async def run():
        async with enter(target, name="the target") as adapted:
            return adapted.offers if then is None else await then(adapted)

    return asyncio.run(run())


def use(target, surface, query="", *, thread="t", resource="r", filters=None):
    async def then(adapted):
        caller = Caller("r0", tenant="acme")
        answer = await adapted.use(
            surface, query, thread=thread, resource=resource, caller=caller, filters=filters
        )
        return answer.reply.text

    return entered(target, then)


class Agent:
    def __init__(self):
        self.called = []

    async def send(self, message, *, thread, resource):
        return message


class Library(Agent):
    async def list_threads(self, *, resource=None):
        self.called.append(resource)
        return [{"id": "t1"}]

    def read_messages(self, thread, resource, limit=10):
        self.called.append((thread, resource, limit))
        return [f"{thread} of {resource}"]

    async def search(self, query, *, caller, filters=None):
        self.called.append((query, caller.name, filters))
        return query


def test_methods_of_those_names_are_surfaces_and_say_what_they_take():
    offers = entered(Library())
    assert offers.surfaces == ("send", "list_threads", "read_messages", "search")
    assert offers.beyond == {
        "list_threads": Takes(accepts=("resource",)),
        "read_messages": Takes(accepts=("thread", "resource"), required=("thread", "resource")),
        "search": Takes(accepts=("caller", "filters"), required=("caller",)),
    }
    assert offers.takes("send").accepts == ("thread", "resource")


@pytest.mark.parametrize("target", [Agent(), lambda message, thread: message])
def test_a_target_without_them_offers_none(target):
    offers = entered(target)
    assert offers.surfaces == ("send",)
    assert offers.beyond == {}


def test_a_mock_does_not_have_every_surface():
    target = MagicMock(spec_set=["send"])
    target.send = lambda message, thread: message
    assert entered(target).surfaces == ("send",)


def test_each_is_given_what_its_signature_names_and_nothing_else():
    target = Library()
    assert use(target, "list_threads") == '{"id":"t1"}'
    assert use(target, "list_threads", resource=OMITTED) == '{"id":"t1"}'
    assert use(target, "read_messages", thread=None) == "None of r"
    assert use(target, "search", "locker code") == "locker code"
    use(target, "search", "q", filters={"thread": "t2"})
    assert target.called == [
        "r", None, (None, "r", 10), ("locker code", "r0", None), ("q", "r0", {"thread": "t2"})
    ]  # fmt: skip


def test_a_refusal_is_one_by_every_surface():
    class Strict(Agent):
        def list_threads(self):
            raise PermissionError("not yours")

    with pytest.raises(Refused, match="not yours"):
        use(Strict(), "list_threads")


def test_what_is_not_offered_cannot_be_used():
    with pytest.raises(UsageError, match="has no `search`; it offers: send"):
        use(Agent(), "search", "q")


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (lambda self, user_id: [], "list_threads requires a parameter `user_id`.*name it `resource`.*leave it out"),
        (lambda self, limit, *, resource: [], "requires a parameter `limit`.*may take, by name: thread, resource"),
        (lambda self, resource, /: [], "requires a parameter `resource`"),
    ],
)  # fmt: skip
def test_a_signature_that_cannot_be_served_says_what_to_do(method, told):
    with pytest.raises(UsageError, match=told):
        entered(type("Odd", (Agent,), {"list_threads": method})())


def test_a_search_needs_a_query():
    odd = type("Odd", (Agent,), {"search": lambda self, *, resource: []})
    with pytest.raises(UsageError, match="no parameter for the query; name one `query`"):
        entered(odd())
    plain = type("Plain", (Agent,), {"search": lambda self, words, resource: [words, resource]})
    assert use(plain(), "search", "locker") == "locker\nr"


def test_a_contract_says_which_of_them_are_meant():
    class Odd(Library):
        def search(self, *, something_else):
            return []

    meant = contract(surfaces=("list_threads",))(Odd())
    assert entered(meant).surfaces == ("send", "list_threads")
    by_attribute = type("Marked", (Odd,), {"overheard_contract": {"surfaces": []}})
    assert entered(by_attribute()).surfaces == ("send",)
    with pytest.raises(UsageError, match="surfaces holds 'serch'; beyond sending there are: list_threads"):
        contract(surfaces=("serch",))
    with pytest.raises(UsageError, match="names the surface 'search', and the target has no such method"):
        entered(contract(surfaces="search")(Agent()))


class Keeper(Agent):
    async def create_thread(self, *, resource, thread=None, title="new"):
        self.called.append((resource, thread, title))
        return f"{thread}-made"

    def clone_thread(self, thread, *, new_thread, resource):
        self.called.append((thread, new_thread, resource))
        return {"thread": {"id": new_thread}}

    def update_thread(self, thread, title, new_resource=None):
        self.called.append((thread, title, new_resource))

    def transfer_thread(self, thread, new_resource):
        self.called.append((thread, new_resource))
        return True

    def delete_message(self, message_id, caller):
        self.called.append((message_id, caller.name))

    def delete_thread(self, thread):
        self.called.append(thread)

    def delete_resource(self, resource):
        self.called.append(resource)

    def read_message(self, message_id):
        return {"id": message_id}


def test_what_changes_something_is_given_what_it_names():
    target = Keeper()
    ids = {"message_id": "m7", "new_thread": "n", "new_resource": "q"}

    async def then(adapted):
        shown = {}
        for surface in adapted.offers.beyond:
            answer = await adapted.use(
                surface, "a title", thread="t", resource="r", caller=Caller("r0"), **ids
            )
            shown[surface] = (answer.reply.text, dict(answer.reply.ids))
        return shown

    shown = entered(target, then)
    assert target.called == [
        ("r", "t", "a title"), ("t", "n", "r"), ("t", "a title", "q"), ("t", "q"), ("m7", "r0"), "t", "r"
    ]  # fmt: skip
    assert shown == {
        "read_message": ('{"id":"m7"}', {}),
        "create_thread": ("t-made", {"thread": "t-made"}),
        "clone_thread": ('{"thread":{"id":"n"}}', {"thread": "n"}),
        "update_thread": ("", {}),
        "transfer_thread": ("true", {}),
        "delete_message": ("", {}),
        "delete_thread": ("", {}),
        "delete_resource": ("", {}),
    }
    target.called.clear()
    entered(
        target,
        lambda adapted: adapted.use("create_thread", "", thread=OMITTED, resource="r", caller=Caller("r0")),
    )
    assert target.called == [("r", None, "new")], "no title is none at all"


def test_what_each_takes_is_read_from_its_signature():
    offers = entered(Keeper())
    assert offers.takes("create_thread") == Takes(
        accepts=("thread", "resource", "title"), required=("resource",)
    )
    assert offers.takes("clone_thread").accepts == ("thread", "resource", "new_thread")
    assert offers.takes("update_thread").accepts == ("thread", "title", "new_resource")
    assert offers.takes("delete_message") == Takes(
        accepts=("caller", "message_id"), required=("caller", "message_id")
    )
    assert not offers.mints
    minting = type("Minting", (Agent,), {"create_thread": lambda self, *, resource: "new"})
    assert entered(minting()).mints


@pytest.mark.parametrize(
    ("name", "method", "told"),
    [
        ("delete_message", lambda self, message: None, "requires a parameter `message`.*may take, by name: .*message_id"),
        ("transfer_thread", lambda self, thread, to: None, "requires a parameter `to`.*new_resource"),
        ("delete_thread", lambda self, thread, title: None, "requires a parameter `title`"),
    ],
)  # fmt: skip
def test_a_change_that_nothing_can_fill_in_says_what_it_may_take(name, method, told):
    with pytest.raises(UsageError, match=told):
        entered(type("Odd", (Agent,), {name: method})())


def test_a_surface_without_a_thread_id_speaks_for_the_resource():
    offers = entered(Library())
    suit = suited(declare(), offers)
    assert suit.contract.surface_scope == {"list_threads": "resource", "search": "resource"}
    assert suit.origins["scope.search"] == "default"
    wider = suited(declare(("flag", {"scope": "tenant"})), offers)
    assert wider.contract.surface_scope == {}
    with pytest.raises(UsageError, match=r"scope\.search \(from the command line\) is 'thread', and search"):
        suited(declare(("flag", {"scope.search": "thread"})), offers)


@dataclasses.dataclass
class Record:
    name: str
    tags: frozenset


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(PLAIN, max_size=4))
def test_any_plain_data_is_shown_item_by_item(data):
    shown = valid_shown(data, "search").text
    assert shown == valid_shown(tuple(data), "search").text
    if all(not isinstance(item, str) for item in data):
        assert shown.count("\n") == max(0, len(data) - 1)


def test_what_is_shown_is_the_same_however_it_is_ordered_or_typed():
    number = uuid.UUID(int=7)
    assert valid_shown({"b": 1, "a": number}, "search").text == f'{{"a":"{number}","b":"1"}}'
    assert valid_shown(Record("x", frozenset("cab")), "search").text == '{"name":"x","tags":["a","b","c"]}'
    assert valid_shown(Reply(text="whole"), "search").text == "whole"
    assert valid_shown([], "search").text == ""


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, r"search returned None: return \[\]"),
        (b"x", "returned a bytes; it shows a str"),
        ([{"a": [object()]}], r"returned a object at \[0\]\['a'\]\[0\]"),
        ([1] * 300_000, "more than 200000 values"),
    ],
)
def test_what_is_neither_text_nor_data_is_said_with_its_place(answer, told):
    with pytest.raises(InvalidAnswer, match=told):
        valid_shown(answer, "search")


def test_data_that_holds_itself_ends():
    loop = []
    loop.append(loop)
    with pytest.raises(InvalidAnswer, match=f"more than {DEEPEST} levels deep"):
        valid_shown(loop, "search")
