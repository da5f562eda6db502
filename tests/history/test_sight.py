"""Looking through texts: everything in them, once, however long they are."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.canary import FactKey, mint_echo, mint_fact
from overheard.history.events import TEXT_LIMIT, Sight
from overheard.history.evidence import cut, excerpt
from overheard.history.sight import OVERLAP, WINDOW, scan, scan_prompt, scanning


def test_distinct_tokens_in_order_of_first_appearance(fact):
    echo = mint_echo(FactKey(7, 1, 0, 0), example=1, operation=5)
    text = f"{fact(2)} and {echo}, {fact(1)}; again {fact(2)}"
    assert scan(text, "reply") == (Sight(fact(2), "reply"), Sight(echo, "reply"), Sight(fact(1), "reply"))


def test_disguised_tokens_are_seen_and_plain_ones_not_repeated(fact):
    text = f"{fact(1).lower()} and {fact(2)} and {fact(2).lower()}"
    plain, disguised = scan(text, "error")
    assert plain == Sight(fact(2), "error")
    assert (disguised.token, disguised.channel) == (fact(1), "error")
    assert disguised.disguise


@pytest.mark.parametrize("text", ["", "OVH1", "x" * 21, "no canary here, only words and words"])
def test_nothing_is_seen_where_nothing_is(text):
    assert scan(text, "reply") == ()


def test_the_shortest_canary_alone_is_seen(fact):
    assert scan(fact(), "chunk") == (Sight(fact(), "chunk"),)


@settings(deadline=None, max_examples=20)
@given(st.integers(-60, 60), st.booleans())
def test_no_canary_is_lost_where_two_windows_meet(shift, lower):
    token = mint_fact(FactKey(7, 1, 2, 0))
    written = token.lower() if lower else token
    place = WINDOW + shift
    text = "x " * (place // 2) + written + " x" * (OVERLAP + 50)
    (sight,) = scan(text, "reply")
    assert sight.token == token
    assert bool(sight.disguise) is lower


TOKEN = mint_fact(FactKey(7, 1, 2, 0))
PIECES = st.sampled_from(
    [TOKEN, mint_echo(FactKey(7, 1, 2, 0), example=1, operation=5), mint_fact(FactKey(7, 1, 3, 0)), TOKEN.lower(),
     " ".join(TOKEN), TOKEN[:9], TOKEN[9:], TOKEN[::-1], TOKEN[:-1] + "0", "“words”", "½", " ", "x" * 1_100]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.lists(PIECES, max_size=4).map("".join), max_size=6))
def test_a_prompt_is_seen_as_its_messages_in_one_text_are(texts):
    for _ in range(2):
        assert scan_prompt(texts) == scan("\n".join(texts), "prompt")


def test_a_long_prompt_is_seen_so_too(fact):
    texts = [fact(1), " " * WINDOW, fact(2).lower(), fact(3), fact(1).lower()]
    assert scan_prompt(texts) == scan("\n".join(texts), "prompt")
    assert [sight.token for sight in scan_prompt(texts)] == [fact(1), fact(3), fact(2)]


def test_a_long_text_is_scanned_in_steps_and_plain_beats_disguise(fact):
    text = fact(1).lower() + " " * (2 * WINDOW) + fact(1)
    steps = scanning(text, "reply")
    assert [next(steps), next(steps)] == [None, None]
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == (Sight(fact(1), "reply"),)


def test_fifty_megabytes_are_scanned_in_bounded_time(fact):
    text = "lorem ipsum dolor sit amet, " * 1_800_000 + fact(3)
    began = time.perf_counter()
    assert scan(text, "reply") == (Sight(fact(3), "reply"),)
    assert time.perf_counter() - began < 20


def test_cutting_keeps_short_texts_and_the_beginning_of_long_ones():
    short = "s" * TEXT_LIMIT
    assert cut(short) is short
    assert cut(short + "more") == short


def test_an_excerpt_is_the_beginning_unless_a_canary_stands_behind_it(fact):
    assert excerpt(["a", "b"], ()) == "a\nb"
    assert excerpt(["a" * 3_000], ()) == "a" * TEXT_LIMIT
    inside = "a" * 1_500 + fact(1) + "b" * 3_000
    assert excerpt([inside], (Sight(fact(1), "reply"),)) == inside[:TEXT_LIMIT]
    behind = "a" * 5_000 + f"the code: {fact(1)}." + "b" * 5_000
    shown = excerpt([behind], (Sight(fact(1), "reply"),))
    assert f"the code: {fact(1)}." in shown
    assert shown.startswith("a" * 1_000)
    assert len(shown) <= TEXT_LIMIT


def test_an_excerpt_of_a_text_full_of_canaries_stays_short_and_quick(fact):
    tokens = [fact(number % 30_000, number // 30_000) for number in range(60_000)]
    sights = tuple(Sight(token, "reply") for token in tokens)
    began = time.perf_counter()
    assert len(excerpt([" ".join(tokens)], sights)) == TEXT_LIMIT
    assert time.perf_counter() - began < 1
