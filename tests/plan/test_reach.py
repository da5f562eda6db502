"""What the built-in scenarios reach: each its own controlled exposures, in every example, at smoke size.

A pass that proved nothing is never a pass, so the plans must hold the chances to leak that a scenario is
about, each bracketed by its owner's recall. They are counted by an ideal target, in the conftest.
"""

import random
from collections import Counter
from itertools import pairwise

import pytest

from overheard.core.contract import Contract
from overheard.core.offers import Offers
from overheard.plan.draw import draw
from overheard.plan.offered import cells
from overheard.plan.weave import expand
from overheard.scenario.load import builtin

EXAMPLES = 8
WANTED = 50
"""Controlled exposures of each promise in a run of smoke size."""

TENANTS = Offers(accepts=("thread", "resource", "tenant"))
CALLERS = Offers(accepts=("thread", "resource", "caller"))

LEAKAGE = {
    "colliding-ids": "distinct-ids-stay-distinct",
    "concurrent-resources": "no-cross-resource-leakage",
    "ids-missing": "ids-required",
    "ids-shown": "thread-ownership",
    "many-resources": "no-cross-resource-leakage",
    "same-thread-id": "thread-ownership",
    "sibling-threads": "no-cross-thread-recall",
    "stranger": "thread-ownership",
}


@pytest.fixture
def seed():
    number = random.SystemRandom().getrandbits(32)
    print(f"seed {number}")  # shown by pytest if the test fails
    return number


def smoke(scenario, seed, contract=None, offers=None):
    contract, offers = contract or Contract(), offers or Offers()
    return [
        expand(scenario, seed=seed, index=index, contract=contract, offers=offers)
        for index in range(EXAMPLES)
    ]


def test_every_scenario_but_recall_is_about_one_leak(scenarios):
    judged = {
        name: set(scenario.invariants) - {"recall-within-thread"} for name, scenario in scenarios.items()
    }
    assert len(judged.pop("reading-surfaces")) == 4
    assert judged.pop("changing-surfaces") == {"thread-ownership", "ids-required"}
    assert judged.pop("forgetting") == {"forgotten-stays-forgotten"}
    assert judged.pop("cancelled-requests") == {"no-cross-resource-leakage", "reply-matches-request"}
    # Answers can be mixed up where calls overlap, and every answer is a chance: no move has to make it.
    assert "reply-matches-request" in judged["concurrent-resources"]
    judged["concurrent-resources"].remove("reply-matches-request")
    assert judged == {"recall": set()} | {name: {invariant} for name, invariant in LEAKAGE.items()}


@pytest.mark.parametrize("name", LEAKAGE)
@pytest.mark.parametrize(
    ("contract", "offers"),
    [
        (Contract(), Offers()),
        (Contract(), TENANTS),
        (Contract(authentication="caller"), CALLERS),
        (Contract(recall=2), Offers()),
        (Contract(recall=1000), Offers()),
        (Contract(recall_kind="ranked"), Offers()),
        (Contract(), Offers(required=("thread", "resource"))),
    ],
    ids=["default", "tenants", "callers", "window of 2", "window of 1000", "ranked", "required"],
)
def test_a_smoke_run_has_enough_controlled_exposures(
    name, contract, offers, scenarios, seed, count_controlled
):
    counts = Counter()
    for plan in smoke(scenarios[name], seed, contract, offers):
        found = count_controlled(plan, contract, offers)[LEAKAGE[name]]
        assert found, "every example counts towards the bound"
        counts[LEAKAGE[name]] += found
    assert counts[LEAKAGE[name]] >= WANTED


@pytest.mark.parametrize(("scope", "offers"), [("resource", Offers()), ("tenant", TENANTS)])
@pytest.mark.parametrize(
    "name", ["colliding-ids", "many-resources", "concurrent-resources", "stranger", "ids-missing"]
)
def test_wider_scopes_keep_enough(name, scope, offers, scenarios, seed, count_controlled):
    contract = Contract(scope=scope)
    found = Counter()
    for plan in smoke(scenarios[name], seed, contract, offers):
        found += count_controlled(plan, contract, offers)
    assert found[LEAKAGE[name]] >= WANTED


@pytest.mark.parametrize(
    "name", ["colliding-ids", "many-resources", "concurrent-resources", "sibling-threads"]
)
def test_a_bearer_contract_keeps_enough(name, scenarios, seed, count_controlled):
    contract = Contract(thread_ids="bearer")
    found = Counter()
    for plan in smoke(scenarios[name], seed, contract):
        found += count_controlled(plan, contract, Offers())
    assert found[LEAKAGE[name]] >= WANTED
    assert found["thread-ownership"] == 0


@pytest.mark.parametrize("name", sorted(builtin()))
def test_a_smoke_run_asks_for_enough_of_what_recall_promises(name, scenarios, seed, count_recalls, library):
    counts = [count_recalls(plan, Contract()) for plan in smoke(scenarios[name], seed, offers=library)]
    assert min(counts) > 0
    assert sum(counts) >= (WANTED if name == "recall" else EXAMPLES)


@pytest.mark.parametrize("name", LEAKAGE)
def test_drawn_plans_reach_it_too(name, scenarios, seed, count_controlled):
    plans = draw(scenarios[name], seed=seed, count=10, contract=Contract(), offers=Offers())
    reached = [count_controlled(plan, Contract(), Offers())[LEAKAGE[name]] > 0 for plan in plans]
    assert sum(reached) >= 9, "the engine draws the least first: one plan may be too small"


def test_every_way_of_leaving_out_ids_is_reached(scenarios, seed, count_controlled):
    """The rotation goes on from example to example, so it is certain and not merely likely."""
    scenario, contract, offers = scenarios["ids-missing"], Contract(), Offers()
    reached = Counter()
    for plan in smoke(scenario, seed):
        for op in plan.operations:
            thread, resource = contract.missing(op.thread), contract.missing(op.resource)
            if thread and resource:
                assert thread == resource
            ids = "both" if thread and resource else "thread" if thread else "resource" if resource else None
            if ids and op.asks:
                reached[f"{ids} {thread or resource}"] += 1
    wanted = {str(cell) for cell in cells(scenario, contract, offers)}
    assert len(wanted) == 9, "blank is an ordinary id unless declared"
    assert {cell for cell, count in reached.items() if count >= 4} == wanted


def test_declared_blanks_are_left_out_as_well(scenarios, seed):
    contract = Contract(missing_ids={"blank": "closed"})
    plans = smoke(scenarios["ids-missing"], seed, contract)
    assert len(cells(scenarios["ids-missing"], contract, Offers())) == 12
    blanks = {op.thread for plan in plans for op in plan.operations if contract.missing(op.thread) == "blank"}
    assert len(blanks) > 1, "white space comes in more than one form"


def test_concurrent_rounds_hold_several_callers(scenarios, seed):
    for plan in smoke(scenarios["concurrent-resources"], seed):
        sizes = Counter(op.round for op in plan.operations)
        assert max(sizes.values()) >= 2
        assert sum(size > 1 for size in sizes.values()) >= 4


def test_asking_alike_is_one_text_from_several_callers(scenarios, seed):
    found = 0
    for name in ("many-resources", "concurrent-resources"):
        for plan in smoke(scenarios[name], seed):
            for op in plan.operations:
                if op.same_text_as is not None:
                    leader = plan.operations[op.same_text_as]
                    assert leader.caller != op.caller
                    assert plan.operations[leader.asks[0]].tells == plan.operations[op.asks[0]].tells
                    found += 1
    assert found >= 4


def held(plan, move):
    """Whether the plan holds the move, by what only that move does."""
    if move == "same-text":
        return any(op.same_text_as is not None for op in plan.operations)
    # take-over: a stranger writes into a thread that is not its own
    return any(op.intrudes and op.tells for op in plan.operations)


@pytest.mark.parametrize(
    ("name", "move"),
    [("many-resources", "same-text"), ("concurrent-resources", "same-text"), ("stranger", "take-over")],
)
def test_every_smoke_run_holds_what_its_scenario_says_it_shows(name, move, scenarios):
    for seed in range(30):
        assert sum(held(plan, move) for plan in smoke(scenarios[name], seed)) >= 2


def test_conversations_are_woven_where_the_scenario_says_so(scenarios, seed):
    def changes(plan):
        places = [(op.caller, op.thread) for op in plan.operations]
        return sum(here != there for here, there in pairwise(places)) / len(places)

    woven = [changes(plan) for plan in smoke(scenarios["many-resources"], seed)]
    straight = [changes(plan) for plan in smoke(scenarios["recall"], seed)]
    assert min(woven) > max(straight)
