"""Where in a JSON document something is: a dotted path.

    choices.0.message.content      keys, and places in lists from 0; -1 is the last
    output.*.content.*.text        `*` is every element of a list, or every value of an object
    metadata."a.b".id              a key with a dot in it stands in double quotes

That is all there is. What is not there along the way is simply not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import msgspec

Path: TypeAlias = tuple[str, ...]

EVERY: Final = "*"
"""A path's part that stands for all elements. A key that is really a star is written `"*"`."""

_PART: Final = re.compile(r'"(?P<quoted>[^"]*)"|(?P<plain>[^".]+)')
_STAR: Final = "\0*"


def parse(text: str) -> Path:
    """The parts of a path. Raises ValueError, saying what is wrong, if `text` is none."""
    parts: list[str] = []
    place = 0
    while True:
        match = _PART.match(text, place)
        if match is None:
            raise ValueError("a part of it is empty" if place < len(text) or parts else "it is empty")
        quoted, plain = match.group("quoted", "plain")
        parts.append(_STAR if plain == EVERY else plain if quoted is None else quoted)
        place = match.end()
        if place == len(text):
            return tuple(parts)
        if text[place] != ".":
            raise ValueError(f"a dot is missing after {text[:place]!r}")
        place += 1


def find(document: Any, path: Path) -> list[Any]:
    """Everything at `path`, in order; empty if there is nothing there."""
    found = [document]
    for part in path:
        if part == _STAR:
            found = [inner for each in found for inner in _elements(each)]
            continue
        inside = []
        for each in found:
            if isinstance(each, dict):
                if part in each:
                    inside.append(each[part])
            elif isinstance(each, list) and (place := _place(part, each)) is not None:
                inside.append(each[place])
        found = inside
    return found


def several(path: Path) -> bool:
    """Whether the path may lead to more than one place."""
    return _STAR in path


def _elements(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        return value
    return value.values() if isinstance(value, dict) else ()


def _place(part: str, held: list[Any]) -> int | None:
    digits = part.removeprefix("-")
    # Longer numbers are no place in any list, and Python refuses to read very long ones.
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        return None
    place = int(part)
    return place if -len(held) <= place < len(held) else None


def text_of(value: Any) -> str:
    """A value found in a document, as text: null is nothing, and what is no text is written as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def texts(document: Any, besides: Iterable[Any] = ()) -> list[str]:
    """Every text in a document, keys too, but for the very objects `besides`, which were found in it."""
    left_out = set(map(id, besides))
    found: list[str] = []
    rest = [document]
    while rest:  # no recursion: a document may be nested as deep as its reader allows
        value = rest.pop()
        if id(value) in left_out:
            continue
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            found.extend(value)
            rest.extend(reversed(value.values()))
        elif isinstance(value, list):
            rest.extend(reversed(value))
    return found
