"""Starting a target that is a program of its own, and leaving nothing of it running.

The program is started by a warden (`warden.py`, a process of its own) that ends it, and whatever it started
in turn, when told to, and as well when we are gone without having told it: by Ctrl-C, by an error of ours,
by `kill -9`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp

from overheard.adapters.blame import one_line
from overheard.core.errors import TargetBuildError

LOG: Final = "target.log"
"""Name of the file in a run's folder that holds what the target printed."""

LOG_LIMIT: Final = 32 << 20
"""Bytes of a target's output that are kept. A target that prints without end must not fill the disk."""

GRACE: Final = 5.0
"""Seconds that the target gets to end by itself once it is asked to."""

_LEAVING: Final = GRACE + 10.0
_LOOK: Final = 0.05
_ONE_LOOK: Final = 2.0
_NOTICE: Final = 0.5
_LINES: Final = 8
_WARDEN: Final = Path(__file__).with_name("warden.py")


class Launch(NamedTuple):
    """What is started, and how it is known to be ready.

    `command`      for the shell, run in `directory` with `environment` besides our own.
    `host`, `port` where it will accept connections.
    `ready`        address that answers 200 once it is ready; None: connections are enough.
    `seconds`      how long that may take.
    `log`          file for what it prints; None keeps it only to be quoted if it fails.
    """

    command: str
    directory: Path
    environment: Mapping[str, str]
    host: str
    port: int
    ready: str | None
    seconds: float
    log: Path | None


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def launched(launch: Launch) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Start a target, wait until it is ready, and end it and all that it started.

    Gives a function that says in words how the target ended, "" while it has not. The target is given our
    environment, in which the mirror's address is, and PORT. Raises TargetBuildError, with the last that it
    printed, if it ends or is not ready in time, or if somebody else has its port.
    """
    if await _connects(launch):
        raise TargetBuildError(
            f"something else answers at {launch.host}:{launch.port} already, so the target was not started; "
            "stop it, or leave the command out to test what is there"
        )
    with _log(launch.log) as log:
        async with _started(launch, log) as warden:
            await _ready(launch, warden, log)
            yield lambda: _fate(launch, warden)


@contextmanager
def _log(path: Path | None) -> Iterator[Path]:
    """The file for what the target prints, there already and for its owner alone: canaries may be in it."""
    if path is not None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        yield path
        return
    descriptor, name = tempfile.mkstemp(prefix="overheard-target-", suffix=".log")
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@asynccontextmanager
async def _started(launch: Launch, log: Path) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The warden, with the target in its care. It is told to end by closing its standard input."""
    if not launch.directory.is_dir():
        raise TargetBuildError(f"the target cannot be started in {launch.directory}: there is no such folder")
    warden = subprocess.Popen(  # noqa: ASYNC220, S603 - it returns at once; the command is the user's own
        # Without site packages and the user's settings: nothing of theirs may keep it from its work.
        [sys.executable, "-I", "-S", _WARDEN, log, str(LOG_LIMIT), str(GRACE), launch.command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=launch.directory,
        env={**os.environ, "PORT": str(launch.port), **launch.environment},
        # A session of its own: Ctrl-C at the terminal is for us, and the warden has its work to do then.
        start_new_session=True,
    )
    try:
        yield warden
    finally:
        assert warden.stdin is not None  # noqa: S101 - it was asked for
        with suppress(OSError):
            warden.stdin.close()
        # From here on it ends by itself; waiting is for those who look afterwards whether it has.
        deadline = time.monotonic() + _LEAVING
        while warden.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 - a process sends no event
            await asyncio.sleep(_LOOK)
        if warden.poll() is None:
            warden.kill()
            warden.wait()


async def _ready(launch: Launch, warden: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + launch.seconds
    while warden.poll() is None:
        if await (_connects(launch) if launch.ready is None else _answers(launch.ready)):
            return
        if time.monotonic() > deadline:
            where = launch.ready or f"{launch.host}:{launch.port}"
            raise TargetBuildError(
                f"the target was started and did not answer at {where} within {launch.seconds:g} s"
                f"{_last_words(log)}"
            )
        await asyncio.sleep(_LOOK)
    raise TargetBuildError(
        f"the target ended ({_how(warden.returncode)}) before it was ready{_last_words(log)}"
    )


async def _connects(launch: Launch) -> bool:
    try:
        async with asyncio.timeout(_ONE_LOOK):
            _, writer = await asyncio.open_connection(launch.host, launch.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _answers(url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=_ONE_LOOK)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False, ssl=False) as response,
        ):
            return response.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False


async def _fate(launch: Launch, warden: subprocess.Popen[bytes]) -> str:
    # A connection breaks a little before it is known that whoever held it has ended.
    deadline = time.monotonic() + _NOTICE
    while warden.poll() is None:
        if time.monotonic() > deadline:
            return ""
        await asyncio.sleep(_LOOK)
    kept = "" if launch.log is None else f"; what it printed is in {launch.log.name}"
    return f"the target that was started has ended ({_how(warden.returncode)}){kept}"


def _how(code: int) -> str:
    """A warden exits as its target did; a signal is told as a shell tells it."""
    return f"signal {code - 128}" if code > 128 else f"exit code {code}"


def _last_words(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4_096))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    said = [line for line in map(one_line, lines) if line][-_LINES:]
    return "; it printed nothing" if not said else "; the last that it printed:\n" + "\n".join(said)
