"""The process that keeps a launched target: it passes on what is printed, and ends it whatever happens.

It is run by its path, as `warden.py LOG LIMIT GRACE COMMAND`, and imports nothing of ours. It ends the
target when its standard input ends, which is when whoever started it closes it or is gone, killed or not;
and when the process that started it is not its parent any more, for a copy of the other end of that pipe
may live on in a forked child. All that the target left behind is ended as well, in whichever session or
group it hid: on Linux orphans become children of the warden.

It exits as the target did: with its code, or 128 and the number of the signal.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LOOK = 0.2
_PIECE = 1 << 16
_KILLING = 5.0


def main(log: str, limit: int, grace: float, command: str) -> int:
    """Run `command` until it ends or is to be ended. Returns the code to exit with."""
    parent = os.getppid()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: asked.append(received))
    reading, writing = os.pipe()
    child = subprocess.Popen(  # noqa: S602 - a shell command is what the user wrote
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
        start_new_session=True,
        # The warden has one thread, so this is safe; should the warden itself be killed, so is the target.
        preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - as said
    )
    os.close(writing)
    with open(log, "ab", buffering=0) as file, selectors.DefaultSelector() as selector:  # noqa: PTH123
        printed = _Printed(file.fileno(), limit)
        selector.register(reading, selectors.EVENT_READ, printed)
        selector.register(0, selectors.EVENT_READ)
        while not asked and os.getppid() == parent and _alive(child):
            if not _pass_on(selector):
                break
        _end(child, selector, grace)
        printed.finish()
    code = child.returncode
    return 128 - code if code is not None and code < 0 else code or 0


class _Printed:
    """Keeps the first `limit` bytes."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self._descriptor = descriptor
        self._room = limit
        self._lost = 0

    def add(self, piece: bytes) -> None:
        kept = piece[: self._room]
        self._room -= len(kept)
        self._lost += len(piece) - len(kept)
        with contextlib.suppress(OSError):  # a full disk is no reason to let the target live
            os.write(self._descriptor, kept)

    def finish(self) -> None:
        if self._lost:
            self._room = 200
            self.add(f"\n[{self._lost} more bytes were printed and not kept]\n".encode())


def _pass_on(selector: selectors.BaseSelector) -> bool:
    """Wait a moment for output and pass it on. False if standard input has ended."""
    for key, _ in selector.select(_LOOK):
        piece = os.read(key.fd, _PIECE)
        if key.data is None:
            if not piece:
                return False
        elif piece:
            key.data.add(piece)
        else:
            selector.unregister(key.fd)
    return True


def _alive(child: subprocess.Popen[bytes]) -> bool:
    """Whether anything of the target runs. A shell may be gone and its server live on in the background."""
    _reap(child)
    return child.returncode is None or bool(_descendants()) or _group(child.pid, 0)


def _end(child: subprocess.Popen[bytes], selector: selectors.BaseSelector, grace: float) -> None:
    """Ask everything to end, give it `grace` seconds, and kill what is left."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _KILLING)):
        deadline = time.monotonic() + patience
        if _alive(child):
            _tell(child, number)
        while _alive(child) and time.monotonic() < deadline:
            if number == signal.SIGKILL:  # what was started while others were being killed
                _tell(child, number)
            _drain(selector)
    _drain(selector)


def _drain(selector: selectors.BaseSelector) -> None:
    """Pass on what is printed on the way out: a target that cannot print cannot end."""
    for key, _ in selector.select(0.02):
        if key.data is not None:
            piece = os.read(key.fd, _PIECE)
            key.data.add(piece)
            if not piece:
                selector.unregister(key.fd)


def _tell(child: subprocess.Popen[bytes], number: int) -> None:
    _group(child.pid, number)
    for process in _descendants():
        with contextlib.suppress(OSError):
            os.kill(process, number)


def _group(leader: int, number: int) -> bool:
    """Signal a process group; whether there was one. Zombies count, so reap first."""
    try:
        os.killpg(leader, number)
    except OSError:
        return False
    return True


def _reap(child: subprocess.Popen[bytes]) -> None:
    """Collect all that ended. Not by `child.poll`, which would find its status taken by a wait for any."""
    with contextlib.suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            if process == child.pid:
                child.returncode = os.waitstatus_to_exitcode(status)


def _descendants() -> list[int]:
    """Every process below this one, as far as the system tells (Linux); zombies are none."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name, in parentheses, may hold spaces and parentheses of its own.
            state, parent = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                below.setdefault(int(parent), []).append(int(entry.parent.name))
    found: list[int] = []
    rest = [os.getpid()]
    while rest:
        children = below.get(rest.pop(), [])
        found += children
        rest += children
    return found


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere it does nothing."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
