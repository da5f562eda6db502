"""Embeddings: a question finds the message that told what it asks about, and no two texts are one point."""

from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overheard.core.canary import FactKey, mint_fact, mint_nonce
from overheard.mirror.embed import embed, embed_tokens

FACT = mint_fact(FactKey(1, 2, 3, 0))
TOLD = [
    f"The prescription slip is {FACT}. [{mint_nonce(1, 2, 3)}] _Sent from my phone_",
    f"{FACT} is my heat exchanger part. I may ask for it later.",
    f"```\nwine cellar rack: {FACT}\n```",
]
ASKED = [
    "What did I say about my prescription slip?",
    "I need the heat exchanger part now.",
    "\u5173\u4e8e\u201cwine cellar rack\u201d\u4f60\u77e5\u9053\u4ec0\u4e48\uff1f",
]


def likeness(one, other, dimensions=64):
    return sum(a * b for a, b in zip(embed(one, dimensions), embed(other, dimensions), strict=True))


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("dimensions", [64, 384, 1536])
def test_a_question_is_nearest_to_the_message_that_told_it(which, dimensions):
    stored = [*TOLD, *(f"Noted. (re {mint_nonce(1, 2, number)})" for number in range(200))]
    found = max(stored, key=lambda text: likeness(f"{ASKED[which]} {mint_nonce(1, 2, 9)}", text, dimensions))
    assert found == TOLD[which]


def test_texts_that_say_nothing_are_spread_out():
    said = [f"Noted. (re {mint_nonce(1, 2, number)})" for number in range(100)]
    assert len({tuple(embed(text)) for text in said}) == 100
    assert sum(abs(likeness(said[0], other)) for other in said[1:]) / 99 < 0.3


def test_the_same_words_with_another_nonce_still_match():
    for text in (*TOLD, *ASKED):
        assert 0.97 < likeness(f"{text} {mint_nonce(1, 2, 1)}", f"{text} {mint_nonce(1, 2, 2)}") < 1


@given(st.text() | st.lists(st.integers(0, 1 << 20)), st.sampled_from([1, 2, 17, 64]))
def test_a_vector_has_length_one_and_is_the_same_each_time(what, dimensions):
    embedded = embed if isinstance(what, str) else embed_tokens
    vector = embedded(what, dimensions)
    assert isclose(sqrt(sum(value * value for value in vector)), 1.0, rel_tol=1e-9)
    assert embedded(what, dimensions) == vector
