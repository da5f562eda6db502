"""How long an operation that gives no sign may take before it is taken for one that waits for another.

A target that limits its own concurrency starts a call only when another has ended: to wait until everybody
is held or done would be to wait for ever. But a mark that is made too early turns slowness into races: on a
cold machine 50 ms were not enough, and an operation was started beside one that was only slow.
"""

from __future__ import annotations

from collections import deque
from typing import Final

FIRST: Final = 1.0
"""Seconds, until a target has been seen to block. This costs nothing with targets that never do."""

LATER: Final = 0.1
"""Seconds, at least, afterwards: then each operation that waits costs so much."""

MOST: Final = 10.0
"""Seconds, at most: a single slow step must not make all later ones wait."""

_TIMES: Final = 8
"""So many times the slowest step that was seen lately."""

_LATELY: Final = 200

BESIDE: Final = (0.005, 0.03)
"""Seconds, at least and at most, in which nothing may come any more from a target that asks several things at
once, before a decision is made."""

_GAPS: Final = 3
"""So many times as long as nine in ten of lately took, from one call of an operation to the one beside it."""


class Patience:
    """What is known of one target's pace, over a whole campaign.

    `marks` counts operations taken for blocked, `slow` those of them that went on by themselves.
    """

    def __init__(self) -> None:
        self.marks = 0
        self.slow = 0
        self._steps: deque[float] = deque(maxlen=_LATELY)
        self._blocks = False
        self._gaps: deque[float] = deque(maxlen=_LATELY)
        self.together = 0.0
        """For how long nothing may come before all is quiet: 0 until an operation has had two calls open.

        One held call says of the others nothing: decided at the first, an agent that asks for a profile and
        for a tone at once had the first answered before the second was there, and never the other way round.
        """

    @property
    def seconds(self) -> float:
        """How long to wait for a sign."""
        slowest = max(self._steps, default=0.0)
        return min(max(LATER if self._blocks else FIRST, _TIMES * slowest), MOST)

    def beside(self, gap: float) -> None:
        """An operation made a call while another of its own was held, so many seconds after the last sign."""
        self._gaps.append(gap)
        least, most = BESIDE
        usual = sorted(self._gaps)[len(self._gaps) * 9 // 10]
        self.together = min(max(least, _GAPS * usual), most)

    def step(self, seconds: float) -> None:
        """An operation took so long from a start or a release to the next sign of it."""
        self._steps.append(seconds)

    def marked(self) -> None:
        """An operation was taken for blocked."""
        self.marks += 1

    def resolved(self, *, by_another: bool) -> None:
        """One that was marked went on: after another did (it was blocked indeed), or by itself."""
        if by_another:
            self._blocks = True
        else:
            self.slow += 1
