"""Replaying: which plans a file, a folder or a recorded run holds, and the campaign that drives them.

It is the campaign of every run, without the run: earlier failures are what it drives first, and here nothing
else comes after them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from overheard import regressions
from overheard.campaign import Options, Profile
from overheard.check.extension import Invariant
from overheard.check.judge import judge
from overheard.check.narrow import narrow
from overheard.check.result import Judgement
from overheard.core.contract import Origin
from overheard.core.errors import UsageError
from overheard.core.regression import Regression
from overheard.history.reader import open_history
from overheard.plugins import Plugins
from overheard.report.words import settings as contract_settings
from overheard.report.write import HISTORY, MARKER
from overheard.settings import Settings

TIMES: Final = 3
"""How often a plan is driven if nothing is said."""

_SLACK: Final = 60.0
"""Seconds beyond what the calls of all plans may take together: for building the target, and clearing up."""

_REPORT: Final = "report.json"


class Found(NamedTuple):
    """Plans, and what was said of the target's contract by flag and variable in the run that found them.

    `notes` say what of the run has no plan.
    """

    plans: tuple[Regression, ...]
    contract: Mapping[str, str | int] = {}
    notes: tuple[str, ...] = ()


def find(path: Path, *, numbers: Collection[int] = (), invariants: Sequence[Invariant] = ()) -> Found:
    """What `path` holds: an earlier failure, a folder of them, or a run (its folder or its history).

    `numbers` are those of findings in the report of a run, all if empty; `invariants` are those of plugins.
    Raises UsageError if there is nothing to replay in it, or it cannot be read, saying which and why.
    """
    if path.name == _REPORT and (path.parent / HISTORY).is_file():
        path = path.parent
    history = path / HISTORY if path.is_dir() else path
    kept = path.is_dir() and not history.is_file()
    if not path.exists():
        raise UsageError(f"{path} is not there; FILE is a plan of an earlier failure, or the folder of a run")
    if kept and ((path / MARKER).exists() or not regressions.names(path)):
        raise UsageError(
            f"{path} is neither the folder of a run (there is no {HISTORY} in it) nor one of earlier failures"
        )
    if path.suffix == ".py":
        raise UsageError(f"{path} is a program: run it by itself, `python {path} TARGET`")
    if not kept and path.suffix != regressions.ENDING:
        return _of_run(history, numbers, invariants)
    if numbers:
        raise UsageError(f"--finding is a number in the report of a run, and {path} is none")
    if kept:
        return Found(regressions.load(path))
    return Found((regressions.read(path.parent, path.name.removesuffix(regressions.ENDING)),))


def _of_run(history: Path, numbers: Collection[int], invariants: Sequence[Invariant]) -> Found:
    judgement = judge(open_history(history), invariants)
    findings = judgement.findings
    for number in numbers:
        if not 1 <= number <= len(findings):
            raise UsageError(f"there is no finding {number}; the report has {len(findings)}")
    if not findings:
        raise UsageError(f"nothing was found in the run of {history}, so there is nothing to replay")
    plans, missing = [], []
    for number in sorted(set(numbers)) or range(1, len(findings) + 1):
        finding = findings[number - 1]
        one = regressions.of(finding)
        if one is None:
            missing.append(
                f"finding {number} ({finding.invariant}: {finding.diagnosis}) was not made small, so there "
                "is no plan to replay"
            )
            continue
        # Anybody may have written the history: it is held to what a file is held to.
        where = f"the smallest plan of finding {number} in {history}"
        document = regressions.document(one)
        plans.append(regressions.parsed(one.name, document, where=where, advice="run it again"))
    if not plans or (numbers and missing):
        raise UsageError("; ".join(missing))
    said = {
        key: value
        for key, (value, origin) in contract_settings(judgement).items()
        if origin in ("flag", "environment")
    }
    return Found(tuple(plans), said, tuple(missing))


def under(settings: Settings, contract: Mapping[str, str | int]) -> Settings:
    """The settings; and what was said by flag when the plans were found, beneath what is said now.

    A leak is one under a contract: another run without its flags would look for another.
    """
    if not contract:
        return settings
    layers: list[tuple[Origin, Mapping[str, Any]]] = list(settings.layers)
    place = next((place for place, (origin, _) in enumerate(layers) if origin != "file"), len(layers))
    layers.insert(place, ("flag", contract))
    return replace(settings, layers=tuple(layers))


def options(
    settings: Settings, plugins: Plugins, plans: Sequence[Regression], *, times: int, campaign: int,
    started: str, command: str = "",
) -> Options:  # fmt: skip
    """The campaign that drives each of `plans` so many `times`, and nothing else."""
    calls = sum(len(one.plan.operations) + 1 for one in plans)
    return Options(
        **settings.driving(),
        campaign=campaign,
        profile=Profile(
            name="replay",
            title="earlier failures alone",
            explore=0,
            drawn=0,
            proofs=0,
            reductions=0,
            seconds=times * calls * settings.timeout + _SLACK,
        ),
        scenarios=(),
        regressions=tuple(plans),
        replays=times,
        command=command,
        started=started,
        plugins=plugins.versions,
        adapters=plugins.adapters,
    )


def spoken(judgement: Judgement) -> Judgement:
    """What a replay says: of its plans alone, and of each that showed, who was shown what first."""
    seen = tuple(one.witness for one in judgement.regressions if one.witness is not None)
    return replace(narrow(judgement, ()), findings=seen)
