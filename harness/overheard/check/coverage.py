"""Surface x relation x condition: what was asked for, what was reached, and what is not claimed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, get_args

from overheard.check.relation import CROSS_RESOURCE, CROSS_THREAD, IDS, OWNERSHIP, RECALL
from overheard.check.result import Cell
from overheard.check.tally import CellCount, CellKey, Tally
from overheard.core.contract import Contract
from overheard.core.ids import MISSING_KINDS, MissingKind
from overheard.core.offers import Offers
from overheard.core.operation import Mode


class Asked(NamedTuple):
    """What one scenario asks for, read from the plain data in a history's header."""

    name: str
    mode: Mode
    invariants: tuple[str, ...]
    kinds: tuple[str, ...]
    ids: tuple[str, ...]


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
        wanted.append(Asked(str(name), mode, tuple(invariants or ()), tuple(kinds), tuple(ids)))
    return wanted


def not_promised(invariant: str, contract: Contract) -> str:
    """Why the contract does not promise an invariant; empty if it does."""
    if invariant == OWNERSHIP and contract.thread_ids == "bearer":
        return "thread_ids is bearer: the id is the key, and who may present it is the application's business"
    if invariant == CROSS_THREAD and contract.scope != "thread":
        return f"scope is {contract.scope}: what a resource says in one thread may be recalled in its others"
    if invariant == IDS and not _missing_kinds(contract):
        return "every kind of missing id is declared an ordinary id"
    return ""


def not_offered(invariant: str, contract: Contract, offers: Offers) -> str:
    """Why no surface of the target reaches an invariant; empty if one does.

    The same rules decide what is woven: what no plan can reach is not asked for and missed.
    """
    takes = set(offers.accepts)
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


def _missing_kinds(contract: Contract) -> list[MissingKind]:
    return [kind for kind in MISSING_KINDS if contract.missing_ids.get(kind, "closed") != "ordinary"]


def missing_cells(contract: Contract, offers: Offers, scenario: Asked) -> dict[str, str]:
    """Relations of `ids-required` that a scenario asks for -> why they are not offered, or empty.

    A keyword that the signature requires is never omitted (a TypeError is no refusal): not offered. Under
    `bearer` what happens without a resource is not promised, so only the thread id is ever left out.
    """
    table: dict[str, str] = {}
    for which in scenario.ids:
        names = ("thread", "resource") if which == "both" else (which,)
        if any(name not in offers.accepts for name in names):
            continue
        if contract.thread_ids == "bearer" and "resource" in names:
            continue
        for kind in _missing_kinds(contract):
            if kind in scenario.kinds:
                needed = [name for name in names if kind == "omitted" and name in offers.required]
                unsaid = [name for name in names if f"{name} {kind}" in offers.cannot]
                why = (
                    f"the target's signature requires {needed[0]}, so it is never left out" if needed else ""
                )
                if unsaid and not needed:
                    why = f"the target's requests cannot say {unsaid[0]} {kind}"
                table[f"{IDS}: {' and '.join(names)} {kind}"] = why
    return table


def cells(
    tally: Tally, wanted: Iterable[Asked], contract: Contract, offers: Offers, *, suspends: bool
) -> tuple[Cell, ...]:
    """The coverage table: every cell a scenario asked for, and every other one that was reached."""
    rows: dict[CellKey, Cell] = {}
    for scenario in wanted:
        for invariant in scenario.invariants:
            reason = not_promised(invariant, contract)
            offered = not_offered(invariant, contract, offers)
            relations = {invariant: ""}
            if invariant == IDS:
                relations = missing_cells(contract, offers, scenario) or relations
            for relation, unoffered in relations.items():
                key = CellKey("send", relation, scenario.mode)
                why = unoffered or offered
                if scenario.mode == "concurrent" and not suspends and not tally.overlapping:
                    why = why or "its operations never give way, so as driven they cannot overlap"
                rows[key] = _cell(key, tally.cells.get(key), reason, why)
    for key, count in tally.cells.items():
        if key not in rows:
            rows[key] = _cell(key, count, not_promised(key.relation.partition(":")[0], contract), "")
    return tuple(rows[key] for key in sorted(rows, key=_order))


def _order(key: CellKey) -> tuple[int, str, str, str]:
    rank = {name: place for place, name in enumerate((RECALL, CROSS_THREAD, CROSS_RESOURCE, OWNERSHIP, IDS))}
    return rank[key.relation.partition(":")[0]], key.relation, key.surface, key.condition


def _cell(key: CellKey, count: CellCount | None, unpromised: str, unoffered: str) -> Cell:
    bracketed = count.bracketed if count else 0
    others = (count.late + count.none) if count else 0
    if unpromised:
        return _row(key, "not promised", bracketed, others, unpromised)
    if bracketed:
        return _row(key, "controlled", bracketed, others, "")
    if unoffered:
        return _row(key, "not offered", 0, others, unoffered)
    if others:
        return _row(key, "no control", 0, others, "exercised, but nothing proved that a leak would be seen")
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
