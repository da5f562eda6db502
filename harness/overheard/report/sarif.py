"""`results.sarif` for code scanning: SARIF 2.1.0, as far as GitHub reads it.

A rule for each promise and a result for each finding, at the file that names the target: a leak is found by
driving, so it has no line of its own. A promise that was judged and is inconclusive is a result too: a scan
without results closes every alert there is, and nothing shown is no reason to.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from overheard.check.known import accepted_by
from overheard.check.result import Finding, InvariantResult, Judgement
from overheard.report.escape import clip, visible
from overheard.report.redact import Redactor
from overheard.report.references import references
from overheard.report.timeline import Step, timeline
from overheard.report.words import acceptances, breach, frequency, replay_line, story, utc, verdict_line

RESULTS_LIMIT: Final = 1_000
"""GitHub shows five times as many of a run, and refuses twenty-five times as many."""

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT: Final = "%SRCROOT%"
_WORDS: Final = 1_000
_SEVERITY: Final = "8.0"
"""High, for whatever shows somebody's words to somebody else. Nothing finer is known of what leaked."""

_INCONCLUSIVE: Final = "inconclusive"
_LINKS: Final = re.compile(r"[\[\]{}]")


def to_sarif(judgement: Judgement, *, show: bool = False) -> bytes:
    """The report as a SARIF log, indented ASCII with a final newline. `show` shows evidence, escaped."""
    redactor = Redactor(judgement, show=show)
    found = judgement.findings[:RESULTS_LIMIT]
    results = [_result(finding, judgement, redactor) for finding in found]
    results += [_doubt(name, reasons, judgement) for name, reasons in _doubts(judgement)[:RESULTS_LIMIT]]
    run = {
        "tool": {
            "driver": {
                "name": "overheard",
                "version": _text(judgement.overheard),
                "rules": _rules(judgement, found),
            }
        },
        "automationDetails": {"id": f"overheard/{_text(judgement.target)}/"},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "artifacts": [_artifact(judgement)],
        "invocations": [_invocation(judgement)],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {
            "verdict": judgement.verdict,
            "profile": _text(judgement.profile),
            "seed": judgement.seed,
            "campaign": judgement.campaign,
            "replay": _text(replay_line(judgement)),
        },
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=True).encode("ascii") + b"\n"


# Rules


def _rules(judgement: Judgement, found: Iterable[Finding]) -> list[dict[str, Any]]:
    titles = {result.name: result.title for result in judgement.invariants}
    by_name: dict[str, list[Finding]] = {name: [] for name in titles}
    for finding in found:
        by_name.setdefault(finding.invariant, []).append(finding)
    rules = [_rule(name, titles.get(name, name), findings) for name, findings in by_name.items()]
    doubt = "nothing is certified: what was seen is not enough to judge a promise"
    rules.append(_described(_INCONCLUSIVE, doubt, doubt, "warning", {"tags": ["test"]}))
    # Names that differ only in what is written out would be one rule twice.
    return list({rule["id"]: rule for rule in rules}.values())


def _rule(name: str, title: str, findings: list[Finding]) -> dict[str, Any]:
    advice = list(dict.fromkeys(f"{finding.diagnosis}: {finding.advice}" for finding in findings))
    help_text = "\n".join([f"The promise: {title}.", *advice, "The report of the run tells the whole story."])
    weaknesses = {
        f"external/cwe/{reference.name.lower()}": None
        for finding in findings
        for reference in references(finding)
        if reference.name.startswith("CWE-")
    }
    # What was merely forgotten is no weakness of security.
    forgotten = bool(findings) and all(breach(finding) == "missing" for finding in findings)
    properties: dict[str, Any] = (
        {"tags": ["reliability"]}
        if forgotten
        else {
            "tags": ["security", *weaknesses],
            "security-severity": _SEVERITY,
        }
    )
    return _described(name, title, help_text, "error", {**properties, "precision": "very-high"})


def _described(
    name: str, title: str, help_text: str, level: str, properties: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": _text(name),
        "shortDescription": {"text": _text(title)},
        "fullDescription": {"text": _text(title)},
        "help": {"text": "\n".join(_text(line) for line in help_text.split("\n"))},
        "defaultConfiguration": {"level": level},
        "properties": properties,
    }


# Results


def _result(finding: Finding, judgement: Judgement, redactor: Redactor) -> dict[str, Any]:
    told = [f"{label} {'; '.join(lines)}" for label, lines in story(finding)]
    sentences = [
        f"{finding.diagnosis}.",
        *(f"{line}." for line in told),
        f"Evidence: {redactor.sentence(finding)}.",
        f"Found {frequency(finding)}.",
        *(f"Known: {sentence}." for sentence in acceptances(finding)),
        f"Change: {finding.advice}",
    ]
    return {
        "ruleId": _text(finding.invariant),
        "kind": "fail",
        "level": "error",
        "message": {"text": "\n".join(_text(sentence) for sentence in sentences)},
        "locations": [_location(judgement)],
        "partialFingerprints": _fingerprints(judgement, finding.invariant, finding.diagnosis),
        **_suppressed(finding),
        "codeFlows": [
            {"threadFlows": [{"locations": [_flow(step, judgement) for step in timeline(finding).steps]}]}
        ],
        "occurrenceCount": max(1, finding.occurrences),
        "properties": {"replayed": finding.replayed, "replays": finding.replays},
    }


def _suppressed(finding: Finding) -> dict[str, Any]:
    """What the baseline accepts is in the log with the reason: readers show it apart, and none drops it."""
    if not finding.known:
        return {}
    return {
        "suppressions": [
            {"kind": "external", "status": "accepted", "justification": _text(accepted_by(entry))}
            for entry in finding.accepted
        ]
    }


def _flow(step: Step, judgement: Judgement) -> dict[str, Any]:
    words = f"{step.lane.resource} in {step.lane.thread} {step.verb}"
    words += f": {step.text}" if step.text else ""
    words += f" \u2192 {step.outcome}" if step.outcome else ""
    return {
        "location": {**_location(judgement), "message": {"text": _text(words)}},
        "executionOrder": step.number,
        "importance": "important" if step.part == "other" else "essential",
    }


def _doubts(judgement: Judgement) -> list[tuple[str, tuple[str, ...]]]:
    """What was judged and is inconclusive, with the reasons: a promise each, or else the run."""
    doubts: list[tuple[str, tuple[str, ...]]] = [
        (result.name, result.reasons) for result in judgement.invariants if _is_doubtful(result)
    ]
    if judgement.verdict == "inconclusive" and not doubts:
        return [("the run", judgement.reasons or (verdict_line(judgement),))]
    return doubts


def _is_doubtful(result: InvariantResult) -> bool:
    return result.status == "judged" and result.verdict == "inconclusive"


def _doubt(name: str, reasons: tuple[str, ...], judgement: Judgement) -> dict[str, Any]:
    why = "; ".join(reasons) or "nothing could be shown"
    return {
        "ruleId": _INCONCLUSIVE,
        "kind": "fail",
        "level": "warning",
        "message": {"text": f"{_text(name)} is inconclusive: {_text(why)}"},
        "locations": [_location(judgement)],
        "partialFingerprints": _fingerprints(judgement, _INCONCLUSIVE, name),
    }


def _fingerprints(judgement: Judgement, *parts: str) -> dict[str, str]:
    """By what a finding is the same in the next run: its file, promise and diagnosis, none of it drawn.

    GitHub reads `primaryLocationLineHash` alone, and would else hash the line that all findings share.
    """
    raw = "\0".join((_file(judgement), *parts)).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(raw).hexdigest()[:32]
    return {"primaryLocationLineHash": f"{digest[:16]}:1", "overheardFinding/v1": digest}


# Where


def _file(judgement: Judgement) -> str:
    """The file that names the target; of a history that does not say, what its target is called."""
    if judgement.source is not None:
        return judgement.source.file
    place = judgement.target.partition(":")[0]
    if place.endswith((".py", ".toml")):
        return place
    return f"{place.replace('.', '/')}.py"


def _uri(judgement: Judgement) -> str:
    path = PurePosixPath(visible(clip(_file(judgement), _WORDS)))
    return quote("/".join(part for part in path.parts if part not in ("/", "//"))) or "."


def _artifact_location(judgement: Judgement) -> dict[str, Any]:
    return {"uri": _uri(judgement), "uriBaseId": _ROOT}


def _artifact(judgement: Judgement) -> dict[str, Any]:
    artifact: dict[str, Any] = {"location": _artifact_location(judgement)}
    if judgement.source is not None:
        artifact["hashes"] = {"sha-256": _text(judgement.source.sha256)}
    return artifact


def _location(judgement: Judgement) -> dict[str, Any]:
    line = judgement.source.line if judgement.source is not None else 1
    return {
        "physicalLocation": {
            "artifactLocation": _artifact_location(judgement),
            "region": {"startLine": max(1, line)},
        }
    }


def _invocation(judgement: Judgement) -> dict[str, Any]:
    started = utc(judgement.started)
    said = [("note", note) for note in judgement.notes] + [("warning", why) for why in judgement.reasons]
    return {
        "executionSuccessful": judgement.complete,
        **({"startTimeUtc": started} if started else {}),
        "toolExecutionNotifications": [
            {"level": level, "message": {"text": _text(words)}} for level, words in said[:RESULTS_LIMIT]
        ],
    }


def _text(words: str) -> str:
    """Words of a message, in which brackets would be links and braces placeholders: those are written out."""
    shown = visible(clip(words, _WORDS))
    return _LINKS.sub(lambda match: f"\\x{ord(match.group()):02x}", shown)
