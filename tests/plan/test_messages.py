"""Messages: a fact early and once, a nonce once, a question that names its attribute and no canary."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.canary import CANARY, FactKey, find_canaries, find_nonces, mint_fact
from overheard.core.operation import FACT_MARK, NONCE_MARK, Operation, bind_text
from overheard.plan import messages, phrases
from overheard.plan.attributes import ATTRIBUTES, STRIDES, Deck
from overheard.plan.choose import SeedChooser
from overheard.plan.personas import LOCALES, PARAGRAPHS, PERSONAS, paragraph, persona, prose


def dealt(skip):
    deck = Deck(SeedChooser(skip))
    for _ in range(skip):
        deck.deal()
    return deck.deal()


SEED = st.integers(0, 2**32)
WHO = st.builds(persona, st.sampled_from(LOCALES), st.integers(0, PERSONAS - 1))
TOPIC = st.integers(0, 4000).map(dealt)
LANGUAGES = {locale[:2] for locale in LOCALES}


def sent(text, **fields):
    return bind_text(Operation(number=7, round=0, caller="r0", text=text, **fields), 4711, 3)


@settings(deadline=None)
@given(seed=SEED, who=WHO, topic=TOPIC, plain=st.booleans())
def test_a_fact_stands_early_and_once(seed, who, topic, plain):
    text = messages.tell(SeedChooser(seed), who, topic, plain=plain)
    assert text.count(FACT_MARK) == text.count(NONCE_MARK) == 1
    assert topic in text
    canary = mint_fact(FactKey(4711, 3, 7, 0))
    full = sent(text, tells=topic)
    assert find_canaries(full) == [canary]
    assert full.index(canary) + len(canary) <= messages.EARLY
    assert len(find_nonces(full)) == 1
    assert full.index(canary) < full.index("REF1"), "a memory that cuts keeps the fact before the nonce"


@settings(deadline=None)
@given(seed=SEED, who=WHO, topics=st.lists(TOPIC, min_size=1, max_size=3, unique=True))
def test_a_question_names_every_attribute_and_no_canary(seed, who, topics):
    text = messages.ask(SeedChooser(seed), who, topics)
    assert all(topic in text for topic in topics)
    assert FACT_MARK not in text
    assert text.count(NONCE_MARK) == 1
    assert find_canaries(sent(text, asks=(1,))) == []


@settings(deadline=None)
@given(seed=SEED, who=WHO)
def test_small_talk_tells_and_asks_nothing(seed, who):
    text = messages.chat(SeedChooser(seed), who)
    assert FACT_MARK not in text
    assert text.count(NONCE_MARK) == 1
    assert find_canaries(sent(text)) == []
    assert len(text) <= messages.LONGEST + 200


def test_messages_have_the_shapes_of_real_ones():
    texts = [
        make(SeedChooser(seed), persona(LOCALES[seed % len(LOCALES)], seed % PERSONAS))
        for seed in range(600)
        for make in (
            messages.chat,
            lambda choose, who: messages.tell(choose, who, "locker code", plain=False),
            lambda choose, who: messages.ask(choose, who, ["locker code"]),
        )
    ]
    assert min(map(len, texts)) < 40
    assert max(map(len, texts)) > 2_000
    assert sum(not text.isascii() for text in texts) > 200
    for markup in ("```", "**", "<p>", "🔑", "|", "“", "> "):
        assert any(markup in text for text in texts), markup


def test_a_plain_fact_has_no_long_tail():
    """A memory that ranks would find the tail's words and not the fact's."""
    who = persona("de_DE", 3)
    plain = [messages.tell(SeedChooser(seed), who, "locker code", plain=True) for seed in range(400)]
    rich = [messages.tell(SeedChooser(seed), who, "locker code", plain=False) for seed in range(400)]
    assert max(map(len, plain)) < 150
    assert max(map(len, rich)) > 300


@pytest.mark.parametrize("table", ["TELL", "ASK", "CHAT", "AND"])
def test_every_language_of_a_persona_has_its_phrases(table):
    assert set(getattr(phrases, table)) == LANGUAGES


def test_phrases_hold_their_marks_and_nothing_that_looks_like_a_canary():
    frames = [frame for frames in phrases.TELL.values() for frame in frames]
    for frame in (*frames, *phrases.MARKUP, *phrases.LONG):
        said = frame.format(a="TOPIC")
        assert said.count(FACT_MARK) == 1
        assert said.count("TOPIC") == 1
    for frames in phrases.ASK.values():
        for frame in frames:
            assert frame.format(a="TOPIC").count("TOPIC") == 1
    every = [*frames, *phrases.CLOSING, *(one for all_ in phrases.CHAT.values() for one in all_)]
    assert not any(CANARY.search(one) or "REF1" in one for one in every)


def test_no_two_attributes_share_a_word():
    """A probe that names an attribute can then mean one fact alone, however memory ranks."""
    assert len(set(ATTRIBUTES)) == len(ATTRIBUTES) == 100
    words = [word for attribute in ATTRIBUTES for word in attribute.split()]
    shared = {word for word in words if words.count(word) > 1}
    assert shared == set()


@pytest.mark.parametrize("stride", STRIDES)
def test_a_deck_deals_nothing_twice(stride):
    class Fixed(SeedChooser):
        def pick(self, options):
            return stride

    deck = Deck(Fixed(stride))
    hand = [deck.deal() for _ in range(20_000)]
    assert len(set(hand)) == 20_000
    assert set(hand[:100]) == set(ATTRIBUTES)


@given(locale=st.sampled_from(LOCALES), number=st.integers(0, PERSONAS - 1))
@settings(deadline=None)
def test_a_persona_is_a_function_of_its_number(locale, number):
    who = persona(locale, number)
    persona.cache_clear()
    persona(locale, (number + 1) % PERSONAS)
    assert persona(locale, number) == who
    assert who.locale == locale
    assert all(who)


@given(locale=st.sampled_from(LOCALES), start=st.integers(0, PARAGRAPHS - 1), length=st.integers(1, 5000))
@settings(deadline=None)
def test_prose_is_about_as_long_as_asked_and_always_the_same(locale, start, length):
    text = prose(locale, start, length)
    assert length - 2 <= len(text) <= length
    paragraph.cache_clear()
    assert prose(locale, start, length) == text
