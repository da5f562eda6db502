"""Planted races of known depth: found by every seed, replayed every time, and said in as few words as there are.

A miss is a bug of the strategies to mend, never a seed to change.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys

import msgspec
import pytest

from overheard import regressions
from overheard.core.schedule import deviations
from overheard.history.events import Decided, ExampleStarted
from overheard.report.order import choices_by_round, deviations_in_words
from overheard.scenario.load import builtin

SEEDS = int(os.environ.get("OVERHEARD_POWER_SEEDS", "1"))
"""How many fresh seeds each race is looked for with: one in the ordinary run, 20 in the full proof."""

REPLAYS = 100 if SEEDS > 1 else 3
WAYS = ("process", "python", "node")
DEPTHS = (1, 2, 3)

WORDS = {
    1: ("the model answers step {last} (chat) before the model answers step {last} (chat document)",),
    2: ("step {last} starts before the model answers step {first}",),
    3: (
        "step {last} starts before the model answers step {first}",
        "the model answers step {last} before the model answers step {first}",
    ),
}
"""All that has to be said of the smallest schedule: what an operation does out of turn."""


def ways() -> list[str]:
    """All in the full proof; in the ordinary run one, to be drawn."""
    return list(WAYS) if SEEDS > 1 else [" or ".join(WAYS)]


def drawn(way: str) -> str:
    found = random.SystemRandom().choice(way.split(" or "))
    print(found)
    return found


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("way", ways())
def test_a_race_is_found_made_small_and_replayed(way, depth, seed, campaign, budget):
    way = drawn(way)
    judgement, events = campaign(way, depth, seed)
    assert judgement.verdict == "violated"
    (finding,) = judgement.findings
    assert (finding.invariant, finding.diagnosis) == ("no-cross-resource-leakage", "race on shared state")
    small, least = finding.minimal, len(WORDS[depth])
    assert len(small.operations) <= 5
    assert deviations(small.schedule) == least
    (round_, choices), *others = choices_by_round(small).items()
    assert (sum(map(bool, choices)), others) == (least, [])
    together = [one.number for one in small.operations if one.round == round_]
    words = [said.format(first=together[0], last=together[-1]) for said in WORDS[depth]]
    assert deviations_in_words(small) == words
    assert len(together) == (1 if depth == 1 else 2)
    assert finding.replayed == finding.replays

    kept = regressions.document(regressions.of(finding))
    again = regressions.parsed("race", kept, where="the test", advice="")
    none = msgspec.structs.replace(budget, explore=0, drawn=0, reductions=0)
    judgement, events = campaign(way, depth, seed, profile=none, regressions=(again,), replays=REPLAYS)
    (replayed,) = judgement.regressions
    assert (replayed.plays, replayed.shown) == (REPLAYS, REPLAYS)
    assert not [event for event in events if isinstance(event, Decided) and event.diverged]


LOAD = os.environ.get("OVERHEARD_RACES_LOAD") == "1"
SCHEDULES = 1_000 if LOAD else 20
"""Randomised schedules in all: with OVERHEARD_RACES_LOAD=1 over every target, while all cores are busy."""

EVERY = [f"{way} {depth}" for way in WAYS for depth in DEPTHS]


@pytest.fixture
def busy():
    """Under load, something else that never waits on each core."""
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range((os.cpu_count() or 1) if LOAD else 0)
    ]
    yield
    for other in others:
        other.kill()
        other.wait()


@pytest.mark.parametrize("target", EVERY if LOAD else [" or ".join(EVERY)])
def test_randomised_schedules_come_to_their_end_and_the_twin_is_clean(target, campaign, budget, busy):
    way, depth = drawn(target).split()
    scenario = builtin()["concurrent-resources"]
    kinds = dict.fromkeys(("walk", "choices", "pct-1", "pct-2", "pct-3"), 1.0)
    scenario = msgspec.structs.replace(scenario, schedules=kinds, turns=(12, 20))
    each = -(-SCHEDULES // len(EVERY)) if LOAD else SCHEDULES
    profile = msgspec.structs.replace(budget, explore=each, drawn=0, reductions=0, seconds=3_000.0)
    seed = random.SystemRandom().getrandbits(32)
    judgement, events = campaign(way, int(depth), seed, mended=True, profile=profile, scenarios=(scenario,))
    begun = [one for one in events if isinstance(one, ExampleStarted) and one.plan.schedule is not None]
    traffic = judgement.traffic
    print(f"seed {seed}: {len(begun)} schedules, {traffic.decisions} steps, {traffic.blocked} blocked")
    assert judgement.findings == ()
    assert len(begun) == each
    assert events[-1].reason == "completed"
    assert traffic.unknown == 0, "none was left waiting until its time was over"
    assert traffic.overlapping > 0
    assert traffic.blocked < 0.05 * traffic.decisions
