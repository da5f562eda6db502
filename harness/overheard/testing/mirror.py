"""The fixture `overheard_mirror`: the model server for tests of one's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

from overheard.environment import environment
from overheard.mirror.server import Mirror


class Call(NamedTuple):
    """One request to the model: everything that it was shown, and the ids that the headers said."""

    kind: Literal["chat", "embedding"]
    texts: tuple[str, ...]
    thread: str | None
    resource: str | None


class Serving:
    """A model server that is up. `url` is what `OPENAI_BASE_URL` says, `calls` what it was asked so far."""

    def __init__(self) -> None:
        self.url = ""
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    @property
    def calls(self) -> tuple[Call, ...]:
        """Requests in the order of their arrival; of each, the newest user message comes first."""
        with self._lock:
            return tuple(self._calls)

    def called(
        self,
        *,
        kind: Literal["chat", "embedding"],
        user_texts: Sequence[str],
        other_texts: Sequence[str],
        thread: str | None,
        resource: str | None,
        shape: str = "",  # noqa: ARG002 - as `ModelLog`
    ) -> int:
        """As `ModelLog`: called by the mirror, from its own thread."""
        with self._lock:
            self._calls.append(Call(kind, (*user_texts, *other_texts), thread, resource))
            return len(self._calls)

    def answered(self, call: int, *, closed: bool = False) -> None:
        """As `ModelLog`."""


@contextmanager
def serving() -> Iterator[Serving]:
    """A mirror on a free port, and the usual variables pointing at it until the block ends."""
    one = Serving()
    with Mirror(one) as mirror, environment(mirror.environment()):
        one.url = mirror.url
        yield one
