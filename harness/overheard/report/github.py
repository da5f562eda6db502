"""What GitHub shows of a run: annotations, as workflow commands on standard output.

A command begins a line with `::`; what is in it is escaped as GitHub's own toolkit does, after everything
that acts has been written out. The step summary is `report.md`, which stays under GitHub's limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from overheard.check.known import told as told_of
from overheard.check.result import Judgement
from overheard.report.escape import clip, visible
from overheard.report.words import acceptances, replay_line, story, title, verdict_line

ANNOTATIONS: Final = 10
"""GitHub shows so many errors of a step, so many warnings and so many notices, and drops the others."""

_TITLE: Final = 200
_MESSAGE: Final = 2_000


def to_annotations(judgement: Judgement, *, file: str = "", line: int = 0) -> list[str]:
    """A command for each finding, or one that says why nothing is certified; none if everything held.

    New findings are errors, known ones notices; warnings say what of the baseline has to be looked at. `file`
    and `line` are where the declared test stands, if there is one.
    """
    where = f"file={_property(file)},line={max(line, 1)}," if file else ""
    errors: list[tuple[str, str]] = []
    notices: list[tuple[str, str]] = []
    for finding in judgement.findings:
        told = [f"{label}: {'; '.join(sentences)}" for label, sentences in story(finding)]
        told += [f"known: {sentence}" for sentence in acceptances(finding)]
        told += [f"change: {finding.advice}", f"again: {replay_line(judgement)}"]
        (notices if finding.known else errors).append((title(finding), "\n".join(told)))
    if not errors and judgement.verdict in ("inconclusive", "violated"):
        errors.append((verdict_line(judgement), "\n".join(judgement.reasons) or verdict_line(judgement)))
    warnings = [
        ("overheard: the baseline is out of date", sentence) for sentence in told_of(judgement.baseline)
    ]
    return [
        f"::{level} {where}title={_property(clip(name, _TITLE))}::{_data(text)}"
        for level, shown in (("error", errors), ("warning", warnings), ("notice", notices))
        for name, text in shown[:ANNOTATIONS]
    ]


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
