"""Surface x relation x condition: what was asked for, what was reached, and what is not claimed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, get_args

from overheard.check.relation import (
    CROSS_RESOURCE,
    CROSS_THREAD,
    DISTINCT,
    FORGOTTEN,
    IDS,
    INVARIANTS,
    MATCHES,
    OWNERSHIP,
    RECALL,
)
from overheard.check.result import Cell
from overheard.check.tally import CellCount, CellKey, Tally
from overheard.core.collision import ACROSS, FAMILIES
from overheard.core.contract import Contract
from overheard.core.ids import MISSING_KINDS, MissingKind
from overheard.core.offers import Offers
from overheard.core.operation import BY_MESSAGE, CHANGING, DELETING, DESTRUCTIVE, READING, Condition, Mode


class Asked(NamedTuple):
    """What one scenario asks for, read from the plain data in a history's header."""

    name: str
    mode: Mode
    invariants: tuple[str, ...]
    kinds: tuple[str, ...]
    ids: tuple[str, ...]
    moves: frozenset[str] = frozenset()
    colliding: tuple[str, ...] = FAMILIES
    colliding_ids: tuple[str, ...] = ("thread", "resource", "both")
    """The functions under which the ids that it makes collide, and which ids."""

    @property
    def condition(self) -> Condition:
        """What is to be going on around those who ask."""
        return "cancelled" if "cancel" in self.moves else self.mode

    def probed(self, invariant: str) -> tuple[str, ...]:
        """The surfaces by which it asks for an invariant: recall and an answer are promised to who sends."""
        if invariant in (RECALL, DISTINCT, MATCHES):
            return ("send",)
        if invariant == FORGOTTEN:
            return ("send", *READING, *DELETING)
        by = ["send"] if self._sends(invariant) else []
        by += READING if "look" in self.moves else ()
        if "change" in self.moves:
            by += {OWNERSHIP: CHANGING, IDS: DESTRUCTIVE}.get(invariant, ())
        return tuple(by)

    def _sends(self, invariant: str) -> bool:
        """Whether strangers ask for it in messages: they do not where they only look, or leave out ids of
        changes."""  # noqa: D209
        if not self.moves:
            return True
        quiet = {*QUIET, "look", "forget", *(("change",) if invariant == IDS else ())}
        return bool(self.moves - quiet)

    def driven(self, offers: Offers) -> bool:
        """Whether the target has a surface that it is about; if not, it asks for nothing."""
        about = [surfaces for move, surfaces in _ABOUT.items() if move in self.moves]
        others = self.moves - _ABOUT.keys() - set(QUIET)
        return bool(others) or not about or any(one in offers.surfaces for group in about for one in group)

    def cells(self) -> list[tuple[str, str]]:
        """Every invariant with every surface by which it is asked for."""
        return [(invariant, surface) for invariant in self.invariants for surface in self.probed(invariant)]


QUIET: Final = ("recall", "chat")
"""Moves in which nobody asks for anything that is not its own."""

_ABOUT: Final = {"look": READING, "change": CHANGING, "forget": DELETING}
"""Moves that need surfaces beyond sending, one of these at least."""


def asked(scenarios: Iterable[Mapping[str, Any]]) -> list[Asked]:
    """The scenarios of a header, reduced to what checking needs.

    Raises ValueError if one lacks a name, a known mode or its invariants.
    """
    wanted = []
    for scenario in scenarios:
        name, invariants = scenario.get("name"), scenario.get("invariants")
        mode: Any = scenario.get("mode")
        if (
            not isinstance(name, str)
            or mode not in get_args(Mode)
            or not isinstance(invariants, list | tuple)
        ):
            raise ValueError(f"scenario {name!r} in the history's header has no mode or no invariants")
        missing = scenario.get("missing") or {}
        kinds, ids = missing.get("kinds", MISSING_KINDS), missing.get("ids", ("thread", "resource", "both"))
        made = frozenset(move for move, weight in (scenario.get("weights") or {}).items() if weight > 0)
        alike = scenario.get("colliding") or {}
        by, alike_ids = alike.get("by", FAMILIES), alike.get("ids", ("thread", "resource", "both"))
        wanted.append(
            Asked(
                str(name), mode, tuple(invariants or ()), tuple(kinds), tuple(ids), made, tuple(by),
                tuple(alike_ids),
            )
        )  # fmt: skip
    return wanted


def not_promised(invariant: str, contract: Contract, surface: str = "send") -> str:
    """Why the contract does not promise an invariant through a surface; empty if it does."""
    if invariant == OWNERSHIP and contract.thread_ids == "bearer":
        return "thread_ids is bearer: the id is the key, and who may present it is the application's business"
    if invariant == CROSS_THREAD and (scope := contract.scope_of(surface)) != "thread":
        key = f"scope.{surface}" if surface in contract.surface_scope else "scope"
        return f"{key} is {scope}: what a resource says in one thread may be recalled in its others"
    if invariant == IDS and not _missing_kinds(contract):
        return "every kind of missing id is declared an ordinary id"
    return ""


def _beyond(surface: str, invariant: str, contract: Contract, offers: Offers) -> str:
    """Why an invariant cannot be reached by a surface beyond sending; empty if it can."""
    if surface in offers.withheld:
        return f"{surface} could destroy what others keep there, and nobody said --allow-destructive"
    if surface not in offers.surfaces:
        return f"the target has no {surface}"
    takes = offers.takes(surface).accepts
    if "thread" not in takes and not {"resource", "caller", "tenant"} & set(offers.accepts):
        return f"the target is not told who calls, and {surface} takes no thread"
    if surface in CHANGING and (why := _unchangeable(surface, invariant, set(offers.accepts))):
        return why
    if invariant == IDS:
        return _nothing_missing(surface, takes, contract)
    # Who are strangers is settled by sending: that is where threads begin and owners are told.
    return _unpresented(surface, invariant, set(takes), contract) or not_offered(invariant, contract, offers)


def _unchangeable(surface: str, invariant: str, takes: set[str]) -> str:
    """Why nothing can be told in a thread, or by a resource, that a surface would then change."""
    if invariant == FORGOTTEN and surface == "delete_resource":
        return "" if takes & {"resource", "caller", "tenant"} else "the target is not told who calls"
    return "" if "thread" in takes else "the target takes no thread, so a resource has one conversation"


def _nothing_missing(surface: str, takes: Collection[str], contract: Contract) -> str:
    """Why no id that matters can be left out of a surface."""
    if contract.thread_ids == "bearer" and "thread" not in takes:
        return f"{surface} takes no thread, and without a resource a bearer target promises nothing"
    if not any(name in takes for name in ("thread", "resource")):
        return f"{surface} takes neither a thread nor a resource, so neither can be missing"
    return ""


def _unpresented(surface: str, invariant: str, takes: set[str], contract: Contract) -> str:
    """Why nothing can be presented to a surface that would put an invariant to the test."""
    if invariant == OWNERSHIP and surface == "delete_resource":
        if contract.authentication == "none" or not {"caller", "resource"} <= takes:
            return f"by {surface} nobody can name somebody else without being that"
    elif invariant == OWNERSHIP and not {"thread", "message_id"} & takes:
        return f"{surface} takes no thread id"
    elif invariant in (CROSS_THREAD, CROSS_RESOURCE) and surface in BY_MESSAGE:
        return f"whoever uses {surface} presents the id of what it is about"
    elif invariant == CROSS_THREAD and "thread" not in takes:
        return f"{surface} takes no thread id"
    return ""


def not_offered(invariant: str, contract: Contract, offers: Offers) -> str:
    """Why no surface of the target reaches an invariant; empty if one does.

    The same rules decide what is woven: what no plan can reach is not asked for and missed.
    """
    takes = set(offers.accepts)
    if invariant == FORGOTTEN:
        return _undeletable(offers)
    if invariant == DISTINCT:
        return _indistinct(contract, takes)
    if invariant == IDS:
        if contract.thread_ids == "bearer" and "thread" not in takes:
            return "the target takes no thread, and without a resource a bearer target promises nothing"
        if not takes & {"thread", "resource"}:
            return "the target takes neither a thread nor a resource, so neither can be missing"
    elif invariant in (CROSS_THREAD, OWNERSHIP) and "thread" not in takes:
        return "the target takes no thread, so a resource has one conversation"
    elif invariant == OWNERSHIP and not takes & {"resource", "caller", "tenant"}:
        return "the target is not told who calls, so nobody is a stranger"
    elif invariant == CROSS_RESOURCE and not takes & {"thread", "resource", "caller", "tenant"}:
        return "the target takes no id of any kind, so nobody is anybody else"
    return ""


def _undeletable(offers: Offers) -> str:
    """Why nothing is ever forgotten on demand."""
    if any(surface in offers.surfaces for surface in DELETING):
        return ""
    withheld = any(surface in offers.withheld for surface in DELETING)
    return "nobody said --allow-destructive" if withheld else "the target deletes nothing on demand"


def _indistinct(contract: Contract, takes: set[str]) -> str:
    """Why there are no two ids that could be taken for one."""
    if not takes & {"thread", "resource"}:
        return "the target takes neither a thread nor a resource, so no two of them could be taken for one"
    return _PROVED if "thread" not in takes and contract.authentication == "caller" else ""


def _stuck(tally: Tally) -> dict[str, str]:
    """Conditions that operations which never give way cannot be in."""
    stuck = {}
    if not tally.overlapping:
        stuck["concurrent"] = "its operations never give way, so as driven they cannot overlap"
    if not tally.cancelled:
        stuck["cancelled"] = "its operations never give way, so as driven they cannot be cancelled"
    return stuck


def untold(invariant: str, tally: Tally) -> str:
    """Why the target's answers cannot tell for whom they were made; empty if they can."""
    if invariant != MATCHES or tally.controls[MATCHES]:
        return ""
    return "no answer repeats the nonce that the model repeats, so one made for another could not be told"


def _missing_kinds(contract: Contract) -> list[MissingKind]:
    return [kind for kind in MISSING_KINDS if contract.missing_ids.get(kind, "closed") != "ordinary"]


def missing_cells(
    contract: Contract, offers: Offers, scenario: Asked, surface: str = "send"
) -> dict[str, str]:
    """Relations of `ids-required` that a scenario asks for -> why they are not offered, or empty.

    A keyword that the signature requires is never omitted (a TypeError is no refusal): not offered. Under
    `bearer` what happens without a resource is not promised, so only the thread id is ever left out.
    """
    table: dict[str, str] = {}
    takes = offers.takes(surface)
    whose = "the target's signature" if surface == "send" else f"the signature of {surface}"
    for which in scenario.ids:
        names = ("thread", "resource") if which == "both" else (which,)
        if any(name not in takes.accepts for name in names):
            continue
        if contract.thread_ids == "bearer" and "resource" in names:
            continue
        for kind in _missing_kinds(contract):
            if kind in scenario.kinds:
                needed = [name for name in names if kind == "omitted" and name in takes.required]
                unsaid = [name for name in names if f"{name} {kind}" in takes.cannot]
                why = f"{whose} requires {needed[0]}, so it is never left out" if needed else ""
                if unsaid and not needed:
                    why = f"the target's requests cannot say {unsaid[0]} {kind}"
                table[f"{IDS}: {' and '.join(names)} {kind}"] = why
    return table


def colliding_cells(contract: Contract, offers: Offers, scenario: Asked) -> dict[str, str]:
    """The same of `distinct-ids-stay-distinct`. What the target does not take at all is not asked for."""
    takes = set(offers.accepts)
    table: dict[str, str] = {}
    for how in scenario.colliding:
        for ids in scenario.colliding_ids:
            if (ids == "both") != (how in ACROSS) or not takes >= set(_TAKEN[ids]):
                continue
            # A blank is what is left of white space: what cannot say the one cannot say the other.
            unsaid = how == "space" and f"{ids} blank" in offers.cannot
            why = f"the target's requests cannot say white space at the ends of a {ids} id" if unsaid else ""
            if ids != "thread" and contract.authentication == "caller":
                why = _PROVED
            table[f"{DISTINCT}: {'ids' if ids == 'both' else ids} {how}"] = why
    return table


_PROVED: Final = "callers prove who they are, so their resource ids are not theirs to choose"
_TAKEN: Mapping[str, tuple[str, ...]] = {
    "thread": ("thread",),
    "resource": ("resource",),
    "both": ("thread", "resource"),
}


def _relations(
    invariant: str, surface: str, scenario: Asked, contract: Contract, offers: Offers
) -> dict[str, str]:
    """Relations of an invariant that has several -> why they are not offered, or empty."""
    if invariant == IDS:
        return missing_cells(contract, offers, scenario, surface)
    return colliding_cells(contract, offers, scenario) if invariant == DISTINCT else {}


def cells(
    tally: Tally, wanted: Iterable[Asked], contract: Contract, offers: Offers, *, suspends: bool
) -> tuple[Cell, ...]:
    """The coverage table: every cell a scenario asked for, and every other one that was reached."""
    rows: dict[CellKey, Cell] = {}
    stuck = {} if suspends else _stuck(tally)
    for scenario in wanted:
        for invariant, surface in scenario.cells():
            if surface == "send" and not scenario.driven(offers):
                continue
            reason = not_promised(invariant, contract, surface)
            offered = not_offered(invariant, contract, offers) or untold(invariant, tally)
            if surface != "send":
                offered = _beyond(surface, invariant, contract, offers)
            relations = {} if offered else _relations(invariant, surface, scenario, contract, offers)
            relations = relations or {invariant: ""}
            for relation, unoffered in relations.items():
                key = CellKey(surface, relation, scenario.condition)
                why = unoffered or offered or stuck.get(scenario.condition, "")
                rows[key] = _cell(key, tally.cells.get(key), reason, why, idless=tally.idless[surface])
    for key, count in tally.cells.items():
        invariant = key.relation.partition(":")[0]
        if key not in rows and not untold(invariant, tally):
            rows[key] = _cell(key, count, not_promised(invariant, contract, key.surface), "")
    return tuple(rows[key] for key in sorted(rows, key=_order))


def _order(key: CellKey) -> tuple[int, str, str, str]:
    rank = {name: place for place, name in enumerate(INVARIANTS)}
    return rank[key.relation.partition(":")[0]], key.relation, key.surface, key.condition


def _cell(key: CellKey, count: CellCount | None, unpromised: str, unoffered: str, *, idless: int = 0) -> Cell:
    bracketed = count.bracketed if count else 0
    others = (count.late + count.none + count.refused) if count else 0
    if unpromised:
        return _row(key, "not promised", bracketed, others, unpromised)
    if bracketed:
        return _row(key, "controlled", bracketed, others, "")
    if unoffered:
        return _row(key, "not offered", 0, others, unoffered)
    if count and count.refused == others > 0:
        return _row(key, "refused", 0, others, "the target takes no such ids, so nothing is kept under them")
    if others:
        return _row(key, "no control", 0, others, "exercised, but nothing proved that a leak would be seen")
    if idless:
        why = "the target shows no ids of messages, neither in replies nor in read_messages, to present here"
        return _row(key, "not reached", 0, 0, why)
    return _row(key, "not reached", 0, 0, "a scenario asked for it and nothing got there")


def _row(key: CellKey, state: Any, bracketed: int, others: int, reason: str) -> Cell:
    return Cell(
        surface=key.surface,
        relation=key.relation,
        condition=key.condition,
        state=state,
        exposures=bracketed + others,
        controls=bracketed,
        reason=reason,
    )
