"""Choices: in bounds, fair, the same on every Python, and the same words from a seed and from Hypothesis."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overheard.plan.choose import Chooser, DrawChooser, SeedChooser

SEED = st.integers(0, 2**63)
GOLDEN = [202, 972, 972, 600, 601, 605, 832, 58]
SHUFFLED = "badcghfe"
BOUNDS = st.tuples(st.integers(0, 5000), st.integers(0, 5000)).map(sorted)


class Scripted(Chooser):
    """Answers with the numbers it is given, and remembers what it was asked."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)
        self.asked = []

    def integer(self, low, high):
        self.asked.append((low, high))
        number = self.numbers.pop(0)
        assert low <= number <= high
        return number


@given(seed=SEED, bounds=BOUNDS)
def test_a_seed_stays_within_bounds(seed, bounds):
    choose = SeedChooser(seed)
    assert all(bounds[0] <= choose.integer(*bounds) <= bounds[1] for _ in range(50))


@given(data=st.data(), bounds=BOUNDS)
def test_what_is_drawn_stays_within_bounds(data, bounds):
    choose = DrawChooser(data.draw)
    assert all(bounds[0] <= choose.integer(*bounds) <= bounds[1] for _ in range(5))


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.large_base_example, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_what_is_drawn_goes_on_for_ever(data):
    """Hypothesis would give up after 8192 bytes of choices."""
    choose = DrawChooser(data.draw)
    numbers = [choose.integer(0, 999) for _ in range(20_000)]
    assert all(0 <= number <= 999 for number in numbers)
    assert len(set(numbers[10_000:])) > 500


def test_a_seed_reaches_both_bounds_and_all_between():
    choose = SeedChooser(3)
    counts = Counter(choose.integer(4, 9) for _ in range(6000))
    assert set(counts) == {4, 5, 6, 7, 8, 9}
    assert min(counts.values()) > 850


def test_a_seed_means_the_same_for_ever():
    """Golden: a plan that found a leak must be woven again years later, by another Python."""
    choose = SeedChooser(20_240_101)
    assert [choose.integer(0, 999) for _ in range(8)] == GOLDEN
    assert SeedChooser(5).shuffle("abcdefgh") == list(SHUFFLED)


@given(seed=SEED, items=st.lists(st.integers()))
def test_shuffling_keeps_everything(seed, items):
    before = list(items)
    assert sorted(SeedChooser(seed).shuffle(items)) == sorted(items)
    assert items == before


def test_shuffling_is_fair():
    counts = Counter("".join(SeedChooser(seed).shuffle("abc")) for seed in range(6000))
    assert len(counts) == 6
    assert min(counts.values()) > 850


def test_one_option_is_no_choice():
    assert Scripted().pick(["only"]) == "only"


def test_picking_asks_for_a_place():
    script = Scripted(2)
    assert script.pick("abcd") == "c"
    assert script.asked == [(0, 3)]


def test_weights_are_kept():
    choose = SeedChooser(1)
    counts = Counter(choose.weighted({"a": 6, "b": 3, "c": 1, "none": 0}) for _ in range(10_000))
    assert set(counts) == {"a", "b", "c"}
    assert 5_700 < counts["a"] < 6_300
    assert 800 < counts["c"] < 1_200


@given(seed=SEED, weights=st.dictionaries(st.text(), st.floats(0, 1000, exclude_min=True), min_size=1))
def test_whatever_the_weights_one_is_chosen(seed, weights):
    assert SeedChooser(seed).weighted(weights) in weights


@pytest.mark.parametrize(
    ("probability", "expected"), [(0, 0), (1, 1000), (0.3, 300), (0.001, 1), (0.999, 999)]
)
def test_chances(probability, expected):
    assert sum(Scripted(number).chance(probability) for number in range(1000)) == expected


def test_the_least_choice_is_the_plainest():
    """Hypothesis shrinks towards the lowest number: that must be the first option, and no chance taken."""
    script = Scripted(0, 0, 0)
    assert (script.pick("ab"), script.chance(0.9), script.weighted({"x": 1, "y": 9})) == ("a", False, "x")
