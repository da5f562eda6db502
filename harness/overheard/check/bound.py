"""How much zero findings says."""

from __future__ import annotations

CONFIDENCE = 0.95


def bound(examples: int) -> float | None:
    """One-sided 95 % bound on the probability that a random example leaks, after none of `examples` did.

    This is 1 - 0.05^(1/n), the exact binomial (Clopper-Pearson) bound for zero successes. It is a statement
    about independent examples: exposures within one example are clustered, and counting them as n was
    measured to claim 95 % and cover 64 %. None if nothing was exercised.
    """
    return None if examples <= 0 else 1.0 - (1.0 - CONFIDENCE) ** (1.0 / examples)
