"""What is said of real bugs is what was measured of them, at the versions that are pinned."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from urllib.parse import urlparse

import pytest
from packaging.requirements import Requirement

from overheard.adapters.http.load import load
from overheard.check.diagnose import ADVICE
from overheard.core.contract import declare

HERE = Path(__file__).parent
EVERY = tomllib.loads((HERE / "bugs.toml").read_text())
MEASURED = json.loads((HERE / "measured.json").read_text())
ROWS = [(name, which) for name, bug in EVERY.items() for which in ("leaking", "safe") if which in bug]


@pytest.fixture
def bug():
    return {"package": "p", "leaking": "1", "safe": "2", "invariant": "thread-ownership", "diagnosis": "d"}


def report(verdict, *findings, invariant="held", exposures=7):
    judged = {"name": "thread-ownership", "status": "judged", "verdict": invariant, "exposures": exposures}
    told = [{"invariant": each, "diagnosis": diagnosis} for each, diagnosis in findings]
    return {"verdict": verdict, "findings": told, "invariants": [judged], "seed": 5, "profile": "smoke"}


def test_a_leaking_version_is_as_expected_if_a_finding_has_both_promise_and_diagnosis(corpus, bug):
    def row(*findings):
        return corpus.row(bug, "leaking", report("violated", *findings, invariant="violated"), seconds=1.6)

    found = row(("thread-ownership", "d"), ("ids-required", "e"), ("thread-ownership", "d"))
    assert found["as_expected"]
    assert found["besides"] == [["ids-required", "e"]]
    assert found["seconds"] == 2
    assert not row(("thread-ownership", "e"), ("ids-required", "d"))["as_expected"]
    assert not row()["as_expected"]


@pytest.mark.parametrize("verdict", ["violated", "inconclusive", None])
def test_a_safe_version_is_as_expected_only_if_its_promise_was_judged_and_held(corpus, bug, verdict):
    assert corpus.row(bug, "safe", report("held"), seconds=1)["as_expected"]
    # Whatever else it breaks is said, and is not what this bug is about.
    besides = corpus.row(bug, "safe", report("violated", ("ids-required", "e")), seconds=1)
    assert besides["as_expected"]
    assert besides["besides"] == [["ids-required", "e"]]
    assert not corpus.row(bug, "safe", report("held", invariant=verdict), seconds=1)["as_expected"]


def test_a_promise_that_the_harness_does_not_know_is_not_offered(corpus, bug):
    bug |= {"invariant": "not-yet"}
    for which in ("leaking", "safe"):
        row = corpus.row(bug, which, report("held"), seconds=1)
        assert (row["invariant"], row["as_expected"]) == ("not offered", False)


def test_a_row_says_what_was_found_or_over_how_many_chances_it_was_not(corpus, bug):
    leaking = report("violated", ("thread-ownership", "d"), ("ids-required", "e"), invariant="violated")
    cells = corpus.cells("x", bug, corpus.row(bug, "leaking", leaking, seconds=61))
    assert cells == (
        "`x`", "p 1", "violated", "thread-ownership **violated** (*d*)", "ids-required (*e*)", "smoke, 61 s"
    )  # fmt: skip
    cells = corpus.cells("x", bug, corpus.row(bug, "safe", report("held"), seconds=3))
    assert cells[3:] == ("thread-ownership **held** over 7 exposures", "", "smoke, 3 s")


def test_the_page_has_a_row_for_every_version_a_cause_for_every_bug_and_what_is_not_found(corpus, bug):
    bug |= {"cause": "A cause.", "source": "https://example.org/1"}
    other = {key: value for key, value in bug.items() if key != "safe"} | {"unfound": "No plan does this."}
    rows = {
        "x": {
            "leaking": corpus.row(bug, "leaking", report("violated", ("thread-ownership", "d")), seconds=9),
            "safe": corpus.row(bug, "safe", report("held"), seconds=9),
        },
        "y": {"leaking": corpus.row(other, "leaking", report("held"), seconds=9)},
    }
    page = corpus.page({"x": bug, "y": other}, rows)
    assert page.count("| `x` |") == 2
    assert page.count("| `y` |") == 1
    assert "- `y`: No plan does this.\n" in page
    assert "no version is known that does not" in page
    assert "<DATE>" not in page


def test_beside_is_for_both_versions_or_for_each_its_own(corpus, bug):
    assert corpus.requirements(bug, "leaking") == ["p==1"]
    assert corpus.requirements(bug | {"beside": ["a==1"]}, "safe") == ["p==2", "a==1"]
    own = bug | {"beside": {"leaking": ["a==1"], "safe": ["a==2"]}}
    assert [corpus.requirements(own, which)[1:] for which in ("leaking", "safe")] == [["a==1"], ["a==2"]]


def test_no_bug_of_that_name_is_a_sentence(corpus, capsys):
    with pytest.raises(SystemExit) as left:
        corpus.main(["no-such-bug"])
    assert left.value.code == 2
    assert "no such bug: no-such-bug; there are agno-same-session" in capsys.readouterr().err


# -- what stands in the files --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "which"), ROWS)
def test_what_is_kept_of_a_bug_is_of_the_pinned_version_and_as_it_should_be_or_said_not_to_be(name, which):
    kept = MEASURED[name][which]
    bug = EVERY[name]
    assert (kept["package"], kept["version"]) == (bug["package"], bug[which])
    assert kept["as_expected"] or "unfound" in bug
    if which == "leaking":
        assert kept["as_expected"] == kept["found"]


@pytest.mark.parametrize("name", EVERY)
def test_what_is_said_not_to_be_found_is_not_found(name):
    assert ("unfound" in EVERY[name]) == (not all(row["as_expected"] for row in MEASURED[name].values()))


def test_the_page_is_written_from_what_was_measured_and_lacks_no_row(corpus):
    assert [(name, which) for name, rows in MEASURED.items() for which in rows] == ROWS
    assert corpus.PAGE.read_text() == corpus.page(EVERY, MEASURED)


@pytest.mark.parametrize("name", EVERY)
def test_a_bug_is_described_in_full(name, corpus):
    bug = EVERY[name]
    assert corpus.target(name).is_file()
    assert urlparse(bug["source"]).scheme == "https"
    assert bug["cause"].endswith(".")
    if "unfound" not in bug:
        assert bug["diagnosis"] in ADVICE
    for which in corpus.versions(bug):
        names = [Requirement(each).name for each in corpus.requirements(bug, which)]
        assert names[0] == bug["package"]


@pytest.mark.parametrize("name", [name for name in EVERY if (HERE / name / "target.toml").is_file()])
def test_a_target_file_can_be_read(name, corpus):
    described = load(corpus.target(name), shown=name)
    assert described.file.serve
    declare(("file", described.file.contract))
