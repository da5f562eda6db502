"""`certificate.json`: what held, as an in-toto statement that can be signed and demanded.

A *simple verification result* (predicate svr, version 0.1): it names passing properties and nothing else, so
there is no way to write a failure, or a doubt, that somebody could take for a pass. A run that did not hold
has no certificate. What is not claimed stands in it, because it will be read without the report.

Specification: https://github.com/in-toto/attestation, spec/v1/statement.md and spec/predicates/svr.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from overheard.check.result import InvariantResult, Judgement
from overheard.report.escape import clip, visible
from overheard.report.words import not_claimed, replay_line, settings, show_bound, utc

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://in-toto.io/attestation/svr/v0.1"

_WORDS: Final = 1_000
_ALWAYS: Final = (
    "whatever the subject imports, reaches over the network or is configured by: the digest is that of the "
    "one file that names the target"
)


def uncertified(judgement: Judgement) -> str:
    """Why there is no certificate; empty if there is one."""
    if judgement.verdict != "held":
        return f"the run is {judgement.verdict}"
    if judgement.findings or not _held(judgement):
        return "not every promise that was judged held"
    if not judgement.complete:
        return "the run did not come to its end"
    if judgement.source is None:
        return "no file names the target, so there is nothing whose digest could be certified"
    if not utc(judgement.started):
        return "the history does not say when it was recorded"
    return ""


def to_certificate(judgement: Judgement) -> bytes:
    """The statement, unsigned, as indented ASCII. Raises ValueError with the reason if there is none."""
    why = uncertified(judgement)
    source = judgement.source
    if why or source is None:
        raise ValueError(why)
    held = _held(judgement)
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": _text(source.file), "digest": {"sha256": _text(source.sha256)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "verifier": {"id": f"pkg:pypi/overheard@{quote(_text(judgement.overheard))}"},
            "timeCreated": utc(judgement.started),
            "properties": list(dict.fromkeys(_property(result.name) for result in held)),
            "overheard": {
                "target": _text(judgement.target),
                "claims": [_claim(result) for result in held],
                "nonClaims": _texts([*not_claimed(judgement), *judgement.notes, _ALWAYS]),
                "contract": {_text(key): value for key, (value, _) in settings(judgement).items()},
                "scenarios": _texts(judgement.scenarios),
                "profile": _text(judgement.profile),
                "seed": judgement.seed,
                "campaign": judgement.campaign,
                "replay": _text(replay_line(judgement)),
            },
        },
    }
    return json.dumps(statement, indent=2, ensure_ascii=True).encode("ascii") + b"\n"


def _held(judgement: Judgement) -> list[InvariantResult]:
    """All that was judged, if all of it held."""
    judged = [result for result in judgement.invariants if result.status == "judged"]
    return judged if all(result.verdict == "held" for result in judged) else []


def _property(name: str) -> str:
    return "OVERHEARD_" + re.sub(r"[^A-Z0-9]+", "_", _text(name).upper()).strip("_")


def _claim(result: InvariantResult) -> dict[str, Any]:
    """What is behind a property. The bound is a decimal string, for a float may be read as another number."""
    bound = None if result.bound is None else show_bound(result.bound)
    return {
        "property": _property(result.name),
        "promise": _text(result.title),
        "exposures": result.exposures,
        "controls": result.controls,
        "examples": result.examples,
        "bound": bound,
    }


def _texts(words: Iterable[str]) -> list[str]:
    return [_text(one) for one in words]


def _text(words: str) -> str:
    return visible(clip(words, _WORDS))
