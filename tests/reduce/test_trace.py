"""The order of an example as a schedule, whatever became of it by chance."""

import random

import pytest

from overheard.check.view import View
from overheard.core.contract import Contract
from overheard.core.operation import Cancel, Operation, Plan
from overheard.core.schedule import Schedule, rounds_of
from overheard.history.events import Completed, ExampleStarted, Invoked, ModelAnswered, ModelCalled, Unknown
from overheard.reduce.trace import Trace

CAMPAIGN, EXAMPLE = 4711, 3


def trace(text, rounds=None, same=None, gone=()):
    """`+0` operation 0 is invoked, `?0` it calls its model, `!0` it is answered (oldest call first), `.0` it ends, `-0` it is cancelled."""
    acts = text.split()
    numbers = sorted({int(act[1:]) for act in acts})
    plan = Plan(
        scenario="s",
        mode="concurrent",
        operations=tuple(
            Operation(
                number=number,
                round=(rounds or {}).get(number, 0),
                caller=f"r{number}",
                same_text_as=(same or {}).get(number),
                cancel=Cancel() if number in gone else None,
            )
            for number in numbers
        ),
    )
    events, calls, opened = [], 0, {}
    for at, act in enumerate(acts, start=1):
        number, where = int(act[1:]), {"example": EXAMPLE, "t": at}
        match act[0]:
            case "+":
                events.append(Invoked(**where, operation=number))
            case "?":
                calls += 1
                opened.setdefault(number, []).append(calls)
                leader = (same or {}).get(number, number)
                events.append(ModelCalled(**where, call=calls, nonces=((CAMPAIGN, EXAMPLE, leader),)))
            case "!":
                events.append(ModelAnswered(**where, call=opened[number].pop(0)))
            case ".":
                events.append(Completed(**where, operation=number, text="x", length=1))
            case "-":
                events.append(Unknown(**where, operation=number, reason="cancelled"))
    started = ExampleStarted(example=EXAMPLE, plan=plan)
    return Trace(View(started, events, campaign=CAMPAIGN, contract=Contract()))


def choices(one, keep):
    """Those of operations of one round."""
    return one.schedule(keep).choices


def test_one_after_the_other_is_the_empty_schedule():
    assert choices(trace("+0 ?0 !0 .0 +1 ?1 !1 .1"), {0, 1}) == ()


def test_all_at_once_is_starting_each_before_the_first_is_answered():
    together = trace("+0 +1 +2 ?0 ?1 ?2 !0 !1 !2 .0 .1 .2")
    assert choices(together, {0, 1, 2}) == (0, 1, 2)
    assert choices(together, {0, 2}) == (0, 1)
    assert choices(together, {1}) == ()


def test_who_is_answered_out_of_turn():
    # start 0; start 1; of the two that are held, 1 goes on and asks again, and goes on.
    assert choices(trace("+0 +1 ?0 ?1 !1 ?1 !1 .1 !0 .0"), {0, 1}) == (0, 1, 1, 1)


def test_rounds_have_choices_one_after_the_other():
    both = trace("+0 +1 ?0 ?1 !0 !1 .0 .1 +2 +3 ?2 ?3 !3 .3 !2 .2", rounds={2: 1, 3: 1})
    assert rounds_of(both.schedule({0, 1, 2, 3})) == [(0, 1), (0, 1, 1)]
    assert choices(both, {2, 3}) == (0, 1, 1)
    assert choices(both, {0, 3}) == ()


def test_a_round_in_which_nothing_was_begun_is_a_round():
    """Nothing can be done about a message whose id the target never showed."""
    rounds = {0: 0, 1: 0, 2: 1, 3: 2, 4: 2}
    one = trace("+0 +1 ?0 ?1 !1 .1 !0 .0 .2 +3 +4 ?3 ?4 !4 .4 !3 .3", rounds=rounds)
    assert rounds_of(one.schedule(set(rounds))) == [(0, 1, 1), (), (0, 1, 1)]


def test_those_that_send_one_text_have_a_call_each():
    assert choices(trace("+0 +1 ?0 ?1 !1 .1 !0 .0", same={1: 0}), {0, 1}) == (0, 1, 1)


def test_a_call_that_was_never_answered_is_never_let_go_on():
    assert choices(trace("+0 +1 ?0 ?1 !1 .1"), {0, 1}) == (0, 1, 1)


@pytest.mark.parametrize("nth", range(20))
def test_the_order_of_a_scheduled_run_is_its_own_schedule(nth):
    """A run simulated under random choices, with one or two calls for each, gives these choices back."""
    draw = random.Random(nth)
    left = {number: draw.randint(1, 2) for number in range(4)}
    chosen, held, waiting, acts = [], [], list(left), []
    while held or waiting:
        possible = [*held, *waiting]
        choice = draw.randrange(len(possible))
        if len(possible) > 1:
            chosen.append(choice)
        if choice < len(held):
            number = held.pop(choice)
            acts.append(f"!{number}")
        else:
            number = waiting.pop(choice - len(held))
            acts.append(f"+{number}")
        if left[number]:
            left[number] -= 1
            held.append(number)
            acts.append(f"?{number}")
        else:
            acts.append(f".{number}")
    while chosen and chosen[-1] == 0:
        chosen.pop()
    assert choices(trace(" ".join(acts)), set(range(4))) == tuple(chosen)
    assert Schedule(choices=tuple(chosen)).choices == tuple(chosen)


def test_whoever_comes_after_one_that_is_cancelled_starts_at_once_and_is_no_choice():
    one = trace("+0 ?0 -0 +1 ?1 !1 .1", gone=(0,))
    assert choices(one, {0, 1}) == ()


def test_nothing_behind_one_that_is_cancelled_can_be_started_before_it():
    one = trace("+0 ?0 -0 +1 ?1 +2 ?2 !2 .2 !1 .1", gone=(0,))
    # 0 is all that can be started, so that is no choice; 1 is next by itself; then 1 is held, and 2 is started.
    assert choices(one, {0, 1, 2}) == (1, 1)


def test_as_a_schedule_every_round_has_its_own_choices():
    """To take one back in one round must not change what the next ones do."""
    rounds = {0: 0, 1: 0, 2: 1, 3: 1}
    both = trace("+0 +1 ?0 ?1 !1 .1 !0 .0 +2 +3 ?2 ?3 !3 .3 !2 .2", rounds=rounds)
    assert both.schedule({0, 1, 2, 3}) == Schedule(choices=(0, 1, 1, 0, 1, 1), begins=(0, 3))
    # Of each round without the zeros at its end, also where others follow.
    first = trace("+0 +1 ?0 ?1 !0 .0 !1 .1 +2 +3 ?2 ?3 !3 .3 !2 .2", rounds=rounds)
    assert first.schedule({0, 1, 2, 3}) == Schedule(choices=(0, 1, 0, 1, 1), begins=(0, 2))
    assert first.schedule({0, 2, 3}) == Schedule(choices=(0, 1, 1), begins=(0, 0))
    assert first.schedule({2, 3}) == Schedule(choices=(0, 1, 1))
    assert first.schedule({0, 2}) == Schedule()
