"""Server-sent events, as the HTML standard defines their format, read in pieces of any size."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import NamedTuple


class Event(NamedTuple):
    """One event: its `event:` field (`message` if it has none) and its data, lines joined by line feeds."""

    name: str
    data: str


class Decoder:
    """Feed it bytes as they come; it yields each event once its blank line has come.

    `partial` is what has come of an event that has not ended: a stream that stops there was cut off.
    """

    def __init__(self) -> None:
        self._characters = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest: list[str] = []
        self._returned = False
        self._name = ""
        self._data: list[str] = []

    @property
    def partial(self) -> str:
        return "\n".join([*self._data, "".join(self._rest)])

    def feed(self, received: bytes) -> Iterator[Event]:
        text = self._characters.decode(received)
        if not text:
            return
        if self._returned and text[0] == "\n":  # the second half of a line end that fell between two pieces
            text = text[1:]
        self._returned = received.endswith(b"\r")
        # Not splitlines(): that takes ten more characters for line ends, and JSON may hold them.
        *lines, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines:
            whole = "".join([*self._rest, line]) if self._rest else line
            self._rest = []
            if (event := self._line(whole)) is not None:
                yield event
        if rest:
            self._rest.append(rest)

    def _line(self, line: str) -> Event | None:
        if not line:
            if not self._data:
                self._name = ""
                return None
            event = Event(self._name or "message", "\n".join(self._data))
            self._name, self._data = "", []
            return event
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        return None  # comments, `id`, `retry` and fields nobody knows
