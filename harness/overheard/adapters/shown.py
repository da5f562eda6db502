"""What a listing shows, as text: the same answer gives the same text, whatever its type.

A listing may be a text, a Reply, or data as JSON knows it. Each item of a list has a line of its own, so
that evidence around a sighting is that item and not its neighbours. What changes something need show nothing;
what makes a thread shows its id, if the target chooses it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, NoReturn

import msgspec

from overheard.adapters.validate import InvalidAnswer, valid_reply
from overheard.core.operation import CHANGING
from overheard.core.outcome import Reply

MOST_VALUES: Final = 200_000
"""Values in one answer. A target that lists its whole database must not take the machine with it."""

DEEPEST: Final = 32

MAKES_THREADS: Final = ("create_thread", "clone_thread")
"""Surfaces whose answer says which thread was made: an id, or a record that holds it."""

_ID_KEYS: Final = ("thread", "thread_id", "threadId", "id")

_WRITTEN: Final = (int, float, dt.datetime, dt.date, dt.time, uuid.UUID)


def valid_shown(answer: Any, surface: str) -> Reply:
    """The answer of a surface beyond sending, as a `Reply`.

    Raises InvalidAnswer for what is neither text nor data, saying where in it and what to return instead.
    """
    if isinstance(answer, Reply):
        return valid_reply(answer)
    if answer is None and surface in CHANGING:
        return Reply(text="")
    if answer is None:
        raise InvalidAnswer((f"{surface} returned None: return [] where there is nothing to show",))
    if isinstance(answer, str):
        plain: Any = valid_reply(answer).text
    else:
        plain = _Walk(surface).plain(answer, "", 0)
    items = plain if isinstance(plain, list) else [plain]
    made = _made(plain) if surface in MAKES_THREADS else None
    return Reply(text="\n".join(map(_line, items)), ids={"thread": made} if made else {})


def _made(plain: Any) -> str | None:
    """The id of the thread that an answer tells of, if it tells of one."""
    if isinstance(plain, dict):
        return next((made for key in _ID_KEYS if (made := _made(plain.get(key)))), None)
    return plain if isinstance(plain, str) and plain else None


def _line(item: Any) -> str:
    return item if isinstance(item, str) else msgspec.json.encode(item, order="deterministic").decode()


class _Walk:
    """One answer on its way to plain data; it counts what it meets."""

    def __init__(self, surface: str) -> None:
        self._surface = surface
        self._left = MOST_VALUES

    def plain(self, value: Any, where: str, depth: int) -> Any:
        """`value` as text, lists and dicts with text for keys. Raises InvalidAnswer."""
        self._left -= 1
        if self._left < 0:
            self._problem(where, f"more than {MOST_VALUES} values; show a page of them")
        if depth > DEEPEST:
            self._problem(where, f"data more than {DEEPEST} levels deep (does it hold itself?)")
        if isinstance(value, enum.Enum):
            value = value.value
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, _WRITTEN):
            return str(value)  # as it is written: a number of any size, and NaN, are no JSON
        return self._held(value, where, depth + 1)

    def _held(self, value: Any, where: str, depth: int) -> Any:
        if isinstance(value, Mapping):
            return {
                str(key): self.plain(held, f"{where}[{key!r}]"[:80], depth) for key, held in value.items()
            }
        if isinstance(value, AbstractSet):
            return sorted((self.plain(held, f"{where}{{}}", depth) for held in value), key=_line)
        if isinstance(value, list | tuple):
            return [self.plain(held, f"{where}[{place}]", depth) for place, held in enumerate(value)]
        fields = _fields(value)
        if fields is None:
            self._problem(where, f"a {type(value).__name__}")
        return self.plain(fields, where, depth)

    def _problem(self, where: str, found: str) -> NoReturn:
        at = f" at {where}" if where else ""
        sentence = (
            f"{self._surface} returned {found}{at}; it shows a str, an overheard.Reply, or plain data: "
            "lists and dicts of text and numbers"
        )
        raise InvalidAnswer((sentence,))


def _fields(value: Any) -> Any:
    """The fields of a record of one of the usual kinds, by name; None for anything else."""
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name, None) for name in value.__struct_fields__}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    dump = getattr(type(value), "model_dump", None)
    return dump(value) if callable(dump) else None
