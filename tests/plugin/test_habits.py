"""The habits of a test run: selecting, stopping early, repeating failures, listing, switching off."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

OWNERSHIP = "overheard.stranger::thread-ownership"
RECALL = "overheard.stranger::recall-within-thread"
TARGET = "--overheard=agent.py:leaky"


def test_k_selects_and_nothing_else_is_claimed_or_failed(check, processes):
    session = check(TARGET, "-k", "recall-within-thread", *processes)
    assert session.code == 0, session.out
    assert session.cases == {RECALL: "passed"}
    report = session.report()
    assert session.verdict == report["verdict"] == "held"
    assert {one["name"]: one["status"] for one in report["invariants"]}["thread-ownership"] != "judged"
    assert any("not selected" in note for note in report["notes"])
    session = check(TARGET, "-k", "thread-ownership", *processes)
    assert session.code == 1
    assert session.cases == {OWNERSHIP: "failure"}
    assert session.verdict == "violated"


def test_a_node_id_selects_its_check_or_its_scenario(check, processes):
    session = check(TARGET, "overheard::stranger::thread-ownership", *processes, scenarios=())
    assert session.cases == {OWNERSHIP: "failure"}
    session = check(TARGET, "overheard::stranger", *processes, scenarios=())
    assert session.cases == {OWNERSHIP: "failure", RECALL: "passed"}


def test_the_marker_tells_checks_from_other_tests(check, project):
    project.makepyfile(test_own="def test_own(): pass")
    assert set(check(TARGET, "-m", "overheard").cases) == {OWNERSHIP, RECALL}
    session = check(TARGET, "-m", "not overheard")
    assert set(session.cases) == {"test_own::test_own"}
    assert session.code == 0
    assert session.verdicts == []


def test_x_stops_and_what_was_not_run_is_said(check, processes):
    names = ("stranger", "same-thread-id", "recall")
    session = check(TARGET, "-x", *processes, scenarios=names)
    assert session.code in (1, 2)
    assert session.verdict == "violated"
    assert "failure" in session.cases.values()
    assert not any("::verdict" in name for name in session.cases)


def test_lf_runs_what_failed(check, processes):
    check(TARGET)
    session = check(TARGET, "--lf", *processes)
    assert session.cases == {OWNERSHIP: "failure"}
    if processes:
        return
    session = check("--overheard=agent.py:correct", "--lf")
    assert session.cases == {OWNERSHIP: "passed"}
    assert session.code == 0
    assert session.verdict == "held"


def test_collecting_drives_nothing_and_writes_nothing(check):
    session = check(TARGET, "--collect-only", "-q")
    assert session.code == 0
    assert "overheard::stranger::thread-ownership" in session.out
    assert not Path("reports").exists()
    assert "violated" not in session.out


@pytest.mark.parametrize("how", ["--setup-plan", "--setup-only"])
def test_looking_at_fixtures_drives_nothing_and_writes_nothing(check, project, how):
    project.makepyfile(
        test_declared="""
        import pytest
        from overheard.testing import isolation

        @pytest.fixture
        def make():
            raise AssertionError("made")

        @isolation
        def test_isolation():
            raise AssertionError("called")
        """
    )
    session = check(TARGET, how)
    assert session.code == 0, session.out
    assert session.verdicts == []
    assert not Path("reports").exists()


def test_durations_show_where_the_time_went(check):
    session = check(TARGET, "--durations=3", "-vv")
    assert any("setup" in line and "overheard::stranger::" in line for line in session.out.splitlines())


def test_quiet_says_the_verdict_only(check):
    session = check(TARGET, "-q")
    assert session.verdict == "violated"
    assert "exposures" not in session.out
    assert "reports and history" not in session.out


def test_everything_has_an_ini_twin(project, check):
    Path("sub").mkdir()
    project.makeini("""
        [pytest]
        addopts = -p no:langsmith_plugin -p no:faker
        overheard = agent.py:leaky
        overheard_profile = smoke
        overheard_scenario = stranger
        overheard_seed = 77
        overheard_contract = thread_ids=bearer
            scope=thread
        overheard_output = elsewhere
        overheard_timeout = 20
        overheard_prove = true
        overheard_show_evidence = true
    """)
    os.chdir("sub")
    result = project.runpytest_inprocess("-rs")
    os.chdir("..")
    result.stdout.fnmatch_lines(["overheard: agent.py:leaky, profile smoke, --overheard-seed 77"])
    result.stdout.fnmatch_lines(["*thread_ids is bearer*"])
    assert Path("elsewhere/report.json").exists()


def test_flag_beats_variable_beats_ini(project, check, monkeypatch):
    project.makeini("[pytest]\naddopts = -p no:langsmith_plugin -p no:faker\noverheard_seed = 1\n")
    header = "overheard: agent.py:leaky, profile smoke, --overheard-seed {}"
    assert header.format(1) in check(TARGET, "--collect-only").out
    monkeypatch.setenv("OVERHEARD_SEED", "2")
    assert header.format(2) in check(TARGET, "--collect-only").out
    assert header.format(3) in check(TARGET, "--collect-only", "--overheard-seed=3").out
    monkeypatch.setenv("OVERHEARD_SEED", "two")
    session = check(TARGET, "--collect-only")
    assert session.code == 4
    assert "OVERHEARD_SEED is 'two'" in session.out + session.err


@pytest.mark.parametrize("how", ["variable", "plugin", "not asked"])
def test_switched_off_or_not_asked_there_is_nothing_of_it(project, check, monkeypatch, how):
    project.makepyfile(test_own="def test_own(): pass")
    # An environment for the command line is no reason to test anything here.
    monkeypatch.setenv("OVERHEARD_TARGET", "agent.py:leaky")
    arguments = []
    if how == "variable":
        monkeypatch.setenv("OVERHEARD_DISABLE", "1")
        arguments = [TARGET]
    if how == "plugin":
        arguments = ["-p", "no:overheard"]
    result = project.runpytest_inprocess(*arguments)
    result.assert_outcomes(passed=1)
    assert "overheard" not in result.stdout.str().partition("plugins:")[2].partition("\n")[2]
    assert not Path("reports").exists()


def test_options_are_in_a_group_of_their_own_and_the_marker_is_known(project):
    result = project.runpytest_inprocess("--help")
    result.stdout.fnmatch_lines(["overheard: do agents keep their users apart?:", "*--overheard=TARGET*"])
    result.stdout.fnmatch_lines(["*overheard_profile (string)*"])
    result = project.runpytest_inprocess("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.overheard: *"])


def test_idle_it_imports_nothing_of_ours(project):
    code = """
        import sys, pytest
        code = pytest.main(["-p", "no:langsmith_plugin", "-q", "test_own.py"])
        print("HEAVY", sorted(name for name in sys.modules if name.startswith(("overheard", "aiohttp", "msgspec"))))
    """
    project.makepyfile(test_own="def test_own(): pass")
    script = project.makepyfile(script=code)
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False).stdout
    found = ast.literal_eval(told.rpartition("HEAVY ")[2])
    assert set(found) == {"overheard", "overheard.version", "overheard.pytest_plugin"}


def test_packages_of_the_users_with_our_names_are_not_disturbed(project, check, processes):
    for name in ("harness", "scenarios", "reports", "tests"):
        folder = Path(name)
        folder.mkdir()
        (folder / "__init__.py").write_text("mine = True\n")
    Path("tests/test_mine.py").write_text(
        "import harness, reports, scenarios\n\ndef test_mine():\n    assert harness.mine and scenarios.mine and reports.mine\n"
    )
    session = check(TARGET, "--overheard-output=out", *processes, in_process=False)
    assert session.cases["tests.test_mine::test_mine"] == "passed"
    assert session.cases[OWNERSHIP] == "failure"
