"""What is seen in a text does not depend on what was looked at before, nor on the short ways that are taken."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from overheard.core import canary, disguise
from overheard.core.canary import FactKey, find_canaries, mint_echo, mint_fact, mint_nonce
from overheard.core.disguise import find_disguised
from overheard.history.sight import run_through, scan, scan_prompt, scanning_nonces

relaxed = settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
OURS = 7

keys = st.builds(FactKey, st.sampled_from([OURS, 8]), st.integers(0, 2), st.integers(0, 3), st.just(0))
tokens = st.one_of(
    st.builds(mint_fact, keys),
    st.builds(mint_echo, keys, example=st.integers(0, 2), operation=st.integers(0, 3)),
)
DRESSES = [
    str,
    str,
    str.lower,
    "-".join,
    "\n".join,
    " ".join,
    lambda token: token[::-1],
    lambda token: token.replace("0", "O"),
    lambda token: "".join(chr(ord(each) + 0xFEE0) for each in token),
    lambda token: token.replace("O", "О").replace("H", "Н"),
    lambda token: token.encode().hex(),
    lambda token: base64.b64encode(token.encode()).decode(),
    lambda token: "".join(f"%{ord(each):02x}" for each in token),
    lambda token: "".join(f"\\u{ord(each):04x}" for each in token),
    lambda token: quote(quote(f"é{token}")),
    lambda token: token[:-3],
    lambda token: f"{token[:12]}*{token[13:]}",
    lambda token: token[:4] + token,
]
dressed = st.builds(lambda dress, token: dress(token), st.sampled_from(DRESSES), tokens)
nonces = st.builds(mint_nonce, st.just(OURS), st.integers(0, 2), st.integers(0, 3))
words = st.one_of(
    st.text(max_size=9),
    st.sampled_from(["OVH1", "0vh1", "é", "ﬁ", "½", "\n", "\r", "\\n", "%", "&amp;", "\x00", "\ud800"]),
    st.sampled_from(["x" * 1_100, "ü" * 1_100, "long enough to be remembered, and then to be met again"]),
)
texts = st.builds(
    lambda between, pieces: between.join(pieces),
    st.sampled_from(["", " ", "\n"]),
    st.lists(st.one_of(words, dressed, tokens, nonces), max_size=8),
)


@relaxed
@given(texts, st.sampled_from([None, OURS]))
def test_to_pass_over_what_is_plain_changes_nothing(text, campaign):
    """Told of no plain canary, everything that looks like one is read anew."""
    plain = find_canaries(text)
    everything = find_disguised(text, campaign, plain=[])
    found = find_disguised(text, campaign)
    assert found == [one for one in everything if one[0] not in plain]
    assert found == find_disguised(text, campaign, plain=plain)
    event(f"{'plain' if plain else 'none plain'}, {'disguised' if found else 'none disguised'}")


@relaxed
@given(texts)
def test_a_text_is_folded_line_by_line_as_it_is_in_one(text):
    for _ in range(2):
        assert disguise._ascii(text) == disguise._mapped(text)


@relaxed
@given(st.lists(texts, max_size=5), st.sampled_from([None, OURS]), st.randoms())
def test_what_is_seen_does_not_depend_on_what_was_seen_before(several, campaign, chance):
    def look():
        return {
            index: (scan(text, "reply", campaign), run_through(scanning_nonces(text)))
            for index, text in chance.sample(list(enumerate(several)), len(several))
        }

    canary._remembered.cache_clear()
    disguise._remembered.cache_clear()
    cold = look()
    together = scan_prompt(several, campaign)
    assert look() == cold
    assert look() == cold
    assert scan_prompt(several, campaign) == together == scan("\n".join(several), "prompt", campaign)


@relaxed
@given(st.lists(st.one_of(tokens, nonces, dressed, st.text(max_size=30)), max_size=20))
def test_every_token_is_checked_by_itself_however_often_it_stands_there(pieces):
    """One whose check is not true beside some whose check is."""
    text = " ".join([*pieces, *pieces])
    for pattern in (canary.CANARY, canary.NONCE):
        told = [token for token in pattern.findall(text) if canary.check(token[:-4]) == token[-4:]]
        assert canary._checked(pattern.findall(text)) == told


@pytest.mark.parametrize("remembered", [canary._remembered, disguise._remembered])
def test_what_is_remembered_is_bounded(remembered):
    """By the number of texts, and by their length."""
    most = remembered.cache_info().maxsize
    for number in range(most + 10):
        scan_prompt([f"line {number}: é, as many as there are"])
        scan_prompt(["é" * 2_000 + f"{number}"]) if number % 100 == 0 else None
    assert remembered.cache_info().currsize == most
    assert most * 1_024 * 4 <= 1 << 25
