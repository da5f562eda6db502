"""Grouping leaks into findings: one for each invariant and diagnosis, told by its first witness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from overheard.check.diagnose import ADVICE, NARROWER, NOT_REFUSED, Diagnosis
from overheard.check.kept import Kept, Missing
from overheard.check.relation import CROSS_RESOURCE, IDS, INVARIANTS, OWNERSHIP, RECALL
from overheard.check.result import Finding, Party
from overheard.check.tally import LeakKey, Tally, alike
from overheard.check.view import Step, describe
from overheard.core.baseline import place_of
from overheard.core.canary import is_canary
from overheard.core.collision import particularity
from overheard.history.events import Reduced

_RULES_OUT: Final = {CROSS_RESOURCE: (OWNERSHIP,)}
"""A promise that falls with another: who sees a fact under unrelated ids needs no thread id for it."""


def findings(tally: Tally, diagnosis: Diagnosis, reductions: Iterable[Reduced]) -> tuple[Finding, ...]:
    """Every finding, in the order of the invariants, then of the diagnoses."""
    groups: dict[tuple[str, str], list[Kept]] = {}
    stories: dict[LeakKey, set[str]] = {}
    for leak in tally.leaks:
        story = diagnosis.of(leak)
        groups.setdefault((leak.invariant, story), []).append(leak)
        stories.setdefault(alike(leak), set()).add(story)
    minimal = list(reductions)
    found = []
    for key, leaks in groups.items():
        times, examples = _frequency(leaks, tally, stories)
        leaked = leaked_finding(key, leaks, minimal, times=times, examples=examples)
        suspects = {suspect for leak in leaks if (suspect := diagnosis.suspect(leak)) is not None}
        by = dict.fromkeys(suspect.by for suspect in sorted(suspects, key=particularity))
        found.append(replace(leaked, collide_in=tuple(by)))
    if tally.without_id:
        times, examples = len(tally.without_id), len({leak.example for leak in tally.without_id})
        found.append(leaked_finding((IDS, NOT_REFUSED), tally.without_id, [], times=times, examples=examples))
    found.extend(_missed(tally, diagnosis))
    order = {name: place for place, name in enumerate(INVARIANTS)}
    return tuple(sorted(found, key=lambda one: (order[one.invariant], one.diagnosis)))


def narrower(tally: Tally) -> bool:
    """Whether recall was declared to reach across threads and never did, asked three times or more."""
    return tally.wide_promised >= 3 and tally.wide_seen == 0


def _frequency(leaks: list[Kept], tally: Tally, stories: Mapping[LeakKey, set[str]]) -> tuple[int, int]:
    """How many leaks, in how many examples. Only some of each kind are kept for diagnosis: where all of
    those tell one story, so do the others; elsewhere those that were kept are counted, and are a minimum."""  # noqa: D209
    times, examples = 0, {leak.example for leak in leaks}
    for key, kept in Counter(map(alike, leaks)).items():
        alone = len(stories[key]) == 1
        times += tally.alike[key].times if alone else kept
        examples |= tally.alike[key].examples if alone else set()
    return times, len(examples)


def leaked_finding(
    key: tuple[str, str], leaks: list[Kept], minimal: list[Reduced], *, times: int, examples: int
) -> Finding:
    """One finding of an invariant and a diagnosis (`key`), seen so many times in so many examples.

    The witness is the first of those that say most: what somebody was shown, before what a model was.
    """
    invariant, diagnosis = key
    first = min(
        leaks,
        key=lambda leak: (leak.channel == "prompt", leak.example, leak.seen_at, leak.observer.number),
    )
    numbers = {leak.example for leak in leaks}
    reduced = min(
        (one for one in minimal if one.invariant == invariant and one.example in numbers),
        key=lambda one: one.channel != first.channel,
        default=None,
    )
    return Finding(
        invariant=invariant,
        diagnosis=diagnosis,
        advice=ADVICE[diagnosis],
        channel=first.channel,
        disguise=first.disguise,
        owner=party_of(first.owner),
        observer=party_of(first.observer),
        told_at=first.owner.invoked_t,
        seen_at=first.seen_at,
        token=first.token,
        evidence=first.evidence,
        scenario=first.scenario,
        example=first.example,
        condition=first.observer.condition,
        occurrences=times,
        examples=examples,
        surface=first.observer.plan.surface,
        also_in=tuple(sorted({leak.channel for leak in leaks} - {first.channel})),
        also_rules_out=_RULES_OUT.get(invariant, ()) if is_canary(first.token) else (),
        minimal=reduced.plan if reduced else None,
        minimal_owner=reduced.owner if reduced else None,
        minimal_observer=reduced.observer if reduced else None,
        missed=party_of(first.lost.after) if first.lost is not None else None,
        minimal_before=reduced.before if reduced else None,
        minimal_missed=reduced.missed if reduced else None,
        replays=reduced.replays if reduced else 0,
        replayed=reduced.replayed if reduced else 0,
        places=tuple(sorted({place_of(leak.observer.plan.surface, leak.channel) for leak in leaks})),
    )


def _missed(tally: Tally, diagnosis: Diagnosis) -> Iterable[Finding]:
    """Promised recalls that did not come.

    Whoever was handed somebody else's reply was not told its own fact: that is the leak's story once more,
    and no forgetting.
    """
    handed: dict[tuple[int, int], str] = {}
    for leak in tally.leaks:
        handed.setdefault((leak.example, leak.observer.number), diagnosis.of(leak))
    stories: dict[str, list[Missing]] = {}
    for one in tally.missed:
        story = handed.get((one.ask.example, one.ask.number)) or diagnosis.of_missed(one)
        stories.setdefault(story, []).append(one)
    for story, missed in stories.items():
        yield _missed_finding(missed, story)
    if not tally.missed and narrower(tally):
        yield _missed_finding(tally.wide_missed, NARROWER)


def _missed_finding(missed: list[Missing], diagnosis: str) -> Finding:
    first = min(missed, key=lambda one: (one.ask.example, one.ask.number))
    return Finding(
        invariant=RECALL,
        diagnosis=diagnosis,
        advice=ADVICE[diagnosis],
        channel="reply",
        disguise="",
        owner=party_of(first.fact),
        observer=party_of(first.ask),
        told_at=first.fact.invoked_t,
        seen_at=first.ask.ended_t,
        token="",
        evidence=first.evidence,
        scenario=first.scenario,
        example=first.ask.example,
        condition=first.ask.condition,
        occurrences=len(missed),
        examples=len({one.ask.example for one in missed}),
        surface=first.ask.plan.surface,
        places=tuple(sorted({place_of(one.ask.plan.surface, "reply") for one in missed})),
    )


def party_of(op: Step) -> Party:
    """One end of a finding."""
    resource, thread = describe(op)
    return Party(
        caller=op.plan.caller,
        tenant=op.plan.tenant,
        resource=resource,
        thread=thread,
        operation=op.number,
    )
