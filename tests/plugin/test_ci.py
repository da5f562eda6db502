"""In continuous integration: exit code, verdict line, JUnit and GitHub's own pages say the same."""

import json
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
        ("broken", ()),
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


TABLE = """
import pytest
from overheard.testing import isolation
from overheard.zoo.catalogue import CATALOGUE

AGENTS = {
    "held": "correct-thread", "violated": "thread-only-key-memory", "accepted": "thread-only-key-memory",
    "forgets": "amnesic", "constant": "constant-reply", "parrot": "echo-of-input", "canned": "ignores-mirror",
    "errs": "always-error", "refuses": "refuses-everything", "silent": "empty-answer",
}

def made(name):
    if name == "unbuildable":
        raise RuntimeError("no database")
    return CATALOGUE[AGENTS[name]].build()

@pytest.mark.parametrize("name", [*AGENTS, "unbuildable"])
@isolation(scenarios=["stranger"], profile="smoke")
def test_isolation(name):
    return made(name)

@isolation(scenarios=["concurrent-resources"], profile="smoke")
def test_one_at_a_time():
    return CATALOGUE["serialises"].build()
"""
VERDICTS = {
    "held": "held",
    "violated": "violated",
    "accepted": "accepted",
    **dict.fromkeys(("forgets", "constant", "parrot", "canned"), "violated"),
    **dict.fromkeys(("errs", "refuses", "silent", "unbuildable"), "inconclusive"),
}
KNOWN = """
[[finding]]
target = "test_table.py:test_isolation[accepted]"
invariant = "thread-ownership"
diagnosis = "thread id is the only key"
places = ["send/reply"]
reason = "known"
owner = "ada"
expires = 2999-12-31
"""


def of_cases(cases):
    """What a reader of JUnit says that knows failures and errors, and nothing of us."""
    states = set(cases.values())
    return "violated" if "failure" in states else "inconclusive" if "error" in states else "not a failure"


def test_over_a_table_of_runs_everything_that_is_said_agrees(check, project, processes):
    """Each agent of the table is a run of its own, with its own verdict line, report and JUnit file."""
    project.makepyfile(test_table=TABLE)
    Path("overheard-baseline.toml").write_text(KNOWN)
    session = check(*processes, scenarios=())
    assert session.code == 1
    lines = {
        line.partition("]")[0].rpartition("[")[2]: line.partition(":")[0]
        for line in session.verdicts
        if "[" in line
    }
    assert lines == VERDICTS
    overlap = next(line for line in session.verdicts if "test_one_at_a_time" in line)
    assert overlap.startswith("inconclusive: ")
    assert "requests never overlapped" in overlap
    reports = {
        json.loads(path.read_text())["target"]: path.parent
        for path in Path("reports/overheard").glob("*/report.json")
    }
    for name, verdict in {**VERDICTS, "": "inconclusive"}.items():
        test = f"test_isolation[{name}" if name else "test_one_at_a_time"
        cases = {
            case: state for case, state in session.cases.items() if case.startswith(f"test_table::{test}")
        }
        assert cases
        assert of_cases(cases) == (verdict if verdict in ("violated", "inconclusive") else "not a failure"), (
            name
        )
        assert ("skipped" in cases.values()) == (verdict == "accepted")
        folder = reports.get(f"test_table.py:{test}{']' if name else ''}")
        assert (folder is None) == (name == "unbuildable"), "of what could not be built nothing was recorded"
        if folder is not None:
            assert json.loads((folder / "report.json").read_text())["verdict"] == verdict
            ours = {
                case.get("name"): "+".join(each.tag for each in case)
                for case in ET.parse(folder / "junit.xml").iter("testcase")
            }
            assert of_cases(ours) == of_cases(cases)


def test_pytests_own_junit_file_stays_one_that_strict_readers_take(check, processes):
    """Properties in a test case, or two outcomes of one, are what they stumble over."""
    check(TARGET, *processes)
    for case in ET.parse("junit.xml").getroot().iter("testcase"):
        assert {child.tag for child in case} <= {"failure", "error", "skipped", "system-out", "system-err"}
        assert len(case) <= 1
        assert set(case.attrib) == {"classname", "name", "time"}
