"""What happened in which order, as a schedule: read from any example, also one that was left to chance.

A leak that was found shows in which order operations started and model calls were answered. Of the operations
that are kept, that order is followed again: it was enough once, and what the others did in between is mostly
beside the point.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from overheard.check.view import NEVER, Call, Op, View
from overheard.core.schedule import Schedule, of_rounds


class _Act(NamedTuple):
    """At a position of the history: an operation started, or (`call`) a model call of its was answered."""

    position: int
    operation: int
    call: int | None


class Trace:
    """The order of one example."""

    def __init__(self, view: View) -> None:
        self._ops = sorted(view.ops.values(), key=lambda op: (op.plan.round, op.number))
        self._calls = _calls_by_operation(view)

    def schedule(self, keep: Collection[int]) -> Schedule:
        """The schedule by which the operations in `keep`, alone, go on in the order in which they did here.

        Every round has its own choices: to take one back in one round must not change what the next ones do.
        """
        kept = (op for op in self._ops if op.number in keep)
        rounds = groupby(kept, key=lambda op: op.plan.round)
        # A round in which nothing was begun is one all the same: the next has the choices after its.
        return of_rounds(self._of_round([op for op in ops if op.invoked != NEVER]) for _, ops in rounds)

    def _of_round(self, members: Sequence[Op]) -> list[int]:
        acts = sorted(
            [
                *(_Act(op.invoked, op.number, None) for op in members),
                *(
                    _Act(call.answered, op.number, place)
                    for op in members
                    for place, call in enumerate(self._calls.get(op.number, ()))
                    if call.answered != NEVER
                ),
            ]
        )
        waiting = [op.number for op in members]
        by_number = {op.number: op for op in members}
        held: list[tuple[int, int]] = []
        brought = dict.fromkeys(waiting, 0)
        chosen = []
        for index, (_, number, call) in enumerate(acts):
            possible = [*held, *_startable(waiting, by_number)]
            wanted = number if call is None else (number, call)
            if wanted not in possible:
                continue
            if len(possible) > 1:
                chosen.append(possible.index(wanted))
            if call is not None:
                held.remove((number, call))
                self._bring(number, acts[index + 1 :], brought, held)
                continue
            waiting.remove(number)
            if by_number[number].plan.cancel is None:
                self._bring(number, acts[index + 1 :], brought, held)
            elif waiting:
                # It goes on alone until it is cancelled, and whoever is next starts at once: no choice there.
                self._bring(waiting.pop(0), acts[index + 1 :], brought, held)
        return chosen

    def _bring(
        self, number: int, later: Sequence[_Act], brought: dict[int, int], held: list[tuple[int, int]]
    ) -> None:
        """Hold the calls that an operation makes before anything else is done about it.

        Under a schedule it is waited for what an operation does next; here it may have come later.
        """
        own = (act for act in later if act.operation == number and act.call is not None)
        until = next((act.position for act in own), NEVER)
        calls = self._calls.get(number, [])
        while brought[number] < len(calls) and calls[brought[number]].position < until:
            held.append((number, brought[number]))
            brought[number] += 1


def _startable(waiting: list[int], ops: Mapping[int, Op]) -> list[int]:
    """Those that may start: of what comes behind one that is cancelled, nothing until it has been."""
    until = next((place for place, number in enumerate(waiting) if ops[number].plan.cancel is not None), None)
    return waiting if until is None else waiting[: until + 1]


def _calls_by_operation(view: View) -> dict[int, list[Call]]:
    """The model calls of each operation while it was in flight, in order, each of one operation only.

    Of several that sent the same text, it is the first that has none open: so does the gate find it.
    """
    found: dict[int, list[Call]] = {}
    for call in view.calls:
        if call.event.kind == "embedding" or call.attributed.late:
            continue
        candidates = sorted(call.attributed.candidates, key=lambda op: op.invoked)
        free = [
            op
            for op in candidates
            if all(other.answered < call.position for other in found.get(op.number, ()))
        ]
        for op in (free or candidates)[:1]:
            found.setdefault(op.number, []).append(call)
    return found
