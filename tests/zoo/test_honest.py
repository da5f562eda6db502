"""Correct agents keep every promise of their scope; vacuous ones are vacuous in just the way they say."""

import asyncio
import inspect

import pytest

from overheard.core.outcome import Refused, TargetError
from overheard.zoo.catalogue import CATALOGUE
from overheard.zoo.hosts import SqliteHost
from overheard.zoo.plain import dictionary, never_suspends

ASK = "what did I say?"
REMEMBERING = ["correct-thread", "correct-resource", "correct-tenant", "serialises"]
TWINS = [specimen.name for specimen in CATALOGUE.values() if specimen.kind == "twin"]


def ids(agent, **given):
    tenanted = "tenant" in inspect.signature(agent.send).parameters
    return {"tenant": "acme", **given} if tenanted else {k: v for k, v in given.items() if k != "tenant"}


@pytest.mark.parametrize("name", [*REMEMBERING, *TWINS])
@pytest.mark.parametrize("kind", ["omitted", None, ""])
@pytest.mark.parametrize("which", ["thread", "resource"])
def test_missing_ids_are_refused(name, kind, which, against_mirror):
    async def scene(agent, mirror):
        given = ids(agent, resource="ann", thread="t1")
        given.pop(which) if kind == "omitted" else given.update({which: kind})
        with pytest.raises(Refused):
            await agent.send(ASK, **given)
        assert mirror.prompts == []

    against_mirror(CATALOGUE[name].build, scene)


@pytest.mark.parametrize("name", [*REMEMBERING, *TWINS])
def test_white_space_is_an_ordinary_id(name, against_mirror):
    async def scene(agent, mirror):
        await agent.send("remember fact-one", **ids(agent, resource="  ", thread=" \t"))
        return await agent.send(ASK, **ids(agent, resource="  ", thread=" \t"))

    assert "fact-one" in against_mirror(CATALOGUE[name].build, scene)


@pytest.mark.parametrize(
    ("name", "sibling", "colleague"),
    [
        ("correct-thread", False, False),
        ("serialises", False, False),
        ("correct-resource", True, False),
        ("correct-tenant", True, True),
    ],
)
def test_memory_reaches_as_far_as_the_scope_and_no_further(name, sibling, colleague, against_mirror):
    async def scene(agent, mirror):
        await agent.send("remember fact-one", **ids(agent, resource="ann", thread="t1"))
        replies = [
            await agent.send(ASK, **ids(agent, resource="ann", thread="t1")),
            await agent.send(ASK, **ids(agent, resource="ann", thread="t2")),
            await agent.send(ASK, **ids(agent, resource="bob", thread="t3")),
            await agent.send(ASK, **ids(agent, resource="zoe", thread="t4", tenant="other")),
        ]
        return ["fact-one" in reply for reply in replies]

    assert against_mirror(CATALOGUE[name].build, scene) == [True, sibling, colleague, False]


@pytest.mark.parametrize("name", REMEMBERING)
def test_a_stranger_is_refused_and_told_nothing(name, against_mirror):
    async def scene(agent, mirror):
        await agent.send("remember fact-one", **ids(agent, resource="ann", thread="t1"))
        with pytest.raises(Refused) as refusal:
            await agent.send(ASK, **ids(agent, resource="zoe", thread="t1", tenant="other"))
        assert len(mirror.prompts) == 1
        return str(refusal.value)

    text = against_mirror(CATALOGUE[name].build, scene)
    assert not any(word in text for word in ("fact", "ann", "t1", "acme", "zoe"))


def test_a_tenant_is_required(against_mirror):
    async def scene(agent, mirror):
        for tenant in (None, ""):
            with pytest.raises(Refused, match="tenant"):
                await agent.send(ASK, resource="ann", thread="t1", tenant=tenant)

    against_mirror(CATALOGUE["correct-tenant"].build, scene)


def test_everybody_under_one_thread_id_at_once_leaves_one_owner(against_mirror):
    async def scene(agent, mirror):
        calls = [
            agent.send(f"remember fact-{name}", resource=name, thread="t1") for name in ("ann", "bob", "zoe")
        ]
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = against_mirror(CATALOGUE["correct-thread"].build, scene)
    assert [type(outcome) for outcome in outcomes] == [str, Refused, Refused]


@pytest.mark.parametrize("name", ["amnesic", "constant-reply", "echo-of-input", "ignores-mirror"])
def test_the_forgetful_answer_and_recall_nothing(name, against_mirror):
    async def scene(agent, mirror):
        await agent.send("remember fact-one", resource="ann", thread="t1")
        reply = await agent.send(ASK, resource="ann", thread="t1")
        return reply, len(mirror.prompts)

    reply, prompts = against_mirror(CATALOGUE[name].build, scene)
    assert reply
    assert "fact-one" not in reply
    assert prompts == (2 if name == "amnesic" else 0)


def test_the_rest_fail_each_in_its_way(against_mirror):
    async def scene(agent, mirror):
        try:
            return await agent.send("hello", resource="ann", thread="t1")
        except Exception as error:  # noqa: BLE001 - the error is the result
            return type(error)

    assert against_mirror(CATALOGUE["always-error"].build, scene) is TargetError
    assert against_mirror(CATALOGUE["empty-answer"].build, scene) == ""
    assert against_mirror(CATALOGUE["refuses-everything"].build, scene) is Refused


@pytest.mark.parametrize(("name", "together"), [("serialises", False), ("correct-thread", True)])
def test_one_agent_never_overlaps_and_the_other_does(name, together, against_mirror):
    async def scene(agent, mirror):
        mirror.width = 2  # the first call is kept until a second one is open
        calls = asyncio.gather(*(agent.send(ASK, resource=who, thread=who) for who in ("ann", "bob")))
        try:
            await asyncio.wait_for(calls, 0.5)
        except TimeoutError:
            return len(mirror.prompts) > 1
        return True

    assert against_mirror(CATALOGUE[name].build, scene) is together


def test_a_dictionary_is_a_correct_agent():
    send = dictionary()
    assert "fact-one" not in send("remember fact-one", thread="t1", resource="ann")
    assert "fact-one" in send(ASK, thread="t1", resource="ann")
    assert "fact-one" not in send(ASK, thread="t1", resource="bob")
    assert "fact-one" not in send(ASK, thread="t2", resource="ann")
    assert "fact-one" not in dictionary()(ASK, thread="t1", resource="ann")
    for missing in ({}, {"thread": "t1"}, {"resource": "ann"}, {"thread": "", "resource": None}):
        with pytest.raises(Refused):
            send(ASK, **missing)


def test_a_coroutine_that_never_suspends_ends_in_one_step():
    send = never_suspends()
    replies = []
    for text in ("remember fact-one", ASK):
        with pytest.raises(StopIteration) as end:
            send(text, thread="t1", resource="ann").send(None)
        replies.append(end.value.value)
    assert ["fact-one" in reply for reply in replies] == [False, True]


def test_a_long_reply_is_stored_in_whole_words(against_mirror):
    async def scene(agent, mirror):
        for number in range(60):
            await agent.send(f"remember fact-{number}", resource="ann", thread="t1")
        reply = await agent.send(ASK, resource="ann", thread="t1")
        await agent.send("thanks", resource="ann", thread="t1")
        return reply, mirror.prompts[-1].splitlines()[-2]

    reply, stored = against_mirror(CATALOGUE["correct-thread"].build, scene)
    assert len(reply) > 400 >= len(stored)
    assert set(stored.split()) <= set(reply.split())


def test_a_model_that_errs_is_an_error_of_the_target(against_mirror):
    async def scene(agent, mirror):
        with pytest.raises(TargetError, match="503"):
            await agent.send("please fail", resource="ann", thread="t1")
        assert "please fail" not in await agent.send(ASK, resource="ann", thread="t1")
        return mirror.prompts

    prompts = against_mirror(CATALOGUE["correct-thread"].build, scene)
    assert prompts == [ASK]


def test_two_sqlite_hosts_share_nothing():
    first, second = SqliteHost(), SqliteHost()
    assert (first.claim("t1", "ann"), second.claim("t1", "bob")) == ("ann", "bob")
    first.close()
    second.close()
