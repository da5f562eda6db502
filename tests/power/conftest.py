"""Fresh seeds, drawn and printed by the run: none is ever picked."""

from __future__ import annotations

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "nth" in metafunc.fixturenames:
        metafunc.parametrize("nth", range(metafunc.module.SEEDS))
