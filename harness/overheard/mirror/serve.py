"""The mirror alone, in the foreground: for trying an agent by hand, and for targets in other processes."""

from __future__ import annotations

import itertools
import shlex
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from overheard.core.canary import find_canaries, find_nonces
from overheard.mirror.log import CallKind
from overheard.mirror.server import Mirror


class EchoLog:
    """A ModelLog that says one line per call: kind, nonces, how many canaries. Never the text."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self._echo = echo
        self._numbers = itertools.count(1)

    def called(
        self,
        *,
        kind: CallKind,
        user_texts: Sequence[str],
        other_texts: Sequence[str],
        thread: str | None,  # noqa: ARG002 - ids are not shown: they may be secrets
        resource: str | None,  # noqa: ARG002
        shape: str = "",  # noqa: ARG002
    ) -> int:
        number = next(self._numbers)
        texts = (*user_texts, *other_texts)
        nonces = dict.fromkeys(nonce for text in texts for nonce in find_nonces(text))
        canaries = {canary for text in texts for canary in find_canaries(text)}
        words = [f"#{number}", kind, *(nonces or ("no-nonce",)), f"canaries={len(canaries)}"]
        self._say(" ".join(words))
        return number

    def answered(self, call: int, *, closed: bool = False) -> None:
        if closed:
            self._say(f"#{call} hung up before it was answered")

    def _say(self, line: str) -> None:
        # A reader that has gone (`overheard mirror | head`) must not fail the model calls.
        with suppress(OSError):
            self._echo(line)


def run_foreground(
    port: int, echo: Callable[[str], None], *, until: Callable[[], object] | None = None
) -> None:
    """Serve on `port` (0: any free one) until Ctrl-C, or until `until` returns.

    Through `echo` go the address, the variables that lead a target here as shell lines, and then one line
    per model call. Raises UsageError if the port cannot be had.
    """
    with Mirror(EchoLog(echo), port=port) as mirror, suppress(KeyboardInterrupt):
        echo(f"mirror listening on {mirror.url}; Ctrl-C stops it")
        for name, value in mirror.environment().items():
            echo(f"export {name}={shlex.quote(value)}")
        (until or threading.Event().wait)()
