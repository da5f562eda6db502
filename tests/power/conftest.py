"""Fresh seeds, drawn and printed by the run: none is ever picked."""

from __future__ import annotations

import os
import random

import pytest

SEEDS = int(os.environ.get("OVERHEARD_POWER_SEEDS", "1"))
"""How many fresh seeds each agent is judged with (one in the ordinary run; the full proof takes 20)."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "nth" in metafunc.fixturenames:
        metafunc.parametrize("nth", range(SEEDS))


@pytest.fixture
def seed(nth: int) -> int:
    """A seed nobody chose; pytest shows it when the test fails."""
    drawn = random.SystemRandom().getrandbits(32)
    print(f"seed {drawn}")
    return drawn
