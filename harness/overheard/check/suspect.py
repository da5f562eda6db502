"""Which function took different ids for one, from what leaked between colliding ids and what did not.

Every pair of ids that leaked collides under several functions: `Ann` and `ann` meet in lower case, in a slug,
in a `LIKE`. A pair that did not leak speaks against each function under which it would have. So the smallest
set of functions that explains all leaks is looked for: those first that nothing speaks against, and of them
those that explain the most.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from overheard.core.collision import Collision, Family, family, most_particular, particularity

_IDS: Final = {"thread": "thread ids", "resource": "resource ids", "both": "ids"}

_FOLDED: Final = "{} folded"
_NORMALISED: Final = "{} normalised"
_STORIES: Final[Mapping[Family, str]] = {
    "case": _FOLDED,
    "space": _FOLDED,
    "unicode": _FOLDED,
    "number": "{} read as numbers",
    "length": "{} truncated",
    "escapes": "{} decoded",
    "path": _NORMALISED,
    "punctuation": _NORMALISED,
    "prefix": "{} matched by prefix",
    "pattern": "{} matched as patterns",
    "reserved": "reserved {} are shared",
    "joined": "ids joined ambiguously",
    "kind": "thread ids taken for resource ids",
}
_ADVICE: Final[Mapping[Family, str]] = {
    "case": "Compare ids as they are. If some are to be the same in another case, script or with white "
    "space, make them so once, where they are issued, and refuse any other form.",
    "number": "Keep ids as text, or refuse every way of writing a number but one: 7, 07 and 7.0 are "
    "different ids, and so are two numbers that a double cannot tell apart.",
    "length": "Refuse an id that is too long for its column, file name or key; never cut it off.",
    "escapes": "Decode an id once, where the request is taken apart, and never again on its way to the "
    "store.",
    "punctuation": "Make keys and file names by an encoding that can be undone (hex, percent-escapes) or by "
    "a digest, not by replacing or dropping characters.",
    "prefix": "Compare whole ids. Where a store searches by prefix, end it with a delimiter that no id can "
    "hold, and escape what is a wild card there.",
    "pattern": "Compare with =, not with LIKE or a glob; where it has to be a pattern, escape %, _, *, ? "
    "and [.",
    "reserved": "Let no id mean anything by itself: no default bucket under a name that a caller can send, "
    "and a map without a prototype in place of a plain object.",
    "joined": "Make the key of a tuple, of two columns, or of parts that say how long they are, instead of "
    "one text; or refuse ids that hold the delimiter.",
    "kind": "Keep what belongs to threads and what belongs to resources in two places, or put the kind into "
    "the key.",
}


def stories(how: Family) -> tuple[str, ...]:
    """The diagnoses where ids were taken for one by a function of this family."""
    return tuple(dict.fromkeys(_STORIES[how].format(ids) for ids in _IDS.values()))


ADVICE: Final = {diagnosis: advice for how, advice in _ADVICE.items() for diagnosis in stories(how)}
"""What to change, by diagnosis."""


def story(suspect: Collision) -> str:
    """The diagnosis where ids were taken for one in this way."""
    return _STORIES[family(suspect)].format(_IDS[suspect.which])


class Suspects:
    """The functions that explain a campaign's leaks between colliding ids.

    `leaked` are the ways in which the ids of leaks collided, `apart` those of chances that showed nothing.
    """

    def __init__(
        self, leaked: Iterable[frozenset[Collision]], apart: Collection[frozenset[Collision]]
    ) -> None:
        self._chosen: list[Collision] = []
        left = {met for met in leaked if met}
        # A kind of pair that leaked and at another time did not was hidden then, and kept apart by nothing: a
        # store searched by prefix, ten results at most, was said to fold ids as well.
        apart = set(apart) - left
        while left:
            candidates = sorted(frozenset[Collision]().union(*left))
            best = min(candidates, key=lambda one: _weight(one, left, apart))
            self._chosen.append(best)
            left = {met for met in left if best not in met}

    def of(self, met: frozenset[Collision]) -> Collision:
        """The one that explains a leak between ids that collide in these ways.

        Raises ValueError if they do not collide.
        """
        known = next((one for one in self._chosen if one in met), None)
        return known or most_particular(met)


def _weight(
    one: Collision, left: Collection[frozenset[Collision]], apart: Collection[frozenset[Collision]]
) -> tuple[bool, int, tuple[int, int, bool]]:
    contradicted = any(one in met for met in apart)
    return contradicted, -sum(one in met for met in left), particularity(one)
