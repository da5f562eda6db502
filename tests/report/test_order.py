"""A schedule in words."""

import pytest

from overheard.core.operation import Operation, Plan
from overheard.core.schedule import Decision, Happening, Schedule
from overheard.report.order import choices_by_round, deviations_in_words


def start(operation):
    return Decision(action="start", operation=operation)


def release(operation, *after, shape="chat", nth=0):
    return Decision(action="release", operation=operation, shape=shape, nth=nth, after=after)


def plan(*decisions, operations=2):
    return Plan(
        scenario="s",
        mode="concurrent",
        operations=tuple(
            Operation(number=number, round=0, caller=f"r{number}") for number in range(operations)
        ),
        schedule=Schedule(decisions=decisions),
    )


def test_one_that_starts_before_another_is_answered():
    one = plan(start(0), Decision(action="start", operation=1, after=(Happening(0, "chat"),)))
    assert deviations_in_words(one) == ["step 1 starts before the model answers step 0"]
    assert choices_by_round(one) == {0: (0, 1)}


@pytest.mark.parametrize(
    ("shape", "nth", "words"),
    [
        ("tools", 0, "the model answers step 0 (tools) before the model answers step 0 (chat)"),
        ("chat", 1, "the model answers step 0 (call 2 of its kind) before the model answers step 0"),
    ],
)
def test_two_calls_of_one_step_are_told_apart(shape, nth, words):
    arrived = Happening(0, "chat"), Happening(0, shape, nth)
    one = plan(start(0), release(0, *arrived, shape=shape, nth=nth), operations=1)
    assert deviations_in_words(one) == [words]


def test_calls_of_two_steps_need_no_kind():
    one = plan(
        start(0),
        Decision(action="start", operation=1, after=(Happening(0, "chat"),)),
        release(1, Happening(1, "tools"), shape="tools"),
    )
    assert deviations_in_words(one)[1] == "the model answers step 1 before the model answers step 0"
