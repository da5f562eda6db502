"""Holding model calls until a schedule releases them.

Only calls of operations that are in flight are held. What belongs to nobody (a probe of the embedding's
length, once in a process's life), what comes after its operation's answer (titles, observers), and embeddings
pass: held, they would make the schedule depend on how old the target is.

Which operation a call belongs to is found as checking finds it: user messages newest first, the first nonce
of an operation in flight that has no held call; else any nonce of one in flight; else the ids in the headers.
Of several that sent the same words, it is the one that was last let go on: all the others had come to rest.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from overheard.core.ids import Id
from overheard.mirror.request import ChatRequest


class Listener(Protocol):
    """Who releases calls. Told from the mirror's thread, with a lock held: it must hand on and return."""

    def arrived(self, call: int, operation: int, shape: str) -> None:
        """Model call number `call`, of this shape, made for `operation`, is held."""

    def gone(self, call: int) -> None:
        """The asker of a held call has hung up."""


class Asked(NamedTuple):
    """What is known of a model call when it arrives.

    Its number, the operations (campaign, example, operation) that are named in user messages, newest first,
    and elsewhere, ids from headers, and its shape.
    """

    call: int
    nonces: Sequence[tuple[int, int, int]]
    elsewhere: Sequence[tuple[int, int, int]]
    thread: str | None
    resource: str | None
    shape: str


class _Operation:
    """An operation in flight: `message` is the operation whose nonce it carries."""

    def __init__(self, number: int, message: tuple[int, int, int], thread: Id, resource: Id) -> None:
        self.number = number
        self.message = message
        self.thread = thread
        self.resource = resource
        self.held: set[int] = set()


class Gate:
    """Holds calls. Methods may be called from any thread, but `hold`, which belongs to the mirror's loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listener: Listener | None = None
        self._in_flight: dict[int, _Operation] = {}
        self._held: dict[int, tuple[_Operation, asyncio.Future[None]]] = {}
        self._let_on: _Operation | None = None

    @property
    def closed(self) -> bool:
        """Whether it holds anything at the moment."""
        return self._listener is not None

    def close(self, listener: Listener) -> None:
        """From now on hold the calls of the operations that begin, and tell `listener` of them."""
        with self._lock:
            self._listener = listener

    def open(self) -> None:
        """Let everything go on, and hold nothing any more."""
        with self._lock:
            self._listener = None
            self._in_flight.clear()
            for call in list(self._held):
                self._let_go(call)

    def begin(self, number: int, *, message: tuple[int, int, int], thread: Id, resource: Id) -> None:
        """An operation begins. `message` is (campaign, example, operation) of the nonce that it sends."""
        with self._lock:
            self._let_on = self._in_flight[number] = _Operation(number, message, thread, resource)

    def end(self, number: int) -> None:
        """An operation has ended: what is still asked on its behalf is work in the background."""
        with self._lock:
            operation = self._in_flight.pop(number, None)
            for call in sorted(operation.held) if operation else ():
                self._let_go(call)

    def release(self, call: int) -> None:
        """Let a held call be answered. Harmless if it is not held any more."""
        with self._lock:
            if call in self._held:
                self._let_on = self._held[call][0]
            self._let_go(call)

    async def hold(self, asked: Asked) -> bool:
        """Return when the call may be answered: at once (False) if it is none that is held.

        Cancelled if the asker hangs up.
        """
        with self._lock:
            operation = self._whose(asked) if self._listener is not None else None
            if operation is None or self._listener is None:
                return False
            place = asyncio.get_running_loop().create_future()
            operation.held.add(asked.call)
            self._held[asked.call] = operation, place
            self._listener.arrived(asked.call, operation.number, asked.shape)
        try:
            await place
        except asyncio.CancelledError:
            with self._lock:
                if self._forget(asked.call) and self._listener is not None:
                    self._listener.gone(asked.call)
            raise
        return True

    def _whose(self, asked: Asked) -> _Operation | None:
        # Two who ask for two things at once, in the same words: by age alone, all that the younger asked
        # second was the elder's, and the younger, of whom nothing was held, was waited for.
        in_flight = sorted(self._in_flight.values(), key=lambda one: one is not self._let_on)
        free = [one for one in in_flight if not one.held]
        return (
            _named(asked.nonces, free)
            or _named((*asked.nonces, *asked.elsewhere), in_flight)
            or _at(asked, free)
            or _at(asked, in_flight)
        )

    def _let_go(self, call: int) -> None:
        held = self._forget(call)
        if held is not None:
            # A mirror that is being stopped has hung up on everybody, and its loop is closed.
            with suppress(RuntimeError):
                held.get_loop().call_soon_threadsafe(_set, held)

    def _forget(self, call: int) -> asyncio.Future[None] | None:
        operation, place = self._held.pop(call, (None, None))
        if operation is not None:
            operation.held.discard(call)
        return place


def shape_of(request: ChatRequest) -> str:
    """What kind of call it is, for telling an operation's calls apart: what does not change from run to run.

    Never its text: clocks and ids are in it, and two replays would have no call in common.
    """
    words = ["chat"]
    if request.schema is not None:
        words.append("document")
    if request.tools:
        words.append("tools")
    if request.messages and request.messages[-1].role == "tool":
        words.append("result")
    if request.stream:
        words.append("stream")
    return " ".join(words)


def _named(nonces: Iterable[tuple[int, int, int]], operations: Iterable[_Operation]) -> _Operation | None:
    candidates = list(operations)
    for nonce in nonces:
        for operation in candidates:
            if operation.message == nonce:
                return operation
    return None


def _at(asked: Asked, operations: Iterable[_Operation]) -> _Operation | None:
    if asked.thread is None:
        return None
    for operation in operations:
        if operation.thread == asked.thread and asked.resource in (None, operation.resource):
            return operation
    return None


def _set(place: asyncio.Future[None]) -> None:
    if not place.done():
        place.set_result(None)
