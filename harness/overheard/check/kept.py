"""What is kept of a leak, a stray or a missed recall when its example is let go.

An example digested holds every prompt and answer of it. To keep it for the sake of one leak would let memory
grow with the number of examples in which anything leaks; so what diagnosis and reports will ask about a leak
is found out while its example is at hand, and only that is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from overheard.check.handed import Owner, came_with, handed, handed_before
from overheard.check.observe import How, Leak, Stray
from overheard.check.relation import FORGOTTEN, MATCHES, RECALL, between_examples
from overheard.check.view import Op, Step, View
from overheard.core.canary import Canary, is_canary, is_nonce
from overheard.core.contract import Contract
from overheard.core.operation import Condition, Mode, bind_nonce
from overheard.core.outcome import Channel

EVIDENCE: Final = 90
"""Characters of text kept on either side of what was seen."""


class End(Step):
    """One end of what is kept: an operation of `example`, not changed any more.

    `condition` is what was going on around it; `asked_model` whether it, and surely it, made a chat call.
    """

    __slots__ = ("asked_model", "condition", "example")

    def __init__(self, op: Op, view: View) -> None:
        self.plan = op.plan
        self.invoked, self.invoked_t = op.invoked, op.invoked_t
        self.ended, self.ended_t = op.ended, op.ended_t
        self.outcome = op.outcome
        self.thread, self.resource = op.thread, op.resource
        self.missing = op.missing
        self.caller = op.caller
        self.example = view.number
        self.condition: Condition = view.condition(op)
        self.asked_model = op.called()


class Missing(NamedTuple):
    """A promised recall that did not come: the fact, who asked for it, and what was said instead."""

    scenario: str
    fact: End
    ask: End
    evidence: str


class Lost(NamedTuple):
    """The looks that prove a loss: the owner was shown the fact by one, and not any more by the other."""

    before: End
    after: End


class Trail(NamedTuple):
    """How the observer of a leak may have come to it, as far as its own example tells.

    `wrote_before`  it had sent a message into the same thread before.
    `beside_clean`  another of its prompts does not hold what was seen.
    `handed`        the story of an answer, made for somebody else, in which it stood.
    `went_on_from`  the stories of answers that were handed to its thread before, by whom they were made for.
    """

    wrote_before: bool
    beside_clean: bool
    handed: str | None
    went_on_from: Mapping[Owner, str]


class Kept(NamedTuple):
    """A leak, without its example. Fields that a `Leak` has too mean the same.

    `example` is where it was seen, and `evidence` what stood around it. `borrowed` is the story of an answer
    that was made for somebody else, if one brought the leak; `used_again` says that the thread of something
    deleted was written to again before it was seen. These, `wrote_before` and `beside_clean` (see `Trail`)
    are known of leaks that are surely the observer's own.
    """

    invariant: str
    example: int
    scenario: str
    mode: Mode
    owner: End
    observer: End
    channel: Channel
    token: str
    disguise: str
    how: How
    seen_at: int
    evidence: str
    owner_example: int
    may_be: tuple[tuple[str, End], ...] = ()
    through: tuple[int, ...] = ()
    lost: Lost | None = None
    cause: End | None = None
    borrowed: str | None = None
    wrote_before: bool = False
    beside_clean: bool = False
    used_again: bool = False


class KeptStray(NamedTuple):
    """A stray, without its example. Fields that a `Stray` has too mean the same."""

    example: int
    scenario: str
    mode: Mode
    observer: End
    canary: Canary
    token: str
    channel: Channel
    disguise: str
    seen_at: int
    evidence: str
    trail: Trail


def kept(leak: Leak) -> Kept:
    """What is kept of a leak."""
    view = leak.view
    trail = _trail(view, leak.observer, leak.channel, leak.token, leak.reciter) if leak.how == "own" else None
    return Kept(
        invariant=leak.invariant,
        example=view.number,
        scenario=view.scenario,
        mode=view.mode,
        owner=End(leak.owner, view),
        observer=End(leak.observer, view),
        channel=leak.channel,
        token=leak.token,
        disguise=leak.disguise,
        how=leak.how,
        seen_at=leak.seen_at,
        evidence=around(leak.evidence, leak.token),
        owner_example=leak.owner_example,
        may_be=tuple((invariant, End(op, view)) for invariant, op in leak.may_be),
        through=leak.through,
        lost=None if leak.loss is None else Lost(End(leak.loss.before, view), End(leak.loss.after, view)),
        cause=None if leak.cause is None else End(leak.cause, view),
        borrowed=None if trail is None else _borrowed(trail, leak.owner),
        wrote_before=trail is not None and trail.wrote_before,
        beside_clean=trail is not None and trail.beside_clean,
        used_again=leak.invariant == FORGOTTEN and _used_again(leak),
    )


def kept_stray(stray: Stray) -> KeptStray:
    """What is kept of a stray.

    In an answer, a nonce is written with flags that only the operation it was made for tells, so all of the
    text is kept; it is cut for evidence already.
    """
    view = stray.view
    reciter = stray.canary.reciter
    nonce = is_nonce(stray.token)
    return KeptStray(
        example=view.number,
        scenario=view.scenario,
        mode=view.mode,
        observer=End(stray.observer, view),
        canary=stray.canary,
        token=stray.token,
        channel=stray.channel,
        disguise=stray.disguise,
        seen_at=stray.seen_at,
        evidence=stray.evidence if nonce else around(stray.evidence, stray.token),
        trail=_trail(view, stray.observer, stray.channel, stray.token, reciter),
    )


def leak_of_stray(stray: KeptStray, owner: End, contract: Contract) -> Kept | None:
    """The leak between two examples, or None if what was seen was permitted: a thread that a bearer target
    calls `default` is the same in all of them, and so is what it quotes."""  # noqa: D209
    invariant = between_examples(owner, stray.observer, contract)
    if invariant in (RECALL, None):
        return None
    token = stray.token
    if is_nonce(token):
        invariant = MATCHES
        token = bind_nonce(owner.plan, stray.canary.fact.campaign, stray.canary.fact.example)
    return Kept(
        invariant=invariant,
        example=stray.example,
        scenario=stray.scenario,
        mode=stray.mode,
        owner=owner,
        observer=stray.observer,
        channel=stray.channel,
        token=token,
        disguise=stray.disguise,
        how="own",
        seen_at=stray.seen_at,
        evidence=around(stray.evidence, token),
        owner_example=stray.canary.fact.example,
        borrowed=_borrowed(stray.trail, owner),
        wrote_before=stray.trail.wrote_before,
        beside_clean=stray.trail.beside_clean,
    )


def missing(view: View, fact: Op, ask: Op) -> Missing:
    """What is kept of a promised recall that did not come."""
    return Missing(view.scenario, End(fact, view), End(ask, view), ask.text[: 2 * EVIDENCE])


def around(text: str, token: str) -> str:
    """What stands around a token in a text, the token too; empty if it does not stand there as it is."""
    at = text.find(token) if token else -1
    return "" if at < 0 else text[max(0, at - EVIDENCE) : at + len(token) + EVIDENCE]


def _trail(view: View, observer: Op, channel: Channel, token: str, reciter: tuple[int, int] | None) -> Trail:
    answered = observer.sends and is_canary(token)
    return Trail(
        wrote_before=_wrote_before(view, observer),
        beside_clean=channel == "prompt" and _beside_clean(observer, token),
        handed=handed(view, observer, channel, token, reciter) if answered else None,
        went_on_from=dict(handed_before(view, observer)) if answered else {},
    )


def _borrowed(trail: Trail, owner: Step) -> str | None:
    return trail.handed or trail.went_on_from.get(came_with(owner))


def _wrote_before(view: View, observer: Op) -> bool:
    return any(
        op.sends
        and op.owner == observer.owner
        and op.thread == observer.thread
        and op is not observer
        and op.ended < observer.invoked
        for op in view.ops.values()
    )


def _beside_clean(observer: Op, token: str) -> bool:
    prompts = [call for call in observer.calls if call.attributed.certain]
    return len(prompts) > 1 and any(
        all(sight.token != token for sight in call.event.sights) for call in prompts
    )


def _used_again(leak: Leak) -> bool:
    """Whether the thread of something deleted was written to again before, or when, it was seen."""
    changes = leak.view.changes
    deletion = changes.deleted(leak.owner, leak.observer.invoked) if changes is not None else None
    return (
        changes is None
        or deletion is None
        or changes.used_again(leak.owner, deletion, leak.view.ops.values(), leak.observer.invoked)
    )
