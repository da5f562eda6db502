"""Finding in a response what a surface's description says is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import aiohttp
import msgspec
from msgspec import UNSET

from overheard.adapters.http import path as paths
from overheard.adapters.http.events import Decoder, Event
from overheard.adapters.http.exchange import (
    BROKEN,
    LIMIT,
    NO_JSON,
    Answer,
    Rules,
    conditions,
    hold,
    reason_of,
    told,
)
from overheard.adapters.http.model import Beyond, Events, Surface
from overheard.adapters.http.path import Path
from overheard.adapters.shown import valid_shown
from overheard.adapters.validate import InvalidAnswer
from overheard.core.outcome import Reply, TargetError

_PATIENCE: Final = 1.0
"""Seconds for a stream to be closed after its last event; its connection is only of use once it is."""


class _InOnePiece:
    """What is read of every answer that comes in one piece, by what the file says of its surface."""

    def __init__(self, surface: Surface | Beyond, rules: Rules) -> None:
        self._at = "" if surface.answer is UNSET else surface.answer
        self._answer = None if surface.answer is UNSET else paths.parse(surface.answer)
        self._error = None if surface.error is UNSET else paths.parse(surface.error)
        self._ids = _parsed(surface.ids)
        self._rules = rules

    def _around(self, answer: Answer) -> list[str]:
        """What came with it besides its body. Raises TargetError if a failure is told in that."""
        failures = [] if self._error is None else paths.find(answer.document, self._error)
        if any(map(_tells, failures)):
            raise TargetError(f"{answer.told} and told a failure: {answer.whole}")
        return [answer.headers] if answer.headers else []


class Whole(_InOnePiece):
    """Reads the answer to a message."""

    def reply(self, answer: Answer) -> Reply:
        """The reply. Raises TargetError if a failure is told in it, InvalidAnswer if it is no answer."""
        document = answer.document
        around = self._around(answer)
        if self._answer is None:
            text = answer.text
        else:
            found = self._find(answer)
            text = "\n".join(map(paths.text_of, found))
            if self._rules.body:
                around += paths.texts(document, found)
        return Reply(
            text=text,
            ids=dict(_ids(document, self._ids)) if self._ids else {},
            channels={"header": "\n".join(around)} if around else {},
        )

    def _find(self, answer: Answer) -> list[Any]:
        assert self._answer is not None  # noqa: S101 - the caller looked
        if answer.document is NO_JSON:
            raise InvalidAnswer((f"{answer.told} and no JSON ({answer.content_type}): {answer.whole}",))
        found = paths.find(answer.document, self._answer)
        # A path with a star may lead to nothing: an agent that says nothing answers with an empty list.
        if not found and not paths.several(self._answer):
            raise InvalidAnswer((f"{answer.told} and its JSON has no {self._at}: {answer.whole}",))
        return found


class Shown(_InOnePiece):
    """Reads what a surface beyond sending shows: data, which is shown item by item."""

    def __init__(self, name: str, surface: Beyond, rules: Rules) -> None:
        super().__init__(surface, rules)
        self._name = name

    def reply(self, answer: Answer) -> Reply:
        """What is shown. Raises as `Whole.reply`."""
        document = answer.document
        around = self._around(answer)
        shown: Any = answer.text if document is NO_JSON else document
        if self._answer is not None:
            found = [] if document is NO_JSON else paths.find(document, self._answer)
            if not found and not paths.several(self._answer):
                raise InvalidAnswer((f"{answer.told} and its body has no {self._at}: {answer.whole}",))
            shown = found if paths.several(self._answer) else found[0]
            if self._rules.body:
                around += paths.texts(document, found)
        reply = valid_shown("" if shown is None else shown, self._name)
        return Reply(
            text=reply.text,
            ids={**reply.ids, **dict(_ids(document, self._ids))},
            channels={"header": "\n".join(around)} if around else {},
        )


class Pieces:
    """Reads an answer that comes as server-sent events. Made for one response.

    What is seen besides the text is in `ids` and `around` once `read` has ended.
    """

    def __init__(self, description: Streamed, response: aiohttp.ClientResponse, rules: Rules) -> None:
        self.ids: dict[str, str] = {}
        self.around: list[str] = [headers] if (headers := rules.shown(response.headers)) else []
        self._is = description
        self._response = response
        self._rules = rules
        self._decoder = Decoder()
        self._done = False

    async def read(self) -> AsyncGenerator[str]:
        """The texts of those events that carry any, as they come.

        Raises TargetError if the stream is cut off, tells of a failure or is longer than LIMIT, and
        InvalidAnswer if an event is not what is described.
        """
        size = 0
        try:
            async for received in self._response.content.iter_any():
                size += len(received)
                if size > LIMIT:
                    self._response.close()
                    raise TargetError(f"{self._told} with a stream of more than {LIMIT >> 20} MiB")
                for event in self._decoder.feed(received):
                    for text in self._event(event):
                        yield text
                if self._done:
                    break
        except BROKEN as error:
            raise TargetError(
                f"{self._told}, and its stream was cut off ({reason_of(error)}): {self._decoder.partial}"
            ) from error
        if self._is.ends and not self._done:
            raise TargetError(
                f"{self._told}, and its stream stopped before the event that ends it: {self._decoder.partial}"
            )
        if self._done:
            await self._rest(size)

    @property
    def _told(self) -> str:
        return told(self._response)

    def _event(self, event: Event) -> Iterator[str]:
        if self._done:  # nothing more is part of the answer, but it was sent
            self.around.append(event.data)
            return
        if event.data == self._is.done:
            self._done = True
            return
        document: Any = NO_JSON
        with suppress(ValueError, RecursionError):
            document = msgspec.json.decode(event.data)
        if self._is.failed and hold(self._is.failed, document):
            raise TargetError(f"{self._told}, and its stream tells of a failure: {event.data}")
        self.ids.update(_ids(document, self._is.ids))
        yield from self._texts(event, document)
        if self._is.done_when and hold(self._is.done_when, document):
            self._done = True

    def _texts(self, event: Event, document: Any) -> Iterator[str]:
        """The event's part of the answer, if it has one; all else that it says is kept in `around`."""
        carries, path = self._is.carries(event, document), self._is.text
        if carries and path is None:
            yield event.data
            return
        said: list[Any] = []
        if carries and path is not None:
            said = self._said(event, document, path)
            yield "".join(map(paths.text_of, said))
        if self._rules.body:
            self.around += [event.data] if document is NO_JSON else paths.texts(document, said)

    def _said(self, event: Event, document: Any, path: Path) -> list[Any]:
        if document is NO_JSON:
            raise InvalidAnswer((f"{self._told}, and an event of its stream is no JSON: {event.data}",))
        return paths.find(document, path)

    async def _rest(self, size: int) -> None:
        """What comes after the last event, for a moment: it was sent too, and so the connection is free."""
        with suppress(TimeoutError, *BROKEN):
            async with asyncio.timeout(_PATIENCE):
                async for received in self._response.content.iter_any():
                    size += len(received)
                    if size > LIMIT:
                        self._response.close()
                        return
                    for event in self._decoder.feed(received):
                        self.around.append(event.data)
        if self._decoder.partial:
            self.around.append(self._decoder.partial)


class Streamed:
    """What a surface says of its events."""

    def __init__(self, surface: Surface, events: Events) -> None:
        self.done = None if events.done is UNSET else events.done
        self.done_when = conditions(events.done_when)
        self.failed = conditions(events.failed)
        self.text: Path | None = None if events.text is UNSET else paths.parse(events.text)
        self.ids = _parsed(surface.ids)
        self._name = None if events.name is UNSET else events.name
        self._when = conditions(events.when)

    @property
    def ends(self) -> bool:
        """Whether it is known by which event an answer ends."""
        return self.done is not None or bool(self.done_when)

    def carries(self, event: Event, document: Any) -> bool:
        """Whether an event carries text of the answer."""
        if self._name is not None and event.name != self._name:
            return False
        return hold(self._when, document)


def found(answer: Answer, key: str, path: str) -> str:
    """The text at a path that a step needs. Raises InvalidAnswer if there is none."""
    values = paths.find(answer.document, paths.parse(path))
    text = paths.text_of(values[0]) if values else ""
    if not text:
        raise InvalidAnswer((f"{answer.told}, and there is no {path} in it for {key}: {answer.whole}",))
    return text


def _parsed(table: Mapping[str, str]) -> dict[str, Path]:
    return {name: paths.parse(path) for name, path in table.items()}


def _ids(document: Any, wanted: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    for name, path in wanted.items():
        values = paths.find(document, path)
        if values and (text := paths.text_of(values[0])):
            yield name, text


def _tells(value: Any) -> bool:
    """Whether what stands at the path of a failure is one: `"error": null` is none."""
    return value is not None and value is not False and value not in ("", [], {})
