"""Checks as pytest items, and what both kinds of them do in their phases.

The campaign runs in the set-up of the first check of its scenario: what is inconclusive *errors* there, what
does not apply is skipped there, and what is violated *fails* in the call.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

from overheard.testing import words
from overheard.testing.declare import MARK
from overheard.testing.names import ROOT, Check
from overheard.testing.runs import Outcome, Result, Run

if TYPE_CHECKING:
    from overheard.testing.plugin import Plugin

CHECK: Final = pytest.StashKey[Check]()
SAID: Final = pytest.StashKey[dict[str, Any]]()
"""What a check says, as JSON primitives: it crosses processes on the test report."""

PARAMETER: Final = "_overheard_check"


class Everything(pytest.Collector):
    """The checks of the target that is tested without a test file."""

    def __init__(self, *, run: Run, plugin: Plugin, **given: Any) -> None:
        super().__init__(**given)
        self.run = run
        self.plugin = plugin

    def collect(self) -> Iterator[pytest.Collector]:
        for name in self.run.checks:
            yield OfScenario.from_parent(self, name=name)


class OfScenario(pytest.Collector):
    """The checks of one scenario."""

    def collect(self) -> Iterator[pytest.Item]:
        everything = self.parent
        assert isinstance(everything, Everything)  # noqa: S101 - nobody else makes one
        for invariant in everything.run.checks[self.name]:
            yield Item.from_parent(
                self, name=invariant, run=everything.run, plugin=everything.plugin, scenario=self.name
            )


class Item(pytest.Item):
    """One check that no test file declares."""

    def __init__(self, *, run: Run, plugin: Plugin, scenario: str, **given: Any) -> None:
        super().__init__(**given)
        self.check_run = run
        self.plugin = plugin
        self.stash[CHECK] = Check(ROOT, scenario, self.name)
        self.add_marker("overheard")

    def setup(self) -> None:
        set_up(self, self.plugin, self.check_run, None)

    def runtest(self) -> None:
        call(self, self.plugin, self.check_run)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.nodeid


def set_up(item: pytest.Item, plugin: Plugin, run: Run, target: Callable[[], Any] | None) -> None:
    """Drive the scenario unless that was done; skip what does not apply, error what is inconclusive."""
    check = item.stash[CHECK]
    if plugin.only_looks:
        return
    outcome = plugin.desk.drive(run, check.scenario, target)
    result = outcome.result(check.invariant)
    item.stash[SAID] = said(check, run, outcome, result)
    if result.word in ("not promised", "not offered"):
        pytest.skip(words.skipped(result.word, result.reasons))
    if result.word == "inconclusive":
        _fail(
            words.inconclusive(
                result.reasons,
                scenario=check.scenario,
                invariant=check.invariant,
                judgement=outcome.judgement,
            )
        )


def call(item: pytest.Item, plugin: Plugin, run: Run) -> None:
    """Fail if the promise is broken, as expected if nothing but known findings break it."""
    check = item.stash[CHECK]
    outcome = plugin.desk.known(run, check.scenario)
    judgement = None if outcome is None else outcome.judgement
    if outcome is None or judgement is None:
        _fail("inconclusive: this check was called and never set up")
    result = outcome.result(check.invariant)
    if result.word == "accepted":
        pytest.xfail(words.accepted(result.reasons))  # Expected to fail, and it did.
    if result.word in ("accepted", "violated"):
        _fail(
            words.violated(
                judgement,
                check.invariant,
                scenario=check.scenario,
                folder=plugin.shown(run.folder),
                show=plugin.shows_evidence,
            )
        )


def _fail(text: str) -> NoReturn:
    pytest.fail(text, pytrace=False)


def said(check: Check, run: Run, outcome: Outcome, result: Result) -> dict[str, Any]:
    """What the controller has to know of a check. Primitives only: an object would vanish on its way."""
    judged = result.judged
    numbers = None
    if judged is not None and judged.verdict is not None:
        numbers = [judged.exposures, judged.controls, judged.examples, judged.bound]
    return {
        "owner": check.owner,
        "scenario": check.scenario,
        "invariant": check.invariant,
        "word": result.word,
        "reason": result.reasons[0] if result.reasons else "",
        "numbers": numbers,
        "narrowed": run.narrowed,
        "target": run.target,
        "command": run.command,
        "recorded": outcome.judgement is not None,
    }


def factory_of(item: pytest.Function) -> Callable[[], Any]:
    """The declared test as a factory without parameters: its fixtures are filled in already."""
    declared = item.obj
    instance = getattr(declared, "__self__", None)
    marks = vars(declared if instance is None else declared.__func__)
    function = declared
    while MARK in getattr(function, "__dict__", {}):
        function = function.__wrapped__
    given = {
        name: item.funcargs[name] for name in inspect.signature(declared).parameters if name in item.funcargs
    }
    if inspect.isasyncgenfunction(function):
        function = contextlib.asynccontextmanager(function)
    elif inspect.isgeneratorfunction(function):
        function = contextlib.contextmanager(function)

    def build() -> Any:
        return function(**given) if instance is None else function(instance, **given)

    # What `@overheard.contract` left on the test is said of what it gives.
    vars(build).update({key: value for key, value in marks.items() if key == "__overheard__"})
    return build
