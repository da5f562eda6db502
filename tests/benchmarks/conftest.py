"""What the benchmarks measure, on a small scale, for tests that assert growth and never seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

_MAKE = """
import json, sys
from pathlib import Path
import histories
folder = Path(sys.argv[1])
source = histories.campaign(folder / "campaign.jsonl", agent=sys.argv[2], operations=int(sys.argv[3]), explore=1)
for events in sys.argv[4:]:
    histories.multiplied(source, folder / f"{events}.jsonl", events=int(events))
"""


def _run(*arguments):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=HERE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def histories(tmp_path):
    """histories(agent, operations, sizes) -> files with so many events, out of one real campaign of it"""

    def make(agent, operations, sizes):
        folder = tmp_path / f"{agent}-{operations}"
        folder.mkdir()
        _run("-c", _MAKE, folder, agent, operations, *sizes)
        return [folder / f"{size}.jsonl" for size in sizes]

    return make


@pytest.fixture
def measured():
    """measured(history) -> memory and calls of judging it, in a process of its own"""
    return lambda path: json.loads(_run("judging.py", path, 0))


@pytest.fixture
def quick_table():
    """The whole table of ratios, measured on a small scale."""
    return _run("run.py", "--quick")
