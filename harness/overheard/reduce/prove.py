"""Choosing where to put a leak in on purpose.

A harness that reports nothing has shown nothing until it is seen to report something. So after a clean
exploration a few exposures are executed again with a leak put into them; a promise whose injected leak
goes unseen is not held.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from overheard.check.exposure import Exposure, exposures
from overheard.check.observe import Observed
from overheard.check.relation import MATCHES, RECALL
from overheard.check.swap import answers
from overheard.check.view import View
from overheard.core.operation import Condition, Plan
from overheard.history.events import Injection
from overheard.reduce.project import project


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

    The plan is cut to the fact, one recital of it to its owner before the probe, and the probe. Into
    prompts only where the probe really made a model call; replies every target has, and a probe that looks
    at what is stored has a listing instead.
    """
    done: set[tuple[str, Condition, str]] = set()
    channels: tuple[Literal["reply", "prompt", "listing"], ...]
    for exposure in exposures(seen):
        if exposure.control != "bracketed":
            continue
        cell = _cell(exposure)
        channels = ("listing",) if exposure.probe.reads else ("reply", "prompt")
        for channel in channels:
            if (*cell, channel) in done:
                continue
            if channel == "prompt" and not exposure.probe.called():
                continue
            done.add((*cell, channel))
            yield _proof(seen, exposure, channel)


def swaps_of(seen: Observed, campaign: int) -> Iterator[Proof]:
    """Where in this example an answer could be handed to somebody else: one for each condition.

    The plan is cut to two that were in flight together and that must not hear of each other.
    """
    done: set[Condition] = set()
    for answer in answers(seen.view, campaign):
        op, condition = answer.op, answer.condition
        if not answer.control or condition in done:
            continue
        other = next(
            (
                one.op
                for one in answers(seen.view, campaign)
                if one.op.plan.round == op.plan.round
                and one.op.overlaps(op)
                and one.op.leader != op.leader
                and seen.relations.of(one.op, op) not in (RECALL, None)
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
    projection = project(seen.view.started.plan, {fact, probe, *recital})
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
