"""A target without surfaces beyond sending is judged as it was before there were scenarios about them."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.core.operation import BEYOND
from overheard.scenario.load import builtin
from overheard.zoo.catalogue import CATALOGUE

SHORT = msgspec.structs.replace(PROFILES["smoke"], explore=3, drawn=1, seconds=600.0)
# Sequential and interleaved alone: what really overlaps is another in every run.
BEFORE = ("recall", "stranger", "ids-missing")
SEEDS = 1
ABOUT_OTHERS = ("reading-surfaces", "changing-surfaces", "forgetting")


def judged(name, seed, campaign, scenarios):
    options = Options(
        target=f"agent-{random.SystemRandom().getrandbits(24)}",
        base=Path(),
        seed=seed,
        campaign=campaign,
        profile=SHORT,
        scenarios=tuple(builtin()[one] for one in scenarios),
    )
    return run(options, target_object=CATALOGUE[name].build)


@pytest.mark.parametrize("name", ["correct-thread", "correct-tenant", "thread-only-key-memory", "amnesic"])
def test_a_target_without_surfaces_is_judged_as_before(name, seed):
    campaign = fresh_numbers()[1]
    before = judged(name, seed, campaign, BEFORE)
    after = judged(name, seed, campaign, (*BEFORE, *ABOUT_OTHERS))
    assert (after.verdict, after.reasons, after.notes) == (before.verdict, before.reasons, before.notes)
    assert after.invariants[:5] == before.invariants[:5]
    assert [(one.invariant, one.diagnosis, one.occurrences) for one in after.findings] == [
        (one.invariant, one.diagnosis, one.occurrences) for one in before.findings
    ]
    assert after.traffic == before.traffic
    assert [cell for cell in after.coverage if cell.surface == "send"] == list(before.coverage)
    beyond = [cell for cell in after.coverage if cell.surface != "send"]
    assert {cell.surface for cell in beyond} == set(BEYOND)
    assert {cell.state for cell in beyond} <= {"not offered", "not promised"}
