"""A schedule in words and in a program: where it deviates from first come, first served.

The steps of a counterexample are numbered from 0 in the order of its program.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from overheard.core.operation import Plan
from overheard.core.schedule import Decision, Step, steps, trimmed


def choices_by_round(plan: Plan) -> dict[int, tuple[int, ...]]:
    """For each round of a plan (by its number there) the choices that its recorded run makes in it.

    One that is left out goes first come, first served: its operations one after the other.
    """
    numbers = sorted({operation.round for operation in plan.operations})
    chosen: dict[int, tuple[int, ...]] = {}
    for place, members in groupby(made(plan), key=lambda step: step.round):
        choices = trimmed([step.choice for step in members if step.possible > 1])
        if choices:
            chosen[numbers[place]] = choices
    return chosen


def deviations_in_words(plan: Plan, number: int | None = None) -> list[str]:
    """Each deviation in words: `step 2 starts before the model answers step 1`.

    With a `number`, those of that round of the plan alone.
    """
    places = {operation.number: place for place, operation in enumerate(plan.operations)}
    rounds = {operation.number: operation.round for operation in plan.operations}
    return [
        f"{_act(step.decision, places, step.instead)} before {_act(step.instead, places, step.decision)}"
        for step in made(plan)
        if step.choice and number in (None, rounds[step.decision.operation])
    ]


def made(plan: Plan) -> list[Step]:
    """The decisions of the run that a plan records, if it does, and what each was chosen from."""
    if plan.schedule is None:
        return []
    ordered = sorted(plan.operations, key=lambda operation: operation.round)
    rounds = [
        [operation.number for operation in members]
        for _, members in groupby(ordered, key=lambda operation: operation.round)
    ]
    return steps(plan.schedule.decisions, rounds)


def _act(decision: Decision, places: Mapping[int, int], other: Decision) -> str:
    step = f"step {places[decision.operation]}"
    if decision.action != "release":
        return f"{step} starts" if decision.action == "start" else f"{step} is cancelled"
    # Two calls that one step makes at once are told apart by what they ask for, if it is not the same.
    at_once = (other.action, other.operation) == ("release", decision.operation)
    kind = f" ({decision.shape})" if at_once and other.shape != decision.shape else ""
    again = f" (call {decision.nth + 1} of its kind)" if decision.nth else ""
    return f"the model answers {step}{kind}{again}"
