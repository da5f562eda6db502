"""`overheard mirror`: the model server by itself, for an agent that is started by hand."""

from __future__ import annotations

import itertools
import shlex
import signal
from typing import TYPE_CHECKING, Literal

from overheard.mirror.server import Mirror

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Narrator:
    """A `ModelLog` that says a line for each call: how much was asked, nothing of what."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._numbers = itertools.count(1)

    def called(
        self,
        *,
        kind: Literal["chat", "embedding"],
        user_texts: Sequence[str],
        other_texts: Sequence[str],
        thread: str | None,
        resource: str | None,
        shape: str = "",  # noqa: ARG002 - as the text, none of it is said
    ) -> int:
        number = next(self._numbers)
        size = sum(map(len, user_texts)) + sum(map(len, other_texts))
        ids = "".join(
            f", {name} {value!r}" for name, value in (("thread", thread), ("resource", resource)) if value
        )
        self._say(f"{kind} call {number}: {len(user_texts)} user messages, {size} characters in all{ids}")
        return number

    def answered(self, call: int, *, closed: bool = False) -> None:
        if closed:
            self._say(f"call {call}: the asker hung up")


def serve(port: int, *, emit: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Serve until interrupted; returns only by KeyboardInterrupt. Raises what `Mirror.start` raises."""
    with Mirror(Narrator(say), port=port) as mirror:
        # An interrupt is waited for, and not raised wherever it strikes: in a finaliser it is lost, and who
        # sends one as soon as the variables are there would wait for ever.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            emit(
                "\n".join(
                    f"export {name}={shlex.quote(value)}" for name, value in mirror.environment().items()
                )
            )
            say(f"the mirror serves {mirror.url} until it is interrupted")
            signal.sigwait({signal.SIGINT})
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    raise KeyboardInterrupt
