"""What of a scenario can be woven at all, under this contract and with what the target offers.

Two different answers, never mixed up: *not promised* (the contract leaves it open, so nothing could be
held against the target) and *not offered* (the target takes no such argument, so nothing reaches it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Final, Literal, NamedTuple

from overheard.core.collision import ACROSS, Family
from overheard.core.contract import Contract
from overheard.core.ids import MISSING_KINDS, MissingKind
from overheard.core.offers import Offers, Takes
from overheard.core.operation import CHANGING, DELETING, DESTRUCTIVE, READING
from overheard.plan.lookalikes import GROUPS, RESERVED_NAMES
from overheard.scenario.model import MISSING_IDS, CollidingId, MissingId, Move, Scenario

IDENTITY: Final = frozenset({"resource", "caller", "tenant"})
"""Keywords by which a target can know who calls."""

INTRUSIONS: Final[frozenset[Move]] = frozenset({"intrude", "take-over", "shared-thread"})
"""Moves in which somebody presents the thread id of somebody else."""


APART: Final[frozenset[Move]] = frozenset({"crosswise", "same-text", "look", "forget", "cancel"})
"""Moves in which several resources must be told apart, by whatever id."""

JOINED: Final = "joined"
RESERVED: Final = "reserved"
"""What a visit of the move `collide` is about, where that is no group of lookalikes."""

MOST_CELLS: Final = len(MISSING_KINDS) * len(MISSING_IDS)
"""How many ways of leaving out ids there are."""


class Clash(NamedTuple):
    """One visit of the move `collide`: ids that collide under functions of one kind.

    `ids` are which; `what` is the name of a group of lookalikes, `JOINED`, or `RESERVED`, and `part` says
    which of several such visits. `apart` says that the lookalikes are threads of another resource.
    """

    ids: CollidingId
    what: str
    part: int = 0
    apart: bool = False


class Unavailable(NamedTuple):
    """Why something is not woven."""

    status: Literal["not promised", "not offered"]
    reason: str


class Cell(NamedTuple):
    """One way of leaving out ids: which of them, and how. `str(cell)` is its name in coverage tables."""

    ids: MissingId
    kind: MissingKind

    @property
    def keywords(self) -> tuple[str, ...]:
        return ("thread", "resource") if self.ids == "both" else (self.ids,)

    def __str__(self) -> str:
        return f"{self.ids} {self.kind}"


def unavailable(scenario: Scenario, contract: Contract, offers: Offers) -> Unavailable | None:
    """Why `scenario` yields no plans, or None if it does. Its leading move decides."""
    return move_unavailable(scenario.leads, scenario, contract, offers)


def move_unavailable(
    move: Move, scenario: Scenario, contract: Contract, offers: Offers
) -> Unavailable | None:
    """Why `move` cannot be made, or None if it can."""
    accepts = offers.accepts
    known = not IDENTITY.isdisjoint(accepts)
    if move in INTRUSIONS:
        if contract.thread_ids == "bearer":
            return Unavailable("not promised", "thread_ids=bearer: whoever has the thread id has the thread")
        if "thread" not in accepts:
            return Unavailable("not offered", "the target takes no thread id that a stranger could present")
        if not known:
            return Unavailable("not offered", "the target is not told who calls, so nobody is a stranger")
    elif move == "siblings" and "thread" not in accepts:
        return Unavailable("not offered", "the target takes no thread id, so a resource has one conversation")
    elif move in APART and not known and "thread" not in accepts:
        return Unavailable("not offered", "the target takes no id of any kind")
    elif move in ("look", "change", "forget"):
        return _beyond_unavailable(move, scenario, contract, offers)
    elif move == "collide" and not clashes(scenario, contract, offers):
        return Unavailable("not offered", "the target takes none of the ids that could collide")
    elif move == "missing" and not cells(scenario, contract, offers):
        reasons = list(dict.fromkeys(why for why in cell_table(scenario, contract, offers).values() if why))
        # What the contract leaves open would become testable by declaring more; say that first.
        return min(reasons, key=lambda why: why.status != "not promised")
    return None


def _beyond_unavailable(
    move: Move, scenario: Scenario, contract: Contract, offers: Offers
) -> Unavailable | None:
    """Why a move that needs surfaces beyond sending cannot be made."""
    if move == "look" and not looks(offers):
        names = ", ".join(READING)
        return Unavailable("not offered", f"the target has none of {names} that could tell callers apart")
    if move == "forget" and not deletions(offers):
        return _none_of(DELETING, offers)
    if move == "change":
        if "thread" not in offers.accepts:
            return Unavailable("not offered", "the target takes no thread id that a stranger could present")
        if not attempts(contract, offers) and not changing_cells(scenario, contract, offers):
            bearer = contract.thread_ids == "bearer" and any(name in offers.beyond for name in CHANGING)
            why = "thread_ids=bearer: whoever has the thread id may change the thread"
            return Unavailable("not promised", why) if bearer else _none_of(CHANGING, offers)
    return None


def _none_of(surfaces: Iterable[str], offers: Offers) -> Unavailable:
    withheld = ", ".join(offers.withheld)
    more = f" (withheld without --allow-destructive: {withheld})" if withheld else ""
    return Unavailable("not offered", f"the target has none of {', '.join(surfaces)}{more}")


def deletions(offers: Offers) -> list[str]:
    """The surfaces by which an owner deletes something of its own."""
    known = not IDENTITY.isdisjoint(offers.accepts)
    return [
        name
        for name in DELETING
        if name in offers.beyond and (known if name == "delete_resource" else "thread" in offers.accepts)
    ]


def attempts(contract: Contract, offers: Offers) -> list[str]:
    """The surfaces by which a stranger can try to change something of somebody else's."""
    found: list[str] = []
    if contract.thread_ids == "bearer" or IDENTITY.isdisjoint(offers.accepts):
        return found
    for name in CHANGING:
        takes = set(offers.beyond[name].accepts) if name in offers.beyond else set()
        if name == "delete_resource":
            # To name another resource is to be it, unless callers prove who they are.
            if contract.authentication == "caller" and {"caller", "resource"} <= takes:
                found.append(name)
        elif takes & {"thread", "message_id"}:
            found.append(name)
    return found


def changing_cells(scenario: Scenario, contract: Contract, offers: Offers) -> list[tuple[str, Cell]]:
    """The ways of leaving out ids of changes that the move `change` goes through, with the surface."""
    taken = {name: offers.beyond[name] for name in DESTRUCTIVE if name in offers.beyond}
    return _cells_by(taken, scenario, contract)


def looks(offers: Offers) -> dict[str, Takes]:
    """The surfaces by which the move `look` looks, and what each of them takes.

    To a target that is not told who calls, threads alone are apart: its list of them is everybody's.
    """
    known = not IDENTITY.isdisjoint(offers.accepts)
    taken = {name: offers.takes(name) for name in READING if name in offers.surfaces}
    return {name: takes for name, takes in taken.items() if known or "thread" in takes.accepts}


def looking_cells(scenario: Scenario, contract: Contract, offers: Offers) -> list[tuple[str, Cell]]:
    """The ways of leaving out ids that the move `look` goes through, with the surface, in their rotation."""
    return _cells_by(looks(offers), scenario, contract)


def _cells_by(taken: Mapping[str, Takes], scenario: Scenario, contract: Contract) -> list[tuple[str, Cell]]:
    return [
        (surface, cell)
        for cell in _asked(scenario)
        for surface, takes in taken.items()
        if _cell_unavailable(cell, contract, takes) is None
    ]


def _asked(scenario: Scenario) -> list[Cell]:
    """Every way of leaving out ids that a scenario asks for."""
    missing = scenario.missing
    return [Cell(ids, kind) for kind in missing.kinds for ids in missing.ids]


def cells(scenario: Scenario, contract: Contract, offers: Offers) -> list[Cell]:
    """The ways of leaving out ids that this scenario's plans go through, in their order of rotation."""
    table = cell_table(scenario, contract, offers)
    return [cell for cell, why in table.items() if why is None]


def cell_table(scenario: Scenario, contract: Contract, offers: Offers) -> dict[Cell, Unavailable | None]:
    """Every way of leaving out ids that `scenario` asks for, and why it is not woven if it is not."""
    return {cell: _cell_unavailable(cell, contract, offers) for cell in _asked(scenario)}


def chosen(ids: CollidingId, contract: Contract) -> bool:
    """Whether these ids are a caller's to choose: whoever has to prove who it is cannot choose its resource.

    What stands in a proof is at the mercy of what carries it, and no server's doing: the one that goes by the
    proof was said to fold `ann ` into `ann`, because no HTTP header ends in white space.
    """
    return ids == "thread" or contract.authentication != "caller"


def sayable(family: Family, ids: CollidingId, offers: Offers) -> bool:
    """Whether the target can be shown ids that collide under functions of this family.

    Where it cannot be shown a blank one, white space at the ends is lost on the way.
    """
    return family != "space" or f"{ids} blank" not in offers.cannot


def clashes(scenario: Scenario, contract: Contract, offers: Offers) -> list[Clash]:
    """The visits that the move `collide` goes through, in their order of rotation."""
    threads = [Clash("thread", name) for name in _groups("thread", scenario, contract, offers)]
    own = threads if contract.scope == "thread" else []
    apart = [clash._replace(apart=True) for clash in threads]
    resources = [Clash("resource", name) for name in _groups("resource", scenario, contract, offers)]
    others = [
        Clash(ids, what, part)
        for part in range(len(RESERVED_NAMES))
        for ids, what in _SPECIAL
        if _special_offered(ids, what, scenario, contract, offers)
    ]
    rows = zip_longest(own, apart, resources, others)
    return [clash for row in rows for clash in row if clash is not None]


_SPECIAL: Final[tuple[tuple[CollidingId, str], ...]] = (
    ("both", JOINED),
    ("thread", RESERVED),
    ("resource", RESERVED),
)


def _special_offered(
    ids: CollidingId, what: str, scenario: Scenario, contract: Contract, offers: Offers
) -> bool:
    families = ACROSS if what == JOINED else (RESERVED,)
    taken = {"thread", "resource"} if ids == "both" else {ids}
    return (
        ids in scenario.colliding.ids
        and chosen(ids, contract)
        and taken <= set(offers.accepts)
        and not set(families).isdisjoint(scenario.colliding.by)
    )


def _groups(ids: CollidingId, scenario: Scenario, contract: Contract, offers: Offers) -> list[str]:
    if ids not in scenario.colliding.ids or ids not in offers.accepts or not chosen(ids, contract):
        return []
    wanted = [family for family in scenario.colliding.by if sayable(family, ids, offers)]
    return [name for name, families in GROUPS.items() if not set(families).isdisjoint(wanted)]


def _cell_unavailable(cell: Cell, contract: Contract, offers: Offers | Takes) -> Unavailable | None:
    for keyword in cell.keywords:
        if keyword not in offers.accepts:
            return Unavailable("not offered", f"the target takes no {keyword} id")
        if cell.kind == "omitted" and keyword in offers.required:
            return Unavailable("not offered", f"the target cannot be called without {keyword}")
        if f"{keyword} {cell.kind}" in offers.cannot:
            return Unavailable("not offered", f"the target's requests cannot say {keyword} {cell.kind}")
    if contract.missing_ids.get(cell.kind, "closed") == "ordinary":
        return Unavailable("not promised", f"missing_ids.{cell.kind}=ordinary: it is an id like any other")
    if "resource" in cell.keywords and contract.thread_ids == "bearer":
        return Unavailable("not promised", "thread_ids=bearer: what a missing resource id does is left open")
    return None
