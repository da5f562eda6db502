"""The plugin under the oldest pytest and pytest-xdist that it is said to run with, and under mixed pairs.

Everything else here runs under the newest. Each pair is an environment of its own, in `.cache/`, made in
seconds: its pytest and its xdist, and behind them the packages of the environment that runs the tests.
"""

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ci"))

from environment import python_before  # noqa: E402 - the path is set above

OLDEST = ("8.2.0", "3.6.1")
NEWEST = (importlib.metadata.version("pytest"), importlib.metadata.version("pytest-xdist"))

PART = ("test_target.py::test_a_leak_fails_its_check_and_no_other[n2]",)
"""In two processes: what hangs on the versions of both."""

MORE = (
    "test_declared.py::test_a_declared_test_is_a_check_for_every_promise[n2]",
    "test_declared.py::test_fixtures_live_while_the_scenario_is_driven_and_are_made_once_for_it[alone]",
    "test_habits.py::test_lf_runs_what_failed[alone]",
    "test_habits.py::test_options_are_in_a_group_of_their_own_and_the_marker_is_known",
    "test_habits.py::test_collecting_drives_nothing_and_writes_nothing",
    "test_baseline.py::test_a_check_that_only_known_findings_break_is_expected_to_fail[alone]",
    "test_spread.py::test_a_worker_that_dies_is_inconclusive_and_the_session_fails[exits]",
    "test_spread.py::test_a_check_whose_report_got_lost_is_an_error",
    "test_cut_short.py::test_an_interrupt_ends_the_session_and_certifies_nothing",
)
"""And, under the oldest of both, whatever else leans on what pytest and xdist do inside."""


def test_the_oldest_are_those_that_the_package_asks_for():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for name, version in zip(("pytest", "pytest-xdist"), OLDEST, strict=True):
        assert f"{name}>={version.rpartition('.')[0]}" in wanted


@pytest.mark.parametrize(
    ("pair", "part"),
    [(OLDEST, (*PART, *MORE)), ((OLDEST[0], NEWEST[1]), PART), ((NEWEST[0], OLDEST[1]), PART)],
    ids=["oldest", "newest-xdist", "newest-pytest"],
)
def test_the_plugin_runs_under_a_pair(pair, part, tmp_path):
    name = f"pytest-{pair[0]}-xdist-{pair[1]}"
    python = python_before(name, Path(sys.prefix), f"pytest=={pair[0]}", f"pytest-xdist=={pair[1]}")
    told = subprocess.run(
        [python, "-c", "import pytest, xdist; print(pytest.__version__, xdist.__version__)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == list(pair)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}",
         *(f"tests/plugin/{each}" for each in part)],
        cwd=ROOT, env=kept, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(part)} passed" in done.stdout
