"""Every answer of a target is checked before anything believes it, and all its problems are named at once.

(The shape is that of Jepsen's client validator: a wrapper around any adapter that checks what it returns.)
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final, get_args

from overheard.adapters.blame import one_line
from overheard.core.errors import OverheardError
from overheard.core.outcome import Channel, Chunk, Reply

_CHANNELS: Final[tuple[str, ...]] = get_args(Channel)
_SHOWN: Final = 8
_TEXT_KEYS: Final = ("text", "content", "reply", "answer", "output", "response", "message", "messages")


class InvalidAnswer(OverheardError):  # noqa: N818 - said of the answer, as Refused of the call
    """The target answered with something that is no answer. `problems` holds one sentence for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        shown = "; ".join(problems[:_SHOWN])
        more = len(problems) - _SHOWN
        super().__init__(shown + (f"; and {more} more" if more > 0 else ""))
        self.problems = problems


def valid_reply(answer: Any) -> Reply:
    """The answer as a `Reply`. The text is passed on, never copied: it may be a gigabyte.

    Raises InvalidAnswer naming every problem.
    """
    if isinstance(answer, str):
        return Reply(text=_plain(answer))
    if not isinstance(answer, Reply):
        raise InvalidAnswer((f"the target answered with {_found(answer)}",))
    problems = _problems(answer.text, answer.ids, answer.channels)
    if problems:
        raise InvalidAnswer(problems)
    return answer if type(answer.text) is str else Reply(
        text=_plain(answer.text), ids=answer.ids, channels=answer.channels
    )  # fmt: skip


def valid_chunk(piece: Any) -> Chunk:
    """One delta of a stream as a `Chunk`. Raises InvalidAnswer."""
    if isinstance(piece, str):
        return Chunk(_plain(piece))
    if not isinstance(piece, Chunk):
        raise InvalidAnswer((f"the target streamed {_found(piece)}; a chunk is a str or a Chunk",))
    if not isinstance(piece.text, str):
        raise InvalidAnswer((f"Chunk.text is {_found(piece.text)}",))
    return piece if type(piece.text) is str else Chunk(_plain(piece.text))


def _problems(text: Any, ids: Any, channels: Any) -> tuple[str, ...]:
    # A Struct does not check its types when it is made, so any of them can be anything.
    problems = [] if isinstance(text, str) else [f"Reply.text is {_found(text)}"]
    problems += _strings("ids", ids)
    problems += _strings("channels", channels)
    if isinstance(channels, Mapping):
        problems += [
            f"Reply.channels has no {_shown(name)}; there are: {', '.join(_CHANNELS)}"
            for name in channels
            if isinstance(name, str) and name not in _CHANNELS
        ]
    return tuple(problems)


def _plain(text: str) -> str:
    # A subclass of str may lie about its length or its slices; an exact str is handed on as it is.
    return text if type(text) is str else str.__str__(text)


def _strings(field: str, value: Any) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"Reply.{field} is a {type(value).__name__}; it maps str to str"]
    return [
        f"Reply.{field} maps {_shown(key)} to a {type(held).__name__}; it maps str to str"
        for key, held in value.items()
        if not (isinstance(key, str) and isinstance(held, str))
    ]


def _shown(key: Any) -> str:
    return one_line(repr(key[:40]) if isinstance(key, str) else f"a {type(key).__name__}", 60)


def _found(value: Any) -> str:
    if value is None:
        return "None: return the text (does a branch end without `return`?)"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{type(value).__name__}: decode them, answer.decode()"
    if inspect.iscoroutine(value):
        value.close()  # or Python warns, somewhere else and later, that it was never awaited
        return "a coroutine that nobody awaited: `await` it in the target, or make the target `async def`"
    if inspect.isasyncgen(value) or inspect.isgenerator(value):
        if inspect.isgenerator(value):
            value.close()
        return "a generator: join its pieces into one text, and offer `stream` for the pieces"
    if inspect.isawaitable(value):
        return f"a {type(value).__name__} that nobody awaited: `await` it in the target"
    if isinstance(value, Mapping):
        keys = [key for key in _TEXT_KEYS if key in value]
        hint = f"answer[{keys[0]!r}]" if keys else 'answer["..."]'
        return f"a {type(value).__name__}: return the text in it, {hint}"
    for attribute in ("text", "content"):
        if isinstance(inspect.getattr_static(value, attribute, None), str | property):
            return f"a {type(value).__name__}: return its text, answer.{attribute}"
    return f"a {type(value).__name__}: an answer is a str or an overheard.Reply"
