"""`report.json` as types: the one source of its JSON Schema, and of the bytes.

Strict on purpose (`forbid_unknown_fields` becomes `additionalProperties: false`): a reader may rely on a
report having these keys and no others, and every addition is a change of `format` or of this file.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from overheard.check.result import Status, Verdict
from overheard.core.contract import Origin
from overheard.core.operation import Condition
from overheard.core.outcome import Channel

REPORT_FORMAT: Final = 1

Count: TypeAlias = Annotated[int, Meta(ge=0)]
Micros: TypeAlias = Annotated[int, Meta(description="microseconds since the campaign began")]
ShownId: TypeAlias = Annotated[
    str,
    Meta(description="an id as Python would write it: a quoted string, None, or OMITTED (not passed at all)"),
]


class Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parts."""


class Invariant(Strict, frozen=True, kw_only=True):
    """One promise. `verdict` is null unless `status` is judged."""

    name: str
    title: str
    status: Status
    verdict: Verdict | None
    exposures: Annotated[Count, Meta(description="controlled chances to leak")]
    late: Annotated[Count, Meta(description="exposures with only the proof afterwards: certify nothing")]
    uncontrolled: Annotated[Count, Meta(description="chances to leak without proof that one would show")]
    controls: Annotated[Count, Meta(description="observations proving that the fact could be seen")]
    findings: Count
    known: Annotated[Count, Meta(description="findings of them that the baseline accepts")]
    examples: Annotated[Count, Meta(description="independent examples with a controlled exposure")]
    bound: Annotated[
        float | None,
        Meta(
            description="a random example of the scenarios, as generated, leaks with probability below this "
            "(95 %, one-sided); null if something was found or nothing was exercised"
        ),
    ]
    reasons: tuple[str, ...]


class End(Strict, frozen=True, kw_only=True):
    """One end of a finding: who, with which ids, in which operation of its example."""

    caller: str
    tenant: str | None
    resource: ShownId
    thread: ShownId
    operation: int


class Evidence(Strict, frozen=True, kw_only=True):
    """What was seen. `text` is null unless it was asked for; the fingerprints tell same from different
    within one campaign, and no further.
    """

    owner: str
    token: Annotated[
        str, Meta(description="the canary, id or nonce seen, shortened; empty if none was involved")
    ]
    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{10}$")]
    length: Annotated[Count, Meta(description="characters of the evidence")]
    text: str | None


class Entry(Strict, frozen=True, kw_only=True):
    """One entry of the baseline: a finding that is known, and accepted until `expires`, that day included."""

    number: Annotated[Count, Meta(description="its place in the file, from 1")]
    invariant: str
    diagnosis: str
    places: Annotated[tuple[str, ...], Meta(description="surface/channel, such as send/reply")]
    reason: str
    owner: str
    expires: date


class EntryState(Strict, frozen=True, kw_only=True):
    """What became of an entry of the baseline."""

    entry: Entry
    state: Annotated[
        Literal["hides", "expired", "unused", "not judged"],
        Meta(
            description="it accepts findings of this run; it is over and hides nothing; it hides nothing any "
            "more and should be taken out; or its promise was not judged, or not by a whole run"
        ),
    ]
    findings: Annotated[Count, Meta(description="findings of this run that it is, or was, about")]


class FindingEntry(Strict, frozen=True, kw_only=True):
    """A broken promise with its witness, the first of `occurrences` like it."""

    invariant: str
    breach: Annotated[
        Literal["seen", "missing", "answered", "listed", "swapped", "lost", "broken"],
        Meta(
            description="a fact was seen that must not be; was not seen although promised; a call was "
            "answered that must be refused; the id of a thread was shown to somebody who must not see it; "
            "somebody else's answer was; somebody lost a fact by what the observer did; or, of a plugin's "
            "promise, as the diagnosis says"
        ),
    ]
    diagnosis: str
    advice: str
    channel: Channel
    disguise: Annotated[str, Meta(description="how the canary was written; empty if plainly")]
    owner: End
    observer: End
    missed: Annotated[
        End | None, Meta(description="who looked for it in vain, where it was lost; null otherwise")
    ]
    told_at: Micros
    seen_at: Micros
    evidence: Evidence
    scenario: str
    example: int
    condition: Condition
    surface: Annotated[str, Meta(description="the surface by which it was seen")]
    occurrences: Count
    examples: Count
    collide_in: Annotated[
        tuple[str, ...],
        Meta(description="functions under which the ids of both ends are suspected to be taken for one"),
    ]
    also_in: Annotated[tuple[Channel, ...], Meta(description="other channels in which it was seen")]
    also_rules_out: tuple[str, ...]
    places: Annotated[tuple[str, ...], Meta(description="everywhere it was seen: surface/channel")]
    known: Annotated[bool, Meta(description="whether the baseline accepts it, at all of its places")]
    new: Annotated[tuple[str, ...], Meta(description="places at which no entry of the baseline accepts it")]
    accepted: Annotated[tuple[Entry, ...], Meta(description="entries of the baseline that accept it")]
    lapsed: Annotated[tuple[Entry, ...], Meta(description="entries that did, and have expired")]
    replayed: Annotated[Count, Meta(description="replays of the counterexample that showed it again")]
    replays: Count
    out_of_turn: Annotated[
        tuple[str, ...],
        Meta(
            description="where the counterexample's schedule deviates from first come, first served; its "
            "steps are counted from 0"
        ),
    ]
    counterexample: Annotated[
        str | None, Meta(description="path of a runnable program, relative to this report; null without one")
    ]


class EarlierFailure(Strict, frozen=True, kw_only=True):
    """A plan that showed a leak once, driven again before anything else. `verdict` is null unless judged."""

    name: Annotated[str, Meta(description="that of its file, without the ending")]
    invariant: str
    diagnosis: Annotated[str, Meta(description="how it broke the promise then")]
    status: Status
    verdict: Verdict | None
    plays: Annotated[Count, Meta(description="how often it was driven")]
    shown: Annotated[Count, Meta(description="how often the leak showed")]
    reasons: tuple[str, ...]


class CoverageCell(Strict, frozen=True, kw_only=True):
    """Surface x relation x condition."""

    surface: str
    relation: str
    condition: Condition
    state: Literal["controlled", "refused", "no control", "not reached", "not offered", "not promised"]
    exposures: Count
    controls: Count
    reason: str


class Setting(Strict, frozen=True, kw_only=True):
    """One key of the contract and where its value came from."""

    value: str | int
    origin: Origin


class Calls(Strict, frozen=True, kw_only=True):
    """How model calls were matched with operations."""

    calls: Count
    attributed: Count
    ambiguous: Count
    late: Count
    unattributed: Count


class Proof(Strict, frozen=True, kw_only=True):
    """Leaks put in on purpose, and how many of them were seen."""

    invariant: str
    injector: str
    channel: Channel
    injected: Count
    seen: Count


class Done(Strict, frozen=True, kw_only=True):
    """What was done and how it ended."""

    examples: Count
    operations: Count
    ok: Count
    refused: Count
    unknown: Count
    empty: Count
    overlapping: Count
    stalls: Count
    decisions: Annotated[Count, Meta(description="steps taken under a schedule")]
    blocked: Annotated[
        Count, Meta(description="those taken while an operation was thought to wait for another")
    ]


class Source(Strict, frozen=True, kw_only=True):
    """The file that names the target."""

    file: Annotated[str, Meta(description="path from the root of its repository, with forward slashes")]
    line: Count
    sha256: Annotated[str, Meta(description="of the file when the target was driven")]


class Report(Strict, frozen=True, kw_only=True):
    """A report of overheard: what was promised, what was seen, and what is not claimed."""

    format: Literal[1]
    verdict: Verdict
    target: str
    source: Annotated[Source | None, Meta(description="null if no file names the target")]
    profile: str
    scenarios: tuple[str, ...]
    started: Annotated[str, Meta(description="ISO 8601 time with zone; empty if unknown")]
    complete: Annotated[bool, Meta(description="false if the history was cut short")]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    invariants: tuple[Invariant, ...]
    findings: tuple[FindingEntry, ...]
    baseline: tuple[EntryState, ...]
    regressions: tuple[EarlierFailure, ...]
    coverage: tuple[CoverageCell, ...]
    not_claimed: tuple[str, ...]
    contract: Annotated[
        dict[str, Setting],
        Meta(description="flat keys as they are declared, such as scope.search or missing_ids.omitted"),
    ]
    attribution: Calls
    sensitivity: tuple[Proof, ...]
    traffic: Done
    overheard: Annotated[str, Meta(description="version of overheard that drove and judged")]
    versions: dict[str, str]
    campaign: int
    seed: int
    replay: Annotated[str, Meta(description="the command line that repeats this run")]
