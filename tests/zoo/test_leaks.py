"""Every leaky agent leaks by its own door and by no other; its twin, asked the same, keeps quiet.

Written by hand, without the checker: this is the truth that the checker is measured against.
"""

import asyncio
import contextlib
import os

import pytest

from overheard.core.outcome import Refused
from overheard.zoo.catalogue import (
    CATALOGUE,
    CROSS_RESOURCE,
    CROSS_THREAD,
    FORGOTTEN,
    IDS,
    MATCHES,
    OWNERSHIP,
)
from overheard.zoo.keeper import Keeper

ASK = "what did I say?"


async def tell(agent, fact, **ids):
    return await agent.send(f"remember fact-{fact}", **ids)


async def shown(agent, mirror, text=ASK, **ids):
    """Everything that one message brings before its sender or into its prompts."""
    before = len(mirror.prompts)
    try:
        reply = await agent.send(text, **ids)
    except Refused as refusal:
        reply = str(refusal)
    return "\n".join([reply, *mirror.prompts[before:]])


async def crosses_threads(agent, mirror):
    await tell(agent, "one", resource="ann", thread="t1")
    return "fact-one" in await shown(agent, mirror, resource="ann", thread="t2")


async def crosses_quietly(agent, mirror, question="what is the weather, bob?"):
    await tell(agent, "one", resource="ann", thread="t1")
    await agent.send("what is the weather?", resource="ann", thread="t1")
    return "fact-one" in await shown(agent, mirror, question, resource="bob", thread="t2")


async def crosses_in_the_same_words(agent, mirror):
    return await crosses_quietly(agent, mirror, "what is the weather?")


async def crosses_under_overlap(agent, mirror):
    await tell(agent, "one", resource="ann", thread="t1")
    await tell(agent, "two", resource="bob", thread="t2")
    mirror.width = 2
    ann, bob = await asyncio.gather(
        agent.send("what, says ann?", resource="ann", thread="t1"),
        agent.send("what, says bob?", resource="bob", thread="t2"),
    )
    return "fact-two" in ann or "fact-one" in bob


async def swaps_acknowledgements(agent, mirror):
    mirror.width = 2
    given = await asyncio.gather(
        tell(agent, "one", resource="ann", thread="t1"), tell(agent, "two", resource="bob", thread="t2")
    )
    return len(set(given)) == 1


async def crosses_after_cancelling(agent, mirror):
    await tell(agent, "one", resource="ann", thread="t1")
    for wait in (0.001, 0.02):
        mirror.width = 99
        gone = asyncio.create_task(agent.send("what, says ann?", resource="ann", thread="t1"))
        await asyncio.sleep(wait)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        asking = asyncio.create_task(shown(agent, mirror, "what, says bob?", resource="bob", thread="t2"))
        while not asking.done():
            await asyncio.wait({asking}, timeout=0.005)
            mirror.release()
        if "fact-one" in await asking:
            return True
    return False


async def crosses_behind_the_scenes(agent, mirror):
    for number in range(20):
        who = ("ann", "bob")[number % 2]
        await tell(agent, f"{who}{number}", resource=who, thread=f"thread of {who}")
    return any("fact-ann" in prompt and "fact-bob" in prompt for prompt in mirror.prompts)


async def opens_threads(agent, mirror):
    """A stranger presents the thread, and presents it again after having written there."""
    await tell(agent, "one", resource="ann", thread="t1")
    seen = await shown(agent, mirror, resource="bob", thread="t1")
    with contextlib.suppress(Refused):
        await tell(agent, "two", resource="bob", thread="t1")
    seen += await shown(agent, mirror, resource="bob", thread="t1")
    return "fact-one" in seen or "fact-two" in await shown(agent, mirror, resource="ann", thread="t1")


async def serves_missing(agent, mirror):
    """Told with ids and asked without, told without and asked without, in every kind of missing."""
    await tell(agent, "one", resource="ann", thread="t1")
    seen = ""
    for missing in (
        {},
        {"thread": None},
        {"thread": ""},
        {"resource": "ann"},
        {"resource": "ann", "thread": ""},
        {"thread": "t1"},
    ):
        seen += await shown(agent, mirror, **missing)
        with contextlib.suppress(Refused):
            await tell(agent, "two", **missing)
        seen += await shown(agent, mirror, **missing)
    return "fact-" in seen


def library(agent):
    return hasattr(agent, "list_threads")


async def looked(look, *args, **ids):
    try:
        return str(await look(*args, **ids))
    except Refused as refusal:
        return str(refusal)


async def names_threads_of_others(agent, mirror):
    await tell(agent, "one", resource="ann", thread="t1")
    await tell(agent, "two", resource="ann", thread="t3")
    return "t3" in await shown(agent, mirror, resource="bob", thread="t1")


async def lists_everybody(agent, mirror):
    if not library(agent):
        return False
    await tell(agent, "one", resource="ann", thread="t1")
    await tell(agent, "two", resource="bob", thread="t2")
    own = await looked(agent.list_threads, resource="bob")
    assert "fact-two" in own
    assert "t2" in own
    return "fact-one" in own


async def lists_without_a_resource(agent, mirror):
    if not library(agent):
        return False
    await tell(agent, "one", resource="ann", thread="t1")
    return "fact-one" in await looked(agent.list_threads) + await looked(agent.search, "remember")


async def shows_messages_of_others(agent, mirror):
    if not library(agent):
        return False
    await tell(agent, "one", resource="ann", thread="t1")
    assert "fact-one" in await looked(agent.read_messages, resource="ann", thread="t1")
    assert "fact-one" not in await looked(agent.read_messages, resource="ann", thread="t9")
    return "fact-one" in await looked(agent.read_messages, resource="bob", thread="t1")


async def finds_everybodys(agent, mirror):
    if not library(agent):
        return False
    await tell(agent, "one", resource="ann", thread="t1")
    await tell(agent, "two", resource="bob", thread="t2")
    own = await looked(agent.search, "Remember", resource="bob")
    assert "fact-two" in own
    return "fact-one" in own


async def finds_by_filter(agent, mirror):
    if not library(agent):
        return False
    await tell(agent, "one", resource="ann", thread="t1")
    mine = await looked(agent.search, "remember", resource="ann", filters={"thread": "t1"})
    assert "fact-one" in mine
    found = await looked(agent.search, "remember", resource="bob", filters={"resource": "ann"})
    return "fact-one" in found + await looked(
        agent.search, "remember", resource="bob", filters={"thread": "t1"}
    )


async def told_in(agent, *threads, resource="ann"):
    for number, thread in enumerate(threads):
        await tell(agent, f"{resource}{number}", resource=resource, thread=thread)


async def tries(change, **ids):
    with contextlib.suppress(Refused):
        await change(**ids)


async def is_missed(agent, mirror, fact, **ids):
    """Whether its owner is refused, or not told any more what it had said."""
    return fact not in await shown(agent, mirror, **ids)


async def creates_over(agent, mirror):
    await told_in(agent, "t1")
    await tries(agent.create_thread, resource="bob", thread="t1")
    return await is_missed(agent, mirror, "fact-ann0", resource="ann", thread="t1")


async def clones_for_anybody(agent, mirror):
    await told_in(agent, "t1")
    await agent.clone_thread(resource="ann", thread="t1", new_thread="t2")
    assert "fact-ann0" in await shown(agent, mirror, resource="ann", thread="t2")
    await tries(agent.clone_thread, resource="bob", thread="t1", new_thread="t3")
    return "fact-ann0" in await shown(agent, mirror, resource="bob", thread="t3")


async def entitles_for_anybody(agent, mirror):
    await told_in(agent, "t1")
    await agent.update_thread(resource="ann", thread="t1", title="mine")
    assert "mine" in await looked(agent.list_threads, resource="ann")
    await tries(agent.update_thread, resource="bob", thread="t1", title="bobs")
    return "bobs" in await looked(agent.list_threads, resource="ann")


async def gives_to_anybody(agent, mirror):
    await told_in(agent, "t1", "t2")
    await agent.transfer_thread(resource="ann", thread="t2", new_resource="cid")
    assert "fact-ann1" in await shown(agent, mirror, resource="cid", thread="t2")
    assert "fact-ann1" not in await looked(agent.read_messages, resource="ann", thread="t2")
    await tries(agent.transfer_thread, resource="bob", thread="t1", new_resource="bob")
    return "fact-ann0" in await shown(agent, mirror, resource="bob", thread="t1")


async def deletes_for_anybody(agent, mirror):
    await told_in(agent, "t1")
    await tries(agent.delete_thread, resource="bob", thread="t1")
    return await is_missed(agent, mirror, "fact-ann0", resource="ann", thread="t1")


async def message_of(agent, fact, **ids):
    return next(row["id"] for row in await agent.read_messages(**ids) if fact in row["text"])


async def deletes_messages_for_anybody(agent, mirror):
    await told_in(agent, "t1")
    found = await message_of(agent, "fact-ann0", resource="ann", thread="t1")
    await tries(agent.delete_message, resource="bob", message_id=found)
    return await is_missed(agent, mirror, "fact-ann0", resource="ann", thread="t1")


async def shows_any_message(agent, mirror):
    await told_in(agent, "t1")
    found = await message_of(agent, "fact-ann0", resource="ann", thread="t1")
    assert "fact-ann0" in await looked(agent.read_message, resource="ann", message_id=found)
    return "fact-ann0" in await looked(agent.read_message, resource="bob", message_id=found)


async def deletes_what_is_not_named(agent, mirror):
    await told_in(agent, "t1")
    for nobody in ({"resource": "ann"}, {"resource": "ann", "thread": None}, {"thread": "t1"}, {}):
        await tries(agent.delete_thread, **nobody)
    await tries(agent.delete_resource)
    await tries(agent.delete_message, resource="ann")
    return await is_missed(agent, mirror, "fact-ann0", resource="ann", thread="t1")


async def keeps_a_copy(agent, mirror):
    """A thread and a message, deleted: looked for by every surface, and in another thread."""
    await told_in(agent, "t1", "t2", "t3")
    found = await message_of(agent, "fact-ann1", resource="ann", thread="t2")
    await agent.delete_thread(resource="ann", thread="t1")
    await agent.delete_message(resource="ann", message_id=found)
    seen = await looked(agent.search, "remember", resource="ann")
    seen += await looked(agent.list_threads, resource="ann")
    seen += await looked(agent.read_messages, resource="ann", thread="t1")
    seen += await looked(agent.read_messages, resource="ann", thread="t2")
    seen += await looked(agent.read_message, resource="ann", message_id=found)
    assert "fact-ann2" in seen
    seen += await shown(agent, mirror, resource="ann", thread="t3")
    return "fact-ann0" in seen or "fact-ann1" in seen


async def brings_back(agent, mirror):
    await told_in(agent, "t1")
    await agent.delete_thread(resource="ann", thread="t1")
    assert "fact-ann0" not in await looked(agent.read_messages, resource="ann", thread="t1")
    seen = await shown(agent, mirror, resource="ann", thread="t1")
    await agent.delete_thread(resource="ann", thread="t1")
    await agent.create_thread(resource="ann", thread="t1")
    return "fact-ann0" in seen + await looked(agent.read_messages, resource="ann", thread="t1")


async def takes_more(agent, mirror):
    await told_in(agent, "t1", "t2")
    await told_in(agent, "t3", resource="bob")
    await agent.delete_thread(resource="ann", thread="t1")
    assert not await is_missed(agent, mirror, "fact-ann1", resource="ann", thread="t2")
    await agent.delete_resource(resource="ann")
    return await is_missed(agent, mirror, "fact-bob0", resource="bob", thread="t3")


CHANGING = {
    "create": creates_over,
    "clone": clones_for_anybody,
    "update": entitles_for_anybody,
    "transfer": gives_to_anybody,
    "delete": deletes_for_anybody,
    "delete message": deletes_messages_for_anybody,
    "message": shows_any_message,
    "delete nothing": deletes_what_is_not_named,
    "copy": keeps_a_copy,
    "again": brings_back,
    "more": takes_more,
}
"""Doors of agents whose threads can be changed."""

DOORS = {
    "siblings": crosses_threads,
    "quiet": crosses_quietly,
    "same words": crosses_in_the_same_words,
    "overlap": crosses_under_overlap,
    "acknowledged": swaps_acknowledgements,
    "background": crosses_behind_the_scenes,
    "cancelled": crosses_after_cancelling,
    "stranger": opens_threads,
    "missing": serves_missing,
    "ids": names_threads_of_others,
    "list": lists_everybody,
    "list of nobody": lists_without_a_resource,
    "messages": shows_messages_of_others,
    "search": finds_everybodys,
    "filter": finds_by_filter,
    **CHANGING,
}
BESIDE = {"ids", "list", "list of nobody", "messages", "search", "filter", *CHANGING}
PROMISE = (
    dict.fromkeys(DOORS, CROSS_RESOURCE)
    | dict.fromkeys(CHANGING, OWNERSHIP)
    | {
        "siblings": CROSS_THREAD,
        "stranger": OWNERSHIP,
        "missing": IDS,
        "acknowledged": MATCHES,
        "list of nobody": IDS,
        "messages": OWNERSHIP,
        "delete nothing": IDS,
        "copy": FORGOTTEN,
        "again": FORGOTTEN,
        "more": FORGOTTEN,
    }
)
# An agent that leaks in quiet traffic leaks in every other kind as well; these need an occasion.
ONLY = {
    "cached-by-message": {"same words"},
    "race-on-shared-state": {"overlap"},
    "reply-swapped": {"overlap", "acknowledged"},
    "acknowledgement-swapped": {"acknowledged"},
    "batched-prompt": {"background"},
    "unread-answer": {"cancelled"},
    "number-given-again": {"cancelled"},
    "prompt-not-emptied": {"cancelled"},
    "ids-shown": {"ids"},
    "listing-unfiltered": {"list"},
    "messages-of-anybody": {"messages"},
    "search-over-everybody": {"search", "filter"},
    "filter-overrides": {"filter"},
    "missing-unfilters": {"list of nobody"},
    "reading-refusal-tells": {"messages"},
    "created-over-existing": {"create"},
    "cloned-by-anybody": {"clone"},
    "updated-by-anybody": {"update"},
    "transferred-by-anybody": {"transfer"},
    "deleted-by-anybody": {"delete"},
    "message-deleted-by-anybody": {"delete message"},
    "message-of-anybody": {"message"},
    "missing-deletes-all": {"delete nothing"},
    "deletion-leaves-index": {"copy"},
    "deletion-leaves-notes": {"copy", "again"},
    "deletion-only-hides": {"again"},
    "deletion-takes-all": {"more"},
}
MEMORIES = [s for s in CATALOGUE.values() if s.kind in ("leaky", "twin")]


def has(specimen, door):
    if door == "siblings":
        # Memory across threads is what an agent of a wider scope promises.
        return specimen.settings["scope"] == "thread"
    return door not in CHANGING or issubclass(specimen.build.func, Keeper)


ALL = int(os.environ.get("OVERHEARD_POWER_SEEDS", "1")) > 1
CAUSES = sorted({specimen.name.replace(f"-{specimen.host}", "") for specimen in MEMORIES})


def has_its_turn(specimen, door):
    """Every door of both hosts in the full proof; in the ordinary run they take turns, door by door."""
    turn = CAUSES.index(specimen.name.replace(f"-{specimen.host}", "")) + list(DOORS).index(door)
    return ALL or ("memory", "sqlite")[turn % 2] == specimen.host


KNOCKS = [
    (specimen.name, door)
    for specimen in MEMORIES
    for door in DOORS
    if has(specimen, door) and has_its_turn(specimen, door)
]


@pytest.mark.parametrize(("name", "door"), KNOCKS)
def test_an_agent_leaks_by_its_own_doors_only(name, door, against_mirror):
    specimen = CATALOGUE[name]
    expected = PROMISE[door] in specimen.invariants
    if expected:
        expected = door in ONLY.get(name.removesuffix(f"-{specimen.host}"), DOORS.keys() - BESIDE)
    assert against_mirror(specimen.build, DOORS[door]) == expected


@pytest.mark.parametrize("name", [specimen.name for specimen in MEMORIES])
def test_owners_are_told_their_own_facts_whatever_strangers_do(name, against_mirror):
    async def scene(agent, mirror):
        await tell(agent, "one", resource="ann", thread="t1")
        await tell(agent, "two", resource="bob", thread="t2")
        with contextlib.suppress(Refused):
            await agent.send("mine now", resource="bob", thread="t1")
        assert "fact-one" in await agent.send("what, says ann?", resource="ann", thread="t1")
        assert "fact-two" in await agent.send("what, says bob?", resource="bob", thread="t2")

    against_mirror(CATALOGUE[name].build, scene)


@pytest.mark.parametrize("host", ["memory", "sqlite"])
def test_a_take_over_needs_the_write(host, against_mirror):
    async def scene(agent, mirror):
        await tell(agent, "one", resource="ann", thread="t1")
        first = await shown(agent, mirror, resource="bob", thread="t1")
        second = await shown(agent, mirror, resource="bob", thread="t1")
        return "fact-one" in first, "fact-one" in second

    assert against_mirror(CATALOGUE[f"taken-over-by-write-{host}"].build, scene) == (False, True)


@pytest.mark.parametrize("host", ["memory", "sqlite"])
@pytest.mark.parametrize(("when", "quote"), [((), "remember fact-one"), ((ASK,), "You told me: fact-one.")])
def test_a_telling_refusal_quotes_the_last_exchange(host, when, quote, against_mirror):
    async def scene(agent, mirror):
        await tell(agent, "one", resource="ann", thread="t1")
        for text in when:
            await agent.send(text, resource="ann", thread="t1")
        with pytest.raises(Refused) as refusal:
            await agent.send(ASK, resource="bob", thread="t1")
        return str(refusal.value)

    assert quote in against_mirror(CATALOGUE[f"refusal-tells-{host}"].build, scene)
    assert "fact" not in against_mirror(CATALOGUE[f"refusal-tells-{host}-twin"].build, scene)
