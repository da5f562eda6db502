"""A plan that showed a leak once, with the proof at its end that the leak would show again.

The smallest plan of a leak holds its two ends and nothing else: against an agent that forgets everything it
shows nothing either, and would pass. So whoever told the fact asks for it when all is over; or, where it
is deleted, just before it is.
"""

from __future__ import annotations

from msgspec.structs import replace

from overheard.core.ids import missing_kind
from overheard.core.operation import NONCE_MARK, READING, SENDING, Operation, Plan
from overheard.core.regression import Regression, deletions


def retold(regression: Regression) -> Plan:
    """The plan as it is driven. Without a fact whose teller may recall it there is nothing to ask for.

    The operation that asks has the last number, wherever it stands.
    """
    plan = regression.plan
    control = _control(plan.operations[regression.told_by], plan.operations[regression.seen_by])
    if control is None:
        return plan
    number, last = len(plan.operations), plan.operations[-1]
    deleted = deletions(regression)
    if not deleted:
        return replace(
            plan, operations=(*plan.operations, replace(control, number=number, round=last.round + 1))
        )
    if plan.schedule is not None:
        return plan  # A step in the midst of a recorded run could not be followed.
    before = deleted[0].round
    moved = (replace(one, round=one.round + (one.round >= before)) for one in plan.operations)
    return replace(plan, operations=(*moved, replace(control, number=number, round=before)))


def _control(told: Operation, seen: Operation) -> Operation | None:
    missing = any(missing_kind(each) is not None for each in (told.resource, told.thread))
    if told.tells is None or told.intrudes or missing:
        return None
    if seen.surface in SENDING:
        text = f"What is my {told.tells}? {NONCE_MARK}"
        return replace(told, text=text, tells=None, asks=(told.number,), same_text_as=None)
    if seen.surface not in READING:
        return None
    return replace(
        seen,
        caller=told.caller,
        tenant=told.tenant,
        resource=told.resource,
        thread=told.thread,
        asks=(told.number,),
        filters={},
        intrudes=False,
    )
