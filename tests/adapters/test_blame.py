import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.adapters.blame import describe, error_text, one_line, where


def caught(function):
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - that is what is looked at
        return error
    raise AssertionError("nothing was raised")


def test_the_place_is_the_targets_line_and_not_the_librarys():
    def target():
        return json.loads("{")

    line = target.__code__.co_firstlineno + 1
    assert where(caught(target)).endswith(f"test_blame.py:{line}")
    assert describe(caught(target)).endswith(f"test_blame.py:{line})")


def test_an_error_with_no_frames_has_no_place():
    assert where(ValueError("x")) == ""
    assert describe(ValueError("x")) == "ValueError: x"
    assert describe(asyncio.CancelledError()) == "CancelledError"


def test_all_the_words_of_a_group_are_there():
    group = ExceptionGroup("outer", [ValueError("one"), ExceptionGroup("inner", [KeyError("two")])])
    assert all(word in error_text(group) for word in ("outer", "one", "inner", "two"))


def test_an_exception_that_cannot_be_read_has_no_words():
    class UnreadableError(Exception):
        def __str__(self):
            raise RuntimeError("ha")

    assert error_text(UnreadableError()) == ""
    assert describe(UnreadableError()) == "UnreadableError"


@given(st.text(max_size=2_000), st.integers(10, 100))
@settings(deadline=None)
def test_one_line_is_one_short_printable_line(text, limit):
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
    if text.isprintable() and "  " not in text and text == text.strip() and len(text) <= limit:
        assert line == text


@pytest.mark.parametrize("text", ["a" * 10_000_000, "\x1b]0;title\x07" * 100, "\u202e evil \u2066"])
def test_hostile_words_stay_on_their_line(text):
    sentence = describe(ValueError(text))
    assert sentence.isprintable()
    assert len(sentence) < 400
