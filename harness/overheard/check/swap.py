"""Answers that were made for another request, whether a secret is in them or not.

Every message carries a nonce, and the mirror repeats in every answer the nonce of the message it answers. So
what an operation was answered says for which one it was made.

Not every other nonce in an answer is a swap: an agent may quote what was said before. What it quotes from its
memory stood in the prompt beside the new message; so where a prompt holds both nonces, nothing was swapped.
An operation that has no model call of its own, in a target that quotes what it stored, is told from one that
was handed another's answer by that other having been answered by the mirror at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from overheard.check.relation import RECALL, Relations
from overheard.check.view import Op, View
from overheard.core.operation import SENDING, Condition

Nonce = tuple[int, int, int]


class Swap(NamedTuple):
    """`observer` was handed what was made for `owner`; None is an operation of another example."""

    owner: Op | None
    observer: Op
    nonce: Nonce


class Answer(NamedTuple):
    """One answer by the model's word, and whether it says for whom it was made: its `control`."""

    op: Op
    condition: Condition
    control: bool


def swaps(view: View, relations: Relations, campaign: int) -> Iterator[Swap]:
    """Every answer of an example that was made for another request."""
    prompts = _Prompts(view)
    for op in view.ops.values():
        if op.nonces and op.sends:
            own = (campaign, view.number, op.leader)
            for nonce in op.nonces if op.nonces != (own,) else ():
                if nonce != own and nonce[0] == campaign:
                    yield from _swap(view, relations, op, nonce, own, prompts)


def answers(view: View, campaign: int) -> Iterator[Answer]:
    """Every answer that could have been another's: of operations that surely asked the model."""
    number = view.number
    for op in view.ops.values():
        if op.outcome == "ok" and op.plan.surface in SENDING and op.called():
            yield Answer(op, view.condition(op), (campaign, number, op.leader) in op.nonces)


class _Prompts:
    """In which prompts of an example a message stood; worked out when first asked for, which is rarely."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._of: dict[Nonce, set[int]] | None = None

    def of(self, nonce: Nonce) -> set[int]:
        """The positions of the model calls that hold `nonce`."""
        if self._of is None:
            self._of = {}
            for call in self._view.calls:
                if call.event.kind != "embedding":
                    for said in (*call.event.nonces, *call.event.elsewhere):
                        self._of.setdefault(said, set()).add(call.position)
        return self._of.get(nonce, set())


def _swap(
    view: View, relations: Relations, op: Op, nonce: Nonce, own: Nonce, prompts: _Prompts
) -> Iterator[Swap]:
    alone = own not in op.nonces
    if nonce[1] != view.number:
        if alone and nonce[1] < view.number and not prompts.of(nonce) & prompts.of(own):
            yield Swap(None, op, nonce)
        return
    made_for = [
        other
        for other in view.groups.get(nonce[2], ())
        if other is not op and other.invoked < op.ended and other.outcome != "fail"
    ]
    overlapping = [other for other in made_for if other.overlaps(op)]
    if any(relations.usual(other, op) in (RECALL, None) for other in made_for):
        # Its own, said in another turn: quoted, unless it is all there is and was being answered just then.
        suspects = overlapping if alone and op.called() else []
    else:
        suspects = (overlapping or made_for) if alone else overlapping
    if suspects and prompts.of(nonce) and not prompts.of(nonce) & prompts.of(own):
        yield Swap(suspects[0], op, nonce)
