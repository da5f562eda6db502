"""In continuous integration: exit code, verdict line, JUnit and GitHub's own pages say the same."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

TARGET = "--overheard=agent.py:leaky"


@pytest.fixture
def github(monkeypatch, tmp_path):
    """A step of GitHub Actions; gives the file of its summary."""
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    return summary


def commands(session):
    return [line for line in session.out.splitlines() if line.lstrip().startswith("::")]


def test_github_is_told_once_by_whoever_reports(check, github, processes):
    github.write_text("what an earlier step part said\n")
    session = check(TARGET, *processes)
    (command,) = commands(session)
    assert command.startswith("::error title=thread-ownership%3A thread id is the only key::told by")
    text = github.read_text()
    assert text.startswith("what an earlier step part said\n")
    assert text.count("violated: 1 promise broken") == 1
    assert "OVH1" not in text.replace("OVH1…", "")


def test_a_declared_test_is_annotated_where_it_stands(check, github, project):
    project.makepyfile(
        test_agent="import agent\nfrom overheard.testing import isolation\n\n\n"
        "@isolation\ndef test_isolation():\n    return agent.leaky\n"
    )
    (command,) = commands(check())
    assert command.startswith("::error file=test_agent.py,line=5,title=")


def test_a_summary_never_grows_over_what_github_takes(check, github):
    github.write_text("x" * ((1 << 20) - 2_000))
    check(TARGET)
    assert github.stat().st_size < 1 << 20
    assert "1 promise broken" in github.read_text()


def test_elsewhere_github_is_told_nothing(check, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert commands(check(TARGET)) == []
    assert not (tmp_path / "summary.md").exists()


@pytest.mark.parametrize(
    ("agent", "arguments"),
    [
        ("correct", ()),
        ("leaky", ()),
        ("leaky", ("-k", "recall")),
        ("correct", ("--overheard-contract=thread_ids=bearer",)),
        ("amnesic", ()),
        ("broken", ()),
        ("refusing", ()),
        ("silent", ()),
        ("careless", ()),
        ("nobody", ()),
    ],
)
def test_exit_code_verdict_line_and_both_junit_files_never_disagree(check, agent, arguments):
    session = check(f"--overheard=agent.py:{agent}", *arguments)
    states = set(session.cases.values())
    read = "violated" if "failure" in states else "inconclusive" if "error" in states else "held"
    assert session.verdict == read
    assert session.code == (0 if read == "held" else 1)
    ours = Path("reports/overheard/junit.xml")
    if agent == "nobody":
        assert not ours.exists()
        return
    suite = ET.parse(ours).getroot().find("testsuite")
    counted = (
        "violated" if int(suite.get("failures")) else "inconclusive" if int(suite.get("errors")) else "held"
    )
    assert counted == session.report()["verdict"] == read
