"""Canaries of which not everything is there, beside what is no canary at all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overheard.core.canary import (
    ALPHABET,
    FactKey,
    campaign_digits,
    check,
    decode_canary,
    mint_echo,
    mint_fact,
    mint_nonce,
)
from overheard.core.disguise import find_disguised

CAMPAIGN = 123_456_789
keys = st.builds(
    FactKey, st.just(CAMPAIGN), st.integers(0, (1 << 20) - 1), st.integers(0, (1 << 15) - 1), st.just(0)
)
facts = keys.map(mint_fact)


def _could_be_a_fact(echo):
    """Whether its beginning is a fact with a typo in the one character that says which of both it is: one
    recital in thirty thousand, and of the same operation either way."""
    return any(check(echo[:17] + each) == echo[18:22] for each in ALPHABET)


echoes = st.builds(
    lambda key, example, operation: mint_echo(key, example=example, operation=operation),
    keys,
    st.integers(0, (1 << 20) - 1),
    st.integers(0, (1 << 15) - 1),
).filter(lambda echo: not _could_be_a_fact(echo))


@given(facts | echoes, st.integers(1, 4), st.sampled_from(["", "…", "...", " and more", "\n", '"}', "?"]))
def test_a_canary_whose_check_is_cut_off_is_the_one_it_was(token, gone, behind):
    ((found, how),) = find_disguised(token[:-gone] + behind, CAMPAIGN)
    assert found == token
    # One that is missing in front of another is one that is wrong; and what goes on in its place may be it.
    assert how == "truncated" or behind


@given(facts | echoes, st.data())
def test_one_wrong_character_is_put_right_wherever_it_stands(token, data):
    at = data.draw(st.integers(0, len(token) - 1))
    wrong = data.draw(st.sampled_from([each for each in ALPHABET + "?é_ " if each != token[at]]))
    found = find_disguised(f"It is {token[:at]}{wrong}{token[at + 1 :]}, really.", CAMPAIGN)
    # One in two thousand can be read in two ways, and a doubtful reading is none.
    assert {each for each, _ in found} <= {token}
    if at < 10:
        assert [each for each, _ in found] == [token]


@given(facts, st.integers(10, 17))
def test_less_than_what_names_a_fact_is_nothing(token, length):
    assert find_disguised(f"{token[:length]}… and so on", CAMPAIGN) == []


@given(echoes, st.integers(18, 24))
def test_a_recital_that_does_not_say_whose_it_is_is_nothing(token, length):
    assert find_disguised(f"{token[:length]}…", CAMPAIGN) == []


@given(facts | echoes, st.integers(1, 4))
def test_damage_is_looked_for_in_one_campaign_only(token, gone):
    for campaign in (None, CAMPAIGN + 1):
        assert find_disguised(token[:-gone], campaign) == []


@given(st.lists(facts | echoes, min_size=1, max_size=5), st.integers(1, 4))
def test_whole_ones_beside_a_damaged_one_are_no_more_than_that(tokens, gone):
    whole, damaged = tokens[:-1], tokens[-1]
    found = find_disguised("\n".join([*whole, damaged[:-gone]]), CAMPAIGN)
    assert found == ([] if damaged in whole else [(damaged, "truncated")])
    lower = "\n".join([*whole, damaged[:-gone]]).lower()
    assert dict(find_disguised(lower, CAMPAIGN)).keys() == set(tokens)


def test_a_nonce_of_the_campaign_is_no_damaged_canary():
    text = " ".join(mint_nonce(CAMPAIGN, 3, number, flags=number % 2) for number in range(2_000))
    assert find_disguised(text, CAMPAIGN) == []


@pytest.mark.parametrize("literal", ["OVH1", campaign_digits(CAMPAIGN), "OVH1" + campaign_digits(CAMPAIGN)])
def test_a_text_of_nothing_but_beginnings_costs_what_its_length_says(literal):
    chance = random.Random()
    text = "".join(literal + "".join(chance.choices(ALPHABET, k=chance.randrange(3))) for _ in range(20_000))
    assert all(
        token.startswith("OVH1" + campaign_digits(CAMPAIGN)) for token, _ in find_disguised(text, CAMPAIGN)
    )


def test_a_recital_that_could_be_a_fact_is_of_the_same_operation():
    echo = "OVH13NQK8N00010FKG00FK0007YKE"
    assert _could_be_a_fact(echo)
    ((found, how),) = find_disguised(echo[:-1], CAMPAIGN)
    assert (decode_canary(found).fact[:3], how) == (decode_canary(echo).fact[:3], "typo")


def test_what_is_put_right_carries_a_true_check():
    token = mint_fact(FactKey(CAMPAIGN, 7, 3, 0))
    ((found, how),) = find_disguised(token[:18] + "ZZZZ", CAMPAIGN)
    assert (found[-4:], how) == (check(token[:18]), "truncated")
