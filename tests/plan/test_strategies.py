"""The public strategies, for people who want Hypothesis's own loop."""

import re

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from overheard.core.contract import Contract
from overheard.core.errors import UsageError
from overheard.core.offers import Offers
from overheard.core.operation import Plan
from overheard.plan import strategies as module
from overheard.plan.strategies import plans
from overheard.scenario.load import builtin, load


@pytest.mark.parametrize("name", sorted(builtin()))
def test_they_yield_valid_plans(name, scenarios, assert_valid, library):
    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(plans(scenarios[name], offers=library))
    def run(plan):
        assert plan.source == "hypothesis"
        assert plan.seed is None
        assert_valid(plan, scenarios[name], Contract(), library)

    run()


def test_they_work_as_their_documentation_shows():
    code = re.search(r"```python\n(.*?)```", module.__doc__, re.DOTALL).group(1)
    seen = []
    scope = {"load": load, "seen": seen}
    exec(code.replace("...", "seen.append(plan)"), scope)
    with settings_of(max_examples=5):
        scope["test_my_agent"]()
    assert seen
    assert all(isinstance(plan, Plan) for plan in seen)


class settings_of:  # noqa: N801 - reads like a function
    """A profile for a while."""

    def __init__(self, **values):
        self.values = values

    def __enter__(self):
        self.before = settings.default
        settings.register_profile(
            "here",
            settings(**self.values, deadline=None, suppress_health_check=list(HealthCheck), database=None),
        )
        settings.load_profile("here")

    def __exit__(self, *_):
        settings.register_profile("before", self.before)
        settings.load_profile("before")


def test_hypothesis_can_make_their_plans_small(scenarios):
    """What it is asked to find, it finds and shrinks: here, somebody who intrudes and tells."""
    found = hypothesis.find(
        plans(scenarios["stranger"]),
        lambda plan: any(op.intrudes for op in plan.operations),
        settings=settings(
            max_examples=60,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert len(found.operations) <= 24


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_contract_and_offers_are_heard(data, scenarios):
    contract, offers = Contract(thread_ids="bearer"), Offers(accepts=("thread",), required=("thread",))
    plan = data.draw(plans(scenarios["many-resources"], contract=contract, offers=offers, seed=12))
    assert plan.seed == 12
    assert not any(op.intrudes for op in plan.operations)


def test_a_scenario_without_plans_is_refused_at_once(scenarios):
    with pytest.raises(UsageError, match=r"stranger yields no plans: not promised \(thread_ids=bearer"):
        plans(scenarios["stranger"], contract=Contract(thread_ids="bearer"))
