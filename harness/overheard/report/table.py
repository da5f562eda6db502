"""The two tables of a report, as rows of plain, raw words."""

from __future__ import annotations

from typing import Final, get_args

from overheard.check.result import Cell, Judgement
from overheard.core.operation import Condition
from overheard.report.words import show_bound, standing

INVARIANTS_HEADER: Final = ["invariant", "verdict", "exposures", "controls", "examples", "bound"]

COVERAGE_NOTE: Final = (
    "Numbers are exposures: controlled chances to leak. A dot: this run did not ask for it."
)


def invariants_table(judgement: Judgement) -> tuple[list[str], list[list[str]]]:
    """Header and one row per invariant. What was not judged has no numbers."""
    rows = []
    for result in judgement.invariants:
        numbers = ["", "", "", ""]
        if result.status == "judged":
            counts = (result.exposures, result.controls, result.examples)
            numbers = [*map(str, counts), show_bound(result.bound)]
        rows.append([result.name, standing(result), *numbers])
    return list(INVARIANTS_HEADER), rows


def regressions_table(judgement: Judgement) -> tuple[list[str], list[list[str]]]:
    """Header and one row per plan of an earlier failure."""
    rows = [
        [one.name, one.verdict or one.status, str(one.plays), str(one.shown)] for one in judgement.regressions
    ]
    return ["earlier failure", "verdict", "driven", "shown"], rows


def coverage_table(judgement: Judgement) -> tuple[list[str], list[list[str]]]:
    """Header and one row per surface and relation; a column per condition that occurs."""
    present = {cell.condition for cell in judgement.coverage}
    conditions: list[Condition] = [condition for condition in get_args(Condition) if condition in present]
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for cell in judgement.coverage:
        rows.setdefault((cell.surface, cell.relation), {})[cell.condition] = _state(cell)
    return (
        ["surface", "relation", *conditions],
        [
            [surface, relation, *(states.get(condition, "·") for condition in conditions)]
            for (surface, relation), states in rows.items()
        ],
    )


def _state(cell: Cell) -> str:
    return str(cell.exposures) if cell.state == "controlled" else cell.state
