"""Promises that others judge: what a plugin says of a campaign, made into a result like any of ours.

A plugin hands over a pure function and never a verdict: that follows from what the function found. Whatever
goes wrong in it makes its promise inconclusive, with the error as the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from overheard.check.findings import party_of
from overheard.check.result import Finding, InvariantResult, Verdict
from overheard.check.view import View
from overheard.core.baseline import CHANNELS, place_of
from overheard.core.contract import Contract
from overheard.core.outcome import Channel
from overheard.history.events import Header
from overheard.history.reader import History


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """One time that the promise was broken.

    `example`   the number of the example, `told_by` and `seen_by` operations of it: the two ends.
    `diagnosis` what is wrong, in a few words that are the same in every run, `advice` what to change.
    `channel`   where it was seen; `evidence` the text around it, raw: reports redact it.
    """

    example: int
    told_by: int
    seen_by: int
    diagnosis: str
    advice: str
    channel: Channel = "reply"
    evidence: str = ""


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found.

    With `breaches` the promise is violated. Without, it holds if there were `exposures`, chances to break it
    that would have been seen, and no `doubts`; else it is inconclusive, and the doubts say why. `examples`
    is how many examples had such a chance.
    """

    breaches: tuple[Breach, ...] = ()
    exposures: int = 0
    examples: int = 0
    doubts: tuple[str, ...] = ()


class Invariant(msgspec.Struct, frozen=True, kw_only=True):
    """A promise of a plugin's.

    `name`      lower case words joined by hyphens; `title` the promise in one sentence.
    `check`     (examples, contract) -> Ruling: a pure function. The examples are those that explored in its
                scenarios, and earlier failures; never those in which leaks were put in on purpose.
    `scenarios` the names of those that put it to the test; empty: all of them.
    """

    name: str
    title: str
    check: Callable[[Iterator[View], Contract], Ruling]
    scenarios: tuple[str, ...] = ()

    def asked_by(self, scenario: str) -> bool:
        """Whether that scenario puts it to the test."""
        return not self.scenarios or scenario in self.scenarios


class Ruled(NamedTuple):
    """What was made of one invariant: the ruling, of which doubts may be ours, and its findings."""

    invariant: str
    title: str
    ruling: Ruling
    findings: tuple[Finding, ...] = ()
    offered: bool = True


def ruled(history: History, invariants: Iterable[Invariant]) -> list[Ruled]:
    """Let every invariant that the header asks for be judged by the one of that name."""
    header = history.header
    by_name = {one.name: one for one in invariants}
    return [_ruled(history, header, name, by_name.get(name)) for name in header.invariants]


def _ruled(history: History, header: Header, name: str, invariant: Invariant | None) -> Ruled:
    if invariant is None:
        doubt = "it is judged by a plugin that is not installed here"
        return Ruled(name, name, Ruling(doubts=(doubt,)))
    names = [str(one.get("name")) for one in header.scenarios]
    if not any(invariant.asked_by(one) for one in names):
        return Ruled(name, invariant.title, Ruling(), offered=False)
    try:
        ruling = _checked(invariant.check(_explored(history, invariant), header.contract))
        return Ruled(name, invariant.title, ruling, _findings(history, name, ruling.breaches))
    except Exception as error:  # noqa: BLE001 - somebody else's code; what it raises is no pass
        return Ruled(
            name, invariant.title, Ruling(doubts=(f"its check failed: {type(error).__name__}: {error}",))
        )


def _explored(history: History, invariant: Invariant | None = None) -> Iterator[View]:
    header = history.header
    for example in history.examples():
        asked = invariant is None or invariant.asked_by(example.started.plan.scenario)
        if (example.started.phase == "explore" and asked) or example.started.phase == "regression":
            yield View(
                example.started, example.events, campaign=header.campaign, contract=header.contract,
                ended=example.ended,
            )  # fmt: skip


def _checked(ruling: Any) -> Ruling:
    """Raise TypeError or ValueError, in words for the plugin's author, for what is no ruling."""
    if not isinstance(ruling, Ruling):
        raise TypeError(f"it gave {type(ruling).__name__}, and not a Ruling")
    for name in ("exposures", "examples"):
        count = getattr(ruling, name)
        if not isinstance(count, int) or count < 0:
            raise ValueError(f"{name} is {count!r}; it takes a whole number from 0 up")
    for breach in ruling.breaches:
        if not isinstance(breach, Breach):
            raise TypeError(f"breaches holds {type(breach).__name__}, and not a Breach")
        for name in ("diagnosis", "advice"):
            text = getattr(breach, name)
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"a breach's {name} is {text!r}; it takes a text that is not empty")
        if breach.channel not in CHANNELS:
            raise ValueError(f"a breach's channel is {breach.channel!r}; there are {', '.join(CHANNELS)}")
    return ruling


def _findings(history: History, name: str, breaches: Sequence[Breach]) -> tuple[Finding, ...]:
    """One for each diagnosis, told by its first breach. Raises ValueError for an end that is not there."""
    wanted = {breach.example for breach in breaches}
    views = {view.number: view for view in _explored(history) if view.number in wanted} if wanted else {}
    stories: dict[str, list[Breach]] = {}
    for breach in breaches:
        view = views.get(breach.example)
        for number in (breach.told_by, breach.seen_by):
            if view is None or number not in view.ops:
                raise ValueError(
                    f"a breach names operation {number} of example {breach.example}, which is not there"
                )
        stories.setdefault(breach.diagnosis, []).append(breach)
    return tuple(_finding(name, each, views) for each in stories.values())


def _finding(name: str, breaches: Sequence[Breach], views: Mapping[int, View]) -> Finding:
    first = min(breaches, key=lambda breach: (breach.example, breach.seen_by))
    view = views[first.example]
    told, seen = view.ops[first.told_by], view.ops[first.seen_by]
    surfaces = {place_of(views[one.example].ops[one.seen_by].plan.surface, one.channel) for one in breaches}
    return Finding(
        invariant=name,
        diagnosis=first.diagnosis,
        advice=first.advice,
        channel=first.channel,
        disguise="",
        owner=party_of(told),
        observer=party_of(seen),
        told_at=told.invoked_t,
        seen_at=seen.ended_t,
        token="",
        evidence=first.evidence,
        scenario=view.scenario,
        example=view.number,
        condition=view.condition(seen),
        occurrences=len(breaches),
        examples=len({one.example for one in breaches}),
        surface=seen.plan.surface,
        also_in=tuple(sorted({one.channel for one in breaches} - {first.channel})),
        places=tuple(sorted(surfaces)),
        extension=True,
    )


def result_of(
    one: Ruled, found: Iterable[Finding], general: Sequence[str], accepted: Sequence[str]
) -> InvariantResult:
    """The result of a promise that a plugin judges, given what the baseline says of the findings.

    `general` are the reasons for which the whole run proves little, `accepted` those for which known findings
    are.
    """
    mine = [finding for finding in found if finding.invariant == one.invariant]
    ruling = one.ruling
    doubts = [*general, *ruling.doubts]
    if not mine and not doubts and not ruling.exposures:
        doubts = ["there was no chance to break it that would have been seen"]
    verdict: Verdict | None = None
    reasons: Sequence[str] = ("no scenario of this run asks for it",)
    if one.offered:
        new = [finding for finding in mine if not finding.known]
        verdict = "violated" if new else "inconclusive" if doubts else "accepted" if mine else "held"
        reasons = {"violated": (), "accepted": accepted}.get(verdict, doubts)
    return InvariantResult(
        name=one.invariant,
        title=one.title,
        status="judged" if one.offered else "not offered",
        verdict=verdict,
        exposures=ruling.exposures if one.offered else 0,
        late=0,
        uncontrolled=0,
        controls=0,
        findings=len(mine),
        known=sum(finding.known for finding in mine),
        examples=ruling.examples if one.offered else 0,
        bound=None,
        reasons=tuple(dict.fromkeys(reasons)),
    )
