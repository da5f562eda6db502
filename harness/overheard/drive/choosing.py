"""What a schedule says where there is a choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from overheard.core.schedule import Action, Schedule


class Possible(NamedTuple):
    """Something that can be done next: start an operation, or release its held model call number `call`."""

    action: Action
    operation: int
    call: int = 0
    shape: str = ""
    nth: int = 0


class Choosing:
    """Follows one schedule through the rounds of one example."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._spent = 0
        self._round = -1
        self._point = 0
        self._fallen: dict[int, int] = {}

    def begin_round(self) -> None:
        """The next round: the changes of priority are its own."""
        self._round += 1
        self._point = 0
        self._fallen = {}

    def pick(self, possible: Sequence[Possible]) -> int:
        """Which of what is possible, in its fixed order, is done next."""
        if len(possible) < 2:
            return 0
        if self._schedule.strategy == "pct":
            return self._by_priority(possible)
        choices = self._schedule.choices
        choice = choices[self._spent] if self._spent < len(choices) else 0
        self._spent += 1
        return choice % len(possible)

    def _by_priority(self, possible: Sequence[Possible]) -> int:
        chosen = self._highest(possible)
        changes = max(self._schedule.depth - 1, 0)
        mine = self._schedule.changes[self._round * changes : (self._round + 1) * changes]
        if self._point in mine:
            self._fallen[possible[chosen].operation] = len(self._fallen) + 1
            chosen = self._highest(possible)
        self._point += 1
        return chosen

    def _highest(self, possible: Sequence[Possible]) -> int:
        return max(range(len(possible)), key=lambda place: (self._rank(possible[place].operation), -place))

    def _rank(self, operation: int) -> tuple[int, int]:
        """Whoever fell is behind all that did not, and behind whoever fell before."""
        priorities = self._schedule.priorities or (0,)
        return -self._fallen.get(operation, 0), priorities[operation % len(priorities)]
