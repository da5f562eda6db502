"""Judging a history, against merely decoding it: seconds, and how much memory it takes.

As a program it measures one history in a process of its own, and prints what it found as JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from stopwatch import fastest

from overheard.check.judge import judge
from overheard.history.events import AnyEvent
from overheard.history.reader import open_history


def decode(path: Path) -> int:
    """Decode every line, a block at a time, as fast as the library does it, and count them."""
    decoder = msgspec.json.Decoder(AnyEvent)
    events = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            events += len(decoder.decode_lines(block + file.readline()))
    return events


def peak() -> float:
    """The most memory that this process ever held, in MB."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        # Elsewhere there is only a figure that begins with what the parent held; macOS has it in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def calls_of_python(path: Path) -> int:
    """How many functions judging calls: what it does, whatever the machine is doing besides."""
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        judge(open_history(path))
    finally:
        sys.setprofile(None)
    return calls


def measure(path: Path, *, rounds: int) -> dict[str, float]:
    """Memory first, in a process that has judged nothing yet; then seconds, in turn, or calls for 0 rounds."""
    before = peak()
    judgement = judge(open_history(path))
    found = {"before": before, "peak": peak(), "operations": judgement.traffic.operations}
    found["leaks"] = sum(finding.occurrences for finding in judgement.findings)
    found["events"] = decode(path)
    if not rounds:
        return found | {"calls": calls_of_python(path)}
    return found | fastest(
        {"decode": lambda: decode(path), "judge": lambda: judge(open_history(path))}, rounds=rounds
    )


def in_a_process(path: Path, *, rounds: int) -> dict[str, float]:
    """`measure`, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, str(path), str(rounds)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def rows(paths: list[Path], *, rounds: int) -> Iterator[tuple[str, str, str, float, str]]:
    peaks = []
    for path in paths:
        found = in_a_process(path, rounds=rounds)
        peaks.append(found["peak"] - found["before"])
        each = int(path.stat().st_size / found["events"])
        yield (
            f"check, {found['events']:,.0f} events of {each} bytes", f"{found['judge']:.2f} s",
            f"decode {found['decode']:.2f} s", found["judge"] / found["decode"], "2 or less",
        )  # fmt: skip
        yield (
            f"check, memory above {found['before']:.0f} MB at the start", f"{peaks[-1]:.1f} MB",
            f"{len(paths)} histories: the first {peaks[0]:.1f} MB", peaks[-1] / peaks[0], "1.5 or less",
        )  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), rounds=int(sys.argv[2]))))
