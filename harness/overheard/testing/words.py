"""What checks say, as text: to be understood by somebody who never saw the source.

Everything that a target may have had a say in is escaped here, once.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from overheard.check.result import Finding, Judgement
from overheard.core.operation import FACT_MARK, NONCE_MARK, Operation
from overheard.report.escape import clip, visible
from overheard.report.github import defused
from overheard.report.redact import Redactor
from overheard.report.words import acceptances, frequency, replay_line, story
from overheard.testing.names import REGRESSIONS

WIDTH: Final = 96
_SENTENCE: Final = 600
_STEPS: Final = 12
_FINDINGS: Final = 5


def violated(judgement: Judgement, invariant: str, *, scenario: str, folder: str, show: bool) -> str:
    """Who, what, where, the smallest program, what to change, and the line that does it again.

    Of an earlier failure `invariant` is the name, and `scenario` what stands in the place of one.
    """
    what = _what(scenario, invariant)
    invariant = next((one.invariant for one in judgement.regressions if one.name == invariant), invariant)
    found = [one for one in judgement.findings if one.invariant == invariant]
    redactor = Redactor(judgement, show=show)
    news = [one for one in found if not one.known] or found
    title = news[0].diagnosis if news else "broken"
    lines = [*_wrapped(f"violated: {what}: {title}")]
    for finding in found[:_FINDINGS]:
        lines += ["", *_finding(finding, redactor)]
    if len(found) > _FINDINGS:
        lines += ["", f"and {len(found) - _FINDINGS} more"]
    lines.append("")
    if any(one.minimal is not None for one in found):
        lines.append(f"programs   {visible(folder)}/counterexamples")
    return "\n".join(defused([*lines, f"again      {visible(again(judgement, scenario))}"]))


def _what(scenario: str, name: str) -> str:
    return f"earlier failure {name}" if scenario == REGRESSIONS else f"{name} in scenario {scenario}"


def inconclusive(
    reasons: Sequence[str], *, scenario: str, invariant: str, judgement: Judgement | None
) -> str:
    """Why nothing is certified, and what was noticed."""
    said = list(reasons) or ["the run did not get far enough"]
    lines = _wrapped(f"inconclusive: {_what(scenario, invariant)}: {said[0]}")
    for reason in said[1:]:
        lines += _wrapped(f"- {reason}", rest="  ")
    if judgement is not None:
        for note in judgement.notes:
            lines += _wrapped(f"note: {note}", rest="  ")
        lines += ["", f"again      {visible(again(judgement, scenario))}"]
    return "\n".join(defused(lines))


def accepted(reasons: Sequence[str]) -> str:
    """Who accepts the known findings that break a promise, until when, and why."""
    return visible(clip("; ".join(reasons), _SENTENCE))


def skipped(word: str, reasons: Sequence[str]) -> str:
    """Why a check does not apply to this target."""
    return visible(clip(f"{word}: {'; '.join(reasons)}" if reasons else word, _SENTENCE))


def again(judgement: Judgement, scenario: str) -> str:
    """The command that runs this scenario again."""
    line = replay_line(judgement)
    if line.startswith("pytest "):
        return f"{line} -k {scenario}"
    if scenario == REGRESSIONS:  # They are driven first, whatever else is.
        return line
    return line if "--scenario" in line else f"{line} --scenario {scenario}"


def _finding(finding: Finding, redactor: Redactor) -> list[str]:
    lines = _wrapped(f"{finding.diagnosis}{' (known)' if finding.known else ''}")
    for label, sentences in story(finding):
        lines += _labelled(label, sentences)
    lines += _labelled("evidence", [redactor.sentence(finding)])
    lines += _labelled("found", [frequency(finding)])
    if finding.collide_in:
        lines += _labelled("collide in", [", ".join(finding.collide_in)])
    lines += _labelled("known", acceptances(finding))
    if finding.also_rules_out:
        lines += _labelled("breaks too", [", ".join(finding.also_rules_out)])
    if finding.minimal is not None:
        lines += _labelled("smallest", _program(finding, finding.minimal.operations))
    return [*lines, *_labelled("change", [finding.advice])]


def _program(finding: Finding, operations: Sequence[Operation]) -> list[str]:
    lines = []
    for operation in operations[:_STEPS]:
        ids = ", ".join(
            f"{name}={value!r}"
            for name, value in (("resource", operation.resource), ("thread", operation.thread))
            if isinstance(value, str) or value is None
        )
        text = operation.text.replace(FACT_MARK, "(a secret)").replace(NONCE_MARK, "(ref)")
        ends = []
        ends += ["told here"] if operation.number == finding.minimal_owner else []
        seen = "seen here" if finding.missed is None else "lost here"
        ends += [seen] if operation.number == finding.minimal_observer else []
        ends += ["missed here"] if operation.number == finding.minimal_missed else []
        mark = f"   <- {', '.join(ends)}" if ends else ""
        lines.append(f"{operation.caller}: {operation.surface}({text!r}{f', {ids}' if ids else ''}){mark}")
    more = len(operations) - _STEPS
    return [*lines, *([f"and {more} more calls"] if more > 0 else [])]


def _labelled(label: str, sentences: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        first = f"  {label:<10} " if not lines else " " * 13
        lines += _wrapped(sentence, first=first, rest=" " * 13)
    return lines


def _wrapped(words: str, *, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        visible(clip(words, _SENTENCE)), WIDTH, initial_indent=first, subsequent_indent=rest,
        break_on_hyphens=False,
    ) or [first.rstrip()]  # fmt: skip
