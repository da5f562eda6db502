"""The published schema is what the code checks by, and what the code checks by is the model."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import msgspec
import pytest

from overheard.scenario.load import builtin
from overheard.scenario.model import Colliding, Missing, Population, Scenario
from overheard.scenario.problems import problems
from overheard.scenario.schema import REQUIRED, SCHEMA_ID, schema

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "docs" / "schema" / "scenario.schema.json"


def test_the_committed_schema_is_the_codes_own():
    assert PUBLISHED.read_text() == json.dumps(schema(), indent=2) + "\n", (
        "write it anew: overheard scenarios --schema > docs/schema/scenario.schema.json"
    )


def test_the_command_line_prints_it():
    done = subprocess.run(
        [sys.executable, "-m", "overheard", "scenarios", "--schema"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == PUBLISHED.read_text()


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["$id"] == SCHEMA_ID


def test_its_keys_are_those_of_the_model():
    fields = set(Scenario.__struct_fields__) - {"name"}
    assert set(schema()["properties"]) == fields | {"extends"}
    for table, model in (("population", Population), ("missing", Missing), ("colliding", Colliding)):
        assert set(schema()["properties"][table]["properties"]) == set(model.__struct_fields__)


def test_what_it_requires_is_what_has_no_default():
    bare = {field.name for field in msgspec.structs.fields(Scenario) if field.required}
    assert bare - {"name"} == set(REQUIRED)


def test_every_key_is_described():
    assert [key for key, value in schema()["properties"].items() if not value.get("description")] == []


def test_defaults_are_allowed():
    plain = Scenario(
        name="x", title="t", shows="s", invariants=("recall-within-thread",), weights={"recall": 1}
    )
    data = msgspec.to_builtins(plain)
    del data["name"]
    assert problems(json.loads(json.dumps(data))) == []


@pytest.mark.parametrize("name", sorted(builtin()))
def test_built_in_scenarios_are_valid_under_it(name):
    data = json.loads(msgspec.json.encode(builtin()[name]))
    del data["name"]
    assert list(jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_text())).iter_errors(data)) == []
