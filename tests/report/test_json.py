import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.report.json import to_json
from overheard.report.schema import schema, schema_text

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema" / "report.schema.json"


@pytest.fixture(scope="module")
def valid():
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_the_published_schema_is_the_one_in_the_package():
    assert PUBLISHED.read_text() == schema_text(), "write overheard.report.schema.schema_text() there"


def test_the_schema_is_strict(held, valid):
    objects = [part for part in schema()["$defs"].values() if part["type"] == "object"]
    assert len(objects) > 8
    assert all(part["additionalProperties"] is False for part in objects)
    assert all(set(part["required"]) == set(part["properties"]) for part in objects)
    report = json.loads(to_json(held))
    assert not list(valid.iter_errors(report))
    assert list(valid.iter_errors({**report, "more": 1}))
    assert list(valid.iter_errors({**report, "verdict": "passed"}))


def test_invariants_are_all_there_and_verdicts_only_where_judged(held):
    report = json.loads(to_json(held))
    assert report["format"] == 1
    assert report["verdict"] == "held"
    by_name = {one["name"]: one for one in report["invariants"]}
    assert len(by_name) == 5
    assert by_name["thread-ownership"] == {
        "name": "thread-ownership",
        "title": "thread-ownership, in words",
        "status": "not promised",
        "verdict": None,
        "exposures": 0,
        "late": 0,
        "uncontrolled": 0,
        "controls": 0,
        "findings": 0,
        "known": 0,
        "examples": 0,
        "bound": None,
        "reasons": ["thread_ids is bearer"],
    }
    assert by_name["ids-required"]["bound"] == 0.0722


def test_a_finding(violated):
    first, second = json.loads(to_json(violated))["findings"]
    assert first["owner"] == {
        "caller": "r0",
        "tenant": None,
        "resource": "'user-3fa9'",
        "thread": "'t-5d0c'",
        "operation": 4,
    }
    assert first["observer"]["resource"] == "OMITTED"
    assert (first["told_at"], first["seen_at"]) == (1_204_113, 1_310_007)
    assert first["evidence"]["text"] is None
    assert first["evidence"]["length"] == len(violated.findings[0].evidence)
    assert first["counterexample"] == "counterexamples/counterexample-1.py"
    assert second["counterexample"] is None
    assert (first["replayed"], first["replays"]) == (2, 3)


def test_a_known_finding_is_there_and_says_who_accepts_it(accepted, valid):
    report = json.loads(to_json(accepted))
    assert not list(valid.iter_errors(report))
    assert report["verdict"] == "accepted"
    assert {one["name"]: one["verdict"] for one in report["invariants"]}["thread-ownership"] == "accepted"
    (finding,) = report["findings"]
    assert finding["known"]
    assert (finding["new"], finding["places"]) == ([], ["send/prompt", "send/reply"])
    (entry,) = finding["accepted"]
    assert (entry["number"], entry["owner"], entry["expires"]) == (2, "ada@example.org", "2030-03-31")
    assert [(one["verdict"], one["plays"], one["shown"]) for one in report["regressions"]] == [
        ("accepted", 1, 1),
        ("held", 1, 0),
    ]
    assert [(one["state"], one["entry"]["number"]) for one in report["baseline"]] == [
        ("expired", 1),
        ("hides", 2),
    ]


def test_every_key_of_the_contract_says_where_it_came_from(held):
    contract = json.loads(to_json(held))["contract"]
    assert contract["thread_ids"] == {"value": "bearer", "origin": "target"}
    assert contract["scope"] == {"value": "thread", "origin": "default"}
    assert contract["scope.search"] == {"value": "resource", "origin": "flag"}
    assert contract["missing_ids.null"] == {"value": "refuse", "origin": "flag"}
    # White space is no missing id until it is named, so a sweeping setting did not touch it.
    assert contract["missing_ids.blank"] == {"value": "ordinary", "origin": "default"}
    assert contract["recall"] == {"value": 0, "origin": "default"}


def test_ids_are_harmless_on_a_terminal(violated, finding):
    odd = replace(finding, owner=replace(finding.owner, resource="'\x9b31m\u202e\x7f'"))
    raw = to_json(replace(violated, findings=(odd,)))
    assert raw.isascii()
    assert json.loads(raw)["findings"][0]["owner"]["resource"] == "'\\x9b31m\\u202e\\x7f'"


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data(), show=st.booleans())
def test_any_judgement_is_valid_ascii_and_the_same_twice(judgements, valid, data, show):
    judgement = data.draw(judgements)
    raw = to_json(judgement, show=show)
    assert raw == to_json(judgement, show=show)
    assert raw.isascii()
    assert not {byte for byte in raw if byte < 0x20 or byte == 0x7F} - {0x0A}
    report = json.loads(raw)
    assert not list(valid.iter_errors(report))
    assert len(report["findings"]) == len(judgement.findings)
