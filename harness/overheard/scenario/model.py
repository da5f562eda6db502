"""A scenario: the dials from which plans are woven. Data only; what the dials do is the plan's business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from overheard.core.collision import FAMILIES, Family
from overheard.core.ids import MISSING_KINDS, MissingKind
from overheard.core.operation import Mode

Range: TypeAlias = tuple[int, int]
"""Lowest and highest value, both included."""

Move: TypeAlias = Literal[
    "recall",
    "siblings",
    "crosswise",
    "intrude",
    "take-over",
    "shared-thread",
    "same-text",
    "missing",
    "look",
    "change",
    "forget",
    "collide",
    "cancel",
    "chat",
]
"""What a plan is woven from.

`recall`         tell a fact, let 0, 1 or many turns pass, ask for it in its thread.
`siblings`       a resource tells facts in several threads of its own and asks for each in the others.
`crosswise`      several resources tell facts, each asks for the others' in threads of its own.
`intrude`        a stranger presents the thread id of another resource and asks for its facts.
`take-over`      a stranger writes into another's thread, lets it settle, and reads before the owner speaks.
`shared-thread`  two resources use one thread id for their own facts and ask for each other's.
`same-text`      several resources, each with a fact about one same attribute, send the very same question.
`missing`        facts are told and asked for without thread id, resource id or both.
`look`           owners look at what is stored by every surface that shows it; so do strangers, with ids of
                 their own, with those of others and with less, in between.
`change`         strangers try to create, clone, update, transfer and delete what is somebody else's, or name
                 nobody; owners change their own, and look whether it is all there.
`forget`         an owner deletes a message, a thread or all of its own; everybody looks, and its ids are used
                 again.
`collide`        facts are told under ids that differ and that some function takes for one, and asked for
                 under the others.
`cancel`         calls are cancelled on their way; the next one comes at once, by another resource.
`chat`           a turn that neither tells nor asks.
"""

MOVES: Final[tuple[Move, ...]] = get_args(Move)

Identifiers: TypeAlias = Literal[
    "existing", "uuid", "composite", "session", "sequential", "email", "unicode"
]  # fmt: skip
"""How ids are made: keys out of a database, UUIDs, user and topic joined, session tokens, short numbers that
can be guessed, e-mail addresses, and other scripts than Latin."""

IDENTIFIERS: Final[tuple[Identifiers, ...]] = get_args(Identifiers)

INVARIANTS: Final = (
    "recall-within-thread",
    "no-cross-thread-recall",
    "no-cross-resource-leakage",
    "thread-ownership",
    "distinct-ids-stay-distinct",
    "ids-required",
    "forgotten-stays-forgotten",
    "reply-matches-request",
)
"""Names of the promises that a scenario can ask to have judged."""

MissingId: TypeAlias = Literal["thread", "resource", "both"]
MISSING_IDS: Final[tuple[MissingId, ...]] = get_args(MissingId)


ScheduleKind: TypeAlias = Literal["gather", "choices", "walk", "pct-1", "pct-2", "pct-3"]
"""How what overlaps is scheduled: all at once, left to chance; step by step, with few deviations from first
come, first served; every step at random; by priorities that change so often less one (`pct-3`: twice)."""

SCHEDULES: Final[tuple[ScheduleKind, ...]] = get_args(ScheduleKind)

MIX: Final[Mapping[ScheduleKind, float]] = {"gather": 4, "choices": 1, "walk": 2, "pct-2": 1, "pct-3": 1}
CollidingId: TypeAlias = Literal["thread", "resource", "both"]
COLLIDING_IDS: Final[tuple[CollidingId, ...]] = get_args(CollidingId)


class Population(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many there are of each: `resources` in an example, `threads` of each resource, `tenants` (where
    the target takes a tenant), and `facts` told at a time in one thread.
    """

    resources: Range = (2, 4)
    threads: Range = (1, 2)
    tenants: Range = (2, 2)
    facts: Range = (1, 2)


class Missing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which ids the move `missing` leaves out, and in which ways; all combinations are made."""

    kinds: tuple[MissingKind, ...] = MISSING_KINDS
    ids: tuple[MissingId, ...] = MISSING_IDS


class Colliding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the move `collide` makes: ids that are one under functions of the families `by`.

    `ids` are those that collide: thread ids, resource ids, or `both`, a thread and a resource id together.
    """

    by: tuple[Family, ...] = FAMILIES
    ids: tuple[CollidingId, ...] = COLLIDING_IDS


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A family of plans.

    `name`        the name of its file, without `.toml`.
    `title`       what it is, in a few words.
    `shows`       what a reader learns from it.
    `mode`        how its examples are driven.
    `invariants`  the promises it is there to judge, by name.
    `references`  requirements and weaknesses it bears on, as their publishers write them.
    `population`  how many resources, threads, tenants and facts.
    `identifiers` the ways in which ids are made; each example draws among them.
    `weights`     how often each move is made. The heaviest *leads*: it opens every example, and a scenario
                  whose leading move the contract excludes, or the target does not offer, yields no plans.
                  The others have their turn one after the other, from example to example, and what room is
                  left is filled by weight. A weight of 0 takes a move out.
    `turns`       operations of one example, about: a move that has begun is finished.
    `missing`     ids left out by the moves `missing`, `look` and `change`.
    `colliding`   ids that the move `collide` makes.
    `width`       operations started together, in mode `concurrent`.
    `latency`     milliseconds, in mode `concurrent`: how long the mirror may keep a model call while it
                  waits for the others of its round.
    `schedules`   in mode `concurrent`: how often each way of scheduling has its turn.
    """

    name: str
    title: str
    shows: str
    mode: Mode = "sequential"
    invariants: tuple[str, ...]
    references: tuple[str, ...] = ()
    population: Population = Population()
    identifiers: tuple[Identifiers, ...] = IDENTIFIERS
    weights: Mapping[Move, float]
    turns: Range = (16, 32)
    missing: Missing = Missing()
    colliding: Colliding = Colliding()
    width: Range = (2, 4)
    latency: int = 30
    schedules: Mapping[ScheduleKind, float] = msgspec.field(default_factory=lambda: dict(MIX))

    @property
    def leads(self) -> Move:
        """The heaviest move; among equals, the one that `MOVES` names first."""
        return max(MOVES, key=lambda move: self.weights.get(move, 0) if move != "chat" else 0)
