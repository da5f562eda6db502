"""Plans expanded from seeds: the same for the same seed, valid whatever they are woven from, of any length."""

import hashlib
import subprocess
import sys

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.core.canary import OPERATION_LIMIT
from overheard.core.collision import RESERVED
from overheard.core.contract import Contract
from overheard.core.errors import UsageError
from overheard.core.ids import missing_kind
from overheard.core.offers import Offers, Takes
from overheard.core.operation import bind_ids
from overheard.plan.choose import example_seed
from overheard.plan.offered import unavailable
from overheard.plan.weave import expand

SEEDS = st.integers(0, 2**63)
OWN = ("thread", "resource")
LIBRARY = Offers(
    surfaces=("send", "list_threads", "clone_thread", "delete_thread"),
    beyond={
        "list_threads": Takes(accepts=("resource",)),
        "clone_thread": Takes(accepts=(*OWN, "new_thread")),
        "delete_thread": Takes(accepts=OWN),
    },
)
TENANTS = Offers(accepts=("thread", "resource", "tenant"))
LIVELY = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def weave(scenario, seed=1, index=0, contract=None, offers=None, operations=None):
    return expand(
        scenario,
        seed=seed,
        index=index,
        contract=contract or Contract(),
        offers=offers or LIBRARY,
        operations=operations,
    )


@LIVELY
@given(data=st.data())
def test_every_plan_of_a_built_in_scenario_is_valid(data, scenarios, drawn, assert_valid):
    scenario = scenarios[data.draw(st.sampled_from(sorted(scenarios)))]
    contract, offers = data.draw(drawn.contracts), data.draw(drawn.offers)
    plan = weave(scenario, data.draw(SEEDS), data.draw(st.integers(0, 300)), contract, offers)
    assert (plan is None) == (unavailable(scenario, contract, offers) is not None)
    if plan is not None:
        assert_valid(plan, scenario, contract, offers)


@LIVELY
@given(data=st.data())
def test_every_plan_of_any_scenario_is_valid(data, drawn, assert_valid):
    scenario = data.draw(drawn.scenarios)
    contract, offers = data.draw(drawn.contracts), data.draw(drawn.offers)
    plan = weave(scenario, data.draw(SEEDS), data.draw(st.integers(0, 20)), contract, offers)
    assert (plan is None) == (unavailable(scenario, contract, offers) is not None)
    if plan is not None:
        assert_valid(plan, scenario, contract, offers)
        assert len(plan.operations) >= scenario.turns[0]


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_the_same_seed_gives_the_same_plan(data, scenarios, drawn):
    scenario = scenarios[data.draw(st.sampled_from(sorted(scenarios)))]
    contract, offers = data.draw(drawn.contracts), data.draw(drawn.offers)
    seed, index = data.draw(SEEDS), data.draw(st.integers(0, 300))
    first = weave(scenario, seed, index, contract, offers)
    # Other plans in between: personas and prose are remembered, and must not remember who asked last.
    weave(scenario, seed + 1, index, contract, offers)
    assert weave(scenario, seed, index, contract, offers) == first


def test_another_process_expands_the_same_plans(scenarios):
    """What is remembered, in which order sets are walked and what was imported must not matter."""
    program = (
        "import hashlib, msgspec\n"
        "from overheard.scenario.load import builtin\n"
        "from overheard.plan.weave import expand\n"
        "from overheard.core.contract import Contract\n"
        "from overheard.core.offers import Offers\n"
        f"offers = msgspec.json.decode({msgspec.json.encode(LIBRARY)!r}, type=Offers)\n"
        "for scenario in reversed(builtin().values()):\n"
        "    plan = expand(scenario, seed=77, index=3, contract=Contract(), offers=offers)\n"
        "    print(scenario.name, hashlib.sha256(msgspec.json.encode(plan)).hexdigest())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert dict(line.split() for line in done.stdout.splitlines()) == {
        name: hashlib.sha256(msgspec.json.encode(weave(one, 77, 3))).hexdigest()
        for name, one in scenarios.items()
    }


def test_seed_index_and_scenario_all_make_a_difference(scenarios):
    plans = [
        msgspec.json.encode(weave(one, seed, index))
        for one in scenarios.values()
        for seed in range(5)
        for index in range(5)
    ]
    assert len(set(plans)) == len(plans)


def test_a_plan_says_where_it_came_from(scenarios):
    plan = weave(scenarios["stranger"], 9, 4)
    assert (plan.scenario, plan.source, plan.mode) == ("stranger", "seed", "sequential")
    assert plan.seed == example_seed(9, "stranger", 4)
    assert plan.latency == 0
    assert weave(scenarios["concurrent-resources"]).latency == 30


def test_seeds_of_examples_use_all_their_bits():
    seeds = [example_seed(0, "recall", index) for index in range(200)]
    assert len(set(seeds)) == 200
    assert all(0 <= seed < 2**63 for seed in seeds)
    for bit in range(63):
        assert 50 < sum(seed >> bit & 1 for seed in seeds) < 150


@pytest.mark.parametrize("name", ["recall", "sibling-threads", "many-resources", "concurrent-resources"])
@pytest.mark.parametrize("offers", [Offers(), TENANTS], ids=["two ids", "three ids"])
def test_a_long_plan_has_exactly_2000_operations(name, offers, scenarios, assert_valid, count_controlled):
    scenario = scenarios[name]
    plan = weave(scenario, 5, 0, Contract(), offers, operations=2000)
    assert len(plan.operations) == 2000
    assert_valid(plan, scenario, Contract(), offers)


@pytest.mark.parametrize("name", ["stranger", "same-thread-id", "ids-missing", "colliding-ids"])
def test_long_plans_of_intrusions_have_exactly_2000_operations(name, scenarios, assert_valid):
    plan = weave(scenarios[name], 6, 0, operations=2000)
    assert len(plan.operations) == 2000
    assert_valid(plan, scenarios[name], Contract(), Offers())


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_long_plans_of_any_scenario_are_exact_and_valid(data, drawn, assert_valid):
    scenario = data.draw(drawn.scenarios)
    contract, offers = data.draw(drawn.contracts), data.draw(drawn.offers)
    length = data.draw(st.integers(200, 700))
    plan = weave(scenario, data.draw(SEEDS), 0, contract, offers, operations=length)
    if plan is not None:
        assert len(plan.operations) == length
        assert_valid(plan, scenario, contract, offers)


def test_a_crowded_long_plan_is_exact_too(scenarios):
    """Sixty-four resources take some four hundred operations for one move."""
    crowd = replace(
        scenarios["many-resources"],
        population=replace(scenarios["many-resources"].population, resources=(64, 64)),
    )
    for seed in range(5):
        assert len(weave(crowd, seed, operations=1500).operations) == 1500


def test_what_a_resource_tells_does_not_grow_with_the_plan(scenarios):
    """A cast leaves after a few episodes: each of its prompts may hold everything it ever told."""
    told = {}
    for op in weave(scenarios["many-resources"], 2, operations=2000).operations:
        if op.tells:
            told[op.caller] = told.get(op.caller, 0) + 1
    assert len(told) > 50
    assert max(told.values()) < 40


@pytest.mark.parametrize("operations", [None, 600])
def test_a_target_that_takes_no_id_at_all_has_one_resource_with_one_thread(
    operations, scenarios, assert_valid
):
    """What it was told is there for whoever comes next: a second resource would be a leak of our own making."""
    nothing = Offers(accepts=())
    for seed in range(5):
        plan = weave(scenarios["recall"], seed, offers=nothing, operations=operations)
        assert len({(op.caller, op.thread) for op in plan.operations}) == 1
        assert_valid(plan, scenarios["recall"], Contract(), nothing)


@pytest.mark.parametrize("operations", [0, -1, OPERATION_LIMIT + 1])
def test_a_length_that_no_plan_can_have_is_refused(operations, scenarios):
    with pytest.raises(UsageError, match=rf"1 to {OPERATION_LIMIT} operations, not {operations}"):
        weave(scenarios["recall"], operations=operations)


def test_a_short_length_gives_the_first_move(scenarios):
    plan = weave(scenarios["stranger"], operations=1)
    assert 1 < len(plan.operations) < 60
    assert any(op.intrudes for op in plan.operations)


@pytest.mark.parametrize(
    "name",
    sorted(["colliding-ids", "many-resources", "recall", "sibling-threads", "concurrent-resources"]),
)
def test_under_bearer_thread_ids_are_unique_per_resource(name, scenarios):
    contract = Contract(thread_ids="bearer")
    for seed in range(20):
        owners = {}
        plan = weave(scenarios[name], seed, contract=contract)
        for op in plan.operations:
            assert not op.intrudes
            assert owners.setdefault(op.thread, op.resource) == op.resource


@pytest.mark.parametrize("name", ["stranger", "same-thread-id"])
def test_under_bearer_nobody_intrudes(name, scenarios):
    assert weave(scenarios[name], contract=Contract(thread_ids="bearer")) is None


def test_ids_of_two_examples_never_meet(scenarios):
    """A target may take a thread id for the key to everything; examples must not meet in it."""
    for name in scenarios:
        plan = weave(scenarios[name], 3)
        ids = [
            {
                value
                for op in plan.operations
                for value in bind_ids(op, 4711, example)
                if not missing_kind(value) and value not in RESERVED
            }
            for example in range(3)
        ]
        assert not ids[0] & ids[1]
        assert not ids[0] & ids[2]
        assert not ids[1] & ids[2]


def test_unicode_ids_survive_plan_and_record(scenarios):
    scenario = replace(scenarios["many-resources"], identifiers=("unicode",))
    plan = weave(scenario, 1)
    assert any(not op.resource.isascii() for op in plan.operations)
    again = msgspec.json.decode(msgspec.json.encode(plan), type=type(plan))
    assert [bind_ids(op, 1, 1) for op in again.operations] == [bind_ids(op, 1, 1) for op in plan.operations]
    assert all(bind_ids(op, 1, 1)[1].startswith(op.resource.split("-")[0]) for op in plan.operations)
