"""What was seen in one example: by owners (controls) and by others (leaks).

A fact's canary is sight of it wherever it stands. An echo is how the mirror recites: a stored recital
outlives windows and deletions, so it is evidence *for* anything only in the reply of the operation that
minted it; seen by an outsider it is a leak wherever it stands. An operation's own text is no evidence
against it: whoever tells a fact is never its observer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Final, Literal, NamedTuple

from overheard.check.changes import Changes
from overheard.check.losses import Ledger, Loss
from overheard.check.relation import (
    CROSS_RESOURCE,
    CROSS_THREAD,
    DISTINCT,
    FORGOTTEN,
    IDS,
    MATCHES,
    OWNERSHIP,
    RECALL,
    missing_of,
    without_likeness,
)
from overheard.check.swap import Swap, swaps
from overheard.check.view import NEVER, Call, Op, View
from overheard.core.canary import (
    Canary,
    FactKey,
    decode_canary,
    is_canary,
    mint_fact,
    mint_nonce,
)
from overheard.core.collision import RESERVED
from overheard.core.contract import Contract
from overheard.core.ids import Id
from overheard.core.operation import bind_nonce
from overheard.core.outcome import Channel
from overheard.history.events import Chunked, Sight

_SEVERITY: Final = (CROSS_THREAD, FORGOTTEN, DISTINCT, IDS, OWNERSHIP, CROSS_RESOURCE)
"""Mildest first: what a leak is called if it may have been any of them."""

STRAYS_KEPT: Final = 1_000
"""Strays that are kept: an agent with one history for all shows thousands in each example."""

LISTS_THREADS: Final = "list_threads"
"""The surface that shows a thread by showing its id, whatever else it says of it."""

EvidenceClass = Literal["reply", "prompt", "tool", "listing", "error", "header"]
How = Literal["own", "ambiguous", "mixed", "lost"]


class Leak(NamedTuple):
    """Somebody saw what they must not: one sighting, with what diagnosis needs to know about it.

    `how` says whose prompt it was: surely the observer's `own` (replies and errors always are), one of
    several (`ambiguous`: forbidden to all of them), or nobody's in particular (`mixed`: canaries of two
    owners in one prompt). `may_be` are the invariants and observers of an ambiguous one, mildest first.

    Or nothing was seen and something was `lost`: then `observer` is the operation that did it, and `loss` the
    proof. `through` are further operations without which it could not have come to the leak; `cause` is the
    change by which a stranger first had something of the thread, if that was by a change.
    """

    invariant: str
    view: View
    owner: Op
    observer: Op
    fact: FactKey
    channel: Channel
    token: str
    disguise: str
    reciter: tuple[int, int] | None
    how: How
    seen_at: int
    evidence: str
    owner_example: int
    may_be: tuple[tuple[str, Op], ...] = ()
    through: tuple[int, ...] = ()
    loss: Loss | None = None
    cause: Op | None = None

    @property
    def scenario(self) -> str:
        return self.view.scenario


class Stray(NamedTuple):
    """A canary of this campaign seen in an example that did not mint it; or an answer, named by its nonce."""

    view: View
    observer: Op
    canary: Canary
    token: str
    channel: Channel
    disguise: str
    seen_at: int
    evidence: str


class Sighting(NamedTuple):
    """One token seen by one operation, decoded."""

    canary: Canary
    token: str
    channel: Channel
    disguise: str
    seen_at: int
    evidence: str
    call: Call | None


class Observed:
    """Everything seen in one example.

    `evidence` maps (surface, class), then the fact's operation, to positions: the earliest end and the
    latest start of an operation by which somebody permitted saw the fact.
    `recalled` maps an observing operation to the facts' operations of which it had permitted sight. `listed`
    does the same for the facts of threads whose ids a list of threads showed to their owner.
    `strays` are the first `room`; `strayed` says whether there were any, kept or not, but for those of ids
    that are the same in every example: they may well be permitted. `ledger` knows what was lost; None where
    nothing could be.
    """

    __slots__ = (
        "evidence",
        "foreign",
        "leaks",
        "ledger",
        "listed",
        "recalled",
        "relations",
        "room",
        "strayed",
        "strays",
        "view",
    )

    def __init__(self, view: View, room: int) -> None:
        self.view = view
        self.relations = view.relations
        self.ledger: Ledger | None = None
        self.leaks: list[Leak] = []
        self.strays: list[Stray] = []
        self.strayed = False
        self.room = room
        self.foreign = 0
        self.evidence: dict[tuple[str, str], dict[int, tuple[int, int]]] = {}
        self.recalled: dict[int, set[int]] = {}
        self.listed: dict[int, set[int]] = {}

    def shown(self, observer: int) -> set[int]:
        """The facts, by the operations that told them, of which `observer` had permitted sight, or a list of
        threads that holds them."""  # noqa: D209
        return self.recalled.get(observer, set()) | self.listed.get(observer, set())

    def saw(self, observer: Op, fact: int) -> bool:
        """Whether `observer`, which may, saw the fact that operation `fact` told."""
        return fact in self.recalled.get(observer.number, ())


def sightings(op: Op) -> Iterator[Sighting]:
    """Every canary in what `op` was shown, and in prompts that are surely its own."""
    for sight in op.sights:
        if is_canary(sight.token):
            yield _sighting_in(op, sight)
    for chunk in op.chunks:
        for sight in chunk.sights:
            yield _sighting_in(chunk, sight)
    for call in op.calls:
        if call.certain:
            yield from _in_call(call)


def _in_call(call: Call) -> Iterator[Sighting]:
    return (_sighting_in(call, sight) for sight in call.event.sights)


def _sighting(sight: Sight, channel: Channel, seen_at: int, evidence: str, call: Call | None) -> Sighting:
    canary = decode_canary(sight.token)
    return Sighting(canary, sight.token, channel, sight.disguise, seen_at, evidence, call)


def observe(view: View, *, campaign: int, room: int = STRAYS_KEPT) -> Observed:
    """Sort everything seen in one example into evidence, leaks and strays, of which `room` are kept."""
    seen = Observed(view, room)
    changes = view.changes
    readers: dict[tuple[int, int], _Reader] = {}
    elsewhere: set[str] = set()
    for op in view.ops.values():
        if op.outcome is not None or op.calls:
            # What is permitted to a standing is another after something was deleted or given away.
            key = op.standing, 0 if changes is None else changes.before(op)
            reader = readers.get(key)
            if reader is None:
                reader = readers[key] = _Reader(elsewhere)
            _look(seen, op, reader, campaign)
    for call in view.calls:
        if not call.certain and call.event.sights and call.event.kind != "embedding":
            _shared(seen, call, campaign)
    if changes is not None or any(_turned_away(op) for op in view.ops.values()):
        _take_stock(seen, campaign)
    for swap in swaps(view, seen.relations, campaign):
        _swapped(seen, swap, campaign)
    return seen


def _swapped(seen: Observed, swap: Swap, campaign: int) -> None:
    """Note an answer that was made for another operation, of this example or of an earlier one."""
    owner, op, nonce = swap
    fact = FactKey(campaign, nonce[1], nonce[2], 0)
    if owner is None:
        seen.strayed = seen.strayed or RESERVED.isdisjoint(op.presented)
        if len(seen.strays) < seen.room:
            token = mint_nonce(*nonce)
            seen.strays.append(
                Stray(seen.view, op, Canary(fact, None), token, "reply", "", op.ended_t, op.text)
            )
        return
    token = bind_nonce(owner.plan, campaign, seen.view.number)
    seen.leaks.append(
        Leak(MATCHES, seen.view, owner, op, fact, "reply", token, "", None, "own", op.ended_t, op.text,
             seen.view.number)
    )  # fmt: skip


def _turned_away(op: Op) -> bool:
    """Whether somebody was refused what it had told itself, with all its ids."""
    return op.outcome == "fail" and bool(op.plan.asks) and not op.plan.intrudes and not any(op.missing)


def _take_stock(seen: Observed, campaign: int) -> None:
    """Find what owners lost by what others did, or by deletions of something else."""
    view = seen.view
    shown = {number: seen.shown(number) for number in seen.recalled.keys() | seen.listed.keys()}
    seen.ledger = ledger = Ledger(view, shown)
    for loss in ledger.losses:
        invariant = promise_against(loss.kind, loss.cause, view.contract)
        if invariant is None:
            continue
        fact = FactKey(campaign, view.number, loss.fact.number, 0)
        after = loss.after
        seen.leaks.append(
            Leak(invariant, view, loss.fact, loss.cause, fact, "reply" if after.sends else "listing",
                 mint_fact(fact), "", None, "lost", after.ended_t, after.text, view.number,
                 through=(*loss.proof, *message_of(view, loss.cause)), loss=loss)
        )  # fmt: skip
    seen.leaks = explained(seen.leaks, view.changes)


def explained(leaks: list[Leak], changes: Changes | None) -> list[Leak]:
    """The leaks of one example, those between a stranger and somebody's thread with the change that began it.

    Once a thread has been taken, copied or given away, everything else follows from that: a stranger to whom
    it was transferred may well call it something new. So the first change of which anything was seen, or
    missed, explains all that comes after it.
    """
    if changes is None:
        return leaks
    first: dict[tuple[str, Id], tuple[int, Op]] = {}
    for leak in leaks:
        evidence = _evidence(leak, changes) if leak.invariant == OWNERSHIP else None
        if evidence is not None:
            stranger, position, cause = evidence
            key = stranger, leak.owner.thread
            first[key] = min(first.get(key, (position, cause)), (position, cause), key=itemgetter(0))
    return [_caused(leak, first) if leak.invariant == OWNERSHIP else leak for leak in leaks]


def _evidence(leak: Leak, changes: Changes) -> tuple[str, int, Op] | None:
    """Whose doing a leak is, since when anybody could know of it, and the change that may have begun it."""
    owner, observer = leak.owner, leak.observer
    if leak.loss is not None:
        return observer.plan.caller, leak.loss.after.invoked, observer
    if changes.written_by_a_stranger(owner, observer):
        return owner.plan.caller, observer.invoked, owner
    cause = changes.grasped(owner, observer)
    if observer.changes and leak.channel != "error":
        cause = observer
    return None if cause is None else (observer.plan.caller, observer.invoked, cause)


def _caused(leak: Leak, first: Mapping[tuple[str, Id], tuple[int, Op]]) -> Leak:
    thread = leak.owner.thread
    for stranger in (leak.observer.plan.caller, leak.owner.plan.caller):
        found = first.get((stranger, thread))
        if found is not None and found[0] <= max(leak.observer.invoked, leak.owner.invoked):
            return leak._replace(cause=found[1])
        if leak.loss is not None and found is not None:
            return leak._replace(cause=found[1])
    return leak


def promise_against(kind: str, cause: Op, contract: Contract) -> str | None:
    """The invariant that forbids such a loss; None where the contract promises nothing."""
    if kind == "taken":
        return None if contract.thread_ids == "bearer" else OWNERSHIP
    if kind == "unnamed":
        return IDS if any(missing_of(cause, contract)) else None
    return FORGOTTEN


class _Reader:
    """What operations of one standing may find in their prompts, as far as it has been found out.

    `permitted` maps the tokens of facts that they may see to the operations that told them; `idle` are
    tokens that are evidence of nothing in a prompt: echoes of those facts, and what nothing is promised of.
    `elsewhere`, strays for which there is no more room, is the same for all readers of an example.
    """

    __slots__ = ("elsewhere", "idle", "permitted")

    def __init__(self, elsewhere: set[str]) -> None:
        self.elsewhere = elsewhere
        self.permitted: dict[str, int] = {}
        self.idle: dict[str, int] = {}


def _look(seen: Observed, op: Op, reader: _Reader, campaign: int) -> None:
    """Sort what one operation was shown, and what is in the prompts that are surely its own.

    Nearly all of it is an agent remembering what it should, and in long threads every prompt holds all that
    was said before: that has to be quick, and only what is new is looked at closely.
    """
    for sight in op.sights:
        if is_canary(sight.token):
            _sort(seen, op, sight, op, reader, campaign)
        else:
            _sort_id(seen, op, sight, campaign)
    for chunk in op.chunks:
        for sight in chunk.sights:
            _sort(seen, op, sight, chunk, reader, campaign)
    facts: set[int] = set()
    for call in op.calls:
        if call.certain:
            _read_prompt(seen, op, call, reader, campaign, facts)
    facts.discard(op.plan.number)
    if facts:
        _recall(seen, facts, op, "prompt")


def _read_prompt(seen: Observed, op: Op, call: Call, reader: _Reader, campaign: int, facts: set[int]) -> None:
    """Add to `facts` what is known to be permitted in a prompt, and sort the rest."""
    permitted, idle, elsewhere = reader.permitted, reader.idle, reader.elsewhere
    for sight in call.event.sights:
        token = sight.token
        if sight.channel == "prompt":
            fact = permitted.get(token)
            if fact is not None:
                facts.add(fact)
                continue
            if token in idle or token in elsewhere:
                continue
        _sort(seen, op, sight, call, reader, campaign)


def _sort(
    seen: Observed, op: Op, sight: Sight, where: Op | Chunked | Call, reader: _Reader, campaign: int
) -> None:
    """Sort one sight of `op`: in what it was answered, in a chunk, or in a call."""
    token = sight.token
    fact, reciter = decode_canary(token)
    view = seen.view
    if fact.campaign != campaign:
        seen.foreign += 1
        return
    if fact.example != view.number:
        seen.strayed = seen.strayed or RESERVED.isdisjoint(op.presented)
        if len(seen.strays) < seen.room:
            seen.strays.append(_stray(view, op, _sighting_in(where, sight)))
        else:
            # Nothing more is kept, and an agent with one history for all shows it in every prompt again.
            reader.elsewhere.add(token)
        return
    owner = view.ops.get(fact.operation)
    if owner is None or owner.plan.tells is None:
        return
    # An echo counts in the answer for which it was minted, and in no prompt.
    minted_here = sight.channel != "prompt" and reciter == (view.number, op.leader)
    invariant = _promise(seen, owner, op, old=reciter is not None and not minted_here)
    if invariant == RECALL:
        known = reader.permitted if reciter is None else reader.idle
        known[token] = fact.operation
        if owner is not op and (reciter is None or minted_here):
            _recall(seen, (fact.operation,), op, "reply" if isinstance(where, Chunked) else sight.channel)
    elif invariant is None:
        reader.idle[token] = fact.operation
    elif owner is not op:
        _leak(seen, owner, op, invariant, _sighting_in(where, sight))


def _promise(seen: Observed, owner: Op, op: Op, *, old: bool) -> str | None:
    """The promise about what `owner` told. A recital from before (`old`) is another message than the one that
    was deleted, and may outlive it."""  # noqa: D209
    invariant = seen.relations.of(owner, op)
    return seen.relations.usual(owner, op) if invariant == FORGOTTEN and old else invariant


def _leak(seen: Observed, owner: Op, op: Op, invariant: str, sighting: Sighting) -> None:
    view = seen.view
    if not _may_be_of_the_past(sighting.call, view):
        fact, reciter = sighting.canary
        seen.leaks.append(
            Leak(invariant, view, owner, op, fact, sighting.channel, sighting.token, sighting.disguise,
                 reciter, "own", sighting.seen_at, sighting.evidence, view.number,
                 through=behind(view, owner, op, invariant))
        )  # fmt: skip


def behind(view: View, owner: Op, op: Op, invariant: str) -> tuple[int, ...]:
    """The changing operation without which `op` could not have broken this promise, and what showed the id
    of the message that it was about, if there are such."""  # noqa: D209
    if view.changes is None:
        return ()
    if invariant == FORGOTTEN:
        cause = view.changes.deleted(owner, op.invoked)
    else:
        cause = view.changes.copied(owner, op) or view.changes.grasped(owner, op)
    if cause is None:
        return ()
    return (cause.number, *message_of(view, cause))


def message_of(view: View, op: Op) -> tuple[int, ...]:
    """The operation whose message `op` was about, and the one that showed its id, if it was about one."""
    if op.plan.message is None:
        return ()
    shown = view.shown.get(op.plan.message)
    return (op.plan.message,) if shown is None else (op.plan.message, shown)


def _sighting_in(where: Op | Chunked | Call, sight: Sight) -> Sighting:
    if isinstance(where, Op):
        return _sighting(sight, sight.channel, where.ended_t, where.text, None)
    if isinstance(where, Chunked):
        return _sighting(sight, "chunk", where.t, where.text, None)
    return _sighting(sight, sight.channel, where.event.t, where.event.text, where)


def _stray(view: View, op: Op, sighting: Sighting) -> Stray:
    return Stray(view, op, sighting.canary, sighting.token, sighting.channel, sighting.disguise,
                 sighting.seen_at, sighting.evidence)  # fmt: skip


def _sort_id(seen: Observed, op: Op, sight: Sight, campaign: int) -> None:
    """Judge the sight of a thread id that nobody can guess: who is shown it can present it.

    What a caller presented itself, now or before, tells it nothing. A resource may know of all its threads,
    also where what is said in them must not cross.
    """
    view = seen.view
    home = view.ids.homes.get(sight.token)
    if home is None:
        return
    if home.plan.caller == op.plan.caller:
        if op.plan.surface == LISTS_THREADS and not any(op.missing):
            _list_own(seen, op, sight, home, campaign)
        return
    if view.ids.brought.get((op.plan.caller, sight.token), NEVER) <= op.invoked:
        return
    invariant = seen.relations.of(home, op)
    if invariant == DISTINCT:
        # Nothing came of it that the reader's own ids are like the owner's: an id was shown, not looked up.
        invariant = without_likeness(home, op, view.contract)
    if invariant in (None, RECALL, CROSS_THREAD):
        return
    seen.leaks.append(_shown_id(view, invariant, home, op, sight, campaign))


def _shown_id(
    view: View, invariant: str, home: Op, op: Op, sight: Sight, campaign: int, through: tuple[int, ...] = ()
) -> Leak:
    """The sight of the id of the thread where `home` is at home."""
    fact = FactKey(campaign, view.number, home.number, 0)
    return Leak(invariant, view, home, op, fact, sight.channel, sight.token, sight.disguise, None, "own",
                op.ended_t, op.text, view.number, through=through)  # fmt: skip


def _list_own(seen: Observed, op: Op, sight: Sight, home: Op, campaign: int) -> None:
    """A list of threads shows somebody one of its own: all that it told there, unless that is deleted."""
    view = seen.view
    told = [fact for fact in view.ids.facts.get(sight.token, ()) if fact.owner == op.owner]
    changes = view.changes
    if changes is not None:
        ghost = changes.ghost(home, op, view.ops.values())
        if ghost is not None:
            seen.leaks.append(_shown_id(view, FORGOTTEN, home, op, sight, campaign, (ghost.number,)))
        told = [fact for fact in told if changes.deleted(fact, op.invoked) is None]
    facts = {fact.number for fact in told}
    seen.listed.setdefault(op.number, set()).update(facts)
    _bracket(seen, facts, op, sight.channel)


def _may_be_of_the_past(call: Call | None, view: View) -> bool:
    """Whether an operation that said the same before may have made the call for itself in the background."""
    return call is not None and any(may_see_all(op, call, view) for op in call.attributed.past)


def may_see_all(op: Op, call: Call, view: View) -> bool:
    """Whether everything in the call's prompt is the operation's own or permitted to it."""
    for sight in call.event.sights:
        if not is_canary(sight.token):
            continue
        fact = decode_canary(sight.token).fact
        owner = view.ops.get(fact.operation) if fact.example == view.number else None
        if owner is not None and owner is not op and view.relations.of(owner, op) not in (RECALL, None):
            return False
    return True


def _recall(seen: Observed, facts: Collection[int], op: Op, channel: str) -> None:
    """Note that `op`, which may, saw these facts through a channel of this class."""
    number = op.plan.number
    recalled = seen.recalled.get(number)
    if recalled is None:
        seen.recalled[number] = set(facts)
    else:
        recalled.update(facts)
    _bracket(seen, facts, op, channel)


def _bracket(seen: Observed, facts: Collection[int], op: Op, channel: str) -> None:
    """Note when `op` was shown these facts, if it was answered."""
    if op.outcome != "ok":
        # A prompt seen by a call that then failed is sight, but nobody knows when it ended.
        return
    brackets = seen.evidence.setdefault((op.plan.surface, channel), {})
    ended, invoked = op.ended, op.invoked
    for fact in facts:
        bracket = brackets.get(fact)
        if bracket is None:
            brackets[fact] = (ended, invoked)
        elif ended < bracket[0] or invoked > bracket[1]:
            brackets[fact] = (min(ended, bracket[0]), max(invoked, bracket[1]))


def _shared(seen: Observed, call: Call, campaign: int) -> None:
    """Judge a call that is not surely one operation's: by its candidates, and by who is mixed in it."""
    view, attributed = seen.view, call.attributed
    if attributed.certain:
        return
    found = list(_in_call(call))
    if attributed.candidates and not attributed.late:
        # Several operations may have asked: what is permitted to any of them is permitted.
        everybody = (*attributed.candidates, *attributed.past)
        leaks = _forbidden_to_all(found, everybody, view, campaign)
        if leaks:
            seen.leaks.extend(leaks)
            return
    seen.leaks.extend(_mixed(found, view, campaign))


def _forbidden_to_all(
    found: Iterable[Sighting], candidates: tuple[Op, ...], view: View, campaign: int
) -> list[Leak]:
    leaks = []
    for sighting in found:
        fact = sighting.canary.fact
        owner = view.ops.get(fact.operation)
        if fact.campaign != campaign or fact.example != view.number or owner is None:
            continue
        relations = [
            (RECALL if owner is candidate else view.relations.of(owner, candidate)) or RECALL
            for candidate in candidates
        ]
        if RECALL in relations:
            continue
        options: dict[str, Op] = {}
        for invariant, candidate in zip(relations, candidates, strict=True):
            options.setdefault(invariant, candidate)
        may_be = tuple(sorted(options.items(), key=lambda option: _SEVERITY.index(option[0])))
        leaks.append(
            Leak(may_be[0][0], view, owner, may_be[0][1], fact, sighting.channel, sighting.token,
                 sighting.disguise, sighting.canary.reciter, "ambiguous", sighting.seen_at,
                 sighting.evidence, view.number, may_be)
        )  # fmt: skip
    return leaks


def _mixed(found: Iterable[Sighting], view: View, campaign: int) -> list[Leak]:
    """Canaries of two owners with no permitted common reader in one prompt are a leak by themselves.

    The one told last is taken for the observer. Crossing resources says more than crossing threads, so
    only the strongest pair of a prompt is reported.
    """
    by_owner: dict[int, Sighting] = {}
    for sighting in found:
        fact = sighting.canary.fact
        if fact.campaign == campaign and fact.example == view.number and fact.operation in view.ops:
            by_owner.setdefault(fact.operation, sighting)
    numbers = sorted(by_owner)
    pairs = []
    for index, early in enumerate(numbers):
        for late in numbers[index + 1 :]:
            invariant = view.relations.usual(view.ops[early], view.ops[late])
            if invariant not in (RECALL, None):
                pairs.append((early, late, invariant))
    if not pairs:
        return []
    early, late, invariant = next((pair for pair in pairs if pair[2] == CROSS_RESOURCE), pairs[0])
    sighting = by_owner[early]
    return [
        Leak(invariant or CROSS_RESOURCE, view, view.ops[early], view.ops[late], sighting.canary.fact,
             sighting.channel, sighting.token, sighting.disguise, sighting.canary.reciter, "mixed",
             sighting.seen_at, sighting.evidence, view.number)
    ]  # fmt: skip
