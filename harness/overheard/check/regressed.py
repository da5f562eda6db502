"""Plans of earlier failures, driven again: does the leak show, and if not, would it have?

Such a plan says nothing of how often anything leaks, and counts towards no bound and no cell of the coverage.
It holds if the leak did not show where it would have: the fact was told, whoever saw it then was served or
turned away, and its teller was shown it afterwards (what was to be forgotten: before, and it was deleted),
wherever the plan has a teller who may be. Where it has none, something has to be remembered at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from msgspec.structs import replace

from overheard.check.coverage import not_promised
from overheard.check.diagnose import ADVICE, Diagnosis
from overheard.check.findings import leaked_finding
from overheard.check.kept import Kept, kept
from overheard.check.known import acceptance
from overheard.check.observe import Leak, Observed
from overheard.check.result import Finding, RegressionResult, Status, Verdict
from overheard.check.view import Op
from overheard.core.contract import Contract
from overheard.core.offers import Offers
from overheard.core.operation import CHANGING
from overheard.core.regression import Regression, deletions
from overheard.history.events import Header


class Regressed:
    """What was seen of each plan, each time it was driven."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._known = {one.name: one for one in header.regressions}
        self._plays: Counter[str] = Counter()
        self._shown: Counter[str] = Counter()
        self._proved: set[str] = set()
        self._doubts: dict[str, str] = {}
        self._unasked: set[str] = set()
        self._strayed: Counter[str] = Counter()
        self._leaks: dict[str, list[Kept]] = {}
        """Those of the first example of each plan that showed any."""
        self._remembers = False

    def add(self, seen: Observed) -> None:
        """Look at one example: at what it shows, if it is of such a plan."""
        self._remembers = self._remembers or any(seen.recalled.values())
        regression = self._known.get(seen.view.started.regression)
        if regression is None:
            return
        name, doubt = regression.name, doubt_of(seen, regression)
        if not _looks(seen, regression)[0]:
            self._unasked.add(name)
        self._plays[name] += 1
        self._strayed[name] += seen.view.diverged
        leaks = _of_it(seen, regression)
        self._shown[name] += bool(leaks)
        if leaks:
            self._leaks.setdefault(name, [kept(leak) for leak in leaks])
        if doubt:
            self._doubts.setdefault(name, doubt)
        else:
            self._proved.add(name)

    def results(
        self, found: Collection[Finding], diagnosis: Diagnosis, *, ended: str = ""
    ) -> tuple[RegressionResult, ...]:
        """One for each plan that was asked for, given everything that the campaign found.

        `ended` says why the campaign ended before it was done, if it did.
        """
        return tuple(self._result(one, found, diagnosis, ended) for one in self._header.regressions)

    def _result(
        self, one: Regression, found: Collection[Finding], diagnosis: Diagnosis, ended: str
    ) -> RegressionResult:
        status, why = excluded(one, self._header.contract, self._header.offers)
        verdict: Verdict | None = None
        if status == "judged":
            verdict, why = self._verdict(one, found, ended)
        return RegressionResult(
            name=one.name,
            invariant=one.invariant,
            diagnosis=one.diagnosis,
            status=status,
            verdict=verdict,
            plays=self._plays[one.name],
            shown=self._shown[one.name],
            reasons=(why,) if why else (),
            strayed=self._strayed[one.name],
            witness=self._witness(one, diagnosis),
        )

    def _witness(self, one: Regression, diagnosis: Diagnosis) -> Finding | None:
        leaks = self._leaks.get(one.name, [])
        exact = [leak for leak in leaks if leak.invariant == one.invariant] or leaks
        if not exact:
            return None
        # It was told from a whole run, which knows more than a few examples of one plan.
        story = one.diagnosis if one.diagnosis in ADVICE else diagnosis.of(exact[0])
        key = (exact[0].invariant, story)
        finding = leaked_finding(key, exact, [], times=len(exact), examples=1)
        return replace(
            finding,
            minimal=one.plan,
            minimal_owner=one.told_by,
            minimal_observer=one.seen_by,
            replays=self._plays[one.name],
            replayed=self._shown[one.name],
        )

    def _verdict(self, one: Regression, found: Iterable[Finding], ended: str) -> tuple[Verdict, str]:
        if self._shown[one.name]:
            mine = [finding for finding in found if finding.invariant == one.invariant]
            if mine and all(finding.known for finding in mine):
                return "accepted", acceptance(mine[0])
            return "violated", ""
        if not self._plays[one.name]:
            return "inconclusive", f"the run ended before it was driven{f': {ended}' if ended else ''}"
        # A run needs one proof; whoever asks how often it shows is told of every replay that proved nothing.
        every = self._header.replays
        if every and self._plays[one.name] < every:
            return (
                "inconclusive",
                f"it was driven {self._plays[one.name]} of {every} times: {ended or 'cut short'}",
            )
        if one.name not in self._proved or (every and one.name in self._doubts):
            return "inconclusive", self._doubts[one.name]
        if one.name in self._unasked and not self._remembers:
            return "inconclusive", "nothing was remembered in this run, so nothing could leak"
        return "held", ""


def excluded(one: Regression, contract: Contract, offers: Offers) -> tuple[Status, str]:
    """Whether a plan is about this target, and why not: nobody promises that, or a surface is not there."""
    surfaces = [operation.surface for operation in one.plan.operations]
    why = not_promised(one.invariant, contract, surfaces[one.seen_by])
    if why:
        return "not promised", why
    gone = [surface for surface in surfaces if surface not in offers.surfaces]
    return ("not offered", f"the target has no {gone[0]}") if gone else ("judged", "")


def shows(seen: Observed, one: Regression) -> bool:
    """Whether the leak, or one that breaks the same promise, shows in an example of the plan."""
    return bool(_of_it(seen, one))


def _of_it(seen: Observed, one: Regression) -> list[Leak]:
    return [
        leak
        for leak in seen.leaks
        if one.invariant in (leak.invariant, *(invariant for invariant, _ in leak.may_be))
    ]


def doubt_of(seen: Observed, one: Regression) -> str:
    """Why that the leak did not show proves nothing; empty if it would have shown."""
    ops = seen.view.ops
    told, observer = ops[one.told_by], ops[one.seen_by]
    for op, what in ((told, "the call that tells"), (observer, "the call that saw it")):
        # One that was cancelled on purpose ended as the plan has it: what it leaves behind is looked for.
        if op.outcome in (None, "info") and not op.cancelled:
            return f"{what} ended in an error or a time-out" + (f": {op.text}" if op.text else "")
    looks, when = _looks(seen, one)
    if not looks:
        return ""
    if told.outcome == "fail":
        return "whoever tells the fact was turned away"
    if not any(told.number in seen.shown(look.number) for look in looks):
        return (
            f"whoever told the fact was not shown it {when}, so nothing shows that a leak would have been "
            "seen"
        )
    if any(ops[deletion.number].outcome != "ok" for deletion in deletions(one)):
        return "what was to be forgotten was not deleted: a call that deletes was turned away, or failed"
    return ""


def _looks(seen: Observed, one: Regression) -> tuple[list[Op], str]:
    """The operations by which the teller is promised to see the fact, to prove that it was there; and when.

    What is deleted is looked for before that, everything else when, or after, it was seen: by the plan's own
    operations as well as by the one that was added. Where the contract promises none of it, there are none.
    """
    ops = seen.view.ops
    added = len(one.plan.operations)
    told, observer = ops[one.told_by], ops[one.seen_by]
    own = [
        op
        for op in ops.values()
        if op.number == added
        or (
            op.plan.caller == told.plan.caller
            and told.number in op.plan.asks
            and op.number != observer.number
            and not op.plan.intrudes
            and op.plan.cancel is None  # who goes away is shown nothing
            and (not op.sends or (op.thread == told.thread and op.owner == told.owner))
        )
    ]
    own = [op for op in own if _promised(seen, told, op)]
    deleted = deletions(one)
    if deleted:
        return [
            op for op in own if op.number == added or op.number < deleted[0].number
        ], "before it was deleted"
    if observer.plan.surface in CHANGING:
        return [op for op in own if op.number > observer.number], "afterwards"
    return [op for op in own if op.number == added or op.plan.round >= observer.plan.round], "afterwards"


def _promised(seen: Observed, told: Op, look: Op) -> bool:
    """Whether the contract promises that the fact is recalled there: not across many turns, perhaps."""
    if not look.sends:
        return True
    turns = [
        op
        for op in seen.view.ops.values()
        if op.sends and op.thread == told.thread and op.owner == told.owner
    ]
    between = len([op for op in turns if _place(told) < _place(op) < _place(look)])
    return not between or 2 * between + 2 <= seen.view.contract.recall


def _place(op: Op) -> tuple[int, int]:
    return op.plan.round, op.number
