"""A recorded run, read back: what each step was chosen from."""

from hypothesis import given
from hypothesis import strategies as st

from overheard.core.schedule import (
    Decision,
    Happening,
    Schedule,
    deviations,
    of_rounds,
    rounds_of,
    steps,
    trimmed,
)


def start(operation, *after):
    return Decision(action="start", operation=operation, after=after)


def release(operation, *after, shape="chat", nth=0):
    return Decision(action="release", operation=operation, shape=shape, nth=nth, after=after)


def came(operation, nth=0, shape="chat"):
    return Happening(operation, shape, nth)


def test_each_step_is_a_choice_among_what_is_held_and_what_has_not_started():
    run = [
        start(1),
        start(0, came(1)),
        release(0, came(0)),
        release(1, Happening(0)),
        start(2, Happening(1)),
        release(2, came(2)),
    ]
    made = steps(run, [[0, 1, 2]])
    assert [(step.choice, step.possible) for step in made] == [(1, 3), (1, 3), (1, 3), (0, 2), (0, 1), (0, 1)]
    assert made[0].instead == start(0)
    assert made[1].instead == made[2].instead == release(1)


def test_operations_of_a_later_round_are_no_choice_before_their_time():
    run = [start(0), release(0, came(0)), start(2, Happening(0)), start(1, came(2))]
    assert [(step.round, step.choice, step.possible) for step in steps(run, [[0], [1, 2]])] == [
        (0, 0, 1),
        (0, 0, 1),
        (1, 1, 2),
        (1, 1, 2),
    ]


def test_calls_at_once_are_told_apart():
    run = [start(0), release(0, came(0), came(0, nth=1), came(0, shape="chat tools"), nth=1)]
    assert steps(run, [[0]])[1][2:4] == (1, 3)


def test_who_hung_up_holds_nothing():
    gone = Happening(0, "chat", 0, True)
    run = [start(0), start(1, came(0)), release(1, gone, came(1))]
    assert steps(run, [[0, 1]])[2][2:4] == (0, 1)


def test_what_was_asked_by_one_that_was_cancelled_is_held_until_it_is_let_go_on():
    cancel = Decision(action="cancel", operation=0, after=(came(0),))
    run = [start(0), cancel, start(1, Happening(0)), release(1, came(1)), release(0)]
    made = steps(run, [[0, 1]])
    assert [(step.choice, step.possible) for step in made] == [(0, 2), (0, 1), (1, 2), (1, 2), (0, 1)]
    assert made[2].instead == release(0)


def test_what_does_not_fit_ends_it():
    assert len(steps([start(0), release(0, nth=3)], [[0]])) == 1
    assert steps([start(7)], [[0]]) == []


def test_deviations_are_choices_other_than_the_first():
    assert deviations(Schedule(choices=(0, 2, 0, 1))) == 2
    assert deviations(Schedule()) == 0


ROUNDS = st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=5)


@given(ROUNDS)
def test_rounds_are_what_they_were_made_of_but_for_zeros_at_their_ends(rounds):
    schedule = of_rounds(rounds)
    wanted = [trimmed(each) for each in rounds]
    assert rounds_of(schedule) == (wanted if any(wanted) else [()])
    assert of_rounds(rounds_of(schedule)) == schedule
    assert bool(schedule.begins) == (len(rounds) > 1 and any(wanted))


def test_without_rounds_of_their_own_all_choices_are_in_one():
    assert rounds_of(Schedule(choices=(0, 1, 0))) == [(0, 1, 0)]
    assert rounds_of(Schedule()) == [()]


@given(st.lists(st.integers(0, 3)))
def test_trimmed_are_only_zeros_and_only_at_the_end(choices):
    kept = trimmed(choices)
    assert [*kept, *[0] * (len(choices) - len(kept))] == choices
    assert kept[-1:] != (0,)
