"""`report.html`: the report as one page for people, which needs nothing but itself.

Everything that came from a target is written out where it could act (`escape.visible`), then escaped as
HTML by the template engine; both happen to every value of the template, none can be forgotten. Should both
fail, the page's own content security policy lets nothing run and nothing be fetched: it allows one style
sheet, named by its hash, and no more.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from overheard.check.result import Cell, Finding, InvariantResult, Judgement, RegressionResult
from overheard.core.contract import origin_words
from overheard.core.operation import Condition
from overheard.report.escape import clip, visible
from overheard.report.order import deviations_in_words
from overheard.report.program import to_program
from overheard.report.redact import Redactor
from overheard.report.references import Reference, references
from overheard.report.table import COVERAGE_NOTE
from overheard.report.timeline import Timeline, timeline
from overheard.report.words import (
    CHANNELS,
    acceptances,
    activity,
    bound_sentence,
    counterexample_path,
    frequency,
    gathered,
    not_claimed,
    number_of,
    replay_line,
    settings,
    show_bound,
    standing,
    story,
    verdict_line,
)

if TYPE_CHECKING:
    from jinja2 import Template

FINDINGS_LIMIT: Final = 50
ROWS_LIMIT: Final = 400
LINES_LIMIT: Final = 200
WORDS_LIMIT: Final = 600
NAME_LIMIT: Final = 120
PROGRAM_LIMIT: Final = 150

_PAGE: Final = "page.html.jinja"
_STYLE: Final = "page.css"

SIGNS: Final = {
    "held": "✓",
    "accepted": "◐",
    "violated": "✗",
    "inconclusive": "?",
    "controlled": "✓",
    "no control": "!",
    "not reached": "○",
    "not offered": "\u2013",
    "not promised": "\u2013",
}
"""A sign beside every word that is coloured: colour alone says nothing to many."""


class _Story(NamedTuple):
    """A finding as it is told."""

    number: int
    finding: Finding
    told: list[tuple[str, str, list[tuple[str, str]]]]
    evidence: str
    frequency: str
    order: list[str]
    known: list[str]
    references: tuple[Reference, ...]
    timeline: Timeline
    path: str | None
    program: list[str]


class _Row(NamedTuple):
    """A row of the coverage table: condition, cell and the number of its reason, or 0 without one.

    A cell that nobody asked for is None.
    """

    surface: str
    kind: str
    cells: list[tuple[str, Cell | None, int]]


def to_html(judgement: Judgement, *, show: bool = False) -> str:
    """The page, in UTF-8 without anything of it from elsewhere. `show` shows evidence, escaped."""
    style = _style()
    verdict, _, words = verdict_line(judgement).partition(": ")
    groups, notes = _coverage(judgement)
    return _template().render(
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        judgement=judgement,
        verdict=verdict,
        words=words,
        facts=_facts(judgement),
        reasons=_few(_why(judgement)),
        promises=[_promise(result, judgement.reasons) for result in judgement.invariants[:ROWS_LIMIT]],
        bound_sentence=bound_sentence(judgement)
        if any(result.bound is not None for result in judgement.invariants)
        else "",
        earlier=[_again(one) for one in judgement.regressions[:ROWS_LIMIT]],
        stories=_stories(judgement, Redactor(judgement, show=show)),
        findings=len(judgement.findings),
        conditions=_conditions(judgement),
        groups=groups,
        rows_left=max(0, len({(cell.surface, cell.relation) for cell in judgement.coverage}) - ROWS_LIMIT),
        cell_notes=notes,
        covered=_covered(judgement.coverage),
        coverage_note=COVERAGE_NOTE,
        activity=_few(activity(judgement)),
        sensitivity=judgement.sensitivity[:ROWS_LIMIT],
        channels=CHANNELS,
        not_claimed=_few(not_claimed(judgement)),
        notes=_few(judgement.notes),
        contract=[(key, value, origin_words(origin)) for key, (value, origin) in settings(judgement).items()],
        versions=sorted(judgement.versions.items()),
        replay=replay_line(judgement),
        signs=SIGNS,
    )


def _facts(judgement: Judgement) -> list[tuple[str, str]]:
    """What was run, in a line under the verdict."""
    facts = [
        ("target", judgement.target),
        ("scenarios", ", ".join(judgement.scenarios)),
        ("profile", judgement.profile),
        ("seed", str(judgement.seed)),
        ("started", judgement.started),
        ("overheard", judgement.overheard),
    ]
    return [(name, value) for name, value in facts if value]


def _why(judgement: Judgement) -> list[str]:
    """Why nothing is certified. What concerns one promise alone stands beside it, unless there is no more."""
    own = {
        f"{result.name}: {reason}": result.name
        for result in judgement.invariants
        for reason in result.reasons
    }
    general = [reason for reason in judgement.reasons if reason not in own]
    if general or not judgement.reasons:
        return general
    return [
        f"{result.name}: {reason}"
        for result in judgement.invariants
        if result.name in own.values()
        for reason in gathered(result.reasons)
        if result.verdict == "inconclusive"
    ]


def _promise(result: InvariantResult, general: Iterable[str]) -> dict[str, Any]:
    """A row of the table. What is true of the whole run stands above it, once."""
    judged = result.status == "judged"
    counts = (result.exposures, result.controls, result.examples)
    return {
        "name": result.name,
        "title": result.title,
        "standing": standing(result),
        "numbers": [*map(str, counts), show_bound(result.bound)] if judged else ["", "", "", ""],
        "findings": result.findings,
        "why": _few(gathered(reason for reason in result.reasons if reason not in general)),
    }


def _again(one: RegressionResult) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": f"{one.invariant}: {one.diagnosis}",
        "standing": one.verdict or one.status,
        "numbers": [one.plays, one.shown],
        "why": _few(one.reasons),
    }


def _stories(judgement: Judgement, redactor: Redactor) -> list[_Story]:
    return [
        _Story(
            number=index + 1,
            finding=finding,
            told=[(label, who, [_identity(line) for line in ids]) for label, (who, *ids) in story(finding)],
            evidence=redactor.sentence(finding),
            frequency=frequency(finding),
            order=[] if finding.minimal is None else deviations_in_words(finding.minimal),
            known=acceptances(finding),
            references=references(finding),
            timeline=timeline(finding),
            path=counterexample_path(judgement, index),
            program=_program(finding, judgement, index + 1),
        )
        for index, finding in enumerate(judgement.findings[:FINDINGS_LIMIT])
    ]


def _identity(line: str) -> tuple[str, str]:
    kind, _, value = line.partition(" ")
    return kind, value


def _program(finding: Finding, judgement: Judgement, number: int) -> list[str]:
    if finding.minimal is None:
        return []
    lines = to_program(finding, judgement, target=judgement.target, number=number).splitlines()
    if len(lines) > PROGRAM_LIMIT:
        more = len(lines) - PROGRAM_LIMIT
        return [*lines[:PROGRAM_LIMIT], f"# ... and {number_of(more, 'more line', 'more lines')}"]
    return lines


def _conditions(judgement: Judgement) -> list[str]:
    present = {cell.condition for cell in judgement.coverage}
    return [condition for condition in get_args(Condition) if condition in present]


def _coverage(judgement: Judgement) -> tuple[dict[str, list[_Row]], list[str]]:
    """Rows of the matrix by invariant, and the reasons that their cells refer to by number."""
    numbers: dict[str, int] = {}
    table: dict[tuple[str, str], dict[str, Cell]] = {}
    for cell in judgement.coverage:
        table.setdefault((cell.surface, cell.relation), {})[cell.condition] = cell
    groups: dict[str, list[_Row]] = {}
    for (surface, relation), cells in list(table.items())[:ROWS_LIMIT]:
        row = []
        for condition in _conditions(judgement):
            shown = cells.get(condition)
            reason = shown.reason if shown is not None else ""
            row.append((condition, shown, numbers.setdefault(reason, len(numbers) + 1) if reason else 0))
        invariant, _, kind = relation.partition(": ")
        groups.setdefault(invariant, []).append(_Row(surface, kind, row))
    return groups, list(numbers)


def _covered(cells: Iterable[Cell]) -> str:
    """How much of what was asked for was exercised, in one sentence."""
    states: dict[str, int] = {}
    for cell in cells:
        states[cell.state] = states.get(cell.state, 0) + 1
    asked = sum(count for state, count in states.items() if state not in ("not offered", "not promised"))
    lines = [f"{states.get('controlled', 0)} of {number_of(asked, 'cell')} exercised with live controls"]
    lines += [f"{states[state]} {state}" for state in SIGNS if state in states and state != "controlled"]
    return "; ".join(lines) + "."


def _few(lines: Iterable[str]) -> list[str]:
    said = list(lines)
    if len(said) > LINES_LIMIT:
        return [*said[:LINES_LIMIT], f"and {len(said) - LINES_LIMIT} more, all of them in report.json"]
    return said


@cache
def _style() -> str:
    return resources.files(__package__).joinpath(_STYLE).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    # Only where a page is written: no other command pays for a template engine.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader("overheard.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_harmless,
    )
    environment.filters["name"] = lambda name: clip(str(name), NAME_LIMIT)
    return environment.get_template(_PAGE)


def _harmless(value: Any) -> Any:
    """What the template prints, before it is escaped as HTML. What the template itself made is left alone."""
    from markupsafe import Markup  # noqa: PLC0415 - as above

    if isinstance(value, Markup | int):
        return value
    # Clipped again: one character that is written out becomes ten.
    return clip(visible(clip(str(value), WORDS_LIMIT)), 2 * WORDS_LIMIT)
