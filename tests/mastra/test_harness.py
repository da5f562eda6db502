"""What overheard says of each situation on real Mastra is what the hand-written probe measured."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EVERY = tomllib.loads((HERE / "situations.toml").read_text())
ALL = os.environ.get("OVERHEARD_MASTRA") == "all"
RUN = [name for name, each in EVERY.items() if ALL or each.get("usual")]


@pytest.mark.parametrize("name", RUN)
def test_harness_and_probe_agree(name, measured, table):
    probe = measured[name]["verdicts"]
    report = table.judged(name, EVERY[name])
    assert table.differences(probe, report) == [], (report["reasons"], measured[name]["seen"])


def test_every_situation_has_a_target(table):
    targets = {path.stem for path in (table.EXAMPLE / "targets").glob("*.toml")}
    assert targets == {each.get("target", name) for name, each in EVERY.items()}


def test_the_page_is_written_from_what_was_measured_and_lacks_no_row(table):
    kept = json.loads(table.KEPT.read_text())
    assert list(kept) == list(EVERY)
    assert table.PAGE.read_text() == table.page(kept)
    assert {row["versions"] for row in kept.values()} == {table.versions()}


@pytest.mark.parametrize("name", EVERY)
def test_what_is_kept_of_a_situation_is_what_is_written_of_it(name, table):
    assert json.loads(table.KEPT.read_text())[name]["broken"] == EVERY[name].get("violated", [])
