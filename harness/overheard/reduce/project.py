"""Cutting a plan down to some of its operations, so that it stays a plan."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from msgspec.structs import replace

from overheard.core.operation import Plan


class Projection(NamedTuple):
    """A smaller plan, and where the operations kept are in it (old number -> new number)."""

    plan: Plan
    numbers: dict[int, int]


def project(plan: Plan, keep: Collection[int]) -> Projection:
    """The plan of just the operations in `keep`, renumbered from 0.

    Rounds without operations close up. Questions about facts that nobody tells any more are dropped from
    `asks`; the text that asks them stays. Operations that repeat another's text repeat, if that one is
    gone, the first of their number that is left.
    """
    kept = [operation for operation in plan.operations if operation.number in keep]
    numbers = {operation.number: place for place, operation in enumerate(kept)}
    rounds = {old: new for new, old in enumerate(sorted({operation.round for operation in kept}))}
    leaders: dict[int, int] = {}
    operations = []
    for operation in kept:
        led_by = operation.same_text_as
        new_leader = None
        if led_by is not None:
            new_leader = leaders.setdefault(led_by, numbers.get(led_by, numbers[operation.number]))
            new_leader = None if new_leader == numbers[operation.number] else new_leader
        operations.append(
            replace(
                operation,
                number=numbers[operation.number],
                round=rounds[operation.round],
                asks=tuple(numbers[asked] for asked in operation.asks if asked in numbers),
                same_text_as=new_leader,
            )
        )
    smaller = replace(plan, operations=tuple(operations), source="reduced", seed=None)
    return Projection(smaller, numbers)
