"""Plans as data: templates become messages and ids, and a plan survives being written down."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.canary import ASKS, FactKey, decode_canary, decode_nonce, find_canaries, find_nonces
from overheard.core.ids import OMITTED, namespace
from overheard.core.operation import Operation, Plan, bind_ids, bind_text

relaxed = settings(deadline=None)
texts = st.text(st.characters(exclude_characters="<>", exclude_categories=["Cs"]))


@relaxed
@given(texts, texts, st.integers(0, 2**30 - 1), st.integers(0, 2**20 - 1), st.integers(0, 2**15 - 1))
def test_a_message_carries_its_own_fact_and_nonce(before, after, campaign, example, number):
    operation = Operation(
        number=number, round=0, caller="r0", text=f"{before}<<fact>>{after} (<<ref>>)", tells="locker"
    )
    message = bind_text(operation, campaign, example)
    assert decode_canary(find_canaries(message)[0]) == (FactKey(campaign, example, number, 0), None)
    assert decode_nonce(find_nonces(message)[0]) == (campaign, example, number, 0)
    assert message.startswith(before)
    assert "<<" not in message


def test_a_message_that_asks_says_so_in_its_nonce():
    telling = Operation(number=1, round=1, caller="r0", text="<<ref>>")
    asking = Operation(number=1, round=1, caller="r0", text="<<ref>>", asks=(0,))
    assert decode_nonce(bind_text(telling, 1, 1)).flags & ASKS == 0
    assert decode_nonce(bind_text(asking, 1, 1)).flags & ASKS


def test_the_same_text_is_the_same_word_for_word():
    first = Operation(number=4, round=2, caller="r0", text="again? <<ref>>", asks=(1,))
    second = Operation(number=5, round=2, caller="r1", text="again? <<ref>>", asks=(1,), same_text_as=4)
    assert bind_text(first, 9, 9) == bind_text(second, 9, 9)
    assert bind_text(first, 9, 9) != bind_text(first, 9, 10)


def test_every_mark_is_filled_in():
    operation = Operation(number=0, round=0, caller="r0", text="<<fact>> <<fact>> <<ref>> <<ref>>")
    message = bind_text(operation, 1, 1)
    assert len(find_canaries(message)) == len(find_nonces(message)) == 2


def test_ids_are_thread_then_resource():
    operation = Operation(number=0, round=0, caller="r0", thread="t-<<ns>>", resource="r-<<ns>>")
    name = namespace(3, 4)
    assert bind_ids(operation, 3, 4) == (f"t-{name}", f"r-{name}")
    assert bind_ids(Operation(number=0, round=0, caller="r0", thread=None), 3, 4) == (None, OMITTED)


ids = st.one_of(st.none(), st.just(OMITTED), st.text(st.characters(exclude_categories=["Cs"])))
operations = st.builds(
    Operation,
    number=st.integers(0, 2**15 - 1),
    round=st.integers(0, 2**15 - 1),
    caller=st.text(st.characters(exclude_categories=["Cs"])),
    tenant=st.none() | st.just("t0"),
    resource=ids,
    thread=ids,
    text=texts,
    asks=st.lists(st.integers(0, 99)).map(tuple),
    same_text_as=st.none() | st.integers(0, 99),
    intrudes=st.booleans(),
)


@relaxed
@given(
    st.lists(operations, max_size=4).map(tuple), st.sampled_from(["sequential", "interleaved", "concurrent"])
)
def test_a_plan_survives_being_written_down(steps, mode):
    plan = Plan(scenario="recall", mode=mode, operations=steps, seed=7)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_a_plan_is_frozen():
    plan = Plan(scenario="recall", mode="sequential", operations=())
    with pytest.raises(AttributeError):
        plan.mode = "concurrent"
