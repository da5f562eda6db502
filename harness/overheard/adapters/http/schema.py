"""The published JSON Schema of target files (draft 2020-12), generated from `model`."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from overheard.adapters.http.model import TargetFile

SCHEMA_ID: Final = "https://overheard.dev/schema/target.schema.json"


def schema() -> dict[str, Any]:
    """The schema, as plain data."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "overheard target",
        **msgspec.json.schema(TargetFile),
    }


def schema_text() -> str:
    """The schema as it stands in `docs/schema/target.schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=True) + "\n"
