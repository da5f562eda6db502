"""Campaigns against the planted races, in process and behind HTTP."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from overheard.adapters.resolve import load
from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.scenario.load import builtin

HERE = Path(__file__).parent
BUDGET = msgspec.structs.replace(PROFILES["standard"], proofs=0, reductions=1, seconds=900.0)
"""A race is found within these examples of one scenario: 25 expanded from the seed and 5 drawn."""


def pytest_generate_tests(metafunc):
    if "nth" in metafunc.fixturenames:
        metafunc.parametrize("nth", range(metafunc.module.SEEDS))


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    """The Python of the tests is the one that targets are started with."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="session")
def planted():
    """The races that are driven in process, by depth: each and its twin."""
    return load("agents.py:PLANTED", base=HERE)


@pytest.fixture
def budget():
    """How much is done to find a race."""
    return BUDGET


@pytest.fixture
def campaign(planted):
    """campaign(way, depth, seed, mended=False, …) -> (judgement, every event): `way` is process, python or node."""

    def go(way, depth, seed, *, mended=False, **changes):
        if way == "node" and shutil.which("node") is None:
            reason = "no Node here: install Node 22 from https://nodejs.org"
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
        found = planted[depth][mended] if way == "process" else None
        program = {"python": "python3 server.py", "node": "node server.mjs"}.get(way)
        again = f"cd {shlex.quote(str(HERE))} && exec {program} {depth} mended"
        events = []
        settings = {
            "target": "agent" if way == "process" else f"{way}-{depth}.toml",
            "base": HERE,
            "seed": seed,
            "campaign": fresh_numbers()[1],
            "profile": BUDGET,
            "scenarios": (builtin()["concurrent-resources"],),
            "serve": again if mended and way != "process" else None,
        }
        judgement = run(Options(**(settings | changes)), target_object=found, observe=events.append)
        return judgement, events

    return go
