"""Who makes a call, as the target is told it."""

from __future__ import annotations

from collections.abc import Mapping

from overheard.core.ids import bind_id
from overheard.core.outcome import Caller


def caller_of(
    label: str, tenant: str | None, own: Mapping[str, str], *, campaign: int, example: int
) -> Caller:
    """The caller that a plan calls `label`. `own` is `own_resources` of the plan."""
    # Names may be templates as ids are: a caller or tenant that keeps its name over the whole campaign
    # also keeps its memory, and one example then finds the facts of another.
    name, bound = (bind_id(template, campaign, example) for template in (label, tenant))
    # Who names none of its own, as half of a reduced plan may, is somebody all the same, and not the one
    # who was called that in the example before.
    resource = bind_id(own.get(label, f"{label}-<<ns>>"), campaign, example)
    return Caller(
        name=str(name),
        tenant=bound if isinstance(bound, str) else None,
        resource=resource if isinstance(resource, str) else None,
    )
