"""`badge.json`: what shields.io draws a badge from (its endpoint schema, version 1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from overheard.check.result import Judgement, Verdict
from overheard.report.words import number_of

COLOURS: Final[Mapping[Verdict, str]] = {"held": "brightgreen", "violated": "red"}
"""Whatever is neither is yellow: it is not known to be broken, and it is no pass."""


def to_badge(judgement: Judgement) -> bytes:
    """The badge: the verdict, and of how many promises. Only a green one may be coloured otherwise."""
    verdict = judgement.verdict
    badge = {
        "schemaVersion": 1,
        "label": "isolation",
        "message": _message(judgement),
        "color": COLOURS.get(verdict, "yellow"),
        # Whoever embeds the badge may override its colour in the address, but not that of an error.
        "isError": verdict != "held",
    }
    return json.dumps(badge, indent=2).encode("ascii") + b"\n"


def _message(judgement: Judgement) -> str:
    verdict = judgement.verdict
    judged = [result.verdict for result in judgement.invariants if result.status == "judged"]
    if verdict == "inconclusive":
        return verdict
    if verdict == "held":
        return f"{verdict}: {number_of(len(judged), 'promise')}"
    return f"{verdict}: {judged.count(verdict)} of {number_of(len(judged), 'promise')}"
