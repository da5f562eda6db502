"""Which operation does a model call belong to?

Every message carries a nonce that names its operation, and stored messages bring old nonces into new
prompts. So: walk the user-role messages newest first and take the first nonce of an operation that is in
flight; else any nonce of one in flight anywhere in the request; else the ids in its headers. Elimination
("only one operation is left") is not used: measured, it is wrong half of the time once a target does work
in the background.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from overheard.history.events import ModelCalled

if TYPE_CHECKING:
    from overheard.check.view import Op


class Attributed(NamedTuple):
    """The operations a call may belong to, and by what: several candidates are never a control.

    `late` calls arrive after their operation's reply (titles, observers): a class of their own. `past` are
    operations that ended before the call and had sent the very same text, nonce included: work in the
    background for one of them cannot be told from the candidate's own, so whatever is permitted to them is
    no leak. (A summary of one user's old messages, made while another said the same, was taken for a leak.)
    """

    candidates: tuple[Op, ...]
    by: Literal["user", "elsewhere", "headers", "late", "none"]
    past: tuple[Op, ...] = ()

    @property
    def late(self) -> bool:
        return self.by == "late"

    @property
    def certain(self) -> bool:
        """Exactly one operation, in flight when the call arrived."""
        return len(self.candidates) == 1 and self.by != "late"


_NOBODY: Final = Attributed((), "none")


def attribute(
    event: ModelCalled,
    position: int,
    groups: Mapping[int, Sequence[Op]],
    campaign: int,
    example: int,
) -> Attributed:
    """Attribute one call. `groups` maps a nonce's operation to all operations that share its text.

    Embedding calls are batched and cached by targets as they please: they belong to nobody, and nothing
    is judged by them.
    """
    if event.kind == "embedding":
        return _NOBODY
    live, past = _live(event.nonces, position, groups, campaign, example)
    if live:
        return Attributed(live, "user", past)
    live, past = _live(event.elsewhere, position, groups, campaign, example)
    if live:
        return Attributed(live, "elsewhere", past)
    if event.thread is not None:
        named = tuple(
            op
            for group in groups.values()
            for op in group
            if op.thread == event.thread and event.resource in (None, op.resource) and op.in_flight(position)
        )
        if named:
            return Attributed(named, "headers")
    for nonce_campaign, nonce_example, operation in event.nonces:
        if nonce_campaign == campaign:
            asked = groups.get(operation, ()) if nonce_example == example else ()
            return Attributed(tuple(asked), "late")
    return _NOBODY


def _live(
    nonces: Iterable[tuple[int, int, int]],
    position: int,
    groups: Mapping[int, Sequence[Op]],
    campaign: int,
    example: int,
) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
    for nonce_campaign, nonce_example, operation in nonces:
        if nonce_campaign == campaign and nonce_example == example:
            alike: Sequence[Op] = groups.get(operation, ())
            if len(alike) == 1:
                # Nearly always: nobody else said the same.
                if alike[0].invoked <= position < alike[0].ended:
                    return (alike[0],), ()
                continue
            live = [op for op in alike if op.invoked <= position < op.ended]
            if live:
                past = [op for op in alike if op.ended <= position] if len(alike) > len(live) else ()
                return tuple(live), tuple(past)
    return (), ()
