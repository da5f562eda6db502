"""Ids made to collide, as templates: a base, and what collides with it under the functions it is made for.

Where the example's namespace stands matters, or it is cut off, or is all that a prefix leaves: it comes after
what differs where something is replaced or matched, and before it where something is cut off; numbers have it
in decimal digits. The number of the visit, `nth`, keeps the ids of one plan apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from overheard.core.collision import DELIMITERS, Family
from overheard.plan.choose import Chooser

LENGTH: Final = 300
"""Characters of the longest ids: more than any column or file name has that cuts."""


class Lookalike(NamedTuple):
    """An id that collides with the base of its group. `family` is that of the function it is made for."""

    family: Family
    template: str


class Group(NamedTuple):
    """A base and its lookalikes."""

    base: str
    alike: tuple[Lookalike, ...]


GROUPS: Final[Mapping[str, tuple[Family, ...]]] = {
    "letters": ("case", "space", "escapes", "unicode"),
    "patterns": ("prefix", "pattern"),
    "digits": ("number",),
    "lengths": ("length",),
    "punctuation": ("punctuation", "path"),
    "scripts": ("case", "unicode"),
}
"""Names of groups, in the order of their rotation, and the families that they have lookalikes of."""


def group(name: str, nth: int, choose: Chooser) -> Group:
    """The group of a name. Where one function has several faces, one of them is drawn.

    Raises ValueError for another name.
    """
    tail = f"{nth:03}x<<ns>>7"
    match name:
        case "letters":
            return _group(
                f"annlee{tail}",
                ("case", choose.pick((f"AnnLee{tail}", f"ANNLEE{tail}", f"annlEe{tail}"))),
                ("space", choose.pick((f"annlee{tail} ", f" annlee{tail}", f"annlee{tail}\t"))),
                ("escapes", choose.pick((f"annl%65e{tail}", f"%61nnlee{tail}"))),
                ("unicode", choose.pick((f"\uff41nnlee{tail}", f"annle\u2147{tail}"))),
            )
        case "patterns":
            return _group(
                f"annlee{tail}",
                ("prefix", f"annlee{tail}"[:-1]),
                ("pattern", f"annl_e{tail}"),
                ("pattern", choose.pick((f"an%lee{tail}", f"%nlee{tail}"))),
                ("pattern", choose.pick((f"annl*{tail}", f"annl?e{tail}", f"annl[!o]e{tail}"))),
            )
        case "digits":
            # As many as an int64 holds, and more than a double: in that, the last makes no difference.
            digits = f"1<<dec>>{nth:03}000"
            return _group(
                f"{digits}1",
                ("number", choose.pick((f"0{digits}1", f"+{digits}1", f"00{digits}1"))),
                ("number", choose.pick((f"{digits}1.0", f"{digits}1e0"))),
                ("number", f"{digits}2"),
            )
        case "lengths":
            start = f"ann{nth:03}<<ns>>"
            filled = start + "lee" * LENGTH
            # `<<ns>>` stands for eight characters, and is written with six.
            return _group(
                filled[: LENGTH - 2],
                *(
                    ("length", filled[: place - 2] + "o" + filled[place - 1 : LENGTH - 2])
                    for place in (34, 50, 200, 290)
                ),
            )
        case "punctuation":
            return _group(
                f"ann/lee{tail}",
                ("punctuation", choose.pick((f"ann:lee{tail}", f"ann.lee{tail}", f"ann@lee{tail}"))),
                ("punctuation", f"annlee{tail}"),
                ("path", choose.pick((f"ann/./lee{tail}", f"ann/bob/../lee{tail}", f"ann//lee{tail}"))),
            )
        case "scripts":
            return _group(
                f"zo\u00e9stra\u00dfe{tail}",
                ("case", f"zo\u00e9strasse{tail}"),
                ("unicode", f"zoe\u0301stra\u00dfe{tail}"),
            )
        case _:
            raise ValueError(f"there is no group of lookalikes {name!r}")


def _group(base: str, *alike: tuple[Family, str]) -> Group:
    return Group(base, tuple(Lookalike(family, template) for family, template in alike))


class Joint(NamedTuple):
    """Two pairs of (thread, resource) that become one when they are joined."""

    first: tuple[str, str]
    second: tuple[str, str]


def joint(delimiter: str, nth: int, *, thread_first: bool = False) -> Joint:
    """Two pairs that collide when they are joined with `delimiter`, the resource first unless it is said.

    Both ids of both carry the namespace, so that neither by itself meets another example's.
    """
    left, right = f"ann{nth:03}<<ns>>", f"trip<<ns>>{nth:03}"
    before, after = (left, f"kit{delimiter}{right}"), (f"{left}{delimiter}kit", right)
    if thread_first:
        return Joint(before, after)
    return Joint((before[1], before[0]), (after[1], after[0]))


USUAL: Final = ("-", "_", ":", "/", ".", "")
RARE: Final = tuple(delimiter for delimiter in DELIMITERS if delimiter not in USUAL)

RESERVED_NAMES: Final = (
    (("default",), ("__proto__",), ("*",)),
    (("null", "None", "undefined", "main", "constructor"), ("0",), ("%",)),
)
"""Ids that are the same in every example, for two visits: one is drawn of each."""
