"""`report.json`: everything a judgement says, for machines."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from overheard.check.result import Finding, Judgement, Party, RegressionResult
from overheard.core.baseline import Known
from overheard.report.escape import visible
from overheard.report.model import (
    Calls,
    CoverageCell,
    Done,
    EarlierFailure,
    End,
    Entry,
    EntryState,
    Evidence,
    FindingEntry,
    Invariant,
    Proof,
    Report,
    Setting,
    Source,
)
from overheard.report.order import deviations_in_words
from overheard.report.redact import Redactor
from overheard.report.words import breach, counterexample_path, not_claimed, replay_line, settings


def to_json(judgement: Judgement, *, show: bool = False) -> bytes:
    """`report.json`, indented ASCII with a final newline. `show` puts the evidence in, escaped.

    Every string is written as it would be on a terminal, because that is where `--json | jq -r` sends it;
    ASCII because a raw C1 control or bidi override is legal inside a JSON string.
    """
    plain = _visible(msgspec.to_builtins(document(judgement, show=show)))
    return json.dumps(plain, indent=2, ensure_ascii=True).encode("ascii") + b"\n"


def document(judgement: Judgement, *, show: bool = False) -> Report:
    """The report as data."""
    redactor = Redactor(judgement, show=show)
    return Report(
        format=1,
        verdict=judgement.verdict,
        target=judgement.target,
        source=Source(**msgspec.structs.asdict(judgement.source)) if judgement.source else None,
        profile=judgement.profile,
        scenarios=judgement.scenarios,
        started=judgement.started,
        complete=judgement.complete,
        reasons=judgement.reasons,
        notes=judgement.notes,
        invariants=tuple(Invariant(**msgspec.structs.asdict(result)) for result in judgement.invariants),
        findings=tuple(_finding(judgement, index, redactor) for index in range(len(judgement.findings))),
        baseline=tuple(
            EntryState(entry=_entry(one.entry), state=one.state, findings=one.findings)
            for one in judgement.baseline
        ),
        regressions=tuple(_earlier(one) for one in judgement.regressions),
        coverage=tuple(CoverageCell(**msgspec.structs.asdict(cell)) for cell in judgement.coverage),
        not_claimed=tuple(not_claimed(judgement)),
        contract={
            key: Setting(value=value, origin=origin) for key, (value, origin) in settings(judgement).items()
        },
        attribution=Calls(**msgspec.structs.asdict(judgement.attribution)),
        sensitivity=tuple(Proof(**msgspec.structs.asdict(row)) for row in judgement.sensitivity),
        traffic=Done(**msgspec.structs.asdict(judgement.traffic)),
        overheard=judgement.overheard,
        versions=dict(judgement.versions),
        campaign=judgement.campaign,
        seed=judgement.seed,
        replay=replay_line(judgement),
    )


def _finding(judgement: Judgement, index: int, redactor: Redactor) -> FindingEntry:
    finding = judgement.findings[index]
    return FindingEntry(
        invariant=finding.invariant,
        breach=breach(finding),
        diagnosis=finding.diagnosis,
        advice=finding.advice,
        channel=finding.channel,
        disguise=finding.disguise,
        owner=_end(finding.owner),
        observer=_end(finding.observer),
        missed=None if finding.missed is None else _end(finding.missed),
        told_at=finding.told_at,
        seen_at=finding.seen_at,
        evidence=_evidence(finding, redactor),
        scenario=finding.scenario,
        example=finding.example,
        condition=finding.condition,
        surface=finding.surface,
        occurrences=finding.occurrences,
        examples=finding.examples,
        collide_in=finding.collide_in,
        also_in=finding.also_in,
        also_rules_out=finding.also_rules_out,
        places=finding.places,
        known=finding.known,
        new=finding.new,
        accepted=tuple(map(_entry, finding.accepted)),
        lapsed=tuple(map(_entry, finding.lapsed)),
        replayed=finding.replayed,
        replays=finding.replays,
        out_of_turn=tuple(deviations_in_words(finding.minimal) if finding.minimal is not None else ()),
        counterexample=counterexample_path(judgement, index),
    )


def _earlier(one: RegressionResult) -> EarlierFailure:
    # What was seen stands among the findings.
    return EarlierFailure(**{name: getattr(one, name) for name in EarlierFailure.__struct_fields__})


def _entry(known: Known) -> Entry:
    return Entry(**msgspec.structs.asdict(known))


def _end(party: Party) -> End:
    return End(**msgspec.structs.asdict(party))


def _evidence(finding: Finding, redactor: Redactor) -> Evidence:
    return Evidence(
        owner=finding.owner.caller,
        token=redactor.token(finding.token),
        fingerprint=redactor.fingerprint(finding.evidence),
        length=len(finding.evidence),
        text=redactor.text(finding.evidence),
    )


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): _visible(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_visible(item) for item in value]
    return value
