"""Known findings under pytest: expected to fail, said to be known, and never passed."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

OWNERSHIP = "overheard.stranger::thread-ownership"
RECALL = "overheard.stranger::recall-within-thread"
TARGET = "--overheard=agent.py:leaky"
ENTRY = """
[[finding]]
invariant = "thread-ownership"
diagnosis = "thread id is the only key"
places = ["send/reply"]
reason = "the new store checks the owner"
owner = "ada"
expires = 2999-12-31
"""


@pytest.fixture
def baseline(project):
    """baseline(text) -> the file of known findings beside the tests."""

    def write(text=ENTRY, name="overheard-baseline.toml"):
        Path(name).write_text(text)

    return write


def test_a_check_that_only_known_findings_break_is_expected_to_fail(check, baseline, processes):
    baseline()
    session = check(TARGET, "-rx", *processes)
    assert session.code == 0, session.out
    assert session.cases == {OWNERSHIP: "skipped", RECALL: "passed"}
    assert session.outcomes == {"passed": 1, "xfailed": 1}
    assert "thread id is the only key: accepted until 2999-12-31 by ada: the new store checks" in session.out
    report = session.report()
    assert session.verdict == report["verdict"] == "accepted"
    assert "held" not in session.verdicts[0]
    ours = ET.parse("reports/overheard/junit.xml").getroot()
    assert not list(ours.iter("failure")) + list(ours.iter("error"))
    (case,) = [one for one in ours.iter("testcase") if one.get("name") == "thread-ownership"]
    assert case.find("skipped") is not None


def test_what_is_new_fails_and_what_is_over_hides_nothing(check, baseline):
    baseline(ENTRY.replace("2999", "1999"))
    session = check(TARGET)
    assert session.code == 1
    assert session.cases == {OWNERSHIP: "failure", RECALL: "passed"}
    assert session.verdict == "violated"
    assert "expired on 1999-12-31 and hides nothing: it was found again" in session.out
    baseline(ENTRY.replace("send/reply", "search/listing"))
    session = check(TARGET)
    assert (session.code, session.verdict) == (1, "violated")
    assert "hides nothing any more: take it out" in session.out


def test_runxfail_takes_no_notice_of_it(check, baseline):
    baseline()
    session = check(TARGET, "--runxfail")
    assert (session.code, session.verdict) == (1, "violated")
    assert session.cases[OWNERSHIP] == "failure"


def test_a_part_of_it_may_tell_another_story_and_the_whole_is_exact(check, baseline):
    """Seen in one scenario alone, an agent that mixes resources seems to ignore all ids."""
    known = ENTRY.replace("thread-ownership", "no-cross-resource-leakage")
    known = known.replace("thread id is the only key", "{}")
    names = ("many-resources", "sibling-threads")
    target = "--overheard=agent.py:insights"
    baseline(known.format("resource ignored"))
    session = check(target, scenarios=names)
    assert session.code == 0, session.out
    assert session.verdict == "accepted"
    session = check(target, "-k", "many-resources", scenarios=names)
    assert (session.code, session.verdict) == (0, "accepted"), session.out
    # What the parts cannot tell apart the whole does, and it has the last word.
    baseline(known.format("ids ignored or hardcoded"))
    session = check(target, scenarios=names)
    assert (session.code, session.verdict) == (1, "violated")
    assert "no-cross-resource-leakage in scenario" in session.out


def test_flag_variable_and_ini_setting_name_the_file(check, baseline, project, monkeypatch):
    """That a file is missing is found out when the session begins: nothing has to be driven for it."""

    def missed(*arguments):
        session = check(TARGET, "--collect-only", *arguments)
        assert session.code == 4
        return (
            (session.out + session.err)
            .partition("there is no baseline ")[2]
            .partition(";")[0]
            .rpartition("/")[2]
        )

    assert missed("--overheard-baseline=a.toml") == "a.toml"
    monkeypatch.setenv("OVERHEARD_BASELINE", "b.toml")
    assert missed() == "b.toml"
    assert missed("--overheard-baseline=a.toml") == "a.toml"
    monkeypatch.delenv("OVERHEARD_BASELINE")
    project.makeini(
        "[pytest]\naddopts = -p no:langsmith_plugin -p no:faker\noverheard_baseline = mine.toml\n"
    )
    assert missed() == "mine.toml"
    baseline(name="mine.toml")
    assert check(TARGET).verdict == "accepted"


def test_a_declared_test_is_a_target_of_its_own(check, baseline, project):
    project.makepyfile(
        test_agent="import agent\nfrom overheard.testing import isolation\n\n\n"
        "@isolation\ndef test_isolation():\n    return agent.leaky\n"
    )
    baseline(ENTRY + 'target = "test_agent.py:test_isolation"\n')
    session = check()
    assert (session.code, session.verdict) == (0, "accepted"), session.out
    baseline(ENTRY + 'target = "agent.py:leaky"\n')
    assert check().verdict == "violated"


def test_github_is_told_that_it_is_known(check, baseline, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    baseline()
    session = check(TARGET)
    (command,) = [line for line in session.out.splitlines() if line.startswith("::")]
    assert command.startswith("::notice title=thread-ownership%3A thread id is the only key (known)::")
    assert "accepted: 1 promise broken" in (tmp_path / "summary.md").read_text()
