"""Ids made to collide: the collision survives the namespace, is the one that is meant, and no other example's."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.collision import DELIMITERS, RESERVED, collisions, family, most_particular
from overheard.core.ids import bind_id
from overheard.plan.choose import SeedChooser
from overheard.plan.lookalikes import GROUPS, RARE, RESERVED_NAMES, USUAL, group, joint

CAMPAIGNS = st.integers(0, 2**30 - 1)
EXAMPLES = st.integers(0, 2**20 - 1)
SEEDS = st.integers(0, 2**32)
VISITS = st.integers(1, 999)
LIVELY = settings(deadline=None, max_examples=50)


def bound(made, campaign, example):
    return [
        bind_id(template, campaign, example)
        for template in (made.base, *(one.template for one in made.alike))
    ]


@pytest.mark.parametrize("name", GROUPS)
@LIVELY
@given(campaign=CAMPAIGNS, example=EXAMPLES, seed=SEEDS, nth=VISITS)
def test_each_collides_with_the_base_as_it_is_meant_to(name, campaign, example, seed, nth):
    made = group(name, nth, SeedChooser(seed))
    base, *alike = bound(made, campaign, example)
    for lookalike, value in zip(made.alike, alike, strict=True):
        met = collisions((base, "r"), (value, "r"))
        assert met, (base, value)
        assert family(most_particular(met)) == lookalike.family, (base, value, met)
    assert tuple(dict.fromkeys(one.family for one in made.alike)) == GROUPS[name]


@pytest.mark.parametrize("name", GROUPS)
@LIVELY
@given(data=st.data())
def test_none_collides_with_those_of_another_example_or_visit(name, data):
    """An agent may do with ids whatever it likes, and examples must still not meet."""
    first = group(name, data.draw(VISITS), SeedChooser(data.draw(SEEDS)))
    other = data.draw(st.sampled_from(sorted(GROUPS)))
    one, two = data.draw(st.lists(st.tuples(CAMPAIGNS, EXAMPLES), min_size=2, max_size=2, unique=True))
    second = group(other, data.draw(VISITS), SeedChooser(data.draw(SEEDS)))
    for ours in bound(first, *one):
        for theirs in bound(second, *two):
            assert not collisions((ours, "r"), (theirs, "r")), (ours, theirs)


@LIVELY
@given(campaign=CAMPAIGNS, example=EXAMPLES, seed=SEEDS)
def test_visits_of_one_plan_stay_apart(campaign, example, seed):
    made = [group(name, nth, SeedChooser(seed)) for nth, name in enumerate([*GROUPS, *GROUPS], start=1)]
    for first, second in combinations(made, 2):
        for ours in bound(first, campaign, example):
            for theirs in bound(second, campaign, example):
                assert not collisions((ours, "r"), (theirs, "r")), (ours, theirs)


@pytest.mark.parametrize("thread_first", [False, True])
@pytest.mark.parametrize("delimiter", DELIMITERS)
@LIVELY
@given(campaign=CAMPAIGNS, example=EXAMPLES, nth=VISITS)
def test_joints_are_one_when_they_are_joined(delimiter, thread_first, campaign, example, nth):
    made = joint(delimiter, nth, thread_first=thread_first)
    first, second = (
        tuple(bind_id(template, campaign, example) for template in pair) for pair in (made.first, made.second)
    )
    assert first[0] != second[0]
    assert first[1] != second[1]
    by = f"joined with {delimiter!r}" + (", thread first" if thread_first else "")
    assert by in {one.by for one in collisions(first, second)}
    assert family(most_particular(collisions(first, second))) == "joined"
    namespace = bind_id("<<ns>>", campaign, example)
    assert all(namespace in value for value in (*first, *second))


def test_a_chooser_meets_every_face_of_a_function():
    faces = {one.template for seed in range(60) for one in group("letters", 1, SeedChooser(seed)).alike}
    assert len(faces) == 3 + 3 + 2 + 2


def test_every_delimiter_and_reserved_name_has_its_turn():
    assert set(USUAL) | set(RARE) == set(DELIMITERS)
    assert {name for some in RESERVED_NAMES for names in some for name in names} == RESERVED


def test_long_ids_are_long_and_all_others_fit_anywhere():
    for name in GROUPS:
        for seed in range(20):
            lengths = {len(value) for value in bound(group(name, 7, SeedChooser(seed)), 4711, 3)}
            assert (max(lengths) == min(lengths) == 300) if name == "lengths" else max(lengths) <= 32


def test_there_is_no_other_group():
    with pytest.raises(ValueError, match="no group"):
        group("other", 1, SeedChooser(1))
