"""Without a test file: `pytest --overheard TARGET`."""

import json
import os
import sys
from pathlib import Path

import pytest

from overheard.scenario.load import builtin

OWNERSHIP = "overheard.stranger::thread-ownership"
RECALL = "overheard.stranger::recall-within-thread"


def test_a_leak_fails_its_check_and_no_other(check, processes):
    session = check("--overheard=agent.py:leaky", "--overheard-seed=5", *processes)
    assert session.code == 1
    assert session.cases == {OWNERSHIP: "failure", RECALL: "passed"}
    assert session.verdict == "violated"
    report = session.report()
    assert report["verdict"] == "violated"
    assert report["seed"] == 5
    assert report["scenarios"] == ["stranger"]
    assert [one["diagnosis"] for one in report["findings"]] == ["thread id is the only key"]
    assert list(Path("reports/overheard/counterexamples").iterdir())
    assert not Path("reports/overheard/parts").exists()


def test_a_correct_agent_passes_with_every_check_judged(check, processes):
    session = check("--overheard=agent.py:correct", *processes, scenarios=())
    assert session.code == 0, session.out
    known = builtin()
    assert len(session.cases) == sum(len(scenario.invariants) for scenario in known.values())
    # It has nothing to list, change or delete: what asks for that is not offered, and all else is judged.
    skipped = {name.split("::")[0].split(".")[-1] for name, way in session.cases.items() if way == "skipped"}
    assert skipped == {"reading-surfaces", "changing-surfaces", "forgetting"}
    assert set(session.cases.values()) == {"passed", "skipped"}
    assert session.verdict == "held"
    report = session.report()
    assert report["verdict"] == "held"
    unjudged = {one["name"] for one in report["invariants"] if one["verdict"] != "held"}
    assert unjudged == {"forgotten-stays-forgotten"}
    assert len(report["scenarios"]) == len(known)


def test_the_findings_are_those_of_the_command_line(check, project, processes):
    names = ("same-thread-id", "stranger")
    session = check("--overheard=agent.py:leaky", "--overheard-seed=11", *processes, scenarios=names)
    flags = [f"--scenario={name}" for name in names]
    told = project.run(
        sys.executable,
        "-m",
        "overheard",
        "run",
        "agent.py:leaky",
        "--seed=11",
        "--profile=smoke",
        "--json",
        "--output=cli",
        *flags,
    )
    assert told.ret == 1
    ours, theirs = session.report(), json.loads(told.stdout.str())
    keys = ("invariant", "diagnosis", "channel", "scenario", "condition", "disguise")
    assert [[one[key] for key in keys] for one in ours["findings"]] == [
        [one[key] for key in keys] for one in theirs["findings"]
    ]
    assert ours["replay"] == theirs["replay"]


@pytest.mark.parametrize(
    ("agent", "ownership", "recall"),
    [
        ("amnesic", "error", "failure"),
        ("broken", "error", "error"),
        ("refusing", "error", "error"),
        ("silent", "error", "error"),
    ],
)
def test_what_proves_nothing_errors_with_its_reason(check, agent, ownership, recall):
    session = check(f"--overheard=agent.py:{agent}")
    assert session.code == 1
    assert session.cases == {OWNERSHIP: ownership, RECALL: recall}
    assert session.verdict == ("violated" if recall == "failure" else "inconclusive")
    assert session.report()["verdict"] == session.verdict


def test_a_scenario_that_never_overlapped_errors(check, processes):
    session = check("--overheard=agent.py:serialising", *processes, scenarios=("concurrent-resources",))
    assert session.code == 1
    assert set(session.cases.values()) == {"error"}
    assert session.verdict == "inconclusive"
    assert "requests never overlapped" in session.out


def test_what_is_not_promised_is_skipped_with_the_reason(check, processes):
    session = check(
        "--overheard=agent.py:resource_wide", "-rs", *processes, scenarios=("sibling-threads", "stranger")
    )
    assert session.code == 0, session.out
    assert session.cases["overheard.sibling-threads::no-cross-thread-recall"] == "skipped"
    assert session.cases["overheard.sibling-threads::recall-within-thread"] == "passed"
    assert "scope is resource" in session.out
    assert session.verdict == "held"


def test_a_scenario_without_plans_is_skipped_and_certifies_nothing(check, processes):
    arguments = ("--overheard=agent.py:correct", "--overheard-contract=thread_ids=bearer", *processes)
    session = check(*arguments, scenarios=("same-thread-id", "stranger", "many-resources"))
    assert session.code == 0, session.out
    assert session.verdict == "held"
    assert sorted(session.cases.values()) == ["passed"] * 2 + ["skipped"] * 4
    # Nothing of it is left: what was asked for was not shown, and the session says so.
    session = check(*arguments, scenarios=("same-thread-id",))
    assert session.code == 1
    assert session.verdict == "inconclusive"
    assert sorted(session.cases.values()) == ["error", "skipped", "skipped"]


def test_what_no_check_asked_for_and_was_found_all_the_same_fails(check, processes):
    session = check("--overheard=agent.py:careless", *processes, scenarios=("recall",))
    assert session.code == 1
    assert session.verdict == session.report()["verdict"] == "violated"
    assert session.cases["overheard.recall::recall-within-thread"] == "passed"
    assert "failure" in session.cases.values()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("missing.py:agent", "there is no file missing.py"),
        ("agent.py:nobody", "has no 'nobody'"),
        ("failing.py:agent", "cannot be imported"),
        ("unbuildable.py:agent", "could not be built"),
    ],
)
def test_a_target_that_is_not_there_errors_in_one_sentence(check, project, target, words, processes):
    project.makepyfile(
        failing="import nothing_of_that_name", unbuildable="def agent():\n    raise ValueError(3)"
    )
    session = check(f"--overheard={target}", *processes)
    assert session.code == 1
    assert set(session.cases.values()) == {"error"}
    assert session.verdict == "inconclusive"
    assert words in session.out
    assert "Traceback" not in session.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--overheard-profile=smok"], "did you mean smoke"),
        (["--overheard-scenario=strager"], "stranger"),
        (["--overheard-seed=1_0"], "--overheard-seed is '1_0'"),
        (["--overheard-timeout=-1"], "--overheard-timeout"),
        (["--overheard-contract=thread_ids=sometimes"], "thread_ids"),
        (["--overheard-contract=nonsense"], "KEY=VALUE"),
        (["--overheard-output=agent.py"], "is a file"),
    ],
)
def test_what_cannot_be_asked_for_is_a_usage_error(check, arguments, words, processes):
    session = check("--overheard=agent.py:correct", *arguments, *processes)
    assert session.code == 4
    assert words in session.out + session.err
    assert "Traceback" not in session.out + session.err
    assert not Path("reports").exists()


def test_a_failure_can_be_understood_without_the_source(check):
    session = check("--overheard=agent.py:leaky", "--overheard-seed=5")
    text = session.out
    for words in (
        "violated: thread-ownership in scenario stranger: thread id is the only key",
        "told by", "seen by", "smallest", "<- told here", "<- seen here",
        "Look threads up by resource and thread together",
        "again      overheard run agent.py:leaky --seed 5 --profile smoke --scenario stranger",
    ):  # fmt: skip
        assert words in text
    assert "OVH1" not in text.replace("OVH1…", "")


def test_the_users_own_tests_run_beside_and_are_untouched(check, project, processes, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://mine.invalid/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    project.makepyfile(
        test_own="""
        import os, asyncio, random
        import pytest
        from hypothesis import given, settings, strategies as st

        settings.register_profile("hostile", max_examples=1, deadline=1, database=None, derandomize=True)
        settings.load_profile("hostile")

        @given(st.integers())
        def test_given(number):
            assert isinstance(number, int)

        @pytest.mark.parametrize("n", range(6))
        def test_environment(n):
            assert os.environ["OPENAI_BASE_URL"] == "http://mine.invalid/v1"
            assert os.environ["OPENAI_API_KEY"] == "mine"
            assert "OVERHEARD_MIRROR" not in os.environ

        @pytest.mark.anyio
        async def test_loop():
            await asyncio.sleep(0)
        """,
    )
    session = check("--overheard=agent.py:leaky", "-p", "no:randomly", *processes)
    assert session.code == 1
    own = {name: state for name, state in session.cases.items() if name.startswith("test_own")}
    assert set(own.values()) == {"passed"}
    assert len(own) >= 8
    assert session.cases[OWNERSHIP] == "failure"
    assert os.environ["OPENAI_API_KEY"] == "mine"


def test_an_agent_at_module_level_meets_the_model_server_of_each_scenario(check, project):
    project.makepyfile(
        helper="""
        import os
        URL = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
        """,
        at_module_level="""
        import aiohttp
        from helper import URL

        told = {}

        async def agent(message, *, thread=None, resource=None):
            if not thread or not resource:
                raise PermissionError("both ids are required")
            mine = told.setdefault((resource, thread), [])
            mine.append({"role": "user", "content": message})
            async with aiohttp.ClientSession() as http:
                async with http.post(URL, json={"model": "m", "messages": mine}) as answer:
                    return (await answer.json())["choices"][0]["message"]["content"]
        """,
    )
    session = check("--overheard=at_module_level.py:agent", scenarios=("stranger", "sibling-threads"))
    assert session.code == 0, session.out
    assert set(session.cases.values()) == {"passed"}
    assert session.report()["attribution"]["calls"] > 100
    assert "helper" not in sys.modules


def test_a_second_run_moves_the_first_ones_report_away(check):
    check("--overheard=agent.py:leaky")
    session = check("--overheard=agent.py:correct")
    assert session.report()["verdict"] == "held"
    assert json.loads(Path("reports/overheard/previous/1/report.json").read_text())["verdict"] == "violated"


def test_a_folder_of_somebody_else_is_refused(check, project, processes):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("precious")
    session = check("--overheard=agent.py:correct", "--overheard-output=mine", *processes)
    assert session.code == 4
    assert "did not write" in session.out + session.err
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]
