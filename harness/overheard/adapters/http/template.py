"""Text with names in braces, and what becomes of ids that are missing.

`{thread}` alone stands for the id as it is: left out if it is not passed at all, null if it is None.
Within other text there is no null: `Bearer {credentials}` without credentials is left out as a whole. A
brace that is meant is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from overheard.core.ids import OMITTED, Id
from overheard.core.operation import FURTHER

BUILT_IN: Final = ("message", "thread", "resource", "tenant", "caller", "credentials", "uuid")
"""Names that are filled in for every call; `minted.NAME` besides."""

MINTED: Final = "minted."

FILTER: Final = "filter."
"""What a search is to be narrowed to: `filter.thread`, `filter.resource`."""

BEYOND: Final[Mapping[str, tuple[str, ...]]] = {
    **FURTHER,
    "search": ("query", f"{FILTER}thread", f"{FILTER}resource"),
}
"""Names that are filled in besides, by surface."""

Values: TypeAlias = Mapping[str, Id]

_PIECE: Final = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|[{}]")


class TemplateError(ValueError):
    """A template that cannot be read; the message says why. `name` is the unknown name, if that is it."""

    def __init__(self, message: str, *, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class Name(NamedTuple):
    """A place to be filled in."""

    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places to be filled in. `whole` is the name that is all of it, if one is."""

    parts: tuple[str | Name, ...]
    whole: str | None

    @classmethod
    def of(cls, *parts: str | Name) -> Template:
        only = parts[0] if len(parts) == 1 else None
        return cls(parts, only.name if isinstance(only, Name) else None)

    @property
    def names(self) -> set[str]:
        return {part.name for part in self.parts if isinstance(part, Name)}

    def fill(self, values: Values) -> Id:
        """The text. OMITTED, or None, as a name that is all of it; OMITTED if one within it is missing."""
        if self.whole is not None:
            return values[self.whole]
        pieces = []
        for part in self.parts:
            piece = values[part.name] if isinstance(part, Name) else part
            if not isinstance(piece, str):
                return OMITTED
            pieces.append(piece)
        return "".join(pieces)


def parse(text: str, constants: Mapping[str, str], names: Collection[str]) -> Template:
    """Read a template. Names in `constants` are filled in at once, those in `names` later.

    Raises TemplateError for any other name, and for a brace that stands alone.
    """
    parts: list[str | Name] = []
    for piece in _pieces(text):
        if isinstance(piece, str):
            parts.append(piece)
        elif piece.name in constants:
            parts.append(constants[piece.name])
        elif piece.name in names:
            parts.append(piece)
        else:
            raise TemplateError(f"there is no {{{piece.name}}}", name=piece.name)
    return Template.of(*_joined(parts))


def _pieces(text: str) -> Iterator[str | Name]:
    place = 0
    for match in _PIECE.finditer(text):
        yield text[place : match.start()]
        place = match.end()
        found = match.group()
        if found in ("{{", "}}"):
            yield found[0]
        elif match.group("name") is None:
            raise TemplateError(f"a single {found!r} stands in it; one that is meant is written twice")
        else:
            yield Name(match.group("name").strip())
    yield text[place:]


def _joined(parts: list[str | Name]) -> Iterator[str | Name]:
    """Neighbouring texts made one, empty ones left out; a template of nothing is one empty text."""
    text = ""
    some = False
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        yield part
        text, some = "", True
    if text or not some:
        yield text


def fill_json(node: Any, values: Values) -> Any:
    """A JSON body with its templates filled in. Keys and elements whose value is OMITTED are left out."""
    if isinstance(node, Template):
        return node.fill(values)
    if isinstance(node, dict):
        filled = {}
        for key, inner in node.items():
            value = inner.fill(values) if type(inner) is Template else fill_json(inner, values)
            if value is not OMITTED:
                filled[key] = value
        return filled
    if isinstance(node, list):
        return [inner for inner in (fill_json(each, values) for each in node) if inner is not OMITTED]
    return node
