"""Bring steps into rounds: one conversation after the other, woven, or several at once.

What must come before what is written in the steps (`Step.after`); all else is free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from overheard.core.operation import Mode
from overheard.plan.cast import Place
from overheard.plan.choose import Chooser
from overheard.plan.steps import Step

_Next: TypeAlias = Callable[[list[Step]], list[Step]]
"""Takes the steps that could be next and says which are, together."""


def rounds(steps: Sequence[Step], mode: Mode, choose: Chooser, width: int) -> Iterator[list[Step]]:
    """The steps in rounds, each of which starts when the one before has ended."""
    if mode == "sequential":
        for _, block in groupby(steps, key=lambda step: step.block):
            yield from _order(list(block), _Conversations())
        return
    for _, group in groupby(steps, key=lambda step: step.episode):
        episode = list(group)
        together = _any_one(choose) if mode == "interleaved" else _different_actors(episode, choose, width)
        yield from _order(episode, together)


def _order(steps: Sequence[Step], together: _Next) -> Iterator[list[Step]]:
    attached = {step.follower for step in steps if step.follower is not None}
    here = set(steps)
    # What an earlier group holds is over before this one begins.
    waits = {step: len(here.intersection(step.after)) for step in steps}
    followers: dict[Step, list[Step]] = {step: [] for step in steps}
    for step in steps:
        for before in here.intersection(step.after):
            followers[before].append(step)
    ready = [step for step in steps if not waits[step] and step not in attached]
    while ready:
        chosen = _with_followers(together(ready))
        ready = [step for step in ready if step not in chosen]
        for step in chosen:
            for follower in followers[step]:
                waits[follower] -= 1
                if not waits[follower] and follower not in attached:
                    ready.append(follower)
        yield chosen


def _with_followers(chosen: list[Step]) -> list[Step]:
    """At most one of those that are cancelled, last but for the one that follows it at once.

    Whoever else is of their resources waits for another round: one call of each is on its way at a time. So
    does whoever has no room: with those two a round is no wider than it was to be, which is two at least.
    """
    victim = next((step for step in chosen if step.follower is not None), None)
    if victim is None or victim.follower is None:
        return chosen
    apart = (victim.place.actor, victim.follower.place.actor)
    beside = [step for step in chosen if step.follower is None and step.place.actor not in apart]
    return [*beside[: max(len(chosen) - 2, 0)], victim, victim.follower]


class _Conversations:
    """Stay in a place as long as it has something to say, then with its actor, then go on in order."""

    def __init__(self) -> None:
        self._last: Place | None = None

    def __call__(self, ready: list[Step]) -> list[Step]:
        last = self._last
        chosen = next((step for step in ready if step.place is last), None)
        if chosen is None and last is not None:
            chosen = next((step for step in ready if step.place.actor is last.actor), None)
        chosen = chosen or ready[0]
        self._last = chosen.place
        return [chosen]


def _any_one(choose: Chooser) -> _Next:
    return lambda ready: [choose.pick(ready)]


def _different_actors(steps: Sequence[Step], choose: Chooser, width: int) -> _Next:
    """Up to `width` steps of different actors, from the earliest move and, in it, the earliest stage.

    The stage keeps like with like (everybody tells, everybody asks) without forbidding mixed rounds.
    """
    stages: dict[Step, int] = {}
    for step in steps:
        stages[step] = 1 + max((stages.get(before, -1) for before in step.after), default=-1)

    def together(ready: list[Step]) -> list[Step]:
        drawn = sorted(choose.shuffle(ready), key=lambda step: (step.block, stages[step]))
        chosen: dict[str, Step] = {}
        for step in drawn:
            if len(chosen) < width:
                chosen.setdefault(step.place.actor.label, step)
        return list(chosen.values())

    return together
