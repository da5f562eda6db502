"""What a user copies, and functions that have no model or never wait, judged by a whole campaign."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.scenario.load import builtin
from overheard.zoo.plain import dictionary, never_suspends

EXAMPLES = Path(__file__).parents[2] / "examples"
SMOKE = msgspec.structs.replace(PROFILES["smoke"], seconds=600.0)
SEEDS = 1


def campaign(target, seed, *, target_object=None, contract=(), scenarios=()):
    options = Options(
        target=target,
        base=EXAMPLES,
        seed=seed,
        campaign=fresh_numbers()[1],
        profile=SMOKE,
        scenarios=tuple(builtin()[name] for name in scenarios or builtin()),
        layers=(("flag", dict(contract)),),
    )
    return run(options, target_object=target_object)


def stories(judgement):
    return {(one.invariant, one.diagnosis) for one in judgement.findings}


def of(judgement, name):
    return next(one for one in judgement.invariants if one.name == name)


def test_the_langgraph_agent_is_held_as_bearer(seed):
    judgement = campaign("langgraph/agent.py", seed)
    assert judgement.verdict == "held", (judgement.reasons, stories(judgement))
    assert of(judgement, "thread-ownership").status == "not promised"
    assert judgement.attribution.attributed > 0
    assert judgement.traffic.overlapping > 0


def test_declared_owned_its_thread_id_is_found_to_be_the_only_key(seed):
    contract, scenarios = {"thread_ids": "owned"}, ("recall", "sibling-threads", "same-thread-id", "stranger")
    judgement = campaign("langgraph/agent.py", seed, contract=contract, scenarios=scenarios)
    assert judgement.verdict == "violated"
    assert ("thread-ownership", "thread id is the only key") in stories(judgement)
    assert {diagnosis for _, diagnosis in stories(judgement)} == {"thread id is the only key"}


def test_a_bare_graph_takes_what_comes_and_everybody_without_an_id_shares_it(seed):
    scenarios = ("recall", "sibling-threads", "many-resources", "ids-missing")
    judgement = campaign("langgraph/bare.py", seed, scenarios=scenarios)
    assert stories(judgement) == {("ids-required", "missing ids share a bucket")}


@pytest.mark.parametrize("build", [dictionary, never_suspends])
def test_what_cannot_overlap_is_held_on_what_it_offers_and_the_rest_is_not_claimed(build, seed):
    judgement = campaign("plain", seed, target_object=build)
    assert judgement.verdict == "held", (judgement.reasons, stories(judgement))
    concurrent = [cell for cell in judgement.coverage if cell.condition == "concurrent"]
    assert concurrent
    assert {cell.state for cell in concurrent} == {"not offered"}
    assert judgement.traffic.overlapping == 0
    assert any("does not talk to the mirror" in note for note in judgement.notes)


def test_the_plain_example_is_held(seed):
    judgement = campaign("plain/agent.py", seed)
    assert judgement.verdict == "held", (judgement.reasons, stories(judgement))
