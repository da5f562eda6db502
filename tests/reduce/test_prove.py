"""Choosing where to put a leak in on purpose: at bracketed exposures, one for each cell and channel."""

from itertools import pairwise

import pytest

from overheard.check.exposure import exposures
from overheard.core.collision import RESERVED
from overheard.core.operation import bind_text
from overheard.drive.inject import INJECTORS
from overheard.reduce.project import project
from overheard.reduce.prove import proofs_of, swaps_of

CAMPAIGN = 4711
LEAKAGE = {
    "sibling-threads": "no-cross-thread-recall",
    "many-resources": "no-cross-resource-leakage",
    "stranger": "thread-ownership",
    "ids-missing": "ids-required",
}


@pytest.mark.parametrize("name", LEAKAGE)
def test_a_leak_is_put_in_for_what_the_scenario_is_about_through_both_channels(name, weave, observed):
    proofs = list(proofs_of(observed(weave(name, 1))))
    chosen = {(proof.injection.invariant, proof.injection.channel) for proof in proofs}
    assert {(LEAKAGE[name], "reply"), (LEAKAGE[name], "prompt")} <= chosen
    assert {proof.injection.injector for proof in proofs} == {"reply", "prompt"} <= set(INJECTORS)


@pytest.mark.parametrize("name", LEAKAGE)
def test_each_stands_at_a_bracketed_exposure_of_its_invariant(name, weave, observed):
    for seed in range(5):
        seen = observed(weave(name, seed))
        bracketed = {
            (one.invariant, one.fact.plan.text, one.probe.plan.text)
            for one in exposures(seen)
            if one.control == "bracketed"
        }
        for plan, injection, _ in proofs_of(seen):
            fact, into = plan.operations[injection.fact], plan.operations[injection.into]
            assert (injection.invariant, fact.text, into.text) in bracketed
            assert fact.tells
            assert fact.round < into.round
            assert injection.fact in into.asks


@pytest.mark.parametrize("name", LEAKAGE)
def test_one_for_each_cell_and_channel(name, weave, observed):
    for seed in range(5):
        seen = observed(weave(name, seed))
        found = [(*proof.kind, proof.injection.channel) for proof in proofs_of(seen)]
        assert len(set(found)) == len(found)
        cells = {(one.relation, one.condition) for one in exposures(seen) if one.control == "bracketed"}
        assert {(relation, condition) for relation, condition, _ in found} == cells


@pytest.mark.parametrize("name", LEAKAGE)
def test_their_plans_are_small_and_hold_a_recital_to_the_owner_first(name, weave, observed):
    for seed in range(5):
        for plan, injection, _ in proofs_of(observed(weave(name, seed))):
            assert 2 <= len(plan.operations) <= 3
            assert plan.source == "reduced"
            assert all(one.round <= two.round for one, two in pairwise(plan.operations))
            assert len({bind_text(op, 1, 1) for op in plan.operations}) == len(plan.operations)
            if len(plan.operations) == 3:
                recital = next(
                    op for op in plan.operations if op.number not in (injection.fact, injection.into)
                )
                fact = plan.operations[injection.fact]
                assert injection.fact in recital.asks
                assert (recital.thread, recital.resource) == (fact.thread, fact.resource)
                assert fact.number < recital.number < injection.into


def test_without_a_model_call_none_is_put_into_prompts(weave, observed):
    """A leak into a prompt that the target never sends would be missed, and say nothing about the harness."""
    proofs = list(proofs_of(observed(weave("many-resources", 1), with_model=False)))
    assert proofs
    assert {proof.injection.channel for proof in proofs} == {"reply"}


def test_nothing_is_put_into_prompts_of_ids_that_are_the_same_in_every_example(weave, observed):
    """A target whose threads are owned refuses whoever comes second to `*`, and the leak went unseen."""
    into, met = set(), False
    for seed in range(8):
        seen = observed(weave("colliding-ids", seed))
        met = met or any(
            not RESERVED.isdisjoint(one.probe.presented) and one.probe.called() for one in exposures(seen)
        )
        into |= {
            plan.operations[injection.into].thread
            for plan, injection, _ in proofs_of(seen)
            if injection.channel == "prompt"
        }
    assert met
    assert RESERVED.isdisjoint(into)
    assert into


def test_where_nothing_was_exposed_there_is_nothing_to_prove(weave, observed):
    assert list(proofs_of(observed(weave("recall", 1)))) == []


def test_an_exposure_without_its_bracket_is_no_place_for_a_proof(weave, observed):
    """Nobody is asked again after the probe: the fact may have been gone, and so would the leak."""
    for seed in range(5):
        plan = weave("stranger", seed)
        asked = [op for op in plan.operations if not (op.asks and not op.intrudes)]
        seen = observed(project(plan, {op.number for op in asked}).plan)
        assert list(exposures(seen))
        assert list(proofs_of(seen)) == []


@pytest.mark.parametrize("seed", range(5))
def test_an_answer_is_handed_to_one_that_waits_for_another_and_must_not_hear_of_it(seed, weave, observed):
    seen = observed(weave("concurrent-resources", seed))
    (proof,) = swaps_of(seen, CAMPAIGN)
    given, into = proof.plan.operations
    if proof.injection.fact:
        given, into = into, given
    assert (given.number, into.number) == (proof.injection.fact, proof.injection.into)
    assert given.round == into.round
    assert given.caller != into.caller
    assert proof.kind == ("reply-matches-request", "concurrent")
    again = observed(proof.plan)
    assert all(op.overlapped for op in again.view.ops.values())


def test_where_nothing_is_in_flight_together_no_answer_can_be_handed_over(weave, observed):
    assert list(swaps_of(observed(weave("many-resources", 1)), CAMPAIGN)) == []
    quiet = observed(weave("concurrent-resources", 1), with_model=False)
    assert list(swaps_of(quiet, CAMPAIGN)) == []
