"""Under pytest-xdist: one campaign for each scenario, one report, and nothing passes by a worker's death."""

import json
from pathlib import Path

import pytest

from overheard.history.reader import open_history
from overheard.testing.names import Check, parse

TARGET = "--overheard=agent.py:correct"


@pytest.mark.parametrize("workers", ["2", "4"])
def test_each_scenario_is_driven_once_and_the_whole_is_one_run(check, project, workers):
    project.makepyfile(
        test_own="import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_own(n): pass"
    )
    names = ("recall", "sibling-threads", "stranger", "many-resources")
    session = check(TARGET, "-n", workers, "--overheard-seed=3", scenarios=names)
    assert session.code == 0, session.out
    assert session.verdict == "held"
    assert len(session.cases) == 7 + 9
    assert set(session.cases.values()) == {"passed"}
    history = open_history(Path("reports/overheard/history.jsonl"))
    order = [
        example.started.plan.scenario for example in history.examples() if example.started.phase == "explore"
    ]
    seen = list(dict.fromkeys(name for name in order if name != "first-contact"))
    assert seen == list(names), "parts are joined in the order of the scenarios"
    assert order.count("first-contact") == len(names), "every scenario was driven once"
    assert session.report()["complete"]


DYING = """
import os, signal

class Dying:
    # Correct, until something kills it.
    calls = 0
    said = {{}}

    async def send(self, message, *, thread=None, resource=None):
        if not thread or not resource:
            raise PermissionError("both ids are required")
        self.calls += 1
        if self.calls > 20:
            {death}
        told = self.said.setdefault((resource, thread), [])
        told.append(message)
        return " ".join(told[:-1])

dying = Dying()
"""


@pytest.mark.parametrize(
    "death", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"], ids=["exits", "killed"]
)
def test_a_worker_that_dies_is_inconclusive_and_the_session_fails(check, project, death):
    project.makepyfile(dying=DYING.format(death=death))
    project.makepyfile(
        test_own="import pytest\n@pytest.mark.parametrize('n', range(4))\ndef test_own(n): pass"
    )
    session = check("--overheard=dying.py:dying", "-n", "2")
    assert session.code == 1
    assert session.verdict == "inconclusive"
    checks = {name: state for name, state in session.cases.items() if "stranger" in name}
    assert list(checks.values()) == ["error"] * 2, session.cases
    own = [state for name, state in session.cases.items() if "test_own" in name]
    assert own == ["passed"] * 4
    assert "died while it drove scenario stranger" in session.out
    report = session.report()
    assert report["verdict"] == "inconclusive"
    assert not report["complete"]


def test_a_worker_that_dies_does_not_hide_what_another_found(check, project):
    project.makepyfile(
        dying="""
import os
from overheard.zoo.catalogue import CATALOGUE

class Dying:
    async def __aenter__(self):
        self.agent = await CATALOGUE["thread-only-key-memory"].build().__aenter__()
        return self
    async def __aexit__(self, *error):
        await self.agent.__aexit__(*error)
    async def send(self, message, *, thread, resource):
        if not thread or not resource:
            os._exit(1)
        return await self.agent.send(message, thread=thread, resource=resource)

dying = Dying
"""
    )
    session = check("--overheard=dying.py:dying", "-n", "2", scenarios=("stranger", "recall", "ids-missing"))
    assert session.code == 1
    assert session.verdict == session.report()["verdict"]


@pytest.mark.parametrize("restart", ["0", "1"])
def test_whatever_may_be_restarted_nothing_passes(check, project, restart):
    project.makepyfile(dying=DYING.format(death="os._exit(1)"))
    session = check("--overheard=dying.py:dying", "-n", "1", f"--max-worker-restart={restart}")
    assert session.code != 0
    assert "passed" not in session.cases.values()
    assert session.verdict == "inconclusive"


def test_a_check_whose_report_got_lost_is_an_error(check, project):
    project.makeconftest(
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_report_to_serializable(config, report):
            if "thread-ownership" in report.nodeid and hasattr(report, "overheard"):
                del report.overheard
        """
    )
    session = check(TARGET, "-n", "2")
    assert session.code == 1
    assert session.verdict == "inconclusive"


def test_the_grouping_that_was_chosen_goes_on_for_other_tests(check, project):
    project.makepyfile(
        test_one="import os\nfrom pathlib import Path\n"
        + "".join(f"def test_{n}(): Path(f'pid-{{os.getpid()}}').touch()\n" for n in range(6))
    )
    session = check(TARGET, "-n", "2", "--dist=loadfile")
    assert session.code == 0, session.out
    assert len(list(Path().glob("pid-*"))) == 1


def test_each_is_refused(check):
    session = check(TARGET, "-n", "2", "--dist=each")
    assert session.code == 4
    assert "--dist each" in session.out + session.err


def test_runs_without_checks_keep_their_own_scheduler(project):
    project.makepyfile(test_own="def test_own(): pass")
    result = project.runpytest_subprocess("-n", "1", "-v")
    assert "LoadScheduling" in result.stdout.str()
    assert "Spread" not in result.stdout.str()


@pytest.mark.parametrize(
    ("nodeid", "check"),
    [
        ("overheard::stranger::thread-ownership", Check("overheard", "stranger", "thread-ownership")),
        ("t/a.py::test_x[stranger::ids-required]", Check("t/a.py::test_x", "stranger", "ids-required")),
        ("a.py::T::test_x[v-1-many-resources::ids-required]", Check("a.py::T::test_x[v-1]", "many-resources", "ids-required")),
        ("a.py::test_x[a::b-stranger::ids-required]", Check("a.py::test_x[a::b]", "stranger", "ids-required")),
        ("overheard::regressions::a.b-c.1f", Check("overheard", "regressions", "a.b-c.1f")),
        ("a.py::test_x[regressions::a.b-c.1f]", Check("a.py::test_x", "regressions", "a.b-c.1f")),
        ("a.py::test_x[v-1-regressions::a.b]", Check("a.py::test_x[v-1]", "regressions", "a.b")),
        ("a.py::test_x[a::b]", None),
        ("a.py::test_x[a::1.b]", None),
        ("a.py::test_x[a]", None),
        ("a.py::test_x", None),
        ("overheard.py::test_x", None),
        ("a.py", None),
    ],
)  # fmt: skip
def test_node_ids_are_read_as_they_are_made(nodeid, check):
    assert parse(nodeid, ["stranger", "many-resources", "resources"]) == check


def test_reports_are_of_json_primitives(check):
    """An object would vanish between processes, and pytest would exit 0."""
    session = check(TARGET, "-n", "2")
    assert json.dumps(session.report())
    assert "DumpError" not in session.out + session.err
