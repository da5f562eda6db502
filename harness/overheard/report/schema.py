"""The published JSON Schema of `report.json` (draft 2020-12)."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from overheard.report.model import Report


def schema() -> dict[str, Any]:
    """The schema, generated from `report.model`, so that it cannot say anything else than the bytes do."""
    generated = msgspec.json.schema(Report)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "overheard report",
        **generated,
    }


def schema_text() -> str:
    """The schema as it stands in `docs/schema/report.schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=True) + "\n"
