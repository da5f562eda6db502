"""Plans of earlier failures, driven again: does the leak show, and if not, would it have?

Such a plan says nothing of how often anything leaks, and counts towards no bound and no cell of the coverage.
It holds if the leak did not show where it would have: the fact was told, whoever saw it then was served or
turned away, and its teller was shown it afterwards, wherever the plan has a teller who may be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from overheard.check.coverage import not_promised
from overheard.check.known import acceptance
from overheard.check.observe import Observed
from overheard.check.result import Finding, RegressionResult, Status, Verdict
from overheard.check.view import Op
from overheard.core.contract import Contract
from overheard.core.offers import Offers
from overheard.core.regression import Regression
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

    def add(self, seen: Observed) -> None:
        """Look at one example, if it is of such a plan."""
        regression = self._known.get(seen.view.started.regression)
        if regression is None:
            return
        name, doubt = regression.name, doubt_of(seen, regression)
        self._plays[name] += 1
        self._shown[name] += shows(seen, regression)
        if doubt:
            self._doubts.setdefault(name, doubt)
        else:
            self._proved.add(name)

    def results(self, found: Collection[Finding]) -> tuple[RegressionResult, ...]:
        """One for each plan that was asked for, given everything that the campaign found."""
        return tuple(self._result(one, found) for one in self._header.regressions)

    def _result(self, one: Regression, found: Collection[Finding]) -> RegressionResult:
        status, why = excluded(one, self._header.contract, self._header.offers)
        verdict: Verdict | None = None
        if status == "judged":
            verdict, why = self._verdict(one, found)
        return RegressionResult(
            name=one.name,
            invariant=one.invariant,
            diagnosis=one.diagnosis,
            status=status,
            verdict=verdict,
            plays=self._plays[one.name],
            shown=self._shown[one.name],
            reasons=(why,) if why else (),
        )

    def _verdict(self, one: Regression, found: Iterable[Finding]) -> tuple[Verdict, str]:
        if self._shown[one.name]:
            mine = [finding for finding in found if finding.invariant == one.invariant]
            if mine and all(finding.known for finding in mine):
                return "accepted", acceptance(mine[0])
            return "violated", ""
        if not self._plays[one.name]:
            return "inconclusive", "the run ended before it was driven"
        return ("held", "") if one.name in self._proved else ("inconclusive", self._doubts[one.name])


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
    broken = {
        invariant for leak in seen.leaks for invariant in (leak.invariant, *(name for name, _ in leak.may_be))
    }
    return one.invariant in broken


def doubt_of(seen: Observed, one: Regression) -> str:
    """Why that the leak did not show proves nothing; empty if it would have shown."""
    ops = seen.view.ops
    told, observer = ops[one.told_by], ops[one.seen_by]
    for op, what in ((told, "the call that tells"), (observer, "the call that saw it")):
        if op.outcome in (None, "info"):
            return f"{what} ended in an error or a time-out" + (f": {op.text}" if op.text else "")
    control = ops.get(len(one.plan.operations))
    if control is None or not _promised(seen, told, control):
        return ""
    if told.outcome == "fail":
        return "whoever tells the fact was turned away"
    if told.number in seen.recalled.get(control.number, set()) | seen.listed.get(control.number, set()):
        return ""
    return (
        "whoever told the fact was not shown it afterwards, so nothing shows that a leak would have been seen"
    )


def _promised(seen: Observed, told: Op, control: Op) -> bool:
    """Whether the contract promises that the fact is recalled at the end: not across many turns, perhaps."""
    if not control.sends:
        return True
    turns = [
        op
        for op in seen.view.ops.values()
        if op.sends and op.thread == told.thread and op.owner == told.owner
    ]
    between = len([op for op in turns if told.number < op.number < control.number])
    return not between or 2 * between + 2 <= seen.view.contract.recall
