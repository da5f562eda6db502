"""Cutting a plan down to some of its operations, so that it stays a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from overheard.core.operation import Operation, Plan


class Projection(NamedTuple):
    """A smaller plan, and where the operations kept are in it (old number -> new number)."""

    plan: Plan
    numbers: dict[int, int]


def project(plan: Plan, keep: Collection[int]) -> Projection:
    """The plan of just the operations in `keep`, renumbered from 0.

    Operations about a message that nobody sends any more are dropped. Rounds without operations close up.
    Questions about facts that nobody tells any more are dropped from `asks`; the text that asks them stays.
    Operations that repeat another's text repeat, if that one is gone, the first of their number that is left.
    Of these, one that asks for nothing any more asks for what the others ask for: in the same words it asks
    about the same attribute, and whether a message asks is part of its nonce, so the words would be the same
    no longer (and no cache keyed by them be hit).

    A schedule is about all of the operations, and is left out.
    """
    kept = [
        operation
        for operation in plan.operations
        if operation.number in keep and (operation.message is None or operation.message in keep)
    ]
    numbers = {operation.number: place for place, operation in enumerate(kept)}
    rounds = {old: new for new, old in enumerate(sorted({operation.round for operation in kept}))}
    leaders: dict[int, int] = {}
    alike = _asked_alike(kept, numbers)
    operations = []
    for operation in kept:
        led_by = operation.same_text_as
        new_leader = None
        if led_by is not None:
            new_leader = leaders.setdefault(led_by, numbers.get(led_by, numbers[operation.number]))
            new_leader = None if new_leader == numbers[operation.number] else new_leader
        asks = tuple(numbers[asked] for asked in operation.asks if asked in numbers)
        if operation.asks and not asks:
            asks = alike.get(operation.number if led_by is None else led_by, ())
        operations.append(
            replace(
                operation,
                number=numbers[operation.number],
                round=rounds[operation.round],
                asks=asks,
                message=None if operation.message is None else numbers[operation.message],
                same_text_as=new_leader,
            )
        )
    smaller = replace(plan, operations=tuple(operations), source="reduced", seed=None, schedule=None)
    return Projection(smaller, numbers)


def _asked_alike(kept: Sequence[Operation], numbers: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    """What is still asked for by operations that share a text, by the number of the one they repeat."""
    groups: dict[int, list[Operation]] = {}
    for operation in kept:
        leader = operation.number if operation.same_text_as is None else operation.same_text_as
        groups.setdefault(leader, []).append(operation)
    told = {operation.number: operation.round for operation in kept}
    alike: dict[int, tuple[int, ...]] = {}
    for leader, group in groups.items():
        first = min(operation.round for operation in group)
        # Only what was told before any of them: nobody asks for what is yet to be told.
        asked = {fact for operation in group for fact in operation.asks if told.get(fact, first) < first}
        if len(group) > 1 and asked:
            alike[leader] = (numbers[min(asked)],)
    return alike
