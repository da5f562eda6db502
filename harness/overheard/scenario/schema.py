"""The JSON Schema of scenario files: built from the model's own words, so that the two cannot drift.

`docs/schema/scenario.schema.json` is this schema, published; a test holds them equal.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from overheard.core.collision import FAMILIES
from overheard.core.ids import MISSING_KINDS
from overheard.core.operation import Mode
from overheard.scenario.model import COLLIDING_IDS, IDENTIFIERS, INVARIANTS, MISSING_IDS, MOVES, SCHEDULES

SCHEMA_ID: Final = "https://overheard.dev/schema/scenario.schema.json"
REQUIRED: Final = ("title", "shows", "invariants", "weights")
"""Keys that a scenario must have, unless it extends another."""


def schema() -> dict[str, Any]:
    """The schema, as plain data."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "overheard scenario",
        "description": "A scenario file: NAME.toml, named as the scenario is.",
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": list(REQUIRED)}, {"required": ["extends"]}],
        "properties": {
            "extends": _words(
                "Name of the scenario whose values hold where this file has none. "
                "A file named like a built-in scenario must extend it."
            ),
            "title": _words("What it is, in a few words."),
            "shows": _words("What a reader learns from it."),
            "mode": _one_of(
                get_args(Mode),
                "How examples are driven: conversation after conversation; woven, one call at a time; "
                "several calls at once.",
            ),
            "invariants": _some_of(INVARIANTS, "The promises it is there to judge."),
            "references": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "description": "Requirements and weaknesses it bears on.",
            },
            "population": _table(
                "How many there are of each, lowest and highest.",
                resources=_range(1, 64, "Resources in an example."),
                threads=_range(1, 16, "Threads of each resource."),
                tenants=_range(1, 16, "Tenants, where the target takes one."),
                facts=_range(1, 3, "Facts told at a time in one thread."),
            ),
            "identifiers": _some_of(IDENTIFIERS, "The ways in which ids are made."),
            "weights": _table(
                "How often each move is made; the heaviest opens every example; 0 takes a move out.",
                **{move: {"type": "number", "minimum": 0, "maximum": 1000} for move in MOVES},
            ),
            "turns": _range(4, 1000, "Operations of one example."),
            "missing": _table(
                "Ids left out by the moves `missing` and `look`, and in which ways.",
                kinds=_some_of(MISSING_KINDS, "In which ways."),
                ids=_some_of(MISSING_IDS, "Which ids."),
            ),
            "colliding": _table(
                "Ids that the move `collide` makes: different ones that some function takes for one.",
                by=_some_of(FAMILIES, "The function."),
                ids=_some_of(COLLIDING_IDS, "Which ids; `both` are a thread and a resource id together."),
            ),
            "width": _range(2, 64, "Operations started together, in mode `concurrent`."),
            "latency": {
                "type": "integer",
                "minimum": 0,
                "maximum": 10_000,
                "description": "Milliseconds a model call may be kept by the mirror, in mode `concurrent`.",
            },
            "schedules": _table(
                "How often each way of scheduling what overlaps has its turn, in mode `concurrent`.",
                **{kind: {"type": "number", "minimum": 0, "maximum": 1000} for kind in SCHEDULES},
            ),
        },
    }


def _words(description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "description": description}


def _one_of(values: tuple[str, ...], description: str) -> dict[str, Any]:
    return {"enum": list(values), "description": description}


def _some_of(values: tuple[str, ...], description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"enum": list(values)},
        "minItems": 1,
        "uniqueItems": True,
        "description": description,
    }


def _range(lowest: int, highest: int, description: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "integer", "minimum": lowest, "maximum": highest},
        "minItems": 2,
        "maxItems": 2,
        "description": description,
    }


def _table(description: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "description": description,
    }
