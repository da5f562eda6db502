"""What GitHub shows of a run: annotations, as workflow commands on standard output.

A command begins a line with `::`; what is in it is escaped as GitHub's own toolkit does, after everything
that acts has been written out. The step summary is `report.md`, which stays under GitHub's limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from overheard.check.result import Judgement
from overheard.report.escape import clip, visible
from overheard.report.words import replay_line, story, verdict_line

ANNOTATIONS: Final = 10
"""GitHub shows so many errors of a step and drops the others."""

_TITLE: Final = 200
_MESSAGE: Final = 2_000


def to_annotations(judgement: Judgement, *, file: str = "", line: int = 0) -> list[str]:
    """A command for each finding, or one that says why nothing is certified; none if everything held.

    `file` and `line` are where the declared test stands, if there is one.
    """
    where = f"file={_property(file)},line={max(line, 1)}," if file else ""
    shown = []
    for finding in judgement.findings[:ANNOTATIONS]:
        told = "\n".join(f"{label}: {'; '.join(sentences)}" for label, sentences in story(finding))
        title = f"{finding.invariant}: {finding.diagnosis}"
        shown.append((title, f"{told}\nchange: {finding.advice}\nagain: {replay_line(judgement)}"))
    if not shown and judgement.verdict != "held":
        shown.append((verdict_line(judgement), "\n".join(judgement.reasons) or verdict_line(judgement)))
    return [f"::error {where}title={_property(clip(title, _TITLE))}::{_data(text)}" for title, text in shown]


def defused(lines: Iterable[str]) -> list[str]:
    """Lines in which nothing is a workflow command: an agent's words may be wrapped to a line's beginning."""
    return [
        line.replace("::", "\\x3a:", 1) if line.lstrip().startswith("::") else line
        for line in (line.replace("##[", "\\x23#[") for line in lines)
    ]


def _data(text: str) -> str:
    shown = "\n".join(visible(line) for line in clip(text, _MESSAGE).split("\n"))
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
