"""Schedules: which of what is possible happens next, where operations overlap. Data, as everything in a plan.

A scheduling point is reached when every operation in flight waits for its model, or has ended. Then what can
be done next is in a fixed order: the held model calls, oldest first, then the operations of the round that
have not started, in the order of the plan. A *choice* is a plain integer, taken modulo how many there are; so
any list of integers is a schedule, whatever the target does. 0 lets the oldest held call be answered and
starts an operation only if none is held: the empty schedule is the sequential run, and what is found under it
is no race. Where only one thing can be done, no choice is spent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Literal, NamedTuple, TypeAlias

import msgspec

Strategy: TypeAlias = Literal["choices", "walk", "pct"]
"""How a schedule was drawn: few deviations from first come, first served; every choice at random; or by
priorities of operations that change at few places (Burckhardt and others, "A randomized scheduler with
probabilistic guarantees of finding bugs", 2010)."""

Action: TypeAlias = Literal["start", "release", "cancel"]


class Happening(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """An operation's `nth` model call of one shape has arrived (from 0), or its asker is `gone`; without a
    shape: the operation has ended."""  # noqa: D209

    operation: int
    shape: str = ""
    nth: int = 0
    gone: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One step of a recorded run: an operation started, its `nth` call of a shape released, or it cancelled.

    `after` is what had happened since the decision before, in any order: a replay waits for just that.
    """

    action: Action
    operation: int
    shape: str = ""
    nth: int = 0
    after: tuple[Happening, ...] = ()


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The schedule of one plan.

    `choices`     one integer for each scheduling point where there is a choice; when they are spent, 0.
    `begins`      where in `choices` those of each round begin, if every round has its own; they end where
                  the next round's begin. Without, each round goes on where the one before has stopped, and
                  what is changed in one is changed in all that follow.
    `priorities`  in a `pct` schedule, of operation n the nth (modulo their number), highest first served.
                  Then there are no choices. Of what it asks beside its other calls, the ones after that.
    `changes`     in a `pct` schedule, the scheduling points of each round, counted from 0, at which whoever
                  would be served falls behind all others; `depth` - 1 of them for each round.
    `depth`       in a `pct` schedule, so many orderings it takes for a race that it is good at finding.
    `decisions`   a run to be followed step by step, if there is one; what comes after it follows the choices.
    """

    strategy: Strategy = "choices"
    choices: tuple[int, ...] = ()
    begins: tuple[int, ...] = ()
    priorities: tuple[int, ...] = ()
    changes: tuple[int, ...] = ()
    depth: int = 0
    decisions: tuple[Decision, ...] = ()


def trimmed(choices: Sequence[int]) -> tuple[int, ...]:
    """Choices without the zeros at their end: when they are spent, 0 is what is chosen."""
    last = max((place for place, choice in enumerate(choices) if choice), default=-1)
    return tuple(choices[: last + 1])


def of_rounds(rounds: Iterable[Sequence[int]]) -> Schedule:
    """The schedule in which each round has choices of its own."""
    each = [trimmed(choices) for choices in rounds]
    choices = tuple(chain.from_iterable(each))
    begins = tuple(accumulate(map(len, each), initial=0))[:-1]
    return Schedule(choices=choices, begins=begins if len(each) > 1 and choices else ())


def rounds_of(schedule: Schedule) -> list[tuple[int, ...]]:
    """The choices of each round; or all of them in one, where the rounds have none of their own."""
    begins = schedule.begins or (0,)
    ends = (*begins[1:], len(schedule.choices))
    return [schedule.choices[begin:end] for begin, end in zip(begins, ends, strict=True)]


def deviations(schedule: Schedule) -> int:
    """How often a list of choices deviates from first come, first served."""
    return sum(choice != 0 for choice in schedule.choices)


class Step(NamedTuple):
    """One decision of a recorded run, and what it was chosen from.

    It was number `choice` of so many that were `possible`; first come, first served would have done
    `instead`. `round` counts from 0.
    """

    round: int
    decision: Decision
    choice: int
    possible: int
    instead: Decision


def steps(decisions: Iterable[Decision], rounds: Sequence[Sequence[int]]) -> list[Step]:
    """A recorded run of a plan whose rounds consist of these operations, in the order of the plan.

    It ends where a decision does not fit to what had happened.
    """
    made: list[Step] = []
    places = {operation: place for place, members in enumerate(rounds) for operation in members}
    waiting = [list(members) for members in rounds]
    held: list[Decision] = []
    for decision in decisions:
        place = places.get(decision.operation)
        if place is None:
            break
        for happening in decision.after:
            held = _held(held, happening)
        if decision.action == "cancel":
            made.append(Step(place, decision, 0, 1, decision))
            continue
        possible = [*held, *(Decision(action="start", operation=number) for number in waiting[place])]
        wanted = Decision(
            action=decision.action, operation=decision.operation, shape=decision.shape, nth=decision.nth
        )
        if wanted not in possible:
            break
        choice = possible.index(wanted)
        made.append(Step(place, decision, choice, len(possible), possible[0]))
        if wanted.action == "start":
            waiting[place].remove(decision.operation)
        else:
            held.remove(wanted)
    return made


def _held(held: list[Decision], happening: Happening) -> list[Decision]:
    about = Decision(
        action="release", operation=happening.operation, shape=happening.shape, nth=happening.nth
    )
    if happening.gone:
        return [one for one in held if one != about]
    return [*held, about] if happening.shape else held
