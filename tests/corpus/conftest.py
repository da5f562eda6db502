"""The program that measures real bugs, as a module; nothing here makes an environment."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def corpus(program):
    """The program tests/corpus/run.py, as a module."""
    return program(HERE / "run.py")
