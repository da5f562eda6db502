"""A small plan that showed a leak once, kept so that it is tried before anything else."""

from __future__ import annotations

from typing import Final

import msgspec

from overheard.core.operation import DELETING, Operation, Plan


class Regression(msgspec.Struct, frozen=True, kw_only=True):
    """One plan, and what it showed.

    `name`      that of its file, without the ending.
    `invariant`, `diagnosis`   the promise that it broke, and how.
    `told_by`   the operation that told a fact, or whose thread's id was shown; `seen_by` the one that saw it.
    """

    name: str
    invariant: str
    diagnosis: str
    told_by: int
    seen_by: int
    plan: Plan


FORGOTTEN: Final = "forgotten-stays-forgotten"


def deletions(regression: Regression) -> tuple[Operation, ...]:
    """The operations by which whoever told the fact deletes it before it is seen, in their order.

    Only of what was to be forgotten: there nobody may be shown the fact when all is over.
    """
    if regression.invariant != FORGOTTEN:
        return ()
    told = regression.plan.operations[regression.told_by]
    between = regression.plan.operations[regression.told_by + 1 : regression.seen_by]
    return tuple(one for one in between if one.surface in DELETING and one.caller == told.caller)
