"""Ids, as templates: every one carries the example's namespace, so that examples never meet.

A target may take a thread id for the key to everything, and be right to do so; a short id such as `7`
that two examples used would then be a leak of our own making. Ids of one example differ in a place that
lower-casing, stripping, cutting at 32 characters or dropping punctuation leaves alone.
"""

from __future__ import annotations

from overheard.core.ids import MissingKind
from overheard.scenario.model import Identifiers

_TOPICS = ("support", "billing", "travel", "kitchen", "research", "garden", "music", "taxes")
_NAMES = ("ann.lee", "bob.ray", "cleo.fox", "dan.kim", "eva.roy", "finn.may", "gil.oz", "hana.ito")
_WORDS = ("søster", "мария", "太郎", "ελένη", "josé", "יעל", "सीता", "zoë")

BLANKS = (" ", "   ", "\t", "\n")
"""White space alone, in the ways in which forms and templates produce it."""


def resource_id(strategy: Identifiers, number: int) -> str:
    """The id of resource `number` of a plan."""
    match strategy:
        case "existing":
            return f"cust-<<ns>>-{10_001 + 37 * number}"
        case "uuid":
            return f"<<uuid:r{number}>>"
        case "composite":
            return f"u{number:03}-<<ns>>"
        case "session":
            return f"user_<<hex:r{number}>>"
        case "sequential":
            return f"<<ns>>{number:03}"
        case "email":
            return f"{_NAMES[number % len(_NAMES)]}{number:03}.<<ns>>@example.com"
        case "unicode":
            return f"{_WORDS[number % len(_WORDS)]}{number:03}-<<ns>>"


def thread_id(strategy: Identifiers, resource: str, number: int, place: int) -> str:
    """The id of thread `place` of a resource with number `number` and id `resource`."""
    match strategy:
        case "existing":
            return f"conv-<<ns>>-{500_003 + 97 * number}{place:02}"
        case "uuid":
            return f"<<uuid:r{number}.t{place}>>"
        case "composite":
            return f"{resource}-{_TOPICS[place % len(_TOPICS)]}{place:02}"
        case "session":
            return f"sess_<<hex:r{number}.t{place}>>"
        case "sequential":
            # Five digits, so that thread 0 of resource 1001 is not thread 100 of resource 100.
            return f"<<ns>>{number:05}{place:02}"
        case "email":
            return f"{place:02}/{resource}"
        case "unicode":
            return f"会話{place:02}·{resource}"


def tenant_id(strategy: Identifiers, number: int) -> str:
    """The id of tenant `number` of a plan."""
    match strategy:
        case "uuid":
            return f"<<uuid:tenant{number}>>"
        case "session":
            return f"org_<<hex:tenant{number}>>"
        case _:
            return f"org{number:02}-<<ns>>"


def missing_id(kind: MissingKind, number: int) -> str | None:
    """The value of an id that is missing in one of the ways that pass the keyword."""
    match kind:
        case "null":
            return None
        case "empty":
            return ""
        case "blank":
            return BLANKS[number % len(BLANKS)]
        case "omitted":
            raise ValueError("an omitted id has no value: the keyword is not passed")
