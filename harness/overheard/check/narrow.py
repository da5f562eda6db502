"""What a run says of some promises only: a part of it was selected, and the rest is not spoken of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec.structs import replace

from overheard.check.result import InvariantResult, Judgement, RegressionResult
from overheard.check.verdict import merge

_UNSELECTED: Final = "it was not selected"


def narrow(judgement: Judgement, selected: Collection[str]) -> Judgement:
    """`judgement` of the invariants `selected` and of no other.

    A whole run must have judged recall and some leakage; of a part nothing but what was selected is
    claimed, so that is what its verdict merges. What was found besides is no finding of this part, and is
    said in a note: nobody may read its absence as a pass.
    """
    results = tuple(one if one.name in selected else _unselected(one) for one in judgement.invariants)
    # Of earlier failures, only those selected were driven.
    everything: tuple[InvariantResult | RegressionResult, ...] = (*results, *judgement.regressions)
    judged = [one for one in everything if one.verdict is not None]
    spoken = {*selected, *(one.invariant for one in judgement.regressions if one.shown)}
    verdict = merge(one.verdict for one in judged if one.verdict is not None)
    reasons = [
        f"{one.name}: {reason}" for one in judged if one.verdict == "inconclusive" for reason in one.reasons
    ]
    if not judged:
        reasons = ["none of the promises selected was judged"]
    besides = [one.invariant for one in judgement.findings if one.invariant not in spoken]
    notes = [f"{len(besides)} findings of promises that were not selected: {', '.join(sorted(set(besides)))}"]
    return replace(
        judgement,
        verdict=verdict,
        reasons=tuple(dict.fromkeys(reasons)) if verdict == "inconclusive" else (),
        notes=(*judgement.notes, *(notes if besides else ())),
        invariants=results,
        findings=tuple(one for one in judgement.findings if one.invariant in spoken),
    )


def _unselected(result: InvariantResult) -> InvariantResult:
    return replace(
        result, status="not offered", verdict=None, findings=0, examples=0, bound=None, reasons=(_UNSELECTED,)
    )
