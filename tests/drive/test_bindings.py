"""Ids that the target chooses: bound when it shows them, presented by everybody from then on."""

import asyncio
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overheard import Refused, Reply
from overheard.core.canary import FactKey, mint_echo, mint_fact
from overheard.core.ids import bind_id
from overheard.drive.bindings import messages_in, unlikely
from overheard.history.events import Bound, Completed, Failed, Injection, Invoked, Sight, Unknown


class Minting:
    """Names its threads itself, and answers with the ids of messages."""

    def __init__(self):
        self.threads = {}
        self.called = []

    async def create_thread(self, *, resource):
        if resource == "nobody":
            raise Refused("who are you?")
        await asyncio.sleep(0)
        thread = str(uuid.uuid4())
        self.threads[thread] = resource
        return {"id": thread}

    async def send(self, message, *, thread, resource):
        self.called.append((thread, resource))
        if thread not in self.threads:
            raise Refused("no such thread")
        return Reply(text="noted", ids={"message": f"m{len(self.called)}"})

    async def delete_message(self, *, message_id, resource):
        self.called.append((message_id, resource))

    async def clone_thread(self, *, thread, resource):
        self.threads["copy"] = resource
        return "copy"


def tells(op, number, **fields):
    return op(number, number, text="it is <<fact>> <<ref>>", tells="x", **fields)


def invoked(events):
    return {event.operation: event.thread for event in events if isinstance(event, Invoked)}


def bound(events):
    return [event for event in events if isinstance(event, Bound)]


def test_a_thread_is_created_by_whoever_comes_first_and_presented_by_all(driven, op, plan_of):
    target = Minting()
    plan = plan_of(
        op(0, 0, caller="r0", resource="r0", thread="a"),
        op(1, 1, caller="r1", resource="r1", thread="a", intrudes=True),
        op(2, 1, caller="r0", resource="r0", thread="a"),
        op(3, 1, caller="r1", resource="r1", thread="b"),
        op(4, 2, caller="r0", resource="r0", thread=None),
    )
    events = driven(target, plan)
    first, second = target.threads
    assert (target.threads[first], target.threads[second]) == ("r0", "r1")
    assert invoked(events) == {0: first, 1: first, 2: first, 3: second, 4: None}
    assert [(one.thread, one.id, one.operation) for one in bound(events)] == [
        ("a", first, 0), ("b", second, 3)
    ]  # fmt: skip


def test_it_is_created_once_however_many_come_at_once(driven, op, plan_of):
    target = Minting()
    plan = plan_of(*(op(number, 0, caller="r0", resource="r0", thread="a") for number in range(8)))
    events = driven(target, plan)
    assert len(target.threads) == 1
    assert set(invoked(events).values()) == set(target.threads)


def test_what_keeps_it_from_being_created_is_how_the_call_ended(driven, op, plan_of):
    events = driven(Minting(), plan_of(op(0, 0, resource="nobody", thread="a")))
    assert invoked(events) == {0: "a"}
    assert isinstance(events[-2], Failed)

    class Silent(Minting):
        async def create_thread(self, *, resource):
            return None

    end = driven(Silent(), plan_of(op(0, 0, thread="a")))[-2]
    assert isinstance(end, Unknown)
    assert "showed none; return the new one" in end.text


def test_an_id_that_nobody_can_guess_is_a_secret_whoever_chose_it(driven, op, plan_of):
    class Telling(Minting):
        async def send(self, message, *, thread, resource):
            return " ".join(self.threads)

    target = Telling()
    plan = plan_of(op(0, 0, caller="r0", thread="a"), op(1, 1, caller="r1", thread="b"))
    events = driven(target, plan)
    first, second = target.threads
    ends = [event for event in events if isinstance(event, Completed)]
    assert ends[1].sights == (Sight(second, "reply"), Sight(first, "reply")), "one's own first"


def test_a_message_is_presented_by_the_id_that_the_reply_gave_it(driven, op, plan_of):
    target = Minting()
    plan = plan_of(
        tells(op, 0, caller="r0", resource="r0", thread="a"),
        op(1, 1, caller="r1", resource="r1", thread="b", surface="delete_message", message=0, text=""),
    )
    events = driven(target, plan)
    assert target.called[-1] == ("m1", "r1")
    assert next(one for one in bound(events) if one.message == 0).id == "m1"


def test_what_no_id_was_shown_for_cannot_be_presented(driven, op, plan_of):
    class Silent(Minting):
        async def send(self, message, *, thread, resource):
            return "noted"

    target = Silent()
    events = driven(
        target,
        plan_of(
            tells(op, 0, caller="r0", thread="a"),
            op(1, 1, caller="r0", thread="a", surface="delete_message", message=0, text=""),
        ),
    )
    assert target.called == []
    assert invoked(events).keys() == {0}


def test_a_list_of_messages_shows_their_ids(driven, op, plan_of):
    class Listing(Minting):
        def __init__(self):
            super().__init__()
            self.stored = []

        async def send(self, message, *, thread, resource):
            self.stored.append({"id": f"s{len(self.stored)}", "role": "user", "content": {"text": message}})
            return "noted"

        async def read_messages(self, *, thread, resource):
            return [
                {"id": "other", "role": "assistant", "content": self.stored[0]["content"]["text"]},
                *self.stored,
            ]

    target = Listing()
    driven(
        target,
        plan_of(
            tells(op, 0, caller="r0", resource="r0", thread="a"),
            op(1, 1, caller="r0", resource="r0", thread="a", surface="read_messages", text=""),
            op(2, 2, caller="r1", resource="r1", thread="b", surface="delete_message", message=0, text=""),
        ),
    )
    assert target.called == [("s0", "r1")]


def test_a_copy_may_be_named_by_the_target_too(driven, op, plan_of):
    target = Minting()
    plan = plan_of(
        op(0, 0, caller="r0", resource="r0", thread="a"),
        op(1, 1, caller="r0", resource="r0", thread="a", surface="clone_thread", new_thread="n", text=""),
        op(2, 2, caller="r0", resource="r0", thread="n"),
    )
    assert invoked(driven(target, plan))[2] == "copy"


def test_a_session_that_a_reply_names_is_the_thread_from_then_on(driven, op, plan_of):
    class Sessions:
        def __init__(self):
            self.owners = {}

        async def send(self, message, *, thread=None, resource=None):
            if self.owners.get(thread) != resource:
                thread = f"session-{len(self.owners)}"
                self.owners[thread] = resource
            return Reply(text="noted", ids={"thread": thread})

    plan = plan_of(
        op(0, 0, caller="r0", resource="r0", thread="a"),
        op(1, 1, caller="r1", resource="r1", thread="a", intrudes=True),
        op(2, 2, caller="r0", resource="r0", thread="a"),
        op(3, 3, caller="r1", resource="r1", thread="a", intrudes=True),
    )
    events = driven(Sessions(), plan)
    # The stranger is given a session of its own; the name stays what it is for its owner.
    assert invoked(events) == {0: "a", 1: "session-0", 2: "session-0", 3: "session-0"}


def test_titles_and_new_owners_are_passed_as_they_are_bound(driven, op, plan_of):
    class Target(Minting):
        async def create_thread(self, *, thread, resource, title=None):
            self.called.append((thread, resource, title))

        async def transfer_thread(self, *, thread, new_resource):
            self.called.append((thread, new_resource))

    target = Target()
    driven(
        target,
        plan_of(
            op(
                0,
                0,
                thread="a-<<ns>>",
                resource="r0",
                surface="create_thread",
                text="<<fact>> (x)",
                tells="x",
            ),
            op(1, 1, thread="a-<<ns>>", surface="transfer_thread", new_resource="r1-<<ns>>", text=""),
        ),
    )
    name = bind_id("<<ns>>", 7, 3)
    fact = mint_fact(FactKey(7, 3, 0, 0))
    assert target.called == [(f"a-{name}", "r0", f"{fact} (x)"), (f"a-{name}", f"r1-{name}")]


def test_a_loss_is_put_in_by_deleting_as_the_owner_would(driven, op, plan_of):
    class Target(Minting):
        async def delete_thread(self, *, thread, resource):
            self.called.append(("delete", thread, resource))
            if resource == "r1":
                raise Refused("not yours")

    target = Target()
    injection = Injection(injector="loss", invariant="thread-ownership", channel="reply", fact=0, into=1)
    plan = plan_of(
        tells(op, 0, caller="r0", resource="r0", thread="a"),
        op(1, 1, caller="r1", resource="r1", thread="a", surface="delete_thread", text="", intrudes=True),
    )
    events = driven(target, plan, phase="prove", injection=injection)
    (thread,) = target.threads
    assert target.called[-2:] == [("delete", thread, "r1"), ("delete", thread, "r0")]
    assert isinstance(events[-2], Failed), "what is recorded is what the stranger was told"


def test_a_loss_that_cannot_be_put_in_proves_nothing(driven, op, plan_of):
    class Target(Minting):
        async def delete_thread(self, *, thread, resource):
            raise Refused("nobody deletes anything")

    injection = Injection(injector="loss", invariant="thread-ownership", channel="reply", fact=0, into=1)
    plan = plan_of(
        tells(op, 0, caller="r0", thread="a"), op(1, 1, thread="a", surface="delete_thread", text="")
    )
    end = driven(Target(), plan, phase="prove", injection=injection)[-2]
    assert isinstance(end, Unknown)
    assert "could not be put in" in end.text


FACT, ECHO = mint_fact(FactKey(7, 3, 4, 0)), mint_echo(FactKey(7, 3, 4, 0), example=3, operation=9)


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (f'{{"id":"m1","text":"{FACT}"}}', "m1"),
        (f'{{"id":17,"parts":[{{"type":"text","text":"it is {FACT}."}}]}}', "17"),
        (f'{{"messageId":"m1","message":"{FACT}"}}', "m1"),
        (f'{{"messages":[{{"id":"m0","text":"hello"}},{{"id":"m1","text":"{FACT}"}}],"id":"thread"}}', "m1"),
        (
            f'{{"id":"m0","role":"assistant","text":"{FACT}"}}\n{{"id":"m1","role":"user","text":"{FACT}"}}',
            "m1",
        ),
        (f'{{"id":"m0","text":"{ECHO}"}}', None),
        (f'{{"text":"{FACT}"}}', None),
        (f"m1: {FACT}", None),
        (f'{{"id":"m1","text":"{FACT}"', None),
        ("[" * 5000, None),
        (f'{{"id":"m1","text":"{mint_fact(FactKey(7, 2, 4, 0))}"}}', None),
    ],
)
def test_which_record_is_the_message_that_told_it(shown, found):
    assert messages_in(shown, {4}, 7, 3) == ({} if found is None else {4: found})
    assert messages_in(shown, {5}, 7, 3) == {}


@given(st.text())
def test_no_list_breaks_the_search_for_ids(shown):
    messages_in(shown, {4}, 7, 3)
    unlikely(shown)


@pytest.mark.parametrize(
    ("identifier", "secret"),
    [
        ("5d3ea115-ddc1-4e0b-94c8-b554e43b54d8", True),
        ("thread_4sK9xQ2mP7vT1bN8wE", True),
        ("thread_12", False),
        ("00000000000000000012", False),
        ("conversation-of-tuesday", False),
        ("00000000-0000-0000-0000-000000000012", False),
    ],
)
def test_which_ids_look_as_if_nobody_could_guess_them(identifier, secret):
    assert unlikely(identifier) == secret
