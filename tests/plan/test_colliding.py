"""The move `collide`: every function on every kind of id within eight examples, each chance with its control."""

from collections import Counter

import pytest
from msgspec.structs import replace

from overheard.check.coverage import Asked, colliding_cells
from overheard.core.collision import ACROSS, collisions, family, most_particular
from overheard.core.contract import Contract
from overheard.core.ids import missing_kind
from overheard.core.offers import Offers
from overheard.core.operation import bind_ids
from overheard.plan.colliding import CLASHES
from overheard.plan.offered import clashes
from overheard.plan.weave import expand

EXAMPLES = 8
TENANTS = Offers(accepts=("thread", "resource", "tenant"))
CONTRACTS = {
    "thread": (Contract(), Offers()),
    "resource": (Contract(scope="resource"), Offers()),
    "tenant": (Contract(scope="tenant"), TENANTS),
    "bearer": (Contract(thread_ids="bearer"), Offers()),
    "tenants": (Contract(), TENANTS),
    "callers": (Contract(authentication="caller"), Offers(accepts=("thread", "resource", "caller"))),
    "ranked": (Contract(recall_kind="ranked"), Offers()),
    "threads alone": (Contract(), Offers(accepts=("thread",))),
    "resources alone": (Contract(scope="resource"), Offers(accepts=("resource",))),
    "headers": (Contract(), Offers(cannot=("thread blank", "resource blank"))),
}


def plans(scenarios, contract, offers, seed=1):
    scenario = scenarios["colliding-ids"]
    return [
        expand(scenario, seed=seed, index=index, contract=contract, offers=offers)
        for index in range(EXAMPLES)
    ]


def asked(scenarios):
    scenario = scenarios["colliding-ids"]
    return Asked(
        scenario.name, scenario.mode, scenario.invariants, (), (), frozenset({"collide"}),
        scenario.colliding.by, scenario.colliding.ids,
    )  # fmt: skip


def reached(plan):
    """The cells of the coverage table that a plan's questions belong to."""
    for op in plan.operations:
        for number in op.asks:
            fact = plan.operations[number]
            found = collisions(bind_ids(fact, 4711, 1), bind_ids(op, 4711, 1))
            if found:
                how = most_particular(found)
                of = "ids" if family(how) in ACROSS else how.which
                yield f"distinct-ids-stay-distinct: {of} {family(how)}", fact, op


@pytest.mark.parametrize("how", CONTRACTS)
def test_eight_examples_reach_every_cell_that_is_asked_for(how, scenarios):
    contract, offers = CONTRACTS[how]
    table = colliding_cells(contract, offers, asked(scenarios))
    for seed in range(4):
        found = Counter(
            cell for plan in plans(scenarios, contract, offers, seed) for cell, _, _ in reached(plan)
        )
        assert {cell for cell, why in table.items() if not why} <= set(found), how
        assert not {cell for cell, why in table.items() if why} & set(found), how


def test_a_move_goes_on_where_the_last_one_stopped(scenarios):
    table = clashes(scenarios["colliding-ids"], Contract(), Offers())
    assert len(table) == len(set(table)) == CLASHES * EXAMPLES


@pytest.mark.parametrize("how", [*CONTRACTS])
def test_whoever_collides_must_not_hear_and_is_no_tenant_apart_for_nothing(how, scenarios):
    contract, offers = CONTRACTS[how]
    for plan in plans(scenarios, contract, offers):
        for _, fact, op in reached(plan):
            if contract.scope == "tenant":
                assert fact.tenant != op.tenant
                continue
            assert fact.tenant == op.tenant, "a tenant in the key would keep them apart"
            if contract.scope == "resource":
                assert fact.caller != op.caller


def test_colliding_resources_use_one_thread_id_where_both_are_the_key(scenarios):
    def threads(contract):
        return Counter(
            fact.thread == op.thread
            for plan in plans(scenarios, contract, Offers())
            for cell, fact, op in reached(plan)
            if ": resource" in cell
        )

    assert set(threads(Contract())) == {True}
    assert set(threads(Contract(scope="resource"))) == set(threads(Contract(thread_ids="bearer"))) == {False}


def test_threads_of_one_resource_and_of_two_collide_where_threads_are_apart(scenarios):
    def owners(contract):
        return {
            (cell, fact.caller == op.caller)
            for plan in plans(scenarios, contract, Offers())
            for cell, fact, op in reached(plan)
            if ": thread" in cell and "reserved" not in cell
        }

    both = owners(Contract())
    assert {cell for cell, same in both if same} == {cell for cell, same in both if not same}
    assert all(not same for _, same in owners(Contract(scope="resource")))


@pytest.mark.parametrize("how", CONTRACTS)
def test_every_chance_has_its_control(how, scenarios):
    """The owner is answered before and after; the other has told something under its own id, and asks for it."""
    contract, offers = CONTRACTS[how]
    for plan in plans(scenarios, contract, offers):
        for _, fact, op in reached(plan):
            mine = [one for one in plan.operations if (one.caller, one.thread) == (op.caller, op.thread)]
            assert any(
                number in one.asks for one in mine for number in [each.number for each in mine if each.tells]
            )
            owners = [
                one
                for one in plan.operations
                if fact.number in one.asks and (one.caller, one.thread) == (fact.caller, fact.thread)
            ]
            assert any(one.round < op.round for one in owners)
            assert any(one.round > op.round for one in owners)


def test_what_the_scenario_leaves_out_is_not_made(scenarios):
    whole = scenarios["colliding-ids"]
    some = replace(whole, colliding=replace(whole.colliding, by=("case", "joined"), ids=("resource", "both")))
    families = set()
    for index in range(4):
        plan = expand(some, seed=5, index=index, contract=Contract(), offers=Offers())
        families |= {cell.partition(": ")[2] for cell, _, _ in reached(plan)}
        assert not any(missing_kind(op.thread) or missing_kind(op.resource) for op in plan.operations)
    assert families == {"resource case", "ids joined"}


def test_a_reserved_id_is_somebodys_once(scenarios):
    """However long the plan: a second owner of `default` would be no stranger to it."""
    plan = expand(
        scenarios["colliding-ids"], seed=3, index=0, contract=Contract(), offers=Offers(), operations=1500
    )
    for name in ("thread", "resource"):
        owners = {}
        for op in plan.operations:
            value = getattr(op, name)
            if isinstance(value, str) and "<<" not in value:
                owners.setdefault(value, set()).add(op.caller)
        assert owners
        assert all(len(callers) == 1 for callers in owners.values())
