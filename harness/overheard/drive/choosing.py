"""What a schedule says where there is a choice."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from overheard.core.schedule import Action, Schedule, rounds_of


class Possible(NamedTuple):
    """Something that can be done next: start an operation, or release its held model call number `call`."""

    action: Action
    operation: int
    call: int = 0
    shape: str = ""
    nth: int = 0


class _Line(NamedTuple):
    """What goes on by itself: an operation, or the `number`th of what it does at once."""

    operation: int
    number: int


class Choosing:
    """Follows one schedule through the rounds of one example."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._choices = schedule.choices
        self._spent = 0
        self._round = -1
        self._point = 0
        self._fallen: dict[_Line, int] = {}
        self._lines: dict[int, _Line] = {}

    def begin_round(self) -> None:
        """The next round: the changes of priority are its own, and its choices may be."""
        self._round += 1
        self._point = 0
        self._fallen = {}
        if self._schedule.begins:
            own = rounds_of(self._schedule)[self._round :]
            self._choices, self._spent = own[0] if own else (), 0

    def pick(self, possible: Sequence[Possible]) -> int:
        """Which of what is possible, in its fixed order, is done next."""
        if self._schedule.strategy == "pct":
            self._find_lines(possible)
        if len(possible) < 2:
            return 0
        if self._schedule.strategy == "pct":
            return self._by_priority(possible)
        choice = self._choices[self._spent] if self._spent < len(self._choices) else 0
        self._spent += 1
        return choice % len(possible)

    def _by_priority(self, possible: Sequence[Possible]) -> int:
        chosen = self._highest(possible)
        changes = max(self._schedule.depth - 1, 0)
        mine = self._schedule.changes[self._round * changes : (self._round + 1) * changes]
        if self._point in mine:
            self._fallen[self._line(possible[chosen])] = len(self._fallen) + 1
            chosen = self._highest(possible)
        self._point += 1
        return chosen

    def _highest(self, possible: Sequence[Possible]) -> int:
        return max(range(len(possible)), key=lambda place: (self._rank(self._line(possible[place])), -place))

    def _rank(self, line: _Line) -> tuple[int, int]:
        """Whoever fell is behind all that did not, and behind whoever fell before."""
        priorities = self._schedule.priorities or (0,)
        return -self._fallen.get(line, 0), priorities[sum(line) % len(priorities)]

    def _line(self, one: Possible) -> _Line:
        # Those that start have no call, and none is held in a line of theirs.
        return self._lines.get(one.call, _Line(one.operation, 0))

    def _find_lines(self, possible: Sequence[Possible]) -> None:
        """Have each held call go on in a line of its operation's in which no other is held.

        A thread, to PCT, is what goes on by itself, and an operation that asks two things at once is two:
        with one priority for both, no schedule of any depth had the second answered before the first.
        """
        held = {one.call: one.operation for one in possible if one.call}
        self._lines = {call: line for call, line in self._lines.items() if call in held}
        taken = set(self._lines.values())
        for call, operation in held.items():
            if call not in self._lines:
                free = next(number for number in count() if (operation, number) not in taken)
                self._lines[call] = _Line(operation, free)
                taken.add(self._lines[call])
