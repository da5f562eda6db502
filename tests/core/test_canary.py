"""The layout of canaries and nonces, fixed by golden vectors and by a plain second reading of it."""

import re
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.canary import (
    ALPHABET,
    ASKS,
    CAMPAIGN_LIMIT,
    EXAMPLE_LIMIT,
    OPERATION_LIMIT,
    VARIANT_LIMIT,
    FactKey,
    check,
    checksum,
    decode_canary,
    decode_nonce,
    find_canaries,
    find_nonces,
    mint_echo,
    mint_fact,
    mint_nonce,
    tokens_in,
    valid,
)

# These must never change: histories are kept for years. A new layout needs a new version character.
GOLDEN = [
    (
        FactKey(0, 0, 0, 0),
        "OVH100000000000000CP5K",
        "OVH10000000000000G0033034DN6X",
        "REF100000000000000RTR8",
    ),
    (
        FactKey(1, 2, 3, 4),
        "OVH100000100020034K5ZQ",
        "OVH10000010002003M0033034CPHW",
        "REF100000100020034792C",
    ),
    (
        FactKey(2**30 - 1, 2**20 - 1, 2**15 - 1, 15),
        "OVH1ZZZZZZZZZZZZZFNRBF",
        "OVH1ZZZZZZZZZZZZZZ0033034VQ7P",
        "REF1ZZZZZZZZZZZZZF1MPM",
    ),
    (
        FactKey(123456789, 54321, 1234, 7),
        "OVH13NQK8N1N1H16J7X9R7",
        "OVH13NQK8N1N1H16JQ0033034BZDQ",
        "REF13NQK8N1N1H16J7955W",
    ),
]

numbers = {
    "campaign": st.integers(0, CAMPAIGN_LIMIT - 1),
    "example": st.integers(0, EXAMPLE_LIMIT - 1),
    "operation": st.integers(0, OPERATION_LIMIT - 1),
}
keys = st.builds(FactKey, *numbers.values(), st.integers(0, VARIANT_LIMIT - 1))
facts = keys.map(mint_fact)
echoes = st.builds(mint_echo, keys, example=numbers["example"], operation=numbers["operation"])
nonces = st.builds(mint_nonce, *numbers.values(), flags=st.integers(0, 31))
relaxed = settings(deadline=None)


@pytest.mark.parametrize(("key", "fact", "echo", "nonce"), GOLDEN)
def test_the_layout_is_the_one_of_old_histories(key, fact, echo, nonce):
    assert mint_fact(key) == fact
    assert mint_echo(key, example=99, operation=100) == echo
    assert mint_nonce(*key[:3], flags=key.variant) == nonce


def spelled(prefix, *fields):
    """A token as the table in the module's documentation says, one character at a time."""
    body = prefix
    for value, width in fields:
        for place in range(width - 1, -1, -1):
            body += "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[value // 32**place % 32]
    crc = zlib.crc32(body.encode())
    folded = (crc % 2**20) ^ (crc // 2**12)
    return body + "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[folded // 32**p % 32] for p in (3, 2, 1, 0))


@relaxed
@given(keys, numbers["example"], numbers["operation"], st.integers(0, 31))
def test_tokens_are_what_the_table_says(key, example, operation, flags):
    head = ((key.campaign, 6), (key.example, 4), (key.operation, 3))
    assert mint_fact(key) == spelled("OVH1", *head, (key.variant, 1))
    echo = spelled("OVH1", *head, (key.variant + 16, 1), (example, 4), (operation, 3))
    assert mint_echo(key, example=example, operation=operation) == echo
    assert mint_nonce(*key[:3], flags=flags) == spelled("REF1", *head, (flags, 1))


@relaxed
@given(keys)
def test_a_fact_comes_back_as_it_was_minted(key):
    canary = decode_canary(mint_fact(key))
    assert canary == (key, None)
    assert canary.kind == "fact"


@relaxed
@given(keys, numbers["example"], numbers["operation"])
def test_an_echo_comes_back_with_its_reciter(key, example, operation):
    canary = decode_canary(mint_echo(key, example=example, operation=operation))
    assert canary == (key, (example, operation))
    assert canary.kind == "echo"


@relaxed
@given(*numbers.values(), st.integers(0, 31))
def test_a_nonce_comes_back_as_it_was_minted(campaign, example, operation, flags):
    assert decode_nonce(mint_nonce(campaign, example, operation, flags=flags)) == (
        campaign,
        example,
        operation,
        flags,
    )


def test_asking_is_a_flag_that_fits():
    assert decode_nonce(mint_nonce(1, 2, 3, flags=ASKS)).flags & ASKS


@pytest.mark.parametrize(
    ("field", "limit"),
    [("campaign", 2**30), ("example", 2**20), ("operation", 2**15), ("variant", 2**4)],
)
@pytest.mark.parametrize("past", ["below", "above"])
def test_a_field_that_does_not_fit_is_named(field, limit, past):
    value = -1 if past == "below" else limit
    key = FactKey(1, 2, 3, 4)._replace(**{field: value})
    with pytest.raises(ValueError, match=f"{field} is {value}; a canary has room for 0 to {limit - 1}"):
        mint_fact(key)
    with pytest.raises(ValueError, match=field):
        mint_echo(key, example=0, operation=0)
    if field != "variant":
        with pytest.raises(ValueError, match=field):
            mint_nonce(*key[:3])


@pytest.mark.parametrize("fields", [{"example": 2**20, "operation": 0}, {"example": 0, "operation": -1}])
def test_a_reciter_that_does_not_fit_is_an_error(fields):
    with pytest.raises(ValueError, match="a canary has room for"):
        mint_echo(FactKey(1, 2, 3, 4), **fields)


def test_flags_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="flags is 32; a canary has room for 0 to 31"):
        mint_nonce(1, 2, 3, flags=32)


@relaxed
@given(st.lists(st.one_of(facts, echoes)), st.text(st.characters(exclude_characters=ALPHABET), min_size=1))
def test_canaries_are_found_in_order_and_as_often_as_they_stand_there(tokens, between):
    assert find_canaries(between.join(["", *tokens, ""])) == tokens


@relaxed
@given(st.lists(st.one_of(facts, echoes)))
def test_canaries_are_found_with_nothing_between_them(tokens):
    assert find_canaries("".join(tokens)) == tokens


@relaxed
@given(facts | echoes, st.integers(1, 21))
def test_the_beginning_of_a_canary_in_front_of_one_does_not_hide_it(token, length):
    assert find_canaries(token[:length] + token) == [token]


@relaxed
@given(facts, nonces)
def test_canaries_and_nonces_are_never_taken_for_each_other(fact, nonce):
    text = f"{nonce}{fact}{nonce}"
    assert find_canaries(text) == [fact]
    assert find_nonces(text) == [nonce, nonce]
    with pytest.raises(ValueError, match="is not a canary"):
        decode_canary(nonce)
    with pytest.raises(ValueError, match="is not a nonce"):
        decode_nonce(fact)


@relaxed
@given(facts | echoes)
def test_a_single_wrong_character_never_makes_another_canary(token):
    for place, right in enumerate(token):
        for wrong in ALPHABET + "ILOUaéОß ":
            if wrong != right:
                changed = token[:place] + wrong + token[place + 1 :]
                # An echo begins as a fact does, but for its flag: with another one in a million is one.
                found = [one for one in find_canaries(changed) if len(one) == len(token)]
                assert found == [], (token, place, wrong)
                with pytest.raises(ValueError, match="is not a canary"):
                    decode_canary(changed)


@pytest.mark.parametrize("width", [18, 25])
def test_the_check_notices_every_substitution_and_every_swap_of_neighbours(width):
    # The check is linear, so these few differences stand for every token there is.
    nothing = checksum(bytes(width))
    alphabet = ALPHABET.encode()
    for difference in {one ^ other for one in alphabet for other in alphabet if one != other}:
        for place in range(width):
            change = bytearray(width)
            change[place] = difference
            assert checksum(bytes(change)) != nothing
            if place + 1 < width:
                change[place + 1] = difference
                assert checksum(bytes(change)) != nothing


def test_noise_behind_a_true_prefix_is_no_canary(tokens):
    # Each has one chance in 2**20: more than three of 60,000 would come up once in a million runs.
    noise = ["OVH1" + "".join(tokens.random.choices(ALPHABET, k=25)) for _ in range(60_000)]
    assert len(find_canaries(" ".join(noise))) <= 3


@pytest.mark.parametrize("alphabet", [ALPHABET, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"])
def test_random_base32_holds_no_canary(tokens, alphabet):
    text = "".join(tokens.random.choices(alphabet, k=2_000_000))
    assert find_canaries(text) == []
    assert find_nonces(text) == []


@relaxed
@given(st.text())
def test_any_text_can_be_scanned(text):
    for token in find_canaries(text):
        assert valid(token)
    find_nonces(text)


@pytest.mark.parametrize("text", ["", "OVH1", "OVH100000000000000CP5", "OVH100000000000000CP5K\n", "\ud800"])
def test_what_is_no_canary_cannot_be_decoded(text):
    with pytest.raises(ValueError, match=re.escape(f"{text!r} is not a canary")):
        decode_canary(text)


def test_validity_is_the_check():
    token = mint_fact(FactKey(1, 2, 3, 4))
    assert valid(token)
    assert not valid(token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert token.endswith(check(token[:-4]))


@relaxed
@given(st.lists(st.one_of(facts, echoes, nonces, st.text(max_size=9), st.just("x" * 1_100)), max_size=8))
def test_what_is_in_a_text_is_found_and_decoded_whether_it_is_remembered_or_not(pieces):
    text = " ".join(pieces)
    for _ in range(2):
        tokens = tokens_in(text)
        assert list(tokens.canaries) == find_canaries(text)
        assert list(tokens.nonces) == find_nonces(text)
        assert list(tokens.operations) == [decode_nonce(token)[:3] for token in find_nonces(text)]
        decoded = [decode_canary(token) for token in find_canaries(text)]
        assert list(tokens.facts) == [canary.fact for canary in decoded if canary.kind == "fact"]
