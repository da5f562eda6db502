"""The controller's ledger: what was expected, what each check said, and what comes of it all.

Whatever happens to a worker, the session must not pass by it: what was expected and never said is an error.
When everything has run, the parts that were recorded are joined and judged as one history, by the code
that judges a run of the command line; where that sees more than the checks did, the session fails too.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from msgspec.structs import replace
from tabulate import tabulate

from overheard.check.judge import judge
from overheard.check.narrow import narrow
from overheard.check.result import Judgement, Verdict
from overheard.check.verdict import merge
from overheard.core.errors import HistoryError, OverheardError
from overheard.history.join import join
from overheard.history.reader import open_history
from overheard.regressions import keep
from overheard.report.escape import clip, visible
from overheard.report.github import defused, to_annotations
from overheard.report.words import show_bound, verdict_line
from overheard.report.write import HISTORY, claim, prepare, write
from overheard.testing import github, words
from overheard.testing.names import REGRESSIONS, ROOT, Check, parse
from overheard.testing.runs import PARTS, Run, prepared

_VERDICTS: Final = ("held", "accepted", "inconclusive", "violated")
_COLOURS: Final[Mapping[str, str]] = {
    "held": "green",
    "accepted": "yellow",
    "inconclusive": "yellow",
    "violated": "red",
}
_REASON: Final = 300


class Entry(NamedTuple):
    """What one check said."""

    check: Check
    word: str
    reason: str
    numbers: list[Any] | None = None


class Closed(NamedTuple):
    """A run when everything is over. Without a judgement nothing was recorded of it."""

    run: Run
    verdict: Verdict
    line: str
    judgement: Judgement | None
    trouble: str
    kept: tuple[Path, ...] = ()


class Ledger:
    """Of one session; kept by the process that reports."""

    def __init__(
        self, config: pytest.Config, shared: Mapping[str, Any], *, shown: Callable[[Path], str],
        shows_evidence: bool,
    ) -> None:  # fmt: skip
        self._config = config
        self._shared = shared
        self._shown = shown
        self._show = shows_evidence
        self.runs: dict[str, Run] = {}
        self._expected: dict[str, Check] = {}
        self._entries: dict[str, Entry] = {}
        self._narrowed: dict[str, bool] = {}
        self._told: dict[str, tuple[str, str]] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._deaths: dict[tuple[str, str], str] = {}
        self._closed: list[Closed] = []

    def expect(self, nodeids: Iterable[str]) -> None:
        """These checks will be run. Their report folders are made ready, before anything is driven.

        Called once for each worker; all of them collect the same. Raises pytest.UsageError.
        """
        if self._expected:
            return
        try:
            for nodeid in nodeids:
                check = self._check(nodeid)
                if check is not None:
                    self._expected[nodeid] = check
            self._make_ready()
        except OverheardError as error:
            raise pytest.UsageError(f"overheard: {error}") from None

    def _check(self, nodeid: str) -> Check | None:
        for run in self.runs.values():
            check = parse(nodeid, run.checks)
            if check is not None and check.owner == run.owner and check.scenario in run.checks:
                return check
        # Declared in a worker. The options here are those there; what the declaration adds, reports say.
        check = parse(nodeid)
        if check is None:
            return None
        run = prepared(self._config, self._shared, check.owner, target=check.owner)
        check = parse(nodeid, run.checks) or check
        self.runs[check.owner] = prepared(self._config, self._shared, check.owner, target=check.owner)
        return check

    def _make_ready(self) -> None:
        owners = {check.owner for check in self._expected.values()}
        # First that without a test file: its folder is the one in which all others lie.
        for owner in sorted(owners, key=lambda each: (each != ROOT, each)):
            run = self.runs[owner]
            if owner != ROOT:
                claim(run.folder.parent)
            prepare(run.folder)

    def enter(self, report: pytest.TestReport) -> None:
        """A report has come, of a check or of anything else."""
        said = getattr(report, "overheard", None)
        check = self._expected.get(report.nodeid)
        if isinstance(said, dict) and check is None:
            check = Check(said["owner"], said["scenario"], said["invariant"])
        if check is None:
            return
        if isinstance(said, dict):
            self._entries[report.nodeid] = Entry(check, said["word"], said["reason"], said["numbers"])
            self._narrowed[check.owner] = self._narrowed.get(check.owner, False) or said["narrowed"]
            self._told[check.owner] = (said["target"], said["command"])
            file, line, _ = report.location
            self._places[check.owner] = (file, (line or 0) + 1)
        elif report.failed:
            known = self._entries.get(report.nodeid)
            if known is None or known.word != "violated":
                why = f"the {report.when} of this check failed before it could say anything"
                self._entries[report.nodeid] = Entry(check, "inconclusive", why)
        elif report.skipped and report.nodeid not in self._entries:
            del self._expected[report.nodeid]
            self._narrowed[check.owner] = True

    def crashed(self, nodeid: str, report: pytest.TestReport) -> None:
        """The worker that ran this check is gone."""
        check = self._expected.get(nodeid)
        if check is None:
            return
        worker = getattr(getattr(getattr(report, "node", None), "gateway", None), "id", "a worker")
        self._deaths[check.owner, check.scenario] = f"{worker} died while it drove scenario {check.scenario}"
        report.when = "setup"
        report.longrepr = self._gap(check)

    def _gap(self, check: Check) -> str:
        why = self._deaths.get((check.owner, check.scenario), "no result of this check came back")
        return f"inconclusive: {check.invariant} in scenario {check.scenario}: {why}"

    # The end

    def close(self, *, stopped: bool, interrupted: bool) -> None:
        """Everything has run, or was `stopped` early. What is missing is logged as an error if it was not."""
        if not stopped:
            for nodeid, check in list(self._expected.items()):
                if nodeid not in self._entries:
                    self._log(nodeid, self._gap(check), when="setup")
        why = "the session was interrupted" if interrupted else "the session was stopped early"
        for owner, run in self.runs.items():
            if any(check.owner == owner for check in self._expected.values()):
                closed = self._close(run, why if stopped else "")
                self._closed.append(closed)
                if not stopped:
                    self._say_what_checks_did_not(closed)

    def _close(self, run: Run, stopped: str) -> Closed:
        said = [entry for entry in self._entries.values() if entry.check.owner == run.owner]
        verdict = self._of_checks(run)
        trouble, judgement = "", None
        try:
            judgement = self._judged(run, stopped)
        except OverheardError as error:
            trouble = str(error)
        reasons = [entry.reason for entry in said if entry.word == "inconclusive" and entry.reason]
        missing = self._missing(run)
        if missing:
            why = stopped or "their results never came back"
            reasons.append(f"{len(missing)} of {self._count(run)} checks say nothing: {why}")
        if trouble:
            reasons.insert(0, trouble)
        if judgement is None:
            verdict = merge([verdict, "inconclusive"])
            target = self._told.get(run.owner, (run.target, ""))[0]
            why = reasons[0] if reasons else "nothing was recorded"
            line = f"inconclusive: nothing is certified of {target}: {why}"
            if verdict == "violated":
                line = f"violated: promises broken in {target}"
            return Closed(run, verdict, line, None, trouble)
        verdict = merge([judgement.verdict, verdict, *(["inconclusive"] if missing else [])])  # type: ignore[list-item]
        if verdict != judgement.verdict:
            judgement = replace(judgement, verdict=verdict, reasons=tuple(dict.fromkeys(reasons)))
        kept: list[Path] = []
        try:
            shutil.rmtree(run.folder / PARTS, ignore_errors=True)
            more = run.plugins.reports
            write(run.folder, judgement, history=run.folder / HISTORY, show=self._show, more=more)
            # A part of a run may tell another story than the whole, which would then be kept twice.
            folder = None if judgement.part else run.settings.regressions
            kept = keep(folder, judgement, make=run.settings.keeps)
        except OverheardError as error:
            verdict, trouble = merge([verdict, "inconclusive"]), str(error)
        line = verdict_line(judgement)
        if trouble and verdict != "violated":
            line = f"inconclusive: {trouble}"
        return Closed(run, verdict, line, judgement, trouble, tuple(kept))

    def _judged(self, run: Run, stopped: str) -> Judgement | None:
        """The parts as one history, judged. None if nothing was recorded."""
        wanted = self._wanted(run)
        parts = [name for name in run.checks if name in wanted and run.part(name).is_file()]
        readable = [name for name in parts if _has_header(run.part(name))]
        if not readable:
            return None
        gaps = []
        for name in wanted:
            if name not in readable:
                why = self._deaths.get((run.owner, name)) or stopped or self._reason_of(run, name)
                gaps.append((_asked(run, name, wanted[name]), why))
        whole = run.folder / HISTORY
        narrowed = self._narrowed.get(run.owner, False)
        part = narrowed or bool(stopped or gaps)
        join([run.part(name) for name in readable], whole, gaps=gaps, part=part)
        judgement = judge(open_history(whole), run.plugins.invariants)
        if narrowed:
            return narrow(judgement, {one for chosen in wanted.values() for one in chosen})
        return judgement

    def _say_what_checks_did_not(self, closed: Closed) -> None:
        """Fail the session where the whole shows more than any of its checks."""
        run, judgement = closed.run, closed.judgement
        said = [entry for entry in self._entries.values() if entry.check.owner == run.owner]
        known = {entry.check.invariant for entry in said if entry.word == "violated"}
        again = judgement.regressions if judgement else ()
        known |= {one.invariant for one in again if one.verdict == "violated"}
        news = [one for one in judgement.findings if not one.known] if judgement else []
        for invariant in dict.fromkeys(one.invariant for one in news):
            if invariant not in known and judgement is not None:
                scenario = next(one.scenario for one in news if one.invariant == invariant)
                text = words.violated(
                    judgement, invariant, scenario=scenario, folder=self._shown(run.folder), show=self._show
                )
                self._log(f"{run.owner}::{invariant}", text, when="call")
        if closed.verdict == "inconclusive" and not any(entry.word == "inconclusive" for entry in said):
            more = judgement.reasons[1:] if judgement else ()
            text = "\n".join(visible(line) for line in (closed.line, *(f"- {one}" for one in more)))
            self._log(f"{run.owner}::verdict", text, when="setup")

    def _log(self, nodeid: str, text: str, *, when: Any) -> None:
        path, _, name = nodeid.partition("::")
        report = pytest.TestReport(
            nodeid=nodeid,
            location=(path, None, name),
            keywords={},
            outcome="failed",
            longrepr=text,
            when=when,
        )
        self._config.hook.pytest_runtest_logreport(report=report)

    def _of_checks(self, run: Run) -> Verdict:
        said = [one.word for one in self._entries.values() if one.check.owner == run.owner]
        judged: list[Verdict] = [word for word in said if word in _VERDICTS]  # type: ignore[misc]  # those three are
        return merge(judged) if judged else "held"

    def _missing(self, run: Run) -> list[str]:
        return [
            nodeid
            for nodeid, check in self._expected.items()
            if check.owner == run.owner and nodeid not in self._entries
        ]

    def _count(self, run: Run) -> int:
        return sum(check.owner == run.owner for check in self._expected.values())

    def _wanted(self, run: Run) -> dict[str, list[str]]:
        """Invariants by scenario, in the order of the run's scenarios."""
        wanted: dict[str, list[str]] = {}
        for name in run.checks:
            chosen = [
                check.invariant
                for check in self._expected.values()
                if check.owner == run.owner and check.scenario == name
            ]
            if chosen:
                wanted[name] = chosen
        return wanted

    def _reason_of(self, run: Run, scenario: str) -> str:
        for entry in self._entries.values():
            if (entry.check.owner, entry.check.scenario) == (run.owner, scenario) and entry.reason:
                return entry.reason
        return "nothing of it was recorded"

    # What is said

    def summary(self, terminal: Any) -> None:
        """What came of each run, on the terminal; and for GitHub, if this is a step of its."""
        if not self._closed:
            return
        terminal.section("overheard", sep="=")
        for closed in self._closed:
            terminal.write_line(visible(clip(closed.line, 2 * _REASON)), **{_COLOURS[closed.verdict]: True})
            lines = self._details(closed) if self._config.option.verbose >= 0 else []
            if closed.judgement is not None and github.runs_there():
                lines += self._for_github(closed.run, closed.judgement)
            for line in lines:
                terminal.write_line(line)

    def _for_github(self, run: Run, judgement: Judgement) -> list[str]:
        trouble = github.summarise(judgement, show=self._show)
        file, line = self._places.get(run.owner, ("", 0)) if run.owner != ROOT else ("", 0)
        return [*([visible(trouble)] if trouble else []), *to_annotations(judgement, file=file, line=line)]

    def _details(self, closed: Closed) -> list[str]:
        run, judgement = closed.run, closed.judgement
        lines = ["", *self._table(run), ""]
        if judgement is None:
            return lines
        lines += [visible(f"note: {clip(note, _REASON)}") for note in judgement.notes]
        if closed.trouble:
            return defused([*lines, visible(clip(closed.trouble, _REASON))])
        lines.append(visible(f"reports and history: {self._shown(run.folder)}"))
        for path in closed.kept:
            lines.append(visible(f"wrote {self._shown(path)}: it is tried first from now on, so commit it"))
        if any(one.minimal is not None for one in judgement.findings):
            lines.append(visible(f"counterexamples: {self._shown(run.folder / 'counterexamples')}"))
        lines.append(visible(f"run it again: {self._told.get(run.owner, ('', run.command))[1]}"))
        return defused(lines)

    def _table(self, run: Run) -> list[str]:
        rows = []
        for entry in self._entries.values():
            if entry.check.owner == run.owner:
                numbers = ["", "", "", ""]
                if entry.numbers is not None:
                    *counts, bound = entry.numbers
                    numbers = [*map(str, counts), show_bound(bound)]
                rows.append([entry.check.scenario, entry.check.invariant, entry.word, *numbers])
        if not rows:
            return []
        header = ["scenario", "invariant", "verdict", "exposures", "controls", "examples", "bound"]
        order = list(run.checks)
        rows.sort(key=lambda row: order.index(row[0]) if row[0] in order else len(order))
        return tabulate(rows, header, tablefmt="simple", disable_numparse=True).split("\n")


def _asked(run: Run, name: str, invariants: list[str]) -> Mapping[str, Any]:
    """The scenario of which there is no part, as a header holds it. Earlier failures are none, and have a
    name there."""  # noqa: D209
    if name == REGRESSIONS:
        return {"name": name, "mode": "sequential", "invariants": []}
    asked: dict[str, Any] = msgspec.to_builtins(replace(run.scenarios[name], invariants=tuple(invariants)))
    return asked


def _has_header(path: Path) -> bool:
    try:
        open_history(path)
    except HistoryError:
        return False
    return True
