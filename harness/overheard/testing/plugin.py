"""The plugin once it is awake: pytest's hooks, each of which hands on to the part whose business it is."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from overheard.core.errors import OverheardError
from overheard.report.escape import visible
from overheard.testing import items as kinds
from overheard.testing.declare import MARK, Declaration
from overheard.testing.items import CHECK, SAID
from overheard.testing.ledger import Ledger
from overheard.testing.names import ROOT, Check, parse
from overheard.testing.options import shows_evidence, target_of
from overheard.testing.runs import Desk, Run, prepared

_TARGET_FORM: Final = "{path}:{name}"


class Plugin:
    """Checks of one session, in whichever process: a worker drives, a controller keeps the ledger."""

    def __init__(self, config: pytest.Config, shared: dict[str, Any]) -> None:
        """`shared` is what all processes of the session agree on."""
        self.config = config
        self.shared = shared
        worker = getattr(config, "workerinput", None)
        self.is_worker = worker is not None
        # `--collect-only`, `--setup-only` and `--setup-plan` show what there is, and run none of it.
        self.only_looks = config.option.collectonly or config.getoption("setuponly", default=False)
        self.desk = Desk(workers=int(worker["workercount"]) if worker else 1)
        self.runs: dict[str, Run] = {}
        self._picked = self._take_own_arguments()
        try:
            self.shows_evidence = shows_evidence(config)
            target = target_of(config)
            if target is not None:
                self.runs[ROOT] = prepared(config, self.shared, ROOT, target=target)
        except OverheardError as error:
            raise pytest.UsageError(f"overheard: {error}") from None
        self.ledger = Ledger(config, self.shared, shown=self.shown, shows_evidence=self.shows_evidence)
        if ROOT in self.runs:
            self.ledger.runs[ROOT] = self.runs[ROOT]

    def shown(self, path: Path) -> str:
        """A path as it is written for somebody who stands where pytest was started."""
        try:
            return str(path.relative_to(self.config.invocation_params.dir))
        except ValueError:
            return str(path)

    def _take_own_arguments(self) -> tuple[str, ...]:
        """`overheard::...` names checks, and pytest would look for a file of that name."""
        told = self.shared.get("picked")
        mine = [each for each in self.config.args if each.split("::")[0] == ROOT]
        if told is None:
            self.shared["picked"] = mine
            self.config.args = [each for each in self.config.args if each not in mine]
        elif told and not self.shared["others"]:
            self.config.args = []
        else:
            self.config.args = [each for each in self.config.args if each not in mine]
        self.shared.setdefault("others", bool(self.config.args))
        return tuple(self.shared["picked"])

    # Collection

    def generate(self, metafunc: pytest.Metafunc) -> None:
        """One check for each scenario and invariant of a declared test."""
        nodeid = metafunc.definition.nodeid
        run = self._declared(metafunc.definition, getattr(metafunc.function, MARK), nodeid)
        checks = [(name, each) for name, those in run.checks.items() for each in those]
        metafunc.fixturenames.append(kinds.PARAMETER)
        metafunc.parametrize(
            kinds.PARAMETER, checks, indirect=True, ids=[f"{name}::{each}" for name, each in checks]
        )

    def _declared(self, node: pytest.Item, declaration: Declaration, owner: str) -> Run:
        if owner not in self.runs:
            test = owner.partition("::")[2].replace("::", ".")
            path = self.shown(node.path)
            try:
                self.runs[owner] = prepared(
                    self.config, self.shared, owner,
                    target=_TARGET_FORM.format(path=path, name=test), declaration=declaration,
                )  # fmt: skip
            except OverheardError as error:
                raise pytest.Collector.CollectError(f"{owner}: {error}") from None
        return self.runs[owner]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add the checks that no file declares, before anybody selects; and know the declared ones."""
        for item in items:
            self._know(item)
        if ROOT in self.runs:
            root = kinds.Everything.from_parent(
                session, name=ROOT, nodeid=ROOT, path=self.config.rootpath, run=self.runs[ROOT], plugin=self
            )
            items.extend(item for item in session.genitems(root) if self._is_picked(item.nodeid))

    def _know(self, item: pytest.Item) -> None:
        """A declared test with parameters of its own is a run for each set of them."""
        if not isinstance(item, pytest.Function) or MARK not in getattr(item.function, "__dict__", {}):
            return
        callspec = getattr(item, "callspec", None)
        if callspec is None or kinds.PARAMETER not in callspec.params:
            return
        scenario, invariant = callspec.params[kinds.PARAMETER]
        check = parse(item.nodeid, [scenario]) or Check(item.nodeid, scenario, invariant)
        item.stash[CHECK] = check
        item.add_marker("overheard")
        self._declared(item, getattr(item.function, MARK), check.owner)

    def _is_picked(self, nodeid: str) -> bool:
        return not self._picked or any(nodeid == one or nodeid.startswith(f"{one}::") for one in self._picked)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Now it is known what is to be judged."""
        for item in session.items:
            check = item.stash.get(CHECK, None)
            if check is not None:
                chosen = self.runs[check.owner].selected
                chosen.setdefault(check.scenario, []).append(check.invariant)
        if self.is_worker or self.only_looks:
            return
        for owner, run in self.runs.items():
            if run.selected:
                self.ledger.runs[owner] = run
        self.ledger.expect([item.nodeid for item in session.items if CHECK in item.stash])

    def collected(self, node: Any, ids: Sequence[str]) -> None:
        """A worker of pytest-xdist has collected; called in the controller."""
        from overheard.testing.spread import take_over  # noqa: PLC0415 - it needs pytest-xdist

        if take_over(node.config, ids):
            self.ledger.expect([nodeid for nodeid in ids if parse(nodeid)])

    # A check's phases

    @pytest.hookimpl(tryfirst=True, specname="pytest_runtest_setup")
    def pytest_spare_fixtures(self, item: pytest.Item) -> None:
        # Fixtures are for the check that drives the scenario. The others only read what came of it.
        check = item.stash.get(CHECK, None)
        if check and isinstance(item, pytest.Function):
            run = self.runs[check.owner]
            if self.desk.known(run, check.scenario) is not None:
                item.fixturenames = []

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Drive the scenario of a declared test, once its fixtures are there."""
        check = item.stash.get(CHECK, None)
        if check and isinstance(item, pytest.Function):
            run = self.runs[check.owner]
            known = self.desk.known(run, check.scenario) is not None
            kinds.set_up(item, self, run, None if known else kinds.factory_of(item))

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Judge in the place of calling the declared test, which only gives the target."""
        check = pyfuncitem.stash.get(CHECK, None)
        if check is None:
            return None
        kinds.call(pyfuncitem, self, self.runs[check.owner])
        return True

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, None]:
        """Put what a check says on its report: that is what crosses processes."""
        outcome = yield
        report = outcome.get_result()
        if SAID in item.stash and report.when in ("setup", "call"):
            report.overheard = item.stash[SAID]

    # The controller

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Enter what a check said."""
        if not self.is_worker:
            self.ledger.enter(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """A worker died while it drove a scenario: nothing can be said of it, which is an error."""
        self.ledger.crashed(crashitem, report)

    def finish(self, session: pytest.Session, raised: type[BaseException] | None) -> None:
        """Join, judge and write once everything has run, while the session can still fail of it."""
        if self.is_worker or self.only_looks:
            return
        # `session.Interrupted`, which says that somebody asked to stop, is a KeyboardInterrupt too.
        interrupted = (
            raised is not None
            and issubclass(raised, KeyboardInterrupt)
            and not issubclass(raised, session.Interrupted)
        )
        stopped = raised is not None or bool(session.shouldstop or session.shouldfail)
        self.ledger.close(stopped=stopped, interrupted=interrupted)

    # What is said

    def pytest_report_header(self) -> str | None:
        """One line, only if a target was named."""
        run = self.runs.get(ROOT)
        if run is None:
            return None
        settings = run.settings
        return visible(
            f"overheard: {settings.target}, profile {settings.profile}, --overheard-seed {settings.seed}"
        )

    def pytest_report_collectionfinish(self) -> str | None:
        """The seed of declared tests, which the header could not know of."""
        declared = [run for owner, run in self.runs.items() if owner != ROOT and run.selected]
        seeds = dict.fromkeys(run.settings.seed for run in declared)
        return f"overheard: --overheard-seed {', '.join(map(str, seeds))}" if seeds else None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """What came of each run."""
        self.ledger.summary(terminalreporter)
