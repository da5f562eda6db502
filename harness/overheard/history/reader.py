"""Reading a history: streaming, one example at a time, at the speed of the decoder.

A history that was cut short (kill -9, a full disk) is still evidence: a last line without its end is
left out and said (`History.truncated`). Anything wrong before that means the file is not what was
recorded, and is refused with file and line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Union, get_args

import msgspec

from overheard.core.errors import HistoryError
from overheard.history.events import (
    FORMAT,
    AnyEvent,
    CampaignEnded,
    Cleared,
    ExampleEnded,
    ExampleStarted,
    Header,
    Reduced,
)

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK: Final = 1 << 18
"""Bytes decoded at a time (and however many finish the last line of them): few enough that what they become
is let go before it has left the processor's cache."""

_HEADER_LIMIT: Final = 1 << 26
"""Bytes in which a header must end: a disk image of one line must not be read into memory to be refused."""

_AFTER_HEADER: Final = Union[tuple(kind for kind in get_args(AnyEvent) if kind is not Header)]  # noqa: UP007 - built, not written

_DIVIDING: Final = frozenset((ExampleStarted, ExampleEnded, Reduced, Cleared, CampaignEnded))

_Blocks = Iterable[Sequence[AnyEvent]]


class Example(NamedTuple):
    """One execution of one plan.

    `events` are what happened from its start to the start of the next example, in order: a model call that
    came after its end is among them. `ended` is False if the history or the example was cut short.
    """

    started: ExampleStarted
    events: list[AnyEvent]
    ended: bool


class History:
    """A recorded campaign. `examples()` may be called again; it starts from the beginning each time.

    `header`      the first line.
    `truncated`   whether the last line was cut, and left out. Known, as are `before`, `reductions` and
                  `end`, once `examples()` has been exhausted.
    `before`      what was recorded before the first example: the target's own warming up.
    `reductions`  the minimal plans found; `cleared` what was deleted from the target again, and what was not.
    `end`         the last line of a history that is whole, else None.
    """

    def __init__(self, header: Header, open_blocks: Callable[[History], _Blocks]) -> None:
        """Use `open_history` or `History.from_events`."""
        self.header = header
        self.truncated = False
        self.before: list[AnyEvent] = []
        self.reductions: list[Reduced] = []
        self.cleared: list[Cleared] = []
        self.end: CampaignEnded | None = None
        self._open_blocks = open_blocks

    @classmethod
    def from_events(cls, events: Sequence[AnyEvent]) -> History:
        """A history in memory. Raises HistoryError if it does not begin with its header."""
        if not events or not isinstance(events[0], Header):
            raise HistoryError("a history begins with its header, and these events do not")
        return cls(events[0], lambda _: (events[1:],))

    def events(self) -> Iterator[AnyEvent]:
        """Everything after the header, in the order in which it was recorded. Raises as `examples`."""
        self.truncated = False
        for block in self._open_blocks(self):
            yield from block

    def examples(self) -> Iterator[Example]:
        """Each example, in order; memory is bounded by the largest of them.

        Raises HistoryError naming file and line if a line is not an event.
        """
        self.truncated, self.before, self.end = False, [], None
        self.reductions, self.cleared = [], []
        started: ExampleStarted | None = None
        events = self.before
        ended = False
        for block in self._open_blocks(self):
            # Between the few lines that divide a history everything is taken at once.
            done = 0
            for place in [place for place, event in enumerate(block) if type(event) in _DIVIDING]:
                events += block[done:place]
                done, event = place + 1, block[place]
                kind = type(event)
                if kind is ExampleStarted:
                    if started is not None:
                        yield Example(started, events, ended)
                    started, events, ended = event, [], False  # type: ignore[assignment]  # narrowed by `kind`
                elif kind is ExampleEnded:
                    ended = True
                elif kind is Reduced:
                    self.reductions.append(event)  # type: ignore[arg-type]  # narrowed by `kind`
                elif kind is Cleared:
                    self.cleared.append(event)  # type: ignore[arg-type]  # narrowed by `kind`
                else:
                    self.end = event  # type: ignore[assignment]  # narrowed by `kind`
            events += block[done:]
            del block
        if started is not None:
            yield Example(started, events, ended)


def open_history(path: Path) -> History:
    """Open the history at `path` and read its header.

    Raises HistoryError, saying what is wrong and what to do, if the file cannot be read, is empty, is no
    history, or is of a newer format.
    """
    header, size = _read_header(path)
    return History(header, lambda history: _file_blocks(path, size, history))


class _Peek(msgspec.Struct):
    """The part of a header that no format may ever change."""

    type: str = ""
    format: int = 0
    overheard: str = ""


def _read_header(path: Path) -> tuple[Header, int]:
    try:
        with path.open("rb") as file:
            line = file.readline(_HEADER_LIMIT)
    except OSError as error:
        raise _cannot_read(path, error) from error
    if not line.strip():
        raise HistoryError(f"{path} is empty: nothing was recorded; run the campaign again")
    try:
        peek = msgspec.json.decode(line, type=_Peek)
    except (ValueError, RecursionError) as error:
        if line.startswith(b'{"type":"header"') and not line.endswith(b"\n"):
            raise HistoryError(
                f"{path}, line 1: the header is cut short, so nothing in the file is whole; "
                "run the campaign again"
            ) from error
        raise _no_history(path) from error
    if peek.type != "header":
        raise _no_history(path)
    if peek.format > FORMAT:
        raise HistoryError(
            f"{path}, line 1: written by overheard {peek.overheard or '(unknown)'} in history format "
            f"{peek.format}, and this version reads up to {FORMAT}; update overheard"
        )
    try:
        return msgspec.json.decode(line, type=Header), len(line)
    except (ValueError, RecursionError) as error:
        raise HistoryError(
            f"{path}, line 1: the header is damaged ({error}); take the file from where it was recorded"
        ) from error


def _file_blocks(path: Path, start: int, history: History) -> Iterator[Sequence[AnyEvent]]:
    decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(_AFTER_HEADER)
    before = start
    try:
        with path.open("rb") as file:
            file.seek(start)
            while block := file.read(_BLOCK):
                if not block.endswith(b"\n"):
                    block += file.readline()
                if not block.endswith(b"\n"):
                    block, history.truncated = _without_torn_line(block, decoder)
                # Under no name here: what was decoded must be gone before there is more of it.
                yield _decoded(path, block, before, decoder)
                before += len(block)
    except OSError as error:
        raise _cannot_read(path, error) from error


def _decoded(
    path: Path, block: bytes, before: int, decoder: msgspec.json.Decoder[AnyEvent]
) -> list[AnyEvent]:
    """The events of a block; `before` is how many bytes are in front of it, to name a damaged line by."""
    try:
        return decoder.decode_lines(block)
    except (ValueError, RecursionError):
        raise _damaged(path, block, _lines(path, before), decoder) from None


def _lines(path: Path, size: int) -> int:
    """How many lines are in the first so many bytes: asked only to name one that is damaged."""
    lines = 0
    with path.open("rb") as file:
        while block := file.read(min(_BLOCK, size)):
            lines += block.count(b"\n")
            size -= len(block)
    return lines


def _without_torn_line(block: bytes, decoder: msgspec.json.Decoder[AnyEvent]) -> tuple[bytes, bool]:
    cut = block.rfind(b"\n") + 1
    try:
        decoder.decode(block[cut:])
    except (ValueError, RecursionError):
        return block[:cut], True
    return block, False  # Only the line's end is missing: the event is whole.


def _damaged(path: Path, block: bytes, lines: int, decoder: msgspec.json.Decoder[AnyEvent]) -> HistoryError:
    for number, line in enumerate(block.split(b"\n"), start=lines + 1):
        if not line.strip():
            continue
        try:
            decoder.decode(line)
        except (ValueError, RecursionError) as error:
            if line.startswith(b'{"type":"header"'):
                return HistoryError(
                    f"{path}, line {number}: a second header: two histories were joined; check each by itself"
                )
            return HistoryError(
                f"{path}, line {number}: not an event of a history ({error}); the file was changed after it "
                "was recorded: take it from where it was recorded"
            )
    return HistoryError(f"{path}, after line {lines}: an event is not on a line of its own")


def _no_history(path: Path) -> HistoryError:
    return HistoryError(
        f"{path}, line 1: not a history: the first line is no history header; name the history.jsonl of a run"
    )


def _cannot_read(path: Path, error: OSError) -> HistoryError:
    return HistoryError(
        f"cannot read the history {path}: {error.strerror or error}; name the history.jsonl of a run"
    )
