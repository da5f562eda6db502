"""How long it takes to be there: the command line, and the plugin of a pytest that does not use it."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

_PLUGIN = """
import pytest, time
begin = time.process_time()
import overheard.pytest_plugin
print((time.process_time() - begin) * 1000)
"""


def _cost(command: list[str]) -> float:
    """Milliseconds of processor time of a whole process: on a loaded machine the wall clock tells of others."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def rows(*, rounds: int) -> Iterator[tuple[str, str, str, float, str]]:
    shown, python, plugin = float("inf"), float("inf"), float("inf")
    for _ in range(rounds):
        shown = min(shown, _cost([sys.executable, "-m", "overheard", "--help"]))
        python = min(python, _cost([sys.executable, "-c", "pass"]))
        done = subprocess.run([sys.executable, "-c", _PLUGIN], capture_output=True, text=True, check=True)
        plugin = min(plugin, float(done.stdout))
    yield (
        "overheard --help",
        f"{shown:.0f} ms",
        f"python -c pass {python:.0f} ms",
        shown / python,
        "under 150 ms",
    )
    yield (
        "import of the idle pytest plugin", f"{plugin:.2f} ms", f"python -c pass {python:.0f} ms",
        plugin / python, "under 5 ms",
    )  # fmt: skip
