"""What checking yields: frozen data, the whole input of every report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from overheard.core.baseline import Known
from overheard.core.contract import Contract, Origin
from overheard.core.operation import Condition, Plan
from overheard.core.outcome import Channel
from overheard.core.source import Source
from overheard.history.events import Left

Verdict: TypeAlias = Literal["held", "accepted", "inconclusive", "violated"]
"""`accepted`: broken, by findings that a baseline knows and no others."""

Status: TypeAlias = Literal["judged", "not promised", "not offered"]


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a finding: who, with which ids (written as `ids.show_id` does), in which operation."""

    caller: str
    tenant: str | None
    resource: str
    thread: str
    operation: int


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A broken promise, with its witness: the first of `occurrences` like it.

    Leaks that differ neither in invariant nor in diagnosis are one finding. Its `channel` is that of the
    witness, one by which somebody was shown something if there is one; `also_in` are the others. `told_at`
    and `seen_at` are microseconds since the campaign began. `token` is the canary seen and `evidence` the
    text around it, both raw: renderers redact them. `condition` says what was going on around the
    observation. `collide_in` are the functions under which the ids of its two ends are suspected to have been
    taken for one. `advice` is what to change. `minimal` is the reduced plan, once there is one, in which
    operation `minimal_owner` tells and `minimal_observer` sees; it `replayed` in so many of `replays`.

    `places` are where all of them were seen, each a surface and a channel; `accepted` are the entries of the
    baseline that know some of them, `new` the places that no entry knows, `lapsed` entries that did until
    they expired. `extension` says that a plugin found it, and how a promise can break is then its own affair.
    Where something was lost, `observer` is who did it, by `surface`, and `missed` the owner's operation that
    looked for it in vain (in the minimal plan `minimal_missed`, after `minimal_before` had been shown it).
    """

    invariant: str
    diagnosis: str
    advice: str
    channel: Channel
    disguise: str
    owner: Party
    observer: Party
    told_at: int
    seen_at: int
    token: str
    evidence: str
    scenario: str
    example: int
    condition: Condition
    occurrences: int
    examples: int
    surface: str = "send"
    collide_in: tuple[str, ...] = ()
    also_in: tuple[Channel, ...] = ()
    also_rules_out: tuple[str, ...] = ()
    minimal: Plan | None = None
    minimal_owner: int | None = None
    minimal_observer: int | None = None
    missed: Party | None = None
    minimal_before: int | None = None
    minimal_missed: int | None = None
    replays: int = 0
    replayed: int = 0
    places: tuple[str, ...] = ()
    accepted: tuple[Known, ...] = ()
    lapsed: tuple[Known, ...] = ()
    new: tuple[str, ...] = ()
    extension: bool = False

    @property
    def known(self) -> bool:
        """Whether all of it is accepted."""
        return bool(self.accepted) and not self.new


class InvariantResult(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, judged or not.

    `exposures`   controlled chances to leak (for `recall-within-thread`: promised recalls asked for).
    `late`        exposures with only the after-probe: counted apart, certify nothing.
    `uncontrolled` chances to leak that had no bracket.
    `controls`    observations that proved the owner's fact could be seen.
    `examples`    independent (seed-expanded) examples with at least one controlled exposure.
    `bound`       with zero findings in `examples`: the one-sided 95 % bound on the probability that a
                  random example leaks; None if something was found or nothing was exercised.
    `findings`    how many were found, and `known` how many of those the baseline accepts.
    `reasons`     why it is inconclusive, not promised or not offered, or by whom it is accepted; empty when
                  plainly held.
    """

    name: str
    title: str
    status: Status
    verdict: Verdict | None
    exposures: int
    late: int
    uncontrolled: int
    controls: int
    findings: int
    examples: int
    bound: float | None
    reasons: tuple[str, ...] = ()
    known: int = 0


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the coverage table: surface x relation x condition.

    `relation` is an invariant's name, with the kind of missing id after a colon where there is one, or how
    ids collide (`ids-required: thread null`, `distinct-ids-stay-distinct: thread case`). `state` is
    `controlled`, `refused` (the target takes no such ids, so nothing is kept under them), `no control`
    (exercised, but nothing proved that a leak would have been seen), `not reached` (a scenario asked for it,
    nothing got there), `not offered` or `not promised`.
    """

    surface: str
    relation: str
    condition: Condition
    state: Literal["controlled", "refused", "no control", "not reached", "not offered", "not promised"]
    exposures: int
    controls: int
    reason: str = ""


LEFT: Final = "left-behind.jsonl"
"""File in a report's folder that lists what stayed in the target, a conversation a line."""


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """How the model calls were matched with operations."""

    calls: int
    attributed: int
    ambiguous: int
    late: int
    unattributed: int


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """Leaks put in on purpose, for one invariant and channel: how many, and how many were seen."""

    invariant: str
    injector: str
    channel: Channel
    injected: int
    seen: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an entry of the baseline: it `hides` so many findings; it has `expired`, and so many
    that it was about were found; it hides nothing any more (`unused`); or its promise was not judged, or not
    by a whole run.
    """

    entry: Known
    state: Literal["hides", "expired", "unused", "not judged"]
    findings: int


class RegressionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan of an earlier failure showed this time: driven `plays` times, the leak `shown` so often.

    `reasons` say why it is inconclusive, not promised or not offered, or that what it shows is known.
    `strayed` is how often the run that the plan records could not be followed to its end. `witness` is who
    was shown what when it was shown first, and has the plan for its `minimal` one; None if it was not.
    """

    name: str
    invariant: str
    diagnosis: str
    status: Status
    verdict: Verdict | None
    plays: int
    shown: int
    reasons: tuple[str, ...] = ()
    strayed: int = 0
    witness: Finding | None = None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What was done and how it ended, over all exploring examples."""

    examples: int
    operations: int
    ok: int
    refused: int
    unknown: int
    empty: int
    overlapping: int
    """Operations that were really in flight together with another resource's."""
    stalls: int
    decisions: int = 0
    """Steps taken under a schedule: an operation started, or a held model call let go on."""
    blocked: int = 0
    """Those of them that were taken while an operation was thought to wait for another."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that checking a history says. `reasons` explain an inconclusive verdict, most telling first;
    `notes` are said whatever the verdict (a cut-short history, foreign canaries, background calls).
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    invariants: tuple[InvariantResult, ...]
    findings: tuple[Finding, ...]
    coverage: tuple[Cell, ...]
    attribution: Attribution
    sensitivity: tuple[Sensitivity, ...]
    traffic: Traffic
    contract: Contract
    origins: Mapping[str, Origin]
    target: str
    command: str
    profile: str
    scenarios: tuple[str, ...]
    started: str
    overheard: str
    versions: Mapping[str, str]
    campaign: int
    seed: int
    complete: bool
    source: Source | None = None
    part: bool = False
    """Whether the history is of a part of a run only."""
    baseline: tuple[Standing, ...] = ()
    regressions: tuple[RegressionResult, ...] = ()
    left: tuple[Left, ...] = ()
    """What stayed in a target that was there before the run."""
    replays: int = 0
    """How often earlier failures were driven for their own sake; 0 if this is of a run."""
