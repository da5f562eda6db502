"""A plan reduced to a subset of its operations stays a valid plan that does the same."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.operation import NONCE_MARK, Operation, Plan, bind_text
from overheard.reduce.project import project

UNASKED = ("list_threads", "read_messages", "read_message")
"""Surfaces that are asked for nothing in particular."""


def subset(data, plan):
    return data.draw(st.sets(st.integers(0, len(plan.operations) - 1), min_size=1))


def made(*operations, mode="interleaved"):
    return Plan(
        scenario="s",
        mode=mode,
        operations=tuple(
            Operation(number=number, round=number, thread="t", resource="r", **fields)
            for number, fields in enumerate(operations)
        ),
    )


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_subset_is_a_plan(data, plans):
    plan = data.draw(plans)
    keep = subset(data, plan)
    small, numbers = project(plan, keep)
    # What is about a message that nobody sends is about nothing.
    keep = {one for one in keep if plan.operations[one].message in {None, *keep}}
    assert set(numbers) == keep
    for op in small.operations:
        assert op.message is None or small.operations[op.message].tells is not None
    assert [op.number for op in small.operations] == list(range(len(keep)))
    assert [numbers[op] for op in sorted(keep)] == list(range(len(keep))), "their order stays"
    rounds = [op.round for op in small.operations]
    assert rounds == sorted(rounds)
    assert set(rounds) == set(range(len(set(rounds)))), "rounds close up"
    for op in small.operations:
        for fact in op.asks:
            assert small.operations[fact].tells is not None
            assert small.operations[fact].round < op.round
            assert small.operations[fact].tells in op.text or op.surface in UNASKED
        if op.same_text_as is not None:
            leader = small.operations[op.same_text_as]
            assert leader.number < op.number
            assert leader.same_text_as is None
            assert bind_text(leader, 1, 1) == bind_text(op, 1, 1), "word for word, nonce included"
    texts = [
        bind_text(op, 1, 1) for op in small.operations if op.same_text_as is None and op.surface == "send"
    ]
    assert len(set(texts)) == len(texts)
    assert msgspec.json.decode(msgspec.json.encode(small), type=Plan) == small


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_what_is_kept_stays_what_it_was(data, plans):
    plan = data.draw(plans)
    small, numbers = project(plan, subset(data, plan))
    back = {new: old for old, new in numbers.items()}
    for op in small.operations:
        was = plan.operations[back[op.number]]
        same = ("caller", "tenant", "surface", "resource", "thread", "text", "tells", "intrudes")
        assert [getattr(op, name) for name in same] == [getattr(was, name) for name in same]
        if op.same_text_as is None and was.same_text_as is None and any(fact in numbers for fact in was.asks):
            assert op.asks == tuple(numbers[fact] for fact in was.asks if fact in numbers)
    together = {
        (one.number, two.number)
        for one in plan.operations
        for two in plan.operations
        if one.round == two.round
    }
    for one in small.operations:
        for two in small.operations:
            assert (one.round == two.round) == ((back[one.number], back[two.number]) in together)
    assert (small.scenario, small.mode, small.latency) == (plan.scenario, plan.mode, plan.latency)
    assert (small.source, small.seed) == ("reduced", None), "it counts towards no bound"


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_in_two_steps_or_in_one(data, plans):
    plan = data.draw(plans)
    outer = subset(data, plan)
    inner = data.draw(st.sets(st.sampled_from(sorted(outer)), min_size=1))
    first = project(plan, outer)
    inner &= first.numbers.keys()
    second = project(first.plan, {first.numbers[op] for op in inner})
    direct = project(plan, inner)
    strip = [msgspec.structs.replace(op, asks=(), same_text_as=None) for op in second.plan.operations]
    assert strip == [msgspec.structs.replace(op, asks=(), same_text_as=None) for op in direct.plan.operations]


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_everything_is_everything(data, plans):
    plan = data.draw(plans)
    whole = project(plan, range(len(plan.operations)))
    assert whole.plan.operations == plan.operations


def test_questions_about_facts_that_nobody_tells_are_dropped_and_their_words_stay():
    plan = made(
        {"caller": "r0", "text": "<<fact>> <<ref>>", "tells": "locker code"},
        {"caller": "r0", "text": "<<fact>> <<ref>>", "tells": "gate"},
        {"caller": "r0", "text": "locker code, gate? <<ref>>", "asks": (0, 1)},
    )
    small, numbers = project(plan, {1, 2})
    assert numbers == {1: 0, 2: 1}
    assert small.operations[1].asks == (0,)
    assert small.operations[1].text == "locker code, gate? <<ref>>"
    assert project(plan, {2}).plan.operations[0].asks == ()


def test_the_same_words_stay_the_same_when_the_first_to_say_them_is_gone():
    ask = {"text": f"locker code? {NONCE_MARK}"}
    told = {"text": "<<fact>> <<ref>>", "tells": "locker code"}
    plan = made(
        {"caller": "r0", **told},
        {"caller": "r1", **told},
        {"caller": "r2", **told},
        {"caller": "r0", **ask, "asks": (0,)},
        {"caller": "r1", **ask, "asks": (1,), "same_text_as": 3},
        {"caller": "r2", **ask, "asks": (2,), "same_text_as": 3},
    )
    small = project(plan, {1, 2, 4, 5}).plan
    assert [op.same_text_as for op in small.operations] == [None, None, None, 2]
    assert bind_text(small.operations[2], 1, 1) == bind_text(small.operations[3], 1, 1)


def test_the_same_words_stay_the_same_when_one_of_the_facts_is_gone():
    """A cache keyed by the message: the stranger needs no fact of its own to be answered from it."""
    ask = {"text": f"locker code? {NONCE_MARK}"}
    told = {"text": "<<fact>> <<ref>>", "tells": "locker code"}
    plan = made(
        {"caller": "r0", **told},
        {"caller": "r1", **told},
        {"caller": "r0", **ask, "asks": (0,)},
        {"caller": "r1", **ask, "asks": (1,), "same_text_as": 2},
    )
    for keep in ({0, 2, 3}, {1, 2, 3}):
        small = project(plan, keep).plan
        assert [op.asks for op in small.operations] == [(), (0,), (0,)]
        assert bind_text(small.operations[1], 1, 1) == bind_text(small.operations[2], 1, 1)
    neither = project(plan, {2, 3}).plan
    assert [op.asks for op in neither.operations] == [(), ()]
    assert bind_text(neither.operations[0], 1, 1) == bind_text(neither.operations[1], 1, 1)
