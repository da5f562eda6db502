"""Counting chances to leak, and the proof that each would have been seen.

An exposure of a fact is an operation by somebody who must not see it, asking for it. It counts only if
it is *bracketed*: in the same example somebody permitted saw the fact, through the same surface and the
same class of channel, in an operation that ended before the probe began and in one that began after the
probe ended. (With the later one only it is *late-controlled*: the fact may not have been there yet.)
And the prober must have been served: a chat call surely its own, or its own memory recalled, or a
refusal. An empty reply without a model call exposes nothing.

Where the ids collide, the prober's own must have worked as an id: it recalled what it told under it, or was
refused. What was told under an id that the target refuses is nowhere: such a chance is `refused`, and
certifies nothing but that.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from operator import attrgetter
from typing import Final, Literal, NamedTuple, TypeAlias

from overheard.check.observe import Observed, behind, promise_against
from overheard.check.relation import DISTINCT, FORGOTTEN, IDS, RECALL, missing_of
from overheard.check.view import NEVER, Op
from overheard.core.collision import ACROSS, collisions, family, most_particular
from overheard.core.contract import Contract
from overheard.core.ids import Id
from overheard.core.operation import Condition

Control = Literal["bracketed", "late", "refused", "none"]


class Exposure(NamedTuple):
    """One probe of one fact, or one change that might have cost its owner the fact.

    `relation` is the invariant, with the kind of missing id where there is one, or how the ids collide, or
    that nobody proved to be calling;
    `through` are further operations without which it would be no such chance.
    """

    invariant: str
    relation: str
    fact: Op
    probe: Op
    condition: Condition
    control: Control
    through: tuple[int, ...] = ()


_CONTROLS: Final = ("prompt", "reply", "tool", "listing", "header")
"""What an owner was shown counts as a control, but not what an error said."""


class Recall(NamedTuple):
    """One promised recall: the fact was asked for where it had to be there. `seen` says whether it was."""

    fact: Op
    ask: Op
    condition: Condition
    seen: bool


def missing_kinds(owner: Op, probe: Op, contract: Contract) -> str:
    """How ids were missing, for the coverage table: `thread null`, `thread and resource omitted`, …"""
    told, probed = missing_of(owner, contract), missing_of(probe, contract)
    thread, resource = probed if any(probed) else told
    if thread and resource:
        kinds = thread if thread == resource else f"{thread}/{resource}"
        return f"thread and resource {kinds}"
    return f"thread {thread}" if thread else f"resource {resource}"


def likeness(owner: Op, probe: Op) -> str:
    """How ids collide, for the coverage table: `thread case`, `ids joined`, …

    Raises ValueError if they do not.
    """
    found = most_particular(collisions(owner.presented, probe.presented))
    how = family(found)
    return f"ids {how}" if how in ACROSS else f"{found.which} {how}"


def exposures(seen: Observed) -> Iterator[Exposure]:
    """Every chance to leak in one example, with its control."""
    view = seen.view
    served = _served_callers(seen)
    homes: set[_Home] | None = None
    for probe in view.ops.values():
        asks = probe.plan.asks
        if not asks or probe.outcome is None:
            continue
        for number in asks:
            fact = view.ops.get(number)
            if fact is None or fact is probe or fact.plan.tells is None or fact.invoked >= probe.invoked:
                continue
            invariant = seen.relations.of(fact, probe)
            if invariant is None or invariant == RECALL or probe.changes:
                continue
            name = _relation(invariant, fact, probe, view.contract)
            control = _control(seen, fact, probe, invariant, served)
            if invariant == DISTINCT and control != "none":
                homes = _homes(seen) if homes is None else homes
                control = _colliding(fact, probe, control, homes)
            through = behind(view, fact, probe, invariant)
            yield Exposure(invariant, name, fact, probe, view.condition(probe), control, through)
    yield from _changes(seen)


def _changes(seen: Observed) -> Iterator[Exposure]:
    """Every change that might have cost somebody a fact: its control are looks before and after it."""
    view = seen.view
    for chance in seen.ledger.chances() if seen.ledger is not None else ():
        fact, cause = chance.fact, chance.cause
        invariant = promise_against(chance.kind, cause, view.contract)
        if invariant is None:
            continue
        # Whose an id was that is missing is no matter: it is what the change itself left out.
        name = _relation(invariant, cause, cause, view.contract)
        watched = chance.watch is not None and cause.outcome != "info"
        through = (chance.watch.before.number, chance.watch.after.number) if chance.watch is not None else ()
        control: Control = "bracketed" if watched else "none"
        yield Exposure(invariant, name, fact, cause, view.condition(cause), control, through)


def _relation(invariant: str, fact: Op, probe: Op, contract: Contract) -> str:
    """The invariant, and what is missing or alike where it speaks of that, or that the prober proved nothing:
    `thread-ownership: no credentials`."""  # noqa: D209
    if invariant == IDS:
        return f"{IDS}: {missing_kinds(fact, probe, contract)}"
    if invariant == DISTINCT:
        return f"{DISTINCT}: {likeness(fact, probe)}"
    proof = {"none": ": no credentials", "invalid": ": invalid credentials"}.get(probe.plan.credentials, "")
    return invariant + proof


def _control(seen: Observed, fact: Op, probe: Op, invariant: str, served: dict[str, list[Op]]) -> Control:
    if probe.outcome == "info":
        return "none"
    if invariant == FORGOTTEN:
        return _seen_before(seen, fact, probe, served)
    if invariant == IDS and any(missing_of(fact, seen.view.contract)):
        return _served_around(fact, probe, served)
    if fact.outcome == "fail":
        return "refused" if invariant == DISTINCT else "none"
    refused = probe.outcome == "fail"
    best: Control = "none"
    for channel in _CONTROLS:
        brackets = seen.evidence.get((probe.plan.surface, channel))
        if brackets is None or fact.number not in brackets:
            continue
        first_end, last_start = brackets[fact.number]
        if last_start > probe.ended and (refused or _served(probe, channel, served)):
            if first_end < probe.invoked:
                return "bracketed"
            best = "late"
    return best


_Home: TypeAlias = tuple[str, tuple[Id, Id]]


def _home(op: Op) -> _Home:
    return op.plan.caller, op.presented


def _homes(seen: Observed) -> set[_Home]:
    """Who was shown, under which ids, what it had told under them itself."""
    ops = seen.view.ops
    return {
        _home(ops[number])
        for number, facts in seen.recalled.items()
        if any(_home(ops[told]) == _home(ops[number]) for told in facts)
    }


def _colliding(fact: Op, probe: Op, control: Control, homes: set[_Home]) -> Control:
    """The control of a probe whose ids collide with the fact's: they must have worked as ids of its own.

    In the thread that is the fact's by its id, where only the resources collide, they need not: a stranger to
    it may be answered from nothing.
    """
    own = probe.outcome == "fail" or fact.thread == probe.thread or _home(probe) in homes
    return control if own or control == "refused" else "none"


def _seen_before(seen: Observed, fact: Op, probe: Op, served: dict[str, list[Op]]) -> Control:
    """A deleted fact: it was shown by the same surface before it was deleted, and another is shown still, by
    the probe itself or later. So what is not there is not there because it was deleted."""  # noqa: D209
    changes = seen.view.changes
    deletion = None if changes is None else changes.deleted(fact, probe.invoked)
    if deletion is None:
        return "none"
    for channel in _CONTROLS:
        brackets = seen.evidence.get((probe.plan.surface, channel), {})
        if fact.number not in brackets or brackets[fact.number][0] >= deletion.invoked:
            continue
        others = (last for number, (_, last) in brackets.items() if number != fact.number)
        if max(others, default=-1) >= probe.invoked and (
            probe.outcome == "fail" or _served(probe, channel, served)
        ):
            return "bracketed"
    return "none"


def _served(probe: Op, channel: str, served: dict[str, list[Op]]) -> bool:
    if channel == "prompt":
        return probe.called()
    mine = served.get(probe.plan.caller, [])
    if probe.reads:
        # An empty listing is an answer, to one who was shown its own by the same surface.
        return probe.answered() and any(op.plan.surface == probe.plan.surface for op in mine)
    return probe.answered() and (probe.called() or any(op.sends for op in mine))


def _served_around(fact: Op, probe: Op, served: dict[str, list[Op]]) -> Control:
    """A fact told *without* ids: whoever told it was served, with ids, before telling and after the probe.

    So a refusal, or an answer from nothing, is about the missing id and not about the caller.
    """
    if fact.outcome == "info" or not (
        probe.outcome == "fail" or _served(probe, "reply", served) or probe.called()
    ):
        return "none"
    mine = [op for op in served.get(fact.plan.caller, []) if op.sends]
    after = any(op.invoked > probe.ended for op in mine)
    before = any(op.ended < fact.invoked for op in mine)
    if after and before:
        return "bracketed"
    return "late" if after else "none"


def _served_callers(seen: Observed) -> dict[str, list[Op]]:
    """Per caller, its operations with ids that recalled, or were shown, something of its own."""
    view = seen.view
    served: dict[str, list[Op]] = {}
    ops, recalled, listed = view.ops, seen.recalled, seen.listed
    for observer in sorted(recalled.keys() | listed.keys()):
        op = ops[observer]
        if op.outcome != "ok":
            continue
        caller = op.plan.caller
        for fact in chain(recalled.get(observer, ()), listed.get(observer, ())):
            if ops[fact].plan.caller == caller:
                served.setdefault(caller, []).append(op)
                break
    return served


def recalls(seen: Observed) -> Iterator[Recall]:
    """Every promised recall that was asked for and served.

    Promised is recall by the thread's owner (the first to use its id), with nothing of the same thread in
    between, or as far back as the contract's window reaches. Where two operations of one thread overlap,
    order in it is anybody's guess and nothing is promised.
    """
    view = seen.view
    by_thread: dict[str, list[Op]] = {}
    for op in sorted(view.ops.values(), key=attrgetter("invoked")):
        thread = op.thread
        if (
            op.invoked != NEVER
            and op.sends  # looking takes no turn, and what a listing shows of a conversation nobody promises
            and isinstance(thread, str)
            and (op.missing == _BOTH or not any(missing_of(op, view.contract)))
        ):
            by_thread.setdefault(thread, []).append(op)
    for ops in by_thread.values():
        yield from _recalls_in(seen, ops)


_BOTH: Final = (None, None)
"""What is missing where both ids are there."""


def _recalls_in(seen: Observed, ops: list[Op]) -> Iterator[Recall]:
    view = seen.view
    first = ops[0]
    owner = first.owner
    mine = [op for op in ops if op.owner == owner]
    if len(mine) < len(ops) and any(op.owner != owner and op.overlaps(first) for op in ops):
        return  # two resources raced for the id: it has no first user
    told: dict[int, int] = {}
    for place, op in enumerate(mine):
        for number in op.plan.asks:
            if number not in told or not op.answered():
                continue
            fact = view.ops[number]
            between = place - told[number] - 1
            window = 2 * between + 2 <= view.contract.recall
            if (between and not window) or _beside(mine, told[number], place):
                continue
            saw = seen.saw(op, number)
            if not saw and view.changes is not None and view.changes.between(fact, op):
                continue  # what was deleted is to be missed, and what others took is judged as that
            yield Recall(fact, op, view.condition(op), saw)
        if op.plan.tells is not None and op.outcome == "ok":
            told[op.number] = place


def _beside(mine: list[Op], told: int, place: int) -> bool:
    """Whether any of `mine`, which are in the order of their starts, overlapped the one at `place`: since
    the fact was told, or afterwards."""  # noqa: D209
    op = mine[place]
    if any(mine[other].overlaps(op) for other in range(told, place)):
        return True
    for other in range(place + 1, len(mine)):
        if mine[other].invoked >= op.ended:
            break  # As do all after it. To look at those too takes time with the square of a thread's length.
        if mine[other].overlaps(op):
            return True
    return False
