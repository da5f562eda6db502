"""Functions under which two different ids are one: what stores, and the code in front of them, do to ids.

An id is compared in lower case, cut to a column's width, made a file name, put into a pattern; a key is two
ids joined. Each of these takes ids that differ for the same (CWE-178, CWE-41, CWE-155, CWE-706). Two ids that
meet under such a function and are not equal *collide*: they have nothing else in common, so whoever sees
one's memory through the other has shown which function it was.
"""

from __future__ import annotations

import math
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias, get_args
from urllib.parse import unquote

from overheard.core.ids import Id

Family: TypeAlias = Literal[
    "case",
    "space",
    "unicode",
    "number",
    "length",
    "escapes",
    "path",
    "punctuation",
    "prefix",
    "pattern",
    "reserved",
    "joined",
    "kind",
]
"""Functions that are one mistake with one remedy.

`case`         letter case is ignored.
`space`        white space at the ends is dropped.
`unicode`      ways of writing one character are taken for one (NFC, NFKC).
`number`       digits are read as a number.
`length`       an id is cut off.
`escapes`      an id is decoded as if it were part of a URL.
`path`         an id is tidied as if it were a path.
`punctuation`  punctuation is replaced by one character, or dropped: slugs, safe file names.
`prefix`       ids that begin like another's are found with it.
`pattern`      an id is a pattern: `%` and `_` of LIKE, `*`, `?` and `[]` of globs.
`reserved`     an id means something to the store: `__proto__`, `default`, `*`.
`joined`       thread and resource are joined, and where one ends and the other begins is lost.
`kind`         thread ids and resource ids are looked up in one place.
"""

FAMILIES: Final[tuple[Family, ...]] = get_args(Family)
ACROSS: Final[tuple[Family, ...]] = ("joined", "kind")
"""Families that take a thread id and a resource id together; the others are of one id."""

RESERVED: Final = frozenset(
    {"default", "main", "null", "None", "undefined", "0", "__proto__", "constructor", "*", "%"}
)
"""Ids that mean something to some code: names of defaults, of nothing, of what every object inherits, of
everything. They hold no namespace, so they are the same in every example."""

DELIMITERS: Final = ("-", "_", ":", "/", ".", "", "|", "#", "::", " ", "@", ",", "+", "~")
"""What ids are joined with."""

Presented: TypeAlias = tuple[Id, Id]
"""A thread id and a resource id, as an operation presents them."""

Which: TypeAlias = Literal["thread", "resource", "both"]


class Collision(NamedTuple):
    """That the ids of two operations meet under the function `by`.

    `which` ids meet; `both` are a thread and a resource id together, or each under the same function. `alone`
    says that a key of this id alone is meant: without it, the other id is part of the key, as it is.
    """

    which: Which
    by: str
    alone: bool = False


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _floating(text: str) -> float | None:
    try:
        number = float(text) if any(map(str.isdigit, text)) else None
    except ValueError:
        return None
    # By chance only: what is too large for any number, or nothing times ten to the anything. In an example
    # whose namespace happened to be 4677e648 the resources 4677e648000 and 4677e648002 had "collided", and a
    # known finding came under a new promise.
    chance = number is not None and (math.isinf(number) or (number == 0 and "e" in text.casefold()))
    return None if chance else number


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text.strip().lower()).strip("-")


def _profile(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _everything(text: str) -> str:
    folded = unicodedata.normalize("NFKC", posixpath.normpath(unquote(text))).casefold()
    return re.sub(r"[\W_]+", "", folded)


_KEYS: Final[tuple[tuple[str, Family, Callable[[str], object]], ...]] = (
    ("lower case", "case", str.lower),
    ("case folding", "case", str.casefold),
    ("white space stripped", "space", str.strip),
    ("Unicode NFC", "unicode", lambda text: unicodedata.normalize("NFC", text)),
    ("Unicode NFKC", "unicode", lambda text: unicodedata.normalize("NFKC", text)),
    ("the whole number", "number", _number),
    ("the floating-point number", "number", _floating),
    ("the first 255 characters", "length", lambda text: text[:255]),
    ("the first 64 characters", "length", lambda text: text[:64]),
    ("the first 36 characters", "length", lambda text: text[:36]),
    ("the first 32 characters", "length", lambda text: text[:32]),
    ("percent escapes decoded", "escapes", unquote),
    ("the path tidied", "path", posixpath.normpath),
    ("punctuation replaced", "punctuation", lambda text: re.sub(r"[\W_]", "-", text)),
    ("punctuation dropped", "punctuation", lambda text: re.sub(r"[\W_]", "", text)),
    # What several of them do together, as real code does.
    ("Unicode NFKC, folded and stripped", "case", _profile),
    ("a slug", "punctuation", _slug),
    ("several foldings at once", "punctuation", _everything),
)
"""Equal keys collide; None collides with nothing. The most particular come first."""


def _like(pattern: str, *, prefix: bool, flags: int) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    body = "".join(wild.get(character) or re.escape(character) for character in pattern)
    return re.compile(body + (".*" if prefix else ""), re.DOTALL | flags)


def _glob(pattern: str, *, prefix: bool) -> re.Pattern[str]:
    pieces = re.findall(r"\[[^\]]+\]|.", pattern, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    body = "".join(
        wild.get(piece) or (_set(piece) if len(piece) > 1 else re.escape(piece)) for piece in pieces
    )
    return re.compile(body + (".*" if prefix else ""), re.DOTALL)


def _set(piece: str) -> str:
    inside = piece[1:-1]
    return f"[{re.escape(inside)}]" if inside[0] not in "!^" else f"[^{re.escape(inside[1:])}]"


_PATTERNS: Final[tuple[tuple[str, Family, Callable[[str], re.Pattern[str]]], ...]] = (
    ("LIKE", "pattern", lambda pattern: _like(pattern, prefix=False, flags=0)),
    ("LIKE without case", "pattern", lambda pattern: _like(pattern, prefix=False, flags=re.IGNORECASE)),
    ("a glob", "pattern", lambda pattern: _glob(pattern, prefix=False)),
    ("LIKE with a prefix", "prefix", lambda pattern: _like(pattern, prefix=True, flags=0)),
    ("LIKE with a prefix, without case", "prefix",
     lambda pattern: _like(pattern, prefix=True, flags=re.IGNORECASE)),
    ("a glob with a prefix", "pattern", lambda pattern: _glob(pattern, prefix=True)),
)  # fmt: skip
"""What is presented is the pattern, what is stored the text."""

_PREFIX: Final = "the id it begins with"
_EXTENSION: Final = "the id it goes on with"
_KIND: Final = "thread ids among resource ids"
_MANGLED: Final = "joined, punctuation replaced"

FUNCTIONS: Final[dict[str, Family]] = {
    **{f"joined with {delimiter!r}": "joined" for delimiter in DELIMITERS},
    **{f"joined with {delimiter!r}, thread first": "joined" for delimiter in DELIMITERS},
    _MANGLED: "joined",
    _KIND: "kind",
    **{f"stored as {name!r}": "reserved" for name in sorted(RESERVED)},
    **{f"presented as {name!r}": "reserved" for name in sorted(RESERVED)},
    **{name: family for name, family, _ in _KEYS},
    _PREFIX: "prefix",
    _EXTENSION: "prefix",
    **{name: family for name, family, _ in _PATTERNS},
}
"""Every function, with its family; the most particular first."""

RANK: Final[dict[str, int]] = {name: place for place, name in enumerate(FUNCTIONS)}


@lru_cache(maxsize=8192)
def _keys(text: str) -> tuple[object, ...]:
    return tuple(key(text) for _, _, key in _KEYS)


@lru_cache(maxsize=1024)
def _patterns(text: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The patterns that an id is; without wild cards it is only its own beginning, or its own letters."""
    return tuple((name, compile_pattern(text)) for name, _, compile_pattern in _PATTERNS)


def functions_between(stored: str, presented: str) -> Iterator[str]:
    """The functions under which two different ids, one of which is stored and the other presented, meet."""
    for (name, _, _), first, second in zip(_KEYS, _keys(stored), _keys(presented), strict=True):
        if first is not None and first == second:
            yield name
    if stored.startswith(presented):
        yield _PREFIX
    elif presented.startswith(stored):
        yield _EXTENSION
    if stored in RESERVED:
        yield f"stored as {stored!r}"
    if presented in RESERVED:
        yield f"presented as {presented!r}"
    # A pattern matches what begins as it does, up to the first wild card.
    first = presented[0]
    if first in "%_*?[" or first.lower() == stored[0].lower():
        for name, pattern in _patterns(presented):
            if pattern.fullmatch(stored):
                yield name


def joins(thread: str, resource: str, other_thread: str, other_resource: str) -> Iterator[str]:
    """The ways of joining a thread and a resource id in which two such pairs, all different, become one."""
    if len(thread) + len(resource) == len(other_thread) + len(other_resource):
        for delimiter in DELIMITERS:
            if resource + delimiter + thread == other_resource + delimiter + other_thread:
                yield f"joined with {delimiter!r}"
            if thread + delimiter + resource == other_thread + delimiter + other_resource:
                yield f"joined with {delimiter!r}, thread first"
    mangled = (re.sub(r"[\W_]", "-", f"{one}-{other}") for one, other in (
        (resource, thread), (other_resource, other_thread), (thread, resource), (other_thread, other_resource)
    ))  # fmt: skip
    ours, theirs, ours_turned, theirs_turned = mangled
    if ours == theirs or ours_turned == theirs_turned:
        yield _MANGLED


@lru_cache(maxsize=16384)
def collisions(stored: Presented, presented: Presented) -> frozenset[Collision]:
    """How the ids that something was stored under collide with those presented.

    Empty if they are equal, or have nothing in common. An id that is missing on either side collides with
    nothing.
    """
    found: set[Collision] = set()
    met: list[set[str]] = []
    for which, one, other in zip(_BY_ITSELF, stored, presented, strict=True):
        by = set()
        if isinstance(one, str) and isinstance(other, str) and one != other and one and other:
            by = set(functions_between(one, other))
            beside = stored[which == "thread"] != presented[which == "thread"]
            found.update(Collision(which, name, alone) for name in by for alone in {True, beside})
        met.append(by)
    threads, resources = met
    if stored[0] == presented[0]:
        found.update(Collision("both", name) for name in resources)
    elif stored[1] == presented[1]:
        found.update(Collision("both", name) for name in threads)
    else:
        found.update(Collision("both", name) for name in threads & resources)
        found.update(_together(stored, presented))
    return frozenset(found)


_BY_ITSELF: Final[tuple[Which, Which]] = ("thread", "resource")


def _together(stored: Presented, presented: Presented) -> Iterator[Collision]:
    """Collisions of a thread and a resource id with another thread and another resource id."""
    thread, resource = stored
    other_thread, other_resource = presented
    if thread == other_resource or resource == other_thread:
        yield Collision("both", _KIND)
    ids = (thread, resource, other_thread, other_resource)
    if all(isinstance(value, str) for value in ids):
        for name in joins(*map(str, ids)):
            yield Collision("both", name)


def family(collision: Collision) -> Family:
    """The family of the function of a collision."""
    return FUNCTIONS[collision.by]


def most_particular(found: frozenset[Collision]) -> Collision:
    """The collision that the fewest pairs of ids are: what these ids were made to show, if they were made.

    Raises ValueError if there is none.
    """
    return min(found, key=particularity)


def particularity(one: Collision) -> tuple[int, int, bool]:
    """What collisions are sorted by, the most particular first."""
    return RANK[one.by], get_args(Which).index(one.which), one.alone
