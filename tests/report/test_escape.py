import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.report.escape import clip, code, prose, visible

SPAN = re.compile(r"`[^`]+`")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain, Ärger, 北京, 🙂", "plain, Ärger, 北京, 🙂"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m\x07\x7f", "\\x9b31m\\x07\\x7f"),
        ("one\ntwo\r\tthree", "one\\ntwo\\r\\tthree"),
        ("a\u202eb\u200bc", "a\\u202eb\\u200bc"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half \ud800", "half \\ud800"),
        ("C:\\x1b", "C:\\x1b"),
        ("e\u0301\u0323", "e\u0301\u0323"),
        ("Z" + 6 * "\u0336" + "a", "Z" + 4 * "\u0336" + 2 * "\\u0336" + "a"),
    ],
)
def test_what_acts_is_written_out(raw, shown):
    assert visible(raw) == shown


@settings(deadline=None)
@given(data=st.data())
def test_nothing_that_acts_survives(hostile_text, data):
    shown = visible(data.draw(hostile_text))
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}]


def test_every_character_of_unicode_that_acts_is_known():
    acting = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    missed = [
        hex(point)
        for point in range(0x110000)
        if unicodedata.category(chr(point)) in acting and visible(chr(point)) == chr(point)
    ]
    assert missed == []


def test_clip_says_how_much_is_gone():
    assert clip("abc", 3) == "abc"
    assert clip("x" * 10, 4) == "xxxx… (6 more characters)"


@pytest.mark.parametrize(
    ("raw", "span"),
    [
        ("user-1", "`user-1`"),
        ("a|b", "`a\\x7cb`"),
        ("a\\|b", "`a\\\\x7cb`"),
        ("`", "`\\x60`"),
        ("<b>", "`\\x3cb>`"),
        ("", "`''`"),
        ("  ", "`'  '`"),
    ],
)
def test_code_span(raw, span):
    assert code(raw) == span


@settings(deadline=None)
@given(data=st.data())
def test_a_code_span_cannot_be_left(hostile_text, data):
    span = code(data.draw(hostile_text))
    assert SPAN.fullmatch(span)
    assert not set("|<\n\r") & set(span)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Make the resource part of the key, or refuse.", "Make the resource part of the key, or refuse."),
        ("thread_ids is bearer", "`thread_ids` is bearer"),
        ("ping @octocat now", "ping `@octocat` now"),
        ("see #1 and GH-2", "see `#1` and `GH-2`"),
        ("at https://evil.example or www.evil.example", "at `https://evil.example` or `www.evil.example`"),
        ("a *b* <i> c", "a `*b* \\x3ci>` c"),
        ("- item", "`-` item"),
        ("1. item", "`1`. item"),
        ("in 1. item", "in 1. item"),
        ("![x](y)", "`![x](y)`"),
        ("in a_b, then (c_d): e_f(g).", "in `a_b`, then `(c_d): e_f(g)`."),
        ("so (a_b).", "so (`a_b`)."),
        ("(` ::", "`(\\x60` ::"),
        ("recall (40 examples): 95 %.", "recall (40 examples): 95 %."),
    ],
)
def test_prose(raw, shown):
    assert prose(raw) == shown


@settings(deadline=None)
@given(data=st.data())
def test_prose_has_no_markup_outside_of_code_spans(hostile_text, data):
    outside = SPAN.sub("", prose(data.draw(hostile_text)))
    assert not set("`|<>[]*_#@\\~$&{}\n\r") & set(outside)
    assert "//" not in outside
    assert "www." not in outside.lower()


def test_markdown_engines_agree(hostile_text):
    markdown_it = pytest.importorskip("markdown_it", reason="comes with rich")

    render = markdown_it.MarkdownIt("gfm-like", {"linkify": False}).render

    @settings(deadline=None, max_examples=200)
    @given(text=hostile_text)
    def check(text):
        html = render(f"| a | b |\n| :--- | ---: |\n| {prose(text)} | {code(text)} |\n")
        tags = set(re.findall(r"</?([a-z0-9]+)", html))
        assert tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
        assert html.count("<td") == 2

    check()
