"""Ids: namespaced, distinct for every two resources and threads, and distinct still after what targets do."""

import re
import unicodedata
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from overheard.core.ids import MISSING_KINDS, bind_id, missing_kind
from overheard.plan.identifiers import BLANKS, missing_id, resource_id, tenant_id, thread_id
from overheard.scenario.model import IDENTIFIERS

STRATEGY = st.sampled_from(IDENTIFIERS)
NUMBER = st.one_of(st.integers(0, 12), st.integers(0, 20_000))
PLACE = st.one_of(st.integers(0, 12), st.integers(0, 2_000))
ACTOR = st.tuples(STRATEGY, NUMBER)

NORMALISED = {
    "as it is": lambda text: text,
    "lower case": str.lower,
    "folded": str.casefold,
    "stripped": str.strip,
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFKC": lambda text: unicodedata.normalize("NFKC", text),
    "cut at 32": lambda text: text[:32],
    "cut at 36": lambda text: text[:36],
    "without punctuation": lambda text: re.sub(r"[^\w]|_", "", text),
    "slug": lambda text: re.sub(r"[^\w]+", "-", text.lower()).strip("-"),
}


def bound(template, example=3):
    return bind_id(template, 4711, example)


@pytest.mark.parametrize("how", NORMALISED)
@given(first=ACTOR, second=ACTOR)
def test_ids_of_two_resources_differ_and_stay_so(how, first, second):
    fold = NORMALISED[how]
    ids = {fold(bound(resource_id(strategy, number))) for strategy, number in (first, second)}
    assert len(ids) == len({first[1], second[1]}) or first[0] != second[0]
    # Numbers tell resources apart, whatever the strategies: of two numbers there are always two ids.
    if first[1] != second[1]:
        assert len(ids) == 2


@pytest.mark.parametrize("how", NORMALISED)
@given(first=st.tuples(ACTOR, PLACE), second=st.tuples(ACTOR, PLACE))
@example(first=(("sequential", 1001), 0), second=(("sequential", 100), 100))
@example(first=(("existing", 5155), 0), second=(("existing", 0), 100))
def test_ids_of_two_threads_differ_and_stay_so(how, first, second):
    # In a plan a number belongs to one resource, which has one strategy.
    if first[0][1] == second[0][1]:
        second = (first[0], second[1])
    fold = NORMALISED[how]
    ids = [
        fold(bound(thread_id(strategy, resource_id(strategy, number), number, place)))
        for (strategy, number), place in (first, second)
    ]
    assert (ids[0] == ids[1]) == (first == second)


@given(strategy=STRATEGY, first=st.integers(0, 4000), second=st.integers(0, 4000))
def test_tenants_differ(strategy, first, second):
    ids = {bound(tenant_id(strategy, number)) for number in (first, second)}
    assert len(ids) == len({first, second})


@given(strategy=STRATEGY, number=NUMBER, place=PLACE)
def test_every_id_is_of_its_example_and_ordinary(strategy, number, place):
    resource = resource_id(strategy, number)
    for template in (resource, thread_id(strategy, resource, number, place), tenant_id(strategy, number)):
        assert bound(template, 1) != bound(template, 2)
        assert bind_id(template, 1, 1) != bind_id(template, 2, 1)
        assert "<<" not in bound(template)
        assert missing_kind(bound(template)) is None
        assert len(bound(template)) <= 64


def test_strategies_look_like_what_they_are_named_after():
    assert re.fullmatch(r"cust-[0-9a-f]{8}-\d{5,}", bound(resource_id("existing", 0)))
    assert uuid.UUID(bound(resource_id("uuid", 0))).version == 4
    assert re.fullmatch(r"user_[0-9a-f]{32}", bound(resource_id("session", 0)))
    assert re.fullmatch(r"sess_[0-9a-f]{32}", bound(thread_id("session", "", 0, 0)))
    assert re.fullmatch(r"[a-z.0-9]+@example\.com", bound(resource_id("email", 0)))
    composite = resource_id("composite", 4)
    assert thread_id("composite", composite, 4, 0).startswith(f"{composite}-")
    assert any(not resource_id("unicode", number).isascii() for number in range(8))


@given(number=st.integers(0, 100))
def test_a_missing_id_is_missing_in_its_way(number):
    for kind in MISSING_KINDS:
        if kind == "omitted":
            with pytest.raises(ValueError, match="no value"):
                missing_id(kind, number)
        else:
            assert missing_kind(missing_id(kind, number)) == kind


def test_blanks_come_in_all_forms():
    assert {missing_id("blank", number) for number in range(len(BLANKS))} == set(BLANKS)
