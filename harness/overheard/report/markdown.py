"""The report as GitHub-flavoured Markdown, for a pull request or a step summary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from overheard.check.result import Finding, Judgement
from overheard.report.escape import clip, code, prose
from overheard.report.order import deviations_in_words
from overheard.report.redact import Redactor
from overheard.report.table import COVERAGE_NOTE, coverage_table, invariants_table, regressions_table
from overheard.report.words import (
    acceptances,
    activity,
    bound_sentence,
    counterexample_path,
    frequency,
    not_claimed,
    reasons,
    replay_line,
    settings,
    story,
    title,
    verdict_line,
)

SIZE_LIMIT: Final = 1 << 20
"""Bytes. GitHub refuses a larger step summary, and leaves the step green."""

_FINDINGS_SHARE: Final = SIZE_LIMIT // 2
_RESERVE: Final = 1_000
_LINES: Final = 200
_WORDS: Final = 1_000

_SIGNS: Final = {"held": "🟢", "accepted": "🟠", "inconclusive": "🟡", "violated": "🔴"}


def to_markdown(judgement: Judgement, *, show: bool = False) -> str:
    """The report, always under 1 MiB of UTF-8: first the list of findings is cut, then what is left.

    `show` shows evidence, escaped.
    """
    lines = [f"## {_SIGNS[judgement.verdict]} {_said(verdict_line(judgement))}", ""]
    lines += _table(*invariants_table(judgement), numbers=2)
    if any(result.bound is not None for result in judgement.invariants):
        lines += [_said(bound_sentence(judgement)), ""]
    lines += _section("Why", reasons(judgement))
    if judgement.regressions:
        lines += ["### Earlier failures", "", *_table(*regressions_table(judgement), numbers=2)]
    lines += _findings(judgement, Redactor(judgement, show=show))
    if judgement.coverage:
        lines += ["### Coverage", "", *_table(*coverage_table(judgement), numbers=2), COVERAGE_NOTE, ""]
    lines += _section("What was done", activity(judgement))
    lines += _section("Not claimed", not_claimed(judgement))
    lines += _section("Notes", judgement.notes)
    lines += _section(
        "Contract", (f"{key} = {value} ({origin})" for key, (value, origin) in settings(judgement).items())
    )
    lines += ["### Run it again", "", code(clip(replay_line(judgement), _WORDS)), ""]
    return _within(lines, SIZE_LIMIT - _RESERVE)


def _findings(judgement: Judgement, redactor: Redactor) -> list[str]:
    if not judgement.findings:
        return []
    lines = ["### Findings", ""]
    size = 0
    for index, finding in enumerate(judgement.findings):
        entry = _finding(index, finding, judgement, redactor)
        size += _size(entry)
        if size > _FINDINGS_SHARE:
            more = len(judgement.findings) - index
            return [*lines, f"And {more} more, cut to keep this page small: report.json has them all.", ""]
        lines += entry
    return lines


def _finding(index: int, finding: Finding, judgement: Judgement, redactor: Redactor) -> list[str]:
    told = [
        f"- **{label}** {'; '.join([_said(who), *map(_identity, ids)])}"
        for label, (who, *ids) in story(finding)
    ]
    path = counterexample_path(judgement, index)
    also, alike = ", ".join(finding.also_rules_out), ", ".join(finding.collide_in)
    order = [] if finding.minimal is None else deviations_in_words(finding.minimal)
    return [
        f"#### {index + 1}. {_said(title(finding))}",
        "",
        *told,
        f"- **evidence** {_evidence(finding, redactor)}",
        f"- **found** {_said(frequency(finding))}",
        *([f"- **out of turn** {_said('; '.join(order))}"] if order else []),
        *([f"- **collide in** {_said(alike)}"] if alike else []),
        *([f"- **breaks too** {_said(also)}"] if also else []),
        *(f"- **known** {_said(line)}" for line in acceptances(finding)),
        f"- **change** {_said(finding.advice)}",
        f"- **program** {code(path) if path else 'none: it was not made smaller'}",
        "",
    ]


def _identity(line: str) -> str:
    kind, _, value = line.partition(" ")
    return f"{kind} {code(clip(value, _WORDS))}"


def _evidence(finding: Finding, redactor: Redactor) -> str:
    # Prose would tear what an agent said into plain words and code: evidence is one span.
    return code(clip(redactor.sentence(finding), _WORDS))


def _section(title: str, sentences: Iterable[str]) -> list[str]:
    said = list(sentences)
    if not said:
        return []
    lines = [f"### {title}", "", *(f"- {_said(sentence)}" for sentence in said[:_LINES])]
    if len(said) > _LINES:
        lines.append(f"- and {len(said) - _LINES} more, all of them in report.json")
    return [*lines, ""]


def _table(header: list[str], rows: list[list[str]], *, numbers: int) -> list[str]:
    """A table; the columns from `numbers` on are aligned to the right."""
    rule = [":---" if column < numbers else "---:" for column in range(len(header))]
    body = [[_said(clip(cell, 200)) for cell in row] for row in rows[:_LINES]]
    lines = [f"| {' | '.join(row)} |" for row in (header, rule, *body)]
    if len(rows) > _LINES:
        lines += ["", f"And {len(rows) - _LINES} more rows, all of them in report.json."]
    return [*lines, ""]


def _said(words: str) -> str:
    return prose(clip(words, _WORDS))


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode("utf-8", "surrogatepass")) + 1 for line in lines)


def _within(lines: list[str], limit: int) -> str:
    """The lines joined, cut after a whole line if they are too many. Only absurd input gets here."""
    size = 0
    for index, line in enumerate(lines):
        size += _size([line])
        if size > limit:
            return "\n".join([*lines[:index], "", "The rest is cut: report.json has all of it.", ""])
    return "\n".join(lines)
