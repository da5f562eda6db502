"""Timing on a machine that is never quiet: ratios of minima, the sides taken in turn in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any


def fastest(sides: Mapping[str, Callable[[], Any]], *, rounds: int) -> dict[str, float]:
    """The least processor seconds that each side took in `rounds` turns.

    Other load on the machine can only add to a time, so the least is nearest to what the code costs; and
    with the sides taken in turn, a slow spell of the machine falls on all of them.
    """
    least = dict.fromkeys(sides, float("inf"))
    for _ in range(rounds):
        for name, side in sides.items():
            begin = time.process_time()
            side()
            least[name] = min(least[name], time.process_time() - begin)
    return least
