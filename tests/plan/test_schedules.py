"""Schedules are drawn from the plan's own choices, each way as often as the scenario says."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.contract import Contract
from overheard.core.offers import Offers
from overheard.core.operation import Plan
from overheard.core.schedule import deviations
from overheard.plan.choose import SeedChooser
from overheard.plan.draw import draw
from overheard.plan.schedules import kind_of, schedule
from overheard.plan.weave import expand
from overheard.scenario.load import builtin
from overheard.scenario.model import MIX, SCHEDULES

CONCURRENT = builtin()["concurrent-resources"]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(SCHEDULES), st.integers(0, 9), min_size=1).filter(
        lambda weights: any(weights.values())
    )
)
def test_each_way_has_its_turn_as_often_as_its_weight_says(weights):
    total = sum(weights.values())
    counts = Counter(kind_of(weights, index) for index in range(3 * total))
    assert counts == {kind: 3 * weight for kind, weight in weights.items() if weight}


def test_eight_examples_have_one_of_each_way_and_begin_with_the_cheapest():
    eight = [kind_of(MIX, index) for index in range(8)]
    assert set(eight) == set(MIX)
    assert eight[0] == "gather"
    assert kind_of(MIX, 10**9) in MIX


def drawn(kind, seed=1):
    return schedule(SeedChooser(seed), kind, operations=30, rounds=10, width=3)


def test_what_is_left_to_chance_has_no_schedule():
    assert drawn("gather") is None


def test_a_list_of_choices_deviates_seldom_and_a_walk_nearly_always():
    few = [drawn("choices", seed) for seed in range(20)]
    assert all(1 <= deviations(one) <= 30 for one in few)
    assert all(one.choices[-1] for one in few)
    walk = drawn("walk")
    assert deviations(walk) > 0.9 * len(walk.choices) > 60


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_priorities_are_all_different_and_change_so_often_in_each_round(depth):
    one = drawn(f"pct-{depth}")
    assert sorted(one.priorities) == list(range(30))
    assert (one.strategy, one.depth, len(one.changes)) == ("pct", depth, 10 * (depth - 1))


@pytest.mark.parametrize("name", sorted(builtin()))
def test_only_what_overlaps_is_scheduled(name):
    scenario = builtin()[name]
    plans = [
        expand(scenario, seed=1, index=index, contract=Contract(), offers=Offers()) for index in range(8)
    ]
    kinds = {plan.schedule.strategy for plan in plans if plan is not None and plan.schedule is not None}
    assert kinds == ({"choices", "walk", "pct"} if scenario.mode == "concurrent" else set())


def test_a_plan_keeps_its_schedule_in_a_file_and_is_the_same_for_the_same_seed():
    one, two = (expand(CONCURRENT, seed=5, index=1, contract=Contract(), offers=Offers()) for _ in range(2))
    assert one == two
    assert one.schedule is not None
    assert msgspec.json.decode(msgspec.json.encode(one), type=Plan) == one


def test_drawn_plans_have_schedules_too():
    plans = draw(CONCURRENT, seed=3, count=10, contract=Contract(), offers=Offers())
    assert {None if plan.schedule is None else plan.schedule.strategy for plan in plans} > {None}


def test_the_dial_says_which():
    only = msgspec.structs.replace(CONCURRENT, schedules={"pct-3": 1.0, "gather": 0.0})
    plans = [expand(only, seed=9, index=index, contract=Contract(), offers=Offers()) for index in range(4)]
    assert {(plan.schedule.strategy, plan.schedule.depth) for plan in plans} == {("pct", 3)}
