"""`junit.xml`: a test case for each promise, and for each earlier failure, for whatever reads such files.

There is no standard. This keeps to what the strictest common reader takes (the xunit plugin of Jenkins):
violated is a failure, inconclusive an error, and skipped is what was not judged, or is broken by known
findings only: neither has passed. A reader that counts failures and errors comes to the verdict, because a
verdict that no case carries gets a case of its own.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Final

from overheard.check.result import Finding, InvariantResult, Judgement, RegressionResult
from overheard.report.escape import clip, visible
from overheard.report.redact import Redactor
from overheard.report.words import acceptances, frequency, reasons, replay_line, story, verdict_line

_LIMIT: Final = 600
_FINDINGS: Final = 20


def to_junit(judgement: Judgement, *, show: bool = False) -> bytes:
    """The report as JUnit XML in UTF-8. `show` shows evidence, escaped."""
    suite = ET.Element("testsuite", name="overheard")
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(judgement):
        ET.SubElement(properties, "property", name=name, value=_text(value))
    redactor = Redactor(judgement, show=show)
    counts = dict.fromkeys(("failure", "error", "skipped"), 0)
    for result in judgement.invariants:
        case = _case(suite, judgement, result.name)
        state, message, body = _state(judgement, result, redactor)
        if state:
            counts[state] += 1
            _said(case, state, result.verdict or result.status, message, body)
    for one in judgement.regressions:
        case = _case(suite, judgement, one.name, "regressions")
        state, message, body = _again(judgement, one, redactor)
        if state:
            counts[state] += 1
            _said(case, state, one.verdict or one.status, message, body)
    wanted = {"violated": "failure", "inconclusive": "error"}.get(judgement.verdict)
    if wanted and not counts[wanted]:
        counts[wanted] += 1
        _said(
            _case(suite, judgement, "verdict"),
            wanted,
            judgement.verdict,
            verdict_line(judgement),
            reasons(judgement),
        )
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    suite.set("skipped", str(counts["skipped"]))
    suite.set("time", "0")
    if judgement.started:
        suite.set("timestamp", _text(judgement.started))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _properties(judgement: Judgement) -> list[tuple[str, str]]:
    return [
        ("verdict", judgement.verdict),
        ("target", judgement.target),
        ("seed", str(judgement.seed)),
        ("profile", judgement.profile),
        ("scenarios", ", ".join(judgement.scenarios)),
        ("overheard", judgement.overheard),
        ("replay", replay_line(judgement)),
    ]


def _case(suite: ET.Element, judgement: Judgement, name: str, group: str = "") -> ET.Element:
    home = f"overheard.{_text(judgement.target)}{f'.{group}' if group else ''}"
    return ET.SubElement(suite, "testcase", classname=home, name=_text(name), time="0")


def _state(judgement: Judgement, result: InvariantResult, redactor: Redactor) -> tuple[str, str, list[str]]:
    """The element that stands for a result (empty: none, it passed), its message and its lines."""
    if result.status != "judged":
        return "skipped", f"{result.status}: {'; '.join(result.reasons)}", []
    if result.verdict == "violated":
        found = [one for one in judgement.findings if one.invariant == result.name]
        lines = [line for one in found[:_FINDINGS] for line in _finding(one, redactor)]
        title = "; ".join(dict.fromkeys(one.diagnosis for one in found if not one.known)) or "broken"
        return "failure", f"violated: {title}", lines
    if result.verdict == "accepted":
        return "skipped", f"accepted: {'; '.join(result.reasons)}", []
    if result.verdict == "inconclusive":
        why = list(result.reasons) or ["nothing could be shown"]
        return "error", f"inconclusive: {why[0]}", why
    return "", "", []


def _again(judgement: Judgement, one: RegressionResult, redactor: Redactor) -> tuple[str, str, list[str]]:
    """As `_state`, of an earlier failure."""
    if one.verdict == "violated":
        found = [finding for finding in judgement.findings if finding.invariant == one.invariant]
        lines = [line for finding in found[:_FINDINGS] for line in _finding(finding, redactor)]
        return "failure", f"violated again: {one.invariant}: {one.diagnosis}", lines
    if one.verdict == "inconclusive":
        return "error", f"inconclusive: {'; '.join(one.reasons)}", list(one.reasons)
    if one.verdict == "held":
        return "", "", []
    return "skipped", f"{one.verdict or one.status}: {'; '.join(one.reasons)}", []


def _finding(finding: Finding, redactor: Redactor) -> list[str]:
    lines = [f"{finding.diagnosis}{' (known)' if finding.known else ''}"]
    lines += [f"{label}: {'; '.join(sentences)}" for label, sentences in story(finding)]
    lines += [f"evidence: {redactor.sentence(finding)}", f"found: {frequency(finding)}"]
    lines += [f"known: {line}" for line in acceptances(finding)]
    return [*lines, f"change: {finding.advice}", ""]


def _said(case: ET.Element, state: str, kind: str, message: str, lines: list[str]) -> None:
    element = ET.SubElement(case, state, message=_text(message))
    if state != "skipped":
        element.set("type", kind)
        element.text = "\n".join(_text(line) for line in lines)


def _text(words: str) -> str:
    # What XML 1.0 cannot hold at all (most control characters, halves of pairs) is written out by `visible`.
    return visible(clip(words, _LIMIT))
