"""The report on a terminal: one verdict line, then why, calmly.

Colour is asked for, never guessed: the door knows whether it writes to a terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Final

from tabulate import tabulate

from overheard.check.result import Judgement
from overheard.report.escape import clip, visible
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
    story,
    title,
    verdict_line,
)

FINDINGS_LIMIT: Final = 20
LINES_LIMIT: Final = 30
SENTENCE_LIMIT: Final = 600

_NARROWEST: Final = 40
_COLOURS: Final = {"held": "32", "accepted": "33", "inconclusive": "33", "violated": "31"}
_INDENT: Final = "  "
_LABEL: Final = 10


def to_terminal(judgement: Judgement, *, colour: bool, width: int, show: bool = False) -> str:
    """The report as text of at most `width` columns where words allow it, ending in a newline.

    `colour` uses ANSI colours for verdicts and headings; `show` shows evidence, escaped.
    """
    page = Page(colour=colour, width=max(width, _NARROWEST))
    page.say(verdict_line(judgement), start=judgement.verdict)
    page.heading("Promises")
    page.table(*invariants_table(judgement), right=("exposures", "controls", "examples", "bound"))
    if any(result.bound is not None for result in judgement.invariants):
        page.say(bound_sentence(judgement))
    page.section("Why", reasons(judgement))
    if judgement.regressions:
        page.heading("Earlier failures")
        header, rows = regressions_table(judgement)
        page.table(header, rows, right=header[2:])
    _findings(page, judgement, Redactor(judgement, show=show))
    if judgement.coverage:
        page.heading("Coverage")
        header, rows = coverage_table(judgement)
        page.table(header, rows, right=header[2:])
        page.say(COVERAGE_NOTE)
    page.section("What was done", activity(judgement))
    page.section("Not claimed", not_claimed(judgement))
    page.section("Notes", judgement.notes)
    page.heading("Run it again")
    page.exactly(replay_line(judgement))
    return page.text()


def _findings(page: Page, judgement: Judgement, redactor: Redactor) -> None:
    if not judgement.findings:
        return
    page.heading("Findings")
    for index, finding in enumerate(judgement.findings[:FINDINGS_LIMIT]):
        if index:
            page.blank()
        page.say(f"{index + 1}. {title(finding)}", hanging="   ")
        for label, lines in story(finding):
            page.labelled(label, *lines)
        page.labelled("evidence", redactor.sentence(finding))
        page.labelled("found", frequency(finding))
        if finding.minimal is not None and (order := deviations_in_words(finding.minimal)):
            page.labelled("out of turn", *order)
        if finding.collide_in:
            page.labelled("collide in", ", ".join(finding.collide_in))
        if finding.also_rules_out:
            page.labelled("breaks too", ", ".join(finding.also_rules_out))
        page.labelled("known", *acceptances(finding))
        page.labelled("change", finding.advice)
        page.labelled("program", counterexample_path(judgement, index) or "none: it was not made smaller")
    more = len(judgement.findings) - FINDINGS_LIMIT
    if more > 0:
        page.blank()
        page.say(f"and {more} more, all of them in report.json")


class Page:
    """Lines of a report. Everything that comes in is raw, and is escaped here, once, before it is wrapped."""

    def __init__(self, *, colour: bool, width: int) -> None:
        self._colour = colour
        self._width = width
        self._lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def blank(self) -> None:
        self._lines.append("")

    def heading(self, title: str) -> None:
        self._lines += ["", self._paint(title, "1")]

    def say(self, words: str, *, indent: str = "", hanging: str = "", start: str = "") -> None:
        lines = self._wrapped(words, indent, indent + hanging)
        if start:
            lines[0] = lines[0].replace(start, self._paint(start, f"1;{_COLOURS[start]}"), 1)
        self._lines += lines

    def labelled(self, label: str, *sentences: str) -> None:
        first = f"   {label:<{_LABEL}} "
        for index, words in enumerate(sentences):
            margin = " " * len(first)
            self._lines += self._wrapped(words, margin if index else first, margin)

    def section(self, title: str, sentences: Iterable[str]) -> None:
        lines = list(sentences)
        if not lines:
            return
        self.heading(title)
        for line in lines[:LINES_LIMIT]:
            self.say(f"- {line}", hanging=_INDENT)
        if len(lines) > LINES_LIMIT:
            self.say(f"and {len(lines) - LINES_LIMIT} more, all of them in report.json")

    def exactly(self, line: str) -> None:
        """A line that must be copied whole: not wrapped."""
        self._lines.append(f"{_INDENT}{visible(line)}")

    def table(self, header: list[str], rows: list[list[str]], *, right: Iterable[str]) -> None:
        shown = [[visible(clip(cell, SENTENCE_LIMIT)) for cell in row] for row in rows]
        alignment = ["right" if name in set(right) else "left" for name in header]
        lines = _tabulated(header, shown, alignment)
        if max(map(len, lines), default=0) > self._width:
            # Too narrow for columns: one short paragraph a row says the same.
            lines = [line for row in shown for line in self._stacked(header, row)]
        self._lines += [self._verdicts_painted(line) for line in lines]

    def _stacked(self, header: list[str], row: list[str]) -> list[str]:
        told = [f"{name} {cell}" for name, cell in zip(header[1:], row[1:], strict=True) if cell]
        return self._wrapped(f"{row[0]}: {', '.join(told)}", "", _INDENT)

    def _wrapped(self, words: str, first: str, rest: str) -> list[str]:
        shown = visible(clip(words, SENTENCE_LIMIT))
        # Long words are ids and commands: broken only if they would not fit a line of their own.
        return textwrap.wrap(
            shown,
            self._width,
            initial_indent=first,
            subsequent_indent=rest,
            break_on_hyphens=False,
        ) or [first.rstrip()]

    def _verdicts_painted(self, line: str) -> str:
        if not self._colour:
            return line
        for verdict, colour in _COLOURS.items():
            padded = f" {verdict} "
            if padded in line:
                return line.replace(padded, f" {self._paint(verdict, colour)} ", 1)
        return line

    def _paint(self, words: str, style: str) -> str:
        return f"\x1b[{style}m{words}\x1b[0m" if self._colour else words


def _tabulated(header: list[str], rows: list[list[str]], alignment: list[str]) -> list[str]:
    # The header goes in as a row: tabulate pads real headers by two columns, and then the table of
    # invariants no longer fits into eighty.
    text = tabulate(
        [header, *rows],
        tablefmt="plain",
        colalign=alignment,
        # A name such as "1e5" is a name. Numbers are formatted before they come here.
        disable_numparse=True,
    )
    lines = [line.rstrip() for line in text.split("\n")]
    return [lines[0], "─" * max(map(len, lines)), *lines[1:]]
