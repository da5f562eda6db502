"""Hypothesis strategies, for those who want Hypothesis's own loop around their target.

```python
from hypothesis import given
from overheard.plan.strategies import plans

@given(plans(load(None)["stranger"]))
def test_my_agent(plan): ...
```
"""

from __future__ import annotations

from hypothesis import strategies
from hypothesis.strategies import DrawFn, SearchStrategy

from overheard.core.contract import Contract
from overheard.core.errors import UsageError
from overheard.core.offers import Offers
from overheard.core.operation import Plan
from overheard.plan.choose import DrawChooser
from overheard.plan.offered import MOST_CELLS, unavailable
from overheard.plan.weave import weave
from overheard.scenario.model import Scenario


def plans(
    scenario: Scenario,
    *,
    contract: Contract | None = None,
    offers: Offers | None = None,
    seed: int | None = None,
) -> SearchStrategy[Plan]:
    """Plans woven from `scenario`. `seed` is only recorded in them.

    Without `contract` and `offers`, the defaults: threads owned and apart, `send(message, thread, resource)`.
    Raises UsageError if the scenario yields no plans under them.
    """
    contract = contract or Contract()
    offers = offers or Offers()
    why = unavailable(scenario, contract, offers)
    if why is not None:
        raise UsageError(f"scenario {scenario.name} yields no plans: {why.status} ({why.reason})")

    @strategies.composite
    def plan(draw: DrawFn) -> Plan:
        choose = DrawChooser(draw)
        index = choose.integer(0, MOST_CELLS - 1)
        woven = weave(choose, scenario, contract, offers, source="hypothesis", seed=seed, index=index)
        assert woven is not None  # noqa: S101 - what could prevent it was asked above
        return woven

    return plan()
