"""Real Mastra, where there is Node to run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SERVE = HERE.parents[1] / "examples" / "mastra" / "serve.py"
EVERYTHING = os.environ.get("OVERHEARD_MASTRA") == "all"


def without(reason):
    """Skip on a developer's machine; under CI a test that did not run is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def situations():
    """The situations to measure: all with OVERHEARD_MASTRA=all, otherwise those marked as usual."""
    every = tomllib.loads((HERE / "situations.toml").read_text())
    return {name: each for name, each in every.items() if EVERYTHING or each.get("usual")}


@pytest.fixture(scope="session")
def mastra():
    """Mastra installed; skips or fails with the reason if it cannot be."""
    if shutil.which(os.environ.get("OVERHEARD_NODE", "node")) is None:
        without("no Node here: install Node 22 from https://nodejs.org to test against real Mastra")
    done = subprocess.run(
        [sys.executable, SERVE, "--install-only"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        without(f"Mastra could not be installed: {done.stderr[-2000:]}")
    return SERVE


@pytest.fixture(scope="session")
def probe(mastra):
    """probe(*names): run the probe in a process of its own; what it measured, by situation."""

    def probe(*names):
        done = subprocess.run(
            [sys.executable, HERE / "probe.py", *names], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return probe


@pytest.fixture(scope="session")
def measured(probe, situations):
    """What the probe measured of each situation."""
    return probe(*situations)


@pytest.fixture(scope="session")
def table(program):
    """The program that writes docs/mastra.md, as a module."""
    return program(HERE / "table.py")
