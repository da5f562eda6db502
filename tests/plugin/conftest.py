"""A project of somebody who uses the plugin, and runs of pytest in it."""

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import overheard.testing.plugin  # noqa: F401 - pytester forgets what is imported in its runs, and only that

AGENT = """
from overheard.zoo.catalogue import CATALOGUE

leaky = CATALOGUE["thread-only-key-memory"].build
correct = CATALOGUE["correct-thread"].build
resource_wide = CATALOGUE["correct-resource"].build
amnesic = CATALOGUE["amnesic"].build
broken = CATALOGUE["always-error"].build
refusing = CATALOGUE["refuses-everything"].build
silent = CATALOGUE["empty-answer"].build
serialising = CATALOGUE["serialises"].build
careless = CATALOGUE["ids-ignored-memory"].build
insights = CATALOGUE["shared-insights-memory"].build
"""

OWNERSHIP = "overheard::stranger::thread-ownership"
RECALL = "overheard::stranger::recall-within-thread"


class Session:
    """What one run of pytest came to: exit code, outcomes by node id, verdict line, report."""

    def __init__(self, result, junit, folder):
        self.code = result.ret
        self.out = result.stdout.str()
        self.err = result.stderr.str()
        self.outcomes = result.parseoutcomes() if "seconds" in self.out or " in " in self.out else {}
        self.cases = _cases(junit)
        self._folder = folder

    @property
    def verdicts(self):
        """The verdict lines of the summary."""
        words = ("held: ", "accepted: ", "violated: ", "inconclusive: ")
        body = self.out.rpartition("= overheard =")[2]
        return [line for line in body.splitlines() if line.startswith(words)]

    @property
    def verdict(self):
        (line,) = self.verdicts
        return line.partition(":")[0]

    def report(self, name="."):
        return json.loads((self._folder / name / "report.json").read_text())


def _cases(junit):
    """State of every test case by `classname::name`, as a CI would read it."""
    if not junit.is_file():
        return {}
    cases = {}
    for case in ET.parse(junit).getroot().iter("testcase"):
        states = [each.tag for each in case if each.tag in ("failure", "error", "skipped")]
        cases.setdefault(f"{case.get('classname')}::{case.get('name')}", "+".join(states) or "passed")
    return cases


@pytest.fixture
def project(pytester, monkeypatch):
    """A folder with agents of known truth in `agent.py`; nothing of this run's environment reaches it."""
    for name in list(os.environ):
        if name.startswith(("OVERHEARD", "PYTEST_ADDOPTS", "GITHUB_", "CI")) and name != "PYTEST_VERSION":
            monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(agent=AGENT)
    pytester.makeini("[pytest]\naddopts = -p no:langsmith_plugin -p no:faker\n")
    return pytester


@pytest.fixture(params=[(), ("-n", "2")], ids=["alone", "n2"])
def processes(request):
    """Once in one process and once spread over two."""
    return request.param


@pytest.fixture
def check(project):
    """check(*arguments) -> the session of `pytest` with them; no long scenario unless it is asked for."""

    def check(*arguments, scenarios=("stranger",), profile="smoke", in_process=True):
        junit = Path("junit.xml")
        junit.unlink(missing_ok=True)
        given = [f"--overheard-scenario={name}" for name in scenarios]
        given += [f"--junitxml={junit}", f"--overheard-profile={profile}", *arguments]
        # A process of its own imports everything anew, which takes longer than the campaign.
        apart = "-n" in arguments or in_process is False
        result = (
            project.runpytest_subprocess(*given, timeout=300)
            if apart
            else project.runpytest_inprocess(*given)
        )
        return Session(result, junit.absolute(), Path("reports/overheard").absolute())

    return check
