"""Where a plan's choices come from. One weave, two sources: a seed, and Hypothesis.

Everything is made of one question, an integer between two bounds, so that both sources mean the same by
every other word, and so that a plan depends on nothing but the integers it was given.
"""

from __future__ import annotations

import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

T = TypeVar("T")

_GRAIN = 1000
"""Weights and chances are told apart to a thousandth."""

_FAR = 13_571_113
"""Drawn integers are drawn from so far up. Every twentieth integer that Hypothesis draws is a constant out of
the modules imported from the user's own project, if one lies within the bounds: the same seed would give
other plans as soon as the agent under test was edited. So far up there is none."""

_DRAWN = 1_000
"""Integers drawn for one plan; those of its tail are expanded from one more. Hypothesis stops at 8192 bytes
of choices, and a plan of some 200 operations takes so many."""


class Chooser(ABC):
    """Makes a plan's choices."""

    @abstractmethod
    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`, which must not be empty."""
        return options[self.integer(0, len(options) - 1)] if len(options) > 1 else options[0]

    def shuffle(self, items: Iterable[T]) -> list[T]:
        """The items in another order (Fisher and Yates)."""
        shuffled = list(items)
        for last in range(len(shuffled) - 1, 0, -1):
            other = self.integer(0, last)
            shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
        return shuffled

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One of the keys, as often as its weight says. At least one weight must be above 0."""
        # What is wanted at all is drawn at times, however little: a lone weight of 0.0001 is no weight of 0.
        parts = {option: max(round(weight * _GRAIN), 1) for option, weight in weights.items() if weight > 0}
        left = self.integer(0, sum(parts.values()) - 1)
        for option, part in parts.items():
            left -= part
            if left < 0:
                return option
        raise AssertionError("the parts do not add up to their sum")

    def chance(self, probability: float) -> bool:
        """True with the given probability (0 to 1)."""
        return self.integer(0, _GRAIN - 1) >= round((1 - probability) * _GRAIN)


class SeedChooser(Chooser):
    """Choices expanded from one number. Equal numbers give equal choices on every supported Python:
    of `random.Random`, only the sequence of `random()` is promised to stay as it is.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def integer(self, low: int, high: int) -> int:
        return low + int(self._random() * (high - low + 1))


class DrawChooser(Chooser):
    """Choices drawn by Hypothesis; after the first thousand, expanded from a number that it draws."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw
        self._left = _DRAWN
        self._tail: SeedChooser | None = None

    def integer(self, low: int, high: int) -> int:
        if low == high:
            return low
        if self._left:
            self._left -= 1
            return self._far(low, high)
        if self._tail is None:
            self._tail = SeedChooser(self._far(0, 2**31))
        return self._tail.integer(low, high)

    def _far(self, low: int, high: int) -> int:
        return self._draw(_integers(_FAR + low, _FAR + high)) - _FAR


@lru_cache(maxsize=1 << 12)
def _integers(low: int, high: int) -> SearchStrategy[int]:
    """Made once: a plan draws some hundreds, and most of them within the same few bounds."""
    from hypothesis import strategies  # noqa: PLC0415 - 300 ms that only drawn plans must pay

    return strategies.integers(low, high)


def example_seed(seed: int, scenario: str, index: int) -> int:
    """The 63-bit seed of example `index` of a scenario, in a campaign with `seed`."""
    digest = hashlib.blake2b(f"{seed}/{scenario}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
