"""What is woven and what is judged go by the same rules: what no plan can reach is never called missed."""

from itertools import combinations

import pytest

from overheard.check.coverage import Asked, missing_cells, not_offered, not_promised
from overheard.core.contract import Contract
from overheard.core.offers import Offers
from overheard.plan.offered import cells, unavailable

KEYWORDS = ("thread", "resource", "tenant", "caller")
ACCEPTS = [some for size in range(5) for some in combinations(KEYWORDS, size)]
CONTRACTS = {
    "default": Contract(),
    "bearer": Contract(thread_ids="bearer"),
    "callers": Contract(authentication="caller"),
    "ordinary nulls": Contract(missing_ids={"omitted": "closed", "null": "ordinary", "blank": "ordinary"}),
    "all ordinary": Contract(missing_ids=dict.fromkeys(("omitted", "null", "empty", "blank"), "ordinary")),
}
LEAKAGE = {
    "sibling-threads": "no-cross-thread-recall",
    "many-resources": "no-cross-resource-leakage",
    "concurrent-resources": "no-cross-resource-leakage",
    "same-thread-id": "thread-ownership",
    "stranger": "thread-ownership",
    "ids-missing": "ids-required",
    "colliding-ids": "distinct-ids-stay-distinct",
}


@pytest.mark.parametrize("how", CONTRACTS)
@pytest.mark.parametrize("name", LEAKAGE)
def test_a_scenario_has_plans_exactly_where_its_promise_is_judged(name, how, scenarios):
    contract = CONTRACTS[how]
    for accepts in ACCEPTS:
        offers = Offers(accepts=accepts)
        why = unavailable(scenarios[name], contract, offers)
        judged = not not_promised(LEAKAGE[name], contract) and not not_offered(
            LEAKAGE[name], contract, offers
        )
        assert (why is None) == judged, (accepts, why)


@pytest.mark.parametrize("how", CONTRACTS)
def test_the_same_ways_of_leaving_out_ids_are_woven_and_asked_for(how, scenarios):
    contract, scenario = CONTRACTS[how], scenarios["ids-missing"]
    wanted = Asked(
        scenario.name, scenario.mode, scenario.invariants, scenario.missing.kinds, scenario.missing.ids
    )
    for accepts in ACCEPTS:
        for size in range(len(accepts) + 1):
            for required in combinations(accepts, size):
                offers = Offers(accepts=accepts, required=required)
                woven = {
                    f"ids-required: {' and '.join(cell.keywords)} {cell.kind}"
                    for cell in cells(scenario, contract, offers)
                }
                asked = missing_cells(contract, offers, wanted)
                assert woven == {relation for relation, unoffered in asked.items() if not unoffered}
