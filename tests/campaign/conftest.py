"""Campaigns small enough to run in a second or two."""

from __future__ import annotations

from pathlib import Path

import pytest

from overheard.campaign import Options, Profile, fresh_numbers, run
from overheard.scenario.load import builtin

TINY = Profile(
    name="tiny", title="for tests", explore=1, drawn=0, proofs=1, reductions=2, seconds=300.0
)  # fmt: skip


@pytest.fixture
def options():
    """options(target=…, scenarios=[names], …) -> Options of a tiny campaign."""

    def make(scenarios=("recall",), **changes):
        seed, number = fresh_numbers()
        known = builtin()
        settings = {
            "target": "agent",
            "base": Path(),
            "seed": seed,
            "campaign": number,
            "profile": TINY,
            "scenarios": tuple(known[name] for name in scenarios),
            "timeout": 5.0,
        }
        return Options(**(settings | changes))

    return make


@pytest.fixture
def ran(options):
    """ran(target object, …) -> (judgement, every event recorded)"""

    def go(target, **changes):
        events = []
        judgement = run(options(**changes), target_object=target, observe=events.append)
        return judgement, events

    return go
