"""A small plan that showed a leak once, kept so that it is tried before anything else."""

from __future__ import annotations

import msgspec

from overheard.core.operation import Plan


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
