"""Choosing where to put a leak in on purpose.

A harness that reports nothing has shown nothing until it is seen to report something. So after a clean
exploration a few exposures are executed again with a leak put into them; a promise whose injected leak
goes unseen is not held.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from overheard.check.exposure import Exposure, exposures
from overheard.check.observe import Observed
from overheard.check.relation import MATCHES, RECALL
from overheard.check.swap import answers
from overheard.check.view import Op, View
from overheard.core.collision import RESERVED
from overheard.core.operation import Condition, Plan
from overheard.history.events import Injection
from overheard.reduce.project import project

LOSING: Final = ("delete_thread", "delete_message")
"""Surfaces by which a fact can be made to be lost on purpose."""


class Proof(NamedTuple):
    """A small plan, and the leak to put into it.

    `kind` tells proofs of one invariant and channel apart by what is probed: the cell of the coverage table
    that its exposure belongs to.
    """

    plan: Plan
    injection: Injection
    kind: tuple[str, Condition]


def proofs_of(seen: Observed) -> Iterator[Proof]:
    """Where in this example a leak of memory could be put in: one for each cell exposed, and channel.

    The plan is cut to the fact, one recital of it to its owner before the probe, and the probe, with what was
    changed in between. Into prompts only where the probe really made a model call, and will make one again:
    an id that is the same in every example, as `default` is, belongs by then to whoever used it first.
    Replies every target has, and a probe that looks at what is stored has a listing instead. A change has
    nothing to leak: there the owner is to lose the fact.
    """
    done: set[tuple[str, Condition, str]] = set()
    channels: tuple[Literal["reply", "prompt", "listing"], ...]
    for exposure in exposures(seen):
        if exposure.control != "bracketed":
            continue
        if exposure.probe.changes:
            yield from _losing(seen, exposure)
            continue
        cell = _cell(exposure)
        channels = ("listing",) if exposure.probe.reads else ("reply", "prompt")
        for channel in channels:
            if (*cell, channel) in done:
                continue
            if channel == "prompt" and not (
                exposure.probe.called() and RESERVED.isdisjoint(exposure.probe.presented)
            ):
                continue
            done.add((*cell, channel))
            yield _proof(seen, exposure, channel)


def swaps_of(seen: Observed, campaign: int) -> Iterator[Proof]:
    """Where in this example an answer could be handed to somebody else: one for each condition.

    The plan is cut to two that were in flight together and that must not hear of each other.
    """
    done: set[Condition] = set()
    answered = list(answers(seen.view, campaign))
    by_round: dict[int, list[Op]] = {}
    for answer in answered:
        by_round.setdefault(answer.op.plan.round, []).append(answer.op)
    for answer in answered:
        op, condition = answer.op, answer.condition
        if not answer.control or condition in done:
            continue
        other = next(
            (
                one
                for one in by_round[op.plan.round]
                if one.overlaps(op)
                and one.leader != op.leader
                and seen.relations.of(one, op) not in (RECALL, None)
            ),
            None,
        )
        if other is not None:
            done.add(condition)
            projection = project(seen.view.started.plan, {op.number, other.number})
            yield Proof(
                projection.plan,
                Injection(
                    injector="swap",
                    invariant=MATCHES,
                    channel="reply",
                    fact=projection.numbers[other.number],
                    into=projection.numbers[op.number],
                ),
                (MATCHES, condition),
            )


def _proof(seen: Observed, exposure: Exposure, channel: Literal["reply", "prompt", "listing"]) -> Proof:
    fact, probe = exposure.fact.number, exposure.probe.number
    recital = _recital(seen, exposure)
    # To have a message deleted its id must have been shown, by an operation that is among the earlier ones.
    projection = project(seen.view.started.plan, {fact, probe, *recital, *exposure.through})
    return Proof(
        projection.plan,
        Injection(
            injector=channel,
            invariant=exposure.invariant,
            channel=channel,
            fact=projection.numbers[fact],
            into=projection.numbers[probe],
        ),
        _cell(exposure),
    )


def _losing(seen: Observed, exposure: Exposure) -> Iterator[Proof]:
    """A loss of the fact of a change that might have cost it. The whole plan is driven: what a loss is known
    by is that nothing else was lost.

    By deletions of one thread or message: what a target lets its owner do with one it surely can do.
    """
    if exposure.probe.plan.surface not in LOSING:
        return
    after = seen.view.ops[exposure.through[-1]]
    injection = Injection(
        injector="loss",
        invariant=exposure.invariant,
        channel="reply" if after.sends else "listing",
        fact=exposure.fact.number,
        into=exposure.probe.number,
    )
    plan = project(
        seen.view.started.plan, [operation.number for operation in seen.view.started.plan.operations]
    )
    yield Proof(plan.plan, injection, _cell(exposure))


def _cell(exposure: Exposure) -> tuple[str, Condition]:
    probe = exposure.probe
    relation = exposure.relation if probe.sends else f"{exposure.relation} by {probe.plan.surface}"
    return relation, exposure.condition


def _recital(seen: Observed, exposure: Exposure) -> list[int]:
    """An operation by which somebody permitted saw the fact before the probe, if there was one."""
    view: View = seen.view
    before = [
        observer
        for observer in sorted(seen.recalled)
        if seen.saw(view.ops[observer], exposure.fact.number)
        and view.ops[observer].ended < exposure.probe.invoked
    ]
    return before[:1]
