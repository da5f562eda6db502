"""The program that measures real bugs, as a module; nothing here makes an environment."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def corpus():
    """The program tests/corpus/run.py, as a module."""
    spec = importlib.util.spec_from_file_location("corpus_run", HERE / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
