r"""Hostile text made harmless before it is shown.

Whatever an agent said, or an id contains, may carry terminal escapes, bidirectional overrides, characters
nobody can see, Markdown and HTML. Nothing is dropped: what could act is written out as Python would write
it (`\x1b`, `\u202e`), so that a reader sees that it was there. The result cannot be turned back (a
backslash is left alone, so `\x1b` may have been four characters): it is for eyes, not for comparison.

The set of characters is written out here rather than asked of `str.isprintable`, because that grows with
Python's Unicode tables and a report must have the same bytes under every Python.
"""

from __future__ import annotations

import re
from typing import Final

_INVISIBLE: Final = (
    "\x00-\x1f\x7f-\x9f"  # control characters of ASCII and Latin-1: ESC, BEL, CSI, OSC, newlines
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"  # soft hyphen, joiners, number signs
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\u2800"  # fillers: letters that print nothing
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # zero width, line separators, bidi overrides
    "\ufe00-\ufe0f\U000e0000-\U000e0fff"  # variation selectors and tags: text hidden behind a letter
    "\ufff0-\ufffb\ufffe\uffff\ufdd0-\ufdef"  # annotations and noncharacters
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff"  # halves of pairs, private use
)
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd"
)
"""Marks over and under letters. No language puts five on one; piled up they cover the lines around them."""

_ACTS: Final = re.compile(f"[{_INVISIBLE}]|(?<=[{_MARKS}]{{4}})[{_MARKS}]")
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_BREAKS_CODE: Final = re.compile("[`|<]")
_PLAIN_WORD: Final = re.compile(r"[^\W_]+(?:[.,;'\"()%/?=+!-]+[^\W_]+)*")
_EDGES: Final = ".,;:'\"()?!%…\u2013\u2014"
_PUNCTUATION: Final = frozenset(_EDGES + "=·→")


def _written_out(match: re.Match[str]) -> str:
    character = match.group()
    if character in _NAMED:
        return _NAMED[character]
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def visible(text: str) -> str:
    r"""`text` on one line, with every character that acts or cannot be seen written out (`\x1b`)."""
    return _ACTS.sub(_written_out, text)


def clip(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, saying how many were left out. An agent may say a gigabyte."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} more characters)"


def code(text: str) -> str:
    r"""`text` as a Markdown code span, also inside a table cell.

    Inside a code span nothing is interpreted: no HTML, no link, no @mention, no issue number. Only a
    backtick ends it, and only a pipe ends its cell; GitHub's table scanner takes `\\|` for an escaped
    backslash and a border, so a pipe cannot be escaped after hostile backslashes. Both are therefore
    written out as well (`\x60`, `\x7c`), and `<` with them, for renderers that look for HTML first.
    """
    shown = _BREAKS_CODE.sub(_written_out, visible(text))
    # A span of nothing is two backticks, and one of spaces alone is trimmed by some renderers.
    return f"`{shown}`" if shown.strip() else f"`{shown!r}`"


def prose(text: str) -> str:
    """`text` as Markdown prose: plain words stay plain, anything else becomes a code span.

    Backslashes would not do: GitHub finds @mentions, issue numbers, addresses and links in the rendered
    text, after the escapes are gone. Code spans are left alone by all of them.
    """
    spans: list[str] = []
    run: list[str] = []
    for word in visible(text).split():
        if _plain(word, first=not spans and not run):
            if run:
                spans.append(_span(run))
                run = []
            spans.append(word)
        else:
            run.append(word)
    if run:
        spans.append(_span(run))
    return " ".join(spans)


def _span(words: list[str]) -> str:
    """The words as one code span, the sentence's own punctuation around it."""
    text = " ".join(words)
    core = text.rstrip(".,;:")
    after = text[len(core) :]
    if re.fullmatch(r"\([^()]+\)", core):
        return f"({code(core[1:-1])}){after}"
    return f"{code(core)}{after}" if core else code(text)


def _plain(word: str, *, first: bool) -> bool:
    if _PUNCTUATION.issuperset(word):
        return True
    core = word.strip(_EDGES)
    if not _PLAIN_WORD.fullmatch(core) or "//" in core or core.lower().startswith(("www.", "gh-")):
        return False
    # "1." or "1)" at the start of a line is a list of its own.
    return not (first and core.isdigit() and word != core)
