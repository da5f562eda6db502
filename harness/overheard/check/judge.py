"""From a history to a judgement: the one entry of this room, and a pure function.

Every invariant gets a status (judged, not promised, not offered) and, if judged, a verdict. A pass that
proved nothing is never a pass: it is inconclusive and says why.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from overheard.check.bound import bound
from overheard.check.coverage import Asked, asked, cells, not_offered, not_promised, untold
from overheard.check.diagnose import Diagnosis
from overheard.check.extension import Invariant, Ruled, result_of, ruled
from overheard.check.findings import findings
from overheard.check.kept import End, KeptStray, leak_of_stray
from overheard.check.known import acceptance, settled, standings, told
from overheard.check.observe import observe
from overheard.check.regressed import Regressed
from overheard.check.relation import INVARIANTS, LEAKAGE, MATCHES, RECALL, TITLES
from overheard.check.result import (
    LEFT,
    Attribution,
    Cell,
    Finding,
    InvariantResult,
    Judgement,
    RegressionResult,
    Sensitivity,
    Traffic,
    Verdict,
)
from overheard.check.tally import Tally
from overheard.check.verdict import merge
from overheard.check.view import View
from overheard.core.canary import is_nonce
from overheard.history.events import Header
from overheard.history.reader import History

UNATTRIBUTED_LIMIT: Final = 0.1
"""With more than a tenth of the chat calls belonging to nobody, silence of the prompts proves little."""

_REASONS_SHOWN: Final = 3

SILENT_AFTER: Final = 10
"""Answered operations without a single model call after which a target is said not to use the mirror."""


_BETWEEN_COLLECTIONS: Final = 100_000
"""Containers made and not let go before the collector of cycles looks at them while a history is judged."""


def judge(history: History, invariants: Sequence[Invariant] = ()) -> Judgement:
    """Judge a whole campaign. `invariants` are those of plugins; the history says which of them it asks for.

    A function of the history alone: the same history and the same version of overheard give the same
    judgement. A checker that raises makes the invariant inconclusive, with the error as its reason; the
    judgement itself is always there. Raises HistoryError where the file cannot be read.
    """
    header = history.header
    tally = Tally(campaign=header.campaign)
    regressed = Regressed(header)
    with _few_collections():
        failures = _digest(history, tally, regressed)
        _resolve_strays(tally, history, header)
    tally.settle()
    beside = ruled(history, invariants) if header.invariants else []
    return _judgement(history, tally, regressed, beside, failures)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Have the collector of cycles come round seldom.

    Nothing is left for it: what an example is digested to is let go of by hand (`View.let_go`). To look at
    everything again and again, and to find nothing, took an eighth of the time of judging.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], _BETWEEN_COLLECTIONS) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _digest(history: History, tally: Tally, regressed: Regressed) -> list[str]:
    """Add every example to the tallies. What went wrong in checking them, in words."""
    header = history.header
    failures: list[str] = []
    for example in history.examples():
        view = None
        try:
            view = View(
                example.started,
                example.events,
                campaign=header.campaign,
                contract=header.contract,
                ended=example.ended,
            )
            seen = observe(view, campaign=header.campaign, room=tally.room)
            tally.add(seen)
            regressed.add(seen)
        except Exception as error:  # noqa: BLE001 - checking must yield a verdict, and this one is no pass
            failures.append(
                f"checking example {example.started.example} failed: {type(error).__name__}: {error}"
            )
        if view is not None:
            view.let_go()
    return failures


def _resolve_strays(tally: Tally, history: History, header: Header) -> None:
    """Find out who told the canaries that were seen in examples other than their own.

    A second pass over the file, made only if there are any: keeping every example in memory for the sake
    of a rare leak would cost memory in proportion to the whole history.
    """
    wanted: dict[int, list[KeptStray]] = {}
    for stray in tally.strays:
        wanted.setdefault(stray.canary.fact.example, []).append(stray)
    if not wanted:
        return
    for example in history.examples():
        strays = wanted.get(example.started.example)
        # Facts of proving examples are planted in strangers' threads on purpose.
        if not strays or example.started.phase == "prove":
            continue
        view = View(example.started, example.events, campaign=header.campaign, contract=header.contract)
        for stray in strays:
            owner = view.ops.get(stray.canary.fact.operation)
            if owner is None or (owner.plan.tells is None and not is_nonce(stray.token)):
                continue
            leak = leak_of_stray(stray, End(owner, view), header.contract)
            if leak is not None:
                tally.add_kept(leak)
        view.let_go()


def _judgement(
    history: History, tally: Tally, regressed: Regressed, beside: Sequence[Ruled], failures: list[str]
) -> Judgement:
    header = history.header
    try:
        wanted = asked(header.scenarios)
    except ValueError as error:
        wanted, failures = [], [*failures, str(error)]
    suspends = 2 * tally.concurrent_suspended > tally.concurrent_operations
    coverage = cells(tally, wanted, header.contract, header.offers, suspends=suspends)
    diagnosis = Diagnosis(tally, header.contract, history.reductions)
    own = findings(tally, diagnosis, history.reductions)
    found = settled(
        (*own, *(finding for one in beside for finding in one.findings)),
        header.baseline,
        started=header.started,
        part=header.part,
    )
    general = _general_reasons(tally, suspends=suspends)
    sensitivity = _sensitivity(tally)
    results = tuple(
        _result(name, tally, wanted, header, coverage, found, sensitivity, [*failures, *general])
        for name in INVARIANTS
    )
    for one in beside:
        accepted = [acceptance(each) for each in found if each.invariant == one.invariant]
        results = (*results, result_of(one, found, [*failures, *general], accepted))
    regressions = regressed.results(found, diagnosis, ended="" if history.end is None else history.end.detail)
    verdict, reasons = _overall(results, regressions, [*failures, *general])
    ended = history.end
    complete = ended is not None and ended.reason in ("completed", "violated", "budget")
    whole = complete and ended is not None and ended.reason != "budget" and not header.part
    baseline = standings(found, header.baseline, results, started=header.started, whole=whole)
    return Judgement(
        verdict=verdict,
        reasons=reasons,
        notes=(*_notes(history, tally, header, wanted), *told(baseline)),
        invariants=results,
        findings=found,
        coverage=coverage,
        attribution=Attribution(
            calls=tally.attribution["calls"],
            attributed=tally.attribution["attributed"],
            ambiguous=tally.attribution["ambiguous"],
            late=tally.attribution["late"],
            unattributed=tally.attribution["unattributed"],
        ),
        sensitivity=sensitivity,
        traffic=Traffic(
            examples=tally.examples,
            operations=tally.operations,
            ok=tally.outcomes["ok"],
            refused=tally.outcomes["fail"],
            unknown=tally.outcomes["info"],
            empty=tally.empty,
            overlapping=tally.overlapping,
            stalls=tally.stalls,
            decisions=tally.decisions,
            blocked=tally.blocked,
        ),
        contract=header.contract,
        origins=dict(header.origins),
        target=header.target,
        command=header.command,
        profile=header.profile,
        scenarios=tuple(one.name for one in wanted),
        started=header.started,
        overheard=header.overheard,
        versions=dict(header.versions),
        campaign=header.campaign,
        seed=header.seed,
        complete=complete,
        source=header.source,
        part=header.part,
        left=tuple(left for cleared in history.cleared for left in cleared.stayed),
        baseline=baseline,
        regressions=regressions,
        replays=header.replays,
    )


def _general_reasons(tally: Tally, *, suspends: bool) -> list[str]:
    """Why the whole run proves little, most telling first; empty if it may prove something."""
    done = tally.operations
    if done == 0:
        return ["nothing was driven: no operation of any plan completed"]
    if tally.outcomes["info"] == done:
        return [f"every call failed ({tally.first_error or 'no reason given'})"]
    if tally.outcomes["fail"] == done:
        return ["the target refuses everything, also what it should answer"]
    if tally.empty == tally.outcomes["ok"] and tally.outcomes["ok"]:
        return ["the target answers nothing: every reply was empty and no model call was made"]
    if tally.answered == 0:
        return [
            f"nothing was answered: {tally.outcomes['info']} calls failed, {tally.outcomes['fail']} were "
            f"refused, {tally.empty} replies were empty"
            + (f" (first error: {tally.first_error})" if tally.first_error else "")
        ]
    reasons = []
    if tally.concurrent_operations and suspends and not tally.overlapping:
        reasons.append(
            f"requests never overlapped: {tally.concurrent_operations} operations were started together and "
            "the target gives way, yet it served them one after the other (a lock around everything, or a "
            "limit of one)"
        )
    calls = tally.attribution["calls"]
    if calls and tally.attribution["unattributed"] > UNATTRIBUTED_LIMIT * calls:
        reasons.append(
            f"{tally.attribution['unattributed']} of {calls} model calls belong to no operation: whose "
            "prompts they are cannot be told"
        )
    return reasons


def _result(
    name: str,
    tally: Tally,
    wanted: list[Asked],
    header: Header,
    coverage: tuple[Cell, ...],
    found: tuple[Finding, ...],
    sensitivity: tuple[Sensitivity, ...],
    general: list[str],
) -> InvariantResult:
    asking = {
        one.name: [via for via in one.probed(name) if via in ("send", *header.offers.surfaces)]
        for one in wanted
        if name in one.invariants and one.driven(header.offers)
    }
    scenarios = [scenario for scenario, surfaces in asking.items() if surfaces]
    unpromised = not_promised(name, header.contract)
    if any(not not_promised(name, header.contract, via) for surfaces in asking.values() for via in surfaces):
        unpromised = ""
    unoffered = not_offered(name, header.contract, header.offers) or untold(name, tally)
    if not scenarios:
        unoffered = unoffered or "no scenario of this run asks for it"
    elif name == MATCHES:
        unoffered = unoffered or _nowhere_offered(name, scenarios, wanted, coverage)
    mine = [one for one in found if one.invariant == name]
    bracketed, late, none = tally.bracketed(name)
    judged = not unpromised and (not unoffered or bool(mine))
    reasons = [unpromised or unoffered]
    verdict: Verdict | None = None
    if judged:
        why = _doubts(name, tally, coverage, sensitivity, (bracketed, late, none), general, leaks=bool(mine))
        new = [one for one in mine if not one.known]
        verdict = "violated" if new else "inconclusive" if why else "accepted" if mine else "held"
        reasons = {"violated": [], "accepted": [acceptance(one) for one in mine]}.get(verdict, why)
    examples = tally.examples_of(name, _exercisable(name, scenarios, wanted, coverage))
    return InvariantResult(
        name=name,
        title=TITLES[name],
        status="judged" if judged else "not promised" if unpromised else "not offered",
        verdict=verdict,
        exposures=bracketed,
        late=late,
        uncontrolled=none,
        controls=tally.controls[name],
        findings=len(mine),
        known=sum(one.known for one in mine),
        examples=examples if judged else 0,
        bound=bound(examples) if verdict == "held" else None,
        reasons=tuple(dict.fromkeys(reason for reason in reasons if reason)),
    )


def _nowhere_offered(name: str, scenarios: list[str], wanted: list[Asked], coverage: tuple[Cell, ...]) -> str:
    """Why no cell that a scenario asks for is offered; empty if one is.

    Answers are mixed up where several are waited for. Where nothing overlaps, those given one after the other
    would be all that is counted, and no swap could even be put in on purpose.
    """
    asked_for = {(via, one.condition) for one in wanted if one.name in scenarios for via in one.probed(name)}
    mine = [
        cell for cell in coverage if cell.relation == name and (cell.surface, cell.condition) in asked_for
    ]
    reasons = [cell.reason for cell in mine if cell.state == "not offered"]
    return reasons[0] if reasons and len(reasons) == len(mine) else ""


def _exercisable(
    name: str, scenarios: list[str], wanted: list[Asked], coverage: tuple[Cell, ...]
) -> list[str]:
    """The scenarios that could exercise an invariant: those with a cell that is neither excluded."""
    open_cells = {
        (cell.surface, cell.condition)
        for cell in coverage
        if cell.relation.partition(":")[0] == name and cell.state not in ("not offered", "not promised")
    }
    return [
        one.name
        for one in wanted
        if one.name in scenarios and any((via, one.condition) in open_cells for via in one.probed(name))
    ]


def _doubts(
    name: str,
    tally: Tally,
    coverage: tuple[Cell, ...],
    sensitivity: tuple[Sensitivity, ...],
    counts: tuple[int, int, int],
    general: list[str],
    *,
    leaks: bool,
) -> list[str]:
    """Everything that keeps an invariant without findings from being held, or with known ones only from
    being accepted. Where it `leaks` by itself, that has been seen, and no leak need be put in.
    """
    doubts = list(general)
    bracketed, late, none = counts
    if not bracketed and not general:
        doubts.append(_why_uncontrolled(name, tally, late, none))
    for cell in coverage:
        if cell.relation.partition(":")[0] == name and cell.state in ("not reached", "no control"):
            relation = cell.relation.partition(": ")[2] or cell.surface
            if relation != cell.surface != "send":
                relation = f"{cell.surface}, {relation}"
            doubts.append(f"{relation}, {cell.condition}: {cell.reason}")
    unproved = all(one.invariant != name for one in sensitivity)
    if name in (*LEAKAGE, MATCHES) and bracketed and not (leaks and unproved):
        doubts.extend(_insensitive(name, sensitivity))
    return doubts


def _why_uncontrolled(name: str, tally: Tally, late: int, none: int) -> str:
    if name == RECALL:
        return "no promised recall was asked for and answered"
    if name == MATCHES:
        return "no answer said for which request it was made"
    if not tally.recall_seen and not tally.controls[RECALL]:
        return "nothing was remembered, so nothing could leak"
    if late:
        return f"all {late} exposures had a control after them only, none before"
    if none:
        return f"none of {none} exposures had a control: their owners' facts were not seen around them"
    return "no exposure was reached"


def _insensitive(name: str, sensitivity: tuple[Sensitivity, ...]) -> list[str]:
    """A promise whose injected leak goes unseen is not held."""
    mine = [one for one in sensitivity if one.invariant == name]
    if not mine:
        return ["no leak was put in on purpose, so nothing shows that one would have been seen"]
    return [
        f"{one.injected - one.seen} of {one.injected} leaks put in on purpose ({one.injector}, "
        f"{one.channel}) went unseen"
        for one in mine
        if one.seen < one.injected
    ]


def _sensitivity(tally: Tally) -> tuple[Sensitivity, ...]:
    return tuple(
        Sensitivity(
            invariant=invariant,
            injector=injector,
            channel=channel,  # type: ignore[arg-type]  # it came from an Injection
            injected=count,
            seen=tally.injected_seen[invariant, injector, channel],
        )
        for (invariant, injector, channel), count in sorted(tally.injected.items())
    )


def _overall(
    results: Iterable[InvariantResult], regressions: Iterable[RegressionResult], general: list[str]
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict of the run, and why it is inconclusive where it is.

    Without recall nothing else means anything, and recall alone says nothing of isolation: unless both
    were judged the run is inconclusive.
    """
    judged = {one.name: one for one in results if one.verdict is not None}
    again = {f"earlier failure {one.name}": one for one in regressions if one.verdict is not None}
    everything: list[tuple[str, InvariantResult | RegressionResult]] = [*judged.items(), *again.items()]
    verdict = merge(one.verdict for _, one in everything if one.verdict is not None)
    reasons = list(general)
    if RECALL not in judged:
        reasons.append("recall was not judged, so nothing shows that anything was remembered")
    if not any(name in judged for name in LEAKAGE):
        reasons.append("no leakage invariant was judged")
    if verdict != "violated" and (RECALL not in judged or not any(name in judged for name in LEAKAGE)):
        verdict = "inconclusive"
    if verdict == "inconclusive":
        for name, one in everything:
            if one.verdict == "inconclusive":
                reasons.extend(f"{name}: {reason}" for reason in one.reasons if reason not in general)
    return verdict, tuple(dict.fromkeys(reasons)) if verdict == "inconclusive" else ()


def _notes(history: History, tally: Tally, header: Header, wanted: list[Asked]) -> Iterable[str]:
    yield from _cut_short(history)
    yield from _cleared(history)
    if not tally.attribution["calls"] and tally.answered >= SILENT_AFTER:
        yield (
            f"your agent does not talk to the mirror: no model call in {tally.answered} answered operations "
            "(or it has no model); its prompts are not offered, its replies were judged"
        )
    if tally.foreign:
        yield (
            f"{tally.foreign} canaries of another campaign were seen: the target still shows what an earlier "
            "run told it"
        )
    if tally.attribution["late"]:
        yield f"{tally.attribution['late']} model calls came after their operation's reply (background work)"
    if tally.stalls:
        yield f"the target blocked the event loop {tally.stalls} times for a second or more"
    driven = {"send", *(surface for one in wanted for _, surface in one.cells())}
    spare = [surface for surface in header.offers.surfaces if surface not in driven]
    if spare and not header.replays:
        yield f"offered by the target and not driven by these scenarios: {', '.join(spare)}"


def _cleared(history: History) -> Iterable[str]:
    """What became of what the run had told a target that was there before it."""
    removed = sum(cleared.removed for cleared in history.cleared)
    stayed = [left for cleared in history.cleared for left in cleared.stayed]
    if stayed:
        why = Counter(left.reason for left in stayed).most_common(_REASONS_SHOWN)
        yield (
            f"{len(stayed)} of {removed + len(stayed)} conversations that the run began stay in the target "
            f"({LEFT} lists them): {'; '.join(reason for reason, _ in why)}"
        )
    elif removed:
        yield f"all {removed} conversations that the run began were deleted from the target again"


def _cut_short(history: History) -> Iterable[str]:
    ended = history.end
    if ended is None:
        yield "the history was cut short: it has no end"
    elif ended.reason in ("interrupted", "error", "budget"):
        what = (
            "time budget ended the run early"
            if ended.reason == "budget"
            else f"run was ended: {ended.reason}"
        )
        yield f"the {what}{f' ({ended.detail})' if ended.detail else ''}"
    if history.truncated:
        yield "the last line of the history is incomplete and was left out"
