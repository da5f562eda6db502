"""Writing a history: one line per event, whole lines only, readable by nobody else.

A history holds what users told an agent, so its file is created with mode 0600 and never opened if it
exists already (an existing file would keep its own permissions, and a link its own place).
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from overheard.core.canary import operations_named
from overheard.core.errors import InternalError
from overheard.history.events import (
    AnyEvent,
    ExampleEnded,
    ExampleStarted,
    Header,
    ModelAnswered,
    ModelCalled,
)
from overheard.history.evidence import excerpt
from overheard.history.sight import scan_prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

E = TypeVar("E", bound=AnyEvent)

_BUFFER_LIMIT: Final = 1 << 18
"""Bytes of lines that may wait in memory while one example runs."""


class Recorder:
    """Writes a campaign's events, in the order in which they happened. Thread-safe.

    `path`     the file to create; None keeps nothing on disk.
    `clock`    microseconds since the campaign began. It is read inside the lock, so that the order of the
               lines is the order of their times: with a time read outside, two threads can swap them.
    `observe`  is given each event as it is recorded (progress, NDJSON). It runs inside the lock: it must
               be quick and must not record.

    `campaign` whose canaries are looked for in prompts where they are damaged, too (see `sight.scan`).

    Lines are written at the end of each example, at the first line, and whenever many wait, so a
    kill -9 costs at most the tail of the running example. Nothing half-written is left behind a full disk.

    Implements `ModelLog`, so the mirror writes to the same history from its own thread.

    Raises InternalError if the file cannot be created, and from every later call once a write has failed.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        clock: Callable[[], int],
        observe: Callable[[AnyEvent], None] | None = None,
        campaign: int | None = None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._observe = observe
        self._campaign = campaign
        self._lock = threading.Lock()
        self._encode = msgspec.json.Encoder().encode
        self._lines: list[bytes] = []
        self._waiting = 0
        self._written = 0
        self._example = 0
        self._calls = 0
        self._failure: str | None = None
        self._file = None if path is None else _create(path)

    @property
    def example(self) -> int:
        """The example that is being driven."""
        return self._example

    def begin(self, example: int) -> None:
        """Record model calls under `example` from now on. Recording an ExampleStarted does this by itself."""
        with self._lock:
            self._example = example

    def record(self, event: E) -> E:
        """Append an event and return it as recorded: with the time of recording for its `t`."""
        with self._lock:
            return self._append(event)

    def called(
        self,
        *,
        kind: Literal["chat", "embedding"],
        user_texts: Sequence[str],
        other_texts: Sequence[str],
        thread: str | None,
        resource: str | None,
        shape: str = "",
    ) -> int:
        """Record a request to the model and return its number.

        `user_texts` come newest message first. Inside one text the last nonce is the newest: agents that
        flatten a conversation into one message put what was said last at its end.
        """
        # Everything slow happens outside the lock: the driver must not wait for a long prompt's scan.
        texts = (*user_texts, *other_texts)
        sights = scan_prompt(texts, self._campaign)
        event = ModelCalled(
            example=0,
            call=0,
            t=0,
            kind=kind,
            nonces=operations_named(user_texts),
            elsewhere=operations_named(other_texts),
            thread=thread,
            resource=resource,
            shape=shape,
            text="" if kind == "embedding" else excerpt(texts, sights),
            length=sum(map(len, texts)),
            sights=sights,
        )
        with self._lock:
            self._calls += 1
            return self._append(replace(event, example=self._example, call=self._calls)).call

    def answered(self, call: int, *, closed: bool = False) -> None:
        """Record that the request numbered `call` was answered, or that its asker had gone (`closed`)."""
        with self._lock:
            self._append(ModelAnswered(example=self._example, call=call, t=0, closed=closed))

    def flush(self) -> None:
        """Write every line that waits."""
        with self._lock:
            self._refuse_after_failure()
            self._flush()

    def close(self) -> None:
        """Write what waits and close the file. Harmless when called again, or after a failure."""
        with self._lock:
            if self._file is None:
                return
            try:
                if self._failure is None:
                    self._flush()
            finally:
                os.close(self._file)
                self._file = None

    def _append(self, event: E) -> E:
        self._refuse_after_failure()
        kind = type(event)
        if kind is not Header:
            event = replace(event, t=self._clock())
        try:
            line = self._encode(event)
        except UnicodeEncodeError:
            event = _encodable(event)
            line = self._encode(event)
        if self._file is not None:
            # One append of one object: an interrupt (Ctrl-C) can fall between two steps, and
            # must not leave a line without its end.
            self._lines.append(line)
            self._waiting += len(line) + 1
            if kind is ExampleEnded or kind is Header or self._waiting > _BUFFER_LIMIT:
                self._flush()
        if kind is ExampleStarted:
            self._example = event.example  # type: ignore[union-attr]  # narrowed by `kind`
        if self._observe is not None:
            self._observe(event)
        return event

    def _flush(self) -> None:
        if self._file is None or not self._lines:
            return
        data = b"\n".join(self._lines) + b"\n"
        end = self._written + len(data)
        done = 0
        try:
            # Written at a place, not at the end: a flush that was interrupted and is repeated overwrites its
            # own beginning instead of doubling it.
            while done < len(data):
                done += os.pwrite(self._file, memoryview(data)[done:], self._written + done)
        except OSError as error:
            self._failure = _cannot_write(self._path, error)
            _drop_torn_line(self._file, self._written + data.rfind(b"\n", 0, done) + 1)
            self._refuse_after_failure()
        self._written, self._lines, self._waiting = end, [], 0

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise InternalError(self._failure)


def _create(path: Path) -> int:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise InternalError(
            f"cannot record the history to {path}: there is already something of that name; "
            "move it away, or choose another folder"
        ) from error
    except OSError as error:
        raise InternalError(_cannot_write(path, error)) from error
    return file


def _cannot_write(path: Path | None, error: OSError) -> str:
    why = error.strerror or type(error).__name__
    return (
        f"cannot record the history to {path}: {why}; make room or choose another folder with --output, "
        "and run again (every line already written is whole)"
    )


def _drop_torn_line(file: int, end: int) -> None:
    try:
        os.ftruncate(file, end)
    except OSError:
        return  # The device takes nothing any more; a reader copes with a last line that is cut.


def _encodable(event: E) -> E:
    # A target may answer with half a surrogate pair, which is a Python string and no Unicode text.
    clean = _without_surrogates(msgspec.to_builtins(event))
    return msgspec.convert(clean, type(event))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(part) for part in value]
    return value
