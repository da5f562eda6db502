"""Fresh seeds, drawn and printed by the run: none is ever picked."""

from __future__ import annotations

import random

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "nth" in metafunc.fixturenames:
        metafunc.parametrize("nth", range(metafunc.module.SEEDS))


@pytest.fixture
def seed(nth: int) -> int:
    """A seed nobody chose; pytest shows it when the test fails."""
    drawn = random.SystemRandom().getrandbits(32)
    print(f"seed {drawn}")
    return drawn
