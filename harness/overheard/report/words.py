"""The sentences that every report shares, so that no two of them say it differently.

All are plain text and still *raw*: ids, reasons and names in them may come from a target. Whoever prints
them escapes the whole sentence (`escape.visible`, `escape.prose`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from overheard.check.known import accepted_by
from overheard.check.result import Cell, Finding, InvariantResult, Judgement, Party, Sensitivity
from overheard.core.canary import is_canary, is_nonce
from overheard.core.contract import ORIGINS, Origin
from overheard.core.operation import SENDING
from overheard.core.outcome import Channel

Breach: TypeAlias = Literal["seen", "missing", "answered", "listed", "swapped", "lost", "broken"]
"""How a promise was broken: a fact was seen that must not be; it was not seen although promised; a call was
answered that must be refused; the id of a thread was shown to somebody who must not see it; somebody else's
answer was; somebody lost a fact by what another did; or, of a plugin's promise, as its diagnosis says."""

_RECALL: Final = frozenset({"recall-within-thread", "no-lost-messages", "crowded-out"})

_SEEDED: Final = re.compile(r"--(overheard-)?seed\b")

CHANNELS: Final[dict[Channel, str]] = {
    "reply": "in the reply",
    "chunk": "in a streamed chunk",
    "prompt": "in a prompt sent to the model",
    "tool": "in a tool argument",
    "listing": "in a listing",
    "error": "in the text of an error or a refusal",
    "header": "in a response header",
}


def breach(finding: Finding) -> Breach:
    """How the finding's promise was broken."""
    if finding.extension:
        return "broken"
    if finding.missed is not None:
        return "lost"
    if finding.invariant in _RECALL:
        return "missing"
    if not finding.token:
        return "answered"
    if is_nonce(finding.token):
        return "swapped"
    return "seen" if is_canary(finding.token) else "listed"


def number_of(count: int, one: str, many: str = "") -> str:
    """`1 promise`, `2 promises`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def verdict_line(judgement: Judgement) -> str:
    """The one line that says what came of it. It begins with the verdict."""
    target = judgement.target
    judged = [result for result in judgement.invariants if result.status == "judged"]
    accepted = sum(result.verdict == "accepted" for result in judged)
    if judgement.verdict == "violated":
        broken = sum(result.verdict == "violated" for result in judged)
        more = f", and {accepted} more by known findings only" if accepted else ""
        return f"violated: {number_of(broken, 'promise')} broken in {target}{more}"
    if judgement.verdict == "accepted":
        until = min((one.entry.expires for one in judgement.baseline if one.state == "hides"), default="")
        return (
            f"accepted: {number_of(accepted, 'promise')} broken in {target}, by known findings only "
            f"(accepted until {until}); nothing new was found, as far as this run looked"
        )
    if judgement.verdict == "held":
        return f"held: {_all_of(len(judged))} held in {target}, as far as this run looked"
    why = judgement.reasons[0] if judgement.reasons else "the run did not get far enough"
    return f"inconclusive: nothing is certified of {target}: {why}"


def _all_of(judged: int) -> str:
    return "the one promise judged" if judged == 1 else f"all {judged} promises judged"


def standing(result: InvariantResult) -> str:
    """One word or two for an invariant: its verdict if it was judged, else its status."""
    return result.verdict if result.status == "judged" and result.verdict else result.status


def bound_sentence(judgement: Judgement) -> str:
    """What the column `bound` means, for the scenarios of this run."""
    names = judgement.scenarios
    whose = f"scenario {names[0]}" if len(names) == 1 else f"the scenarios run ({', '.join(names)})"
    return f"bound: a random example of {whose}, as generated, leaks with probability below it (95\u00a0%)."


def show_bound(bound: float | None) -> str:
    """A bound as it stands in a table. Rounded up, because a bound rounded down claims too much."""
    if bound is None:
        return "\u2013"
    thousandths = -int(-bound * 1000 // 1)
    return f"{thousandths / 1000:.3f}"


def seconds(microseconds: int) -> str:
    """`1.204 s`, from the campaign's beginning."""
    return f"{microseconds / 1_000_000:.3f} s"


_DAMAGED: Final = {"truncated": "cut off behind", "typo": "with one character wrong"}
"""What is said of a canary that does not stand there whole."""


def utc(started: str) -> str:
    """A time with zone as RFC 3339 writes it in UTC (`2030-01-01T00:00:00Z`); empty if it is none."""
    try:
        moment = datetime.fromisoformat(started)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment.tzinfo else ""
    except (ValueError, OverflowError):
        return ""


def story(finding: Finding) -> list[tuple[str, list[str]]]:
    """Who told what where, and who saw it where, through which channel: a label and lines each."""
    label, how = {
        "seen": ("seen by", CHANNELS[finding.channel]),
        "missing": ("missed by", f"who asked for it and did not get it {CHANNELS[finding.channel]}"),
        "listed": ("shown its id", CHANNELS[finding.channel]),
        "swapped": ("answered to", "who was given what was made for the other"),
        "answered": ("answered", "where the contract promises a refusal"),
        "broken": ("seen at", CHANNELS[finding.channel]),
        "lost": ("lost by", f"by {finding.surface}"),
    }[breach(finding)]
    if finding.missed is not None:
        missed = _end(
            finding.missed, finding.seen_at, f"who had been shown it before {CHANNELS[finding.channel]}"
        )
        observer = _end(finding.observer, None, how)
        return [
            ("told by", _end(finding.owner, finding.told_at, "")),
            (label, observer),
            ("missed by", missed),
        ]
    if finding.surface not in SENDING:
        how += f" of {finding.surface}"
    if finding.also_in:
        how += f" (also {' and '.join(CHANNELS[channel] for channel in finding.also_in)})"
    if finding.disguise:
        how += f", {_DAMAGED.get(finding.disguise) or f'written as {finding.disguise}'}"
    first = {"swapped": "asked by", "broken": "began at"}.get(breach(finding), "told by")
    return [
        (first, _end(finding.owner, finding.told_at, "")),
        (label, _end(finding.observer, finding.seen_at, how)),
    ]


def _end(party: Party, moment: int | None, how: str) -> list[str]:
    tenant = "" if party.tenant is None else f" of tenant {party.tenant}"
    when = "" if moment is None else f" at {seconds(moment)}"
    who = f"{party.caller}{tenant}, in operation {party.operation}{when}"
    return [f"{who}, {how}" if how else who, f"resource {party.resource}", f"thread {party.thread}"]


def frequency(finding: Finding) -> str:
    """How often it was found, where, and how often its counterexample showed it again."""
    words = (
        f"{number_of(finding.occurrences, 'time')} in {number_of(finding.examples, 'example')}, first in "
        f"example {finding.example} of scenario {finding.scenario} ({finding.condition})"
    )
    if finding.replays:
        words += f"; replayed {finding.replayed} of {number_of(finding.replays, 'time')}"
        if finding.replayed < finding.replays:
            words += " (a leak seen once is a leak)"
    return words


def title(finding: Finding) -> str:
    """Which promise, how, and whether that is known."""
    known = " (known)" if finding.known else " (partly known)" if finding.accepted else ""
    return f"{finding.invariant}: {finding.diagnosis}{known}"


def acceptances(finding: Finding) -> list[str]:
    """What the baseline says of a finding: by whom it is accepted, what of it is new, who accepted it once.

    Empty without a baseline, and where that says nothing about it.
    """
    lines = [f"baseline, finding {entry.number}: {accepted_by(entry)}" for entry in finding.accepted]
    if finding.accepted and finding.new:
        lines.insert(0, f"new in {', '.join(finding.new)}; the rest is known")
    return lines + [
        f"baseline, finding {entry.number}: expired on {entry.expires} ({entry.owner}: {entry.reason})"
        for entry in finding.lapsed
    ]


def counterexample_path(judgement: Judgement, index: int) -> str | None:
    """Where the program of `judgement.findings[index]` is, relative to the report; None without one, as of
    findings that are replayed and were written down where they were found.

    Programs are numbered as findings are, from 1, so that a gap means a finding without a program.
    """
    if judgement.replays or judgement.findings[index].minimal is None:
        return None
    return f"counterexamples/counterexample-{index + 1}.py"


def reasons(judgement: Judgement) -> list[str]:
    """Why it came out so: the judgement's own reasons, then those of each invariant and each earlier failure
    that has any."""  # noqa: D209
    lines = list(judgement.reasons)
    for result in judgement.invariants:
        lines += [f"{result.name}, {standing(result)}: {reason}" for reason in result.reasons]
    for one in judgement.regressions:
        lines += [f"earlier failure {one.name}, {one.verdict or one.status}: {why}" for why in one.reasons]
    return _once(lines)


def gathered(sentences: Iterable[str]) -> list[str]:
    """Sentences that end alike after their last colon as one: `a, sequential; b, sequential: not reached`."""
    ends: dict[str, list[str]] = {}
    for sentence in sentences:
        about, colon, end = sentence.rpartition(": ")
        ends.setdefault(colon + end, []).append(about)
    return [f"{'; '.join(_once(about))}{end}" for end, about in ends.items()]


def not_claimed(judgement: Judgement) -> list[str]:
    """What this run does not say, so that nobody reads it into a verdict."""
    lines = [f"{r.name}: {r.status}" for r in judgement.invariants if r.status != "judged"]
    lines += _unclaimed(judgement.coverage)
    late = sum(result.late for result in judgement.invariants)
    if late:
        lines.append(f"{number_of(late, 'exposure')} with only the proof afterwards, which certify nothing")
    uncontrolled = sum(result.uncontrolled for result in judgement.invariants)
    if uncontrolled:
        lines.append(f"{number_of(uncontrolled, 'exposure')} without proof that a leak would have shown")
    lines.append("production traffic, real models' choices, and whatever these scenarios do not do")
    return _once(lines)


def _unclaimed(cells: Iterable[Cell]) -> list[str]:
    """Cells without a controlled exposure, those of one kind on one line."""
    kinds: dict[tuple[str, str, str, str], list[str]] = {}
    for cell in cells:
        if cell.state in ("no control", "not reached", "not offered"):
            kind = (cell.surface, cell.condition, cell.state, cell.reason)
            kinds.setdefault(kind, []).append(cell.relation)
    return [
        f"{surface}, {condition}: {state}{f', {reason}' if reason else ''} ({', '.join(relations)})"
        for (surface, condition, state, reason), relations in kinds.items()
    ]


def activity(judgement: Judgement) -> list[str]:
    """What was done, and how well it could be watched: a few short lines."""
    traffic, calls = judgement.traffic, judgement.attribution
    driven = (
        f"{number_of(traffic.examples, 'example')}, {number_of(traffic.operations, 'operation')}: "
        f"{traffic.ok} answered, {traffic.refused} refused, {traffic.unknown} unknown, "
        f"{traffic.empty} empty; {traffic.overlapping} really overlapped another resource's"
    )
    watched = (
        f"{number_of(calls.calls, 'model call')}: {calls.attributed} attributed, "
        f"{calls.ambiguous} ambiguous, {calls.late} after their reply, {calls.unattributed} unattributed"
    )
    lines = [driven, watched]
    if traffic.decisions:
        lines.append(
            f"{number_of(traffic.decisions, 'step')} taken under a schedule, {traffic.blocked} of them while "
            "an operation was thought to wait for another"
        )
    if traffic.stalls:
        lines.append(f"the target blocked the loop {number_of(traffic.stalls, 'time')}")
    return lines + _put_in(judgement.sensitivity)


def _put_in(rows: Iterable[Sensitivity]) -> list[str]:
    """What became of the leaks put in on purpose; those that went unseen one by one."""
    rows = list(rows)
    total = sum(row.injected for row in rows)
    if not total:
        return []
    seen = sum(row.seen for row in rows)
    channels = dict.fromkeys(CHANNELS[row.channel] for row in rows)
    lines = [f"{seen} of {number_of(total, 'leak')} put in on purpose seen ({', '.join(channels)})"]
    return lines + [
        f"{number_of(row.injected - row.seen, 'leak')} put in on purpose not seen: {row.invariant}, "
        f"{CHANNELS[row.channel]}"
        for row in rows
        if row.seen < row.injected
    ]


def settings(judgement: Judgement) -> dict[str, tuple[str | int, Origin]]:
    """Every key of the contract, flat as it is declared (`scope.search`), with its value and origin."""
    contract, origins = judgement.contract, judgement.origins
    flat: dict[str, tuple[str | int, Origin]] = {"scope": (contract.scope, origins.get("scope", "default"))}
    for surface, scope in contract.surface_scope.items():
        key = f"scope.{surface}"
        flat[key] = (scope, origins.get(key, origins.get("scope", "default")))
    for name in ("thread_ids", "recall", "recall_kind", "settle", "deletion", "authentication"):
        flat[name] = (getattr(contract, name), origins.get(name, "default"))
    for kind, value in contract.missing_ids.items():
        key = f"missing_ids.{kind}"
        # `missing_ids` without a kind covers all but blank; where both were said, the later layer won.
        said = [origins.get(key, "default")]
        said += [origins.get("missing_ids", "default")] if kind != "blank" else []
        flat[key] = (value, max(said, key=ORIGINS.index))
    return flat


def replay_line(judgement: Judgement) -> str:
    """The command line that repeats this run: same target, plans and contract."""
    command = judgement.command
    if not command:
        words = ["overheard", "run", judgement.target]
        words += ["--profile", judgement.profile] if judgement.profile else []
        for name in judgement.scenarios:
            words += ["--scenario", name]
        for key, (value, origin) in settings(judgement).items():
            words += ["--contract", f"{key}={value}"] if origin == "flag" else []
        command = shlex.join(words)
    # What was typed rarely has the seed in it, and without it the plans are others. (A replay draws none.)
    return command if judgement.replays or _SEEDED.search(command) else f"{command} --seed {judgement.seed}"


def _once(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))
