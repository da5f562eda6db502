"""What stands between a user and all that can go wrong: exit codes, sentences, a clean standard output.

A command does its work and either returns or raises; here each class of error becomes one sentence on
standard error and one exit code. A violation and a failure of ours must never share a code: an
interpreter that dies of an exception exits 1, and that is the code of `violated`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HELD: Final = 0
VIOLATED: Final = 1
USAGE: Final = 2
INCONCLUSIVE: Final = 3
BROKEN: Final = 4
INTERRUPTED: Final = 130

CODES: Final[Mapping[str, int]] = {
    "held": HELD,
    "accepted": HELD,
    "violated": VIOLATED,
    "inconclusive": INCONCLUSIVE,
}
"""Exit code of each verdict. What a baseline accepts opens the gate, and is never called held."""

TABLE: Final = """\b
Exit codes:
    0  held; or accepted: nothing but what the baseline knows
    1  violated
    2  usage or configuration, an unknown target too
    3  inconclusive: nothing could be shown, or not enough
    4  the target cannot be imported, built or launched,
       or the failure is ours
  130  interrupted
"""

DOCTOR_TABLE: Final = """\b
Exit codes:
    0  measured: a contract is proposed; nothing is certified
    2  usage or configuration, an unknown target too
    3  nothing could be measured: no call was answered
    4  the target cannot be imported, built or launched,
       or the failure is ours
  130  interrupted
"""

START: Final = """\b
Start with:
  overheard demo                        see it find a leak
  overheard doctor path/to/agent.py     what your agent does
  overheard run path/to/agent.py        what it keeps to itself

\b
Exit code: 0 held, 1 violated, 3 inconclusive.
All of them: overheard run --help
"""

END_NOW: Final = os._exit
"""Ends the process and runs nothing more. Bound here, for a target may be kept from it (`nobody_leaves`)."""

_CRASH: Final = "overheard.crash-folder"
_MACHINE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE})
_GRACE: Final = 2.0
"""Seconds that threads a target left behind get to end before the process leaves without them."""


class Door(click.Group):
    """The command group: turns every exception into its sentence and its exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order in which they are of use, which is the order they are written in."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except BaseException as error:  # noqa: BLE001 - that is what a door is for; nothing is swallowed
            code = self._explain(error, ctx)
        raise click.exceptions.Exit(code)

    def _explain(self, error: BaseException, ctx: click.Context) -> int:
        from overheard.core.errors import OverheardError, UsageError  # noqa: PLC0415 - only an error needs it

        match error:
            case click.ClickException():
                error.show()
                return USAGE
            case UsageError():
                complain(str(error))
                return USAGE
            case OverheardError():
                complain(str(error))
                return BROKEN
            case KeyboardInterrupt() | click.Abort():
                complain("interrupted")
                return INTERRUPTED
            case OSError() if error.errno in _MACHINE:
                complain(_machine(error))
                return BROKEN
            case _:
                complain(_bug(error, ctx.meta.get(_CRASH)))
                return BROKEN


def keep_crashes_in(folder: Path) -> None:
    """From now on a traceback of ours is saved in `folder` rather than in the temporary folder."""
    click.get_current_context().meta[_CRASH] = folder


def complain(sentence: str) -> None:
    """One line on standard error, with nothing in it that a terminal would obey."""
    note(f"overheard: {sentence}")


def note(text: str) -> None:
    """Plain text on standard error. What an agent said may be in it: control characters are shown only."""
    from overheard.report.escape import visible  # noqa: PLC0415 - `--help` has nothing to escape

    safe = "\n".join(visible(line) for line in text.split("\n"))
    with contextlib.suppress(OSError, ValueError):  # nobody listens: no reason to change the exit code
        click.echo(safe, err=True)


def _machine(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"the machine refused{where}: {error.strerror}"


def _bug(error: BaseException, folder: Path | None) -> str:
    """Save the traceback and say where. `SystemExit` comes here as well: had it gone through, a target that
    calls `sys.exit(0)` would have been certified."""  # noqa: D209
    import tempfile  # noqa: PLC0415 - only a bug needs it
    import traceback  # noqa: PLC0415 - only a bug needs it

    text = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    for place in (folder, Path(tempfile.gettempdir())):
        if place is None:
            continue
        with contextlib.suppress(OSError):
            descriptor, name = tempfile.mkstemp(prefix="overheard-crash-", suffix=".txt", dir=place)
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123 - a descriptor
                file.write(text)
            return f"this is a bug in overheard: {what} (the traceback is in {name})"
    return f"this is a bug in overheard: {what} (and its traceback could not be saved)"


@contextlib.contextmanager
def clean_stdout() -> Iterator[Callable[[str | bytes], None]]:
    """Yield the one function that writes to standard output; everything else printed there goes to stderr.

    A target prints, its libraries print, its child processes print: with `--json` one such line makes the
    report unreadable. Both `sys.stdout` and, where it is a real file, descriptor 1 are turned away.
    """
    stdout = sys.stdout
    if stdout is not None:
        stdout.flush()
    saved = _turn_away(stdout)
    report: IO[str] = (
        stdout
        if saved is None
        else open(os.dup(saved), "w", encoding=stdout.encoding, errors="replace", newline="")  # noqa: PTH123, SIM115 - a descriptor
    )
    sys.stdout = sys.stderr
    try:
        yield lambda text: _write(report, text)
    finally:
        sys.stdout = stdout
        if saved is not None:
            with contextlib.suppress(OSError):
                report.close()
            os.dup2(saved, 1)
            os.close(saved)


def _turn_away(stdout: IO[str] | None) -> int | None:
    """Point descriptor 1 at standard error. A copy of what it was, or None if it is not ours to turn."""
    try:
        if stdout is None or stdout.fileno() != 1:
            return None
        saved = os.dup(1)
    except (OSError, ValueError, io.UnsupportedOperation):
        return None
    try:
        os.dup2(2, 1)
    except OSError:  # standard error is closed
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.close(nothing)
    return saved


def _write(stream: IO[str] | None, text: str | bytes) -> None:
    """Write all of `text`, or as much as somebody reads: `overheard run … | head` is no error."""
    if stream is None:
        return
    text = text.decode() if isinstance(text, bytes) else text
    try:
        stream.write(text if text.endswith("\n") else f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        # What is left in the buffer would raise once more when the stream is closed.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


@contextlib.contextmanager
def nobody_leaves(say: Callable[[int], str], code: Callable[[], int]) -> Iterator[None]:
    """While this is entered, `os._exit` called by a target ends the run with a sentence and a code of ours.

    `os._exit(0)` in a target would otherwise end the whole process as if everything had held. `say` is given
    the code that was asked for, `code` says with which one to leave. A forked child may leave as it likes.
    """
    ours = os.getpid()

    def stay(status: int) -> NoReturn:
        if os.getpid() == ours:
            complain(say(status))
            status = code()
        END_NOW(status)

    os._exit = stay
    try:
        yield
    finally:
        os._exit = END_NOW


def leave(code: int) -> NoReturn:
    """Exit with `code`, whatever a target left behind: its threads, and what it prints on the way out."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError, ValueError, AttributeError):
            stream.flush()
    with contextlib.suppress(OSError):
        os.dup2(2, 1)
    _leave_for_certain(code)
    sys.exit(code)


def _leave_for_certain(code: int) -> None:
    """A plain function that never returns holds a worker thread, and an interpreter waits for it for ever."""
    lingering = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    if lingering:
        timer = threading.Timer(_GRACE, END_NOW, (code,))
        timer.daemon = True
        timer.start()
