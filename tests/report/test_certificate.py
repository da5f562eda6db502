"""`certificate.json`: an in-toto statement by its own library, and never a pass for anything but held."""

import json

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from msgspec.structs import replace

from overheard.report.certificate import to_certificate, uncertified


def checked(judgement):
    """The statement, as the library of in-toto reads and validates it."""
    raw = to_certificate(judgement)
    assert raw.isascii()
    parsed = ParseDict(json.loads(raw), Message())
    Statement.copy_from_pb(parsed).validate()
    for subject in parsed.subject:
        ResourceDescriptor.copy_from_pb(subject).validate()
    return json.loads(raw)


def test_what_held_is_certified_and_what_is_not_claimed_stands_with_it(held):
    assert uncertified(held) == ""
    statement = checked(held)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/svr/v0.1"
    assert statement["subject"] == [{"name": "examples/agent.py", "digest": {"sha256": "ab" * 32}}]
    predicate = statement["predicate"]
    assert predicate["verifier"] == {"id": "pkg:pypi/overheard@0.1.0"}
    assert predicate["timeCreated"] == "2030-01-01T00:00:00Z"
    assert predicate["properties"] == [
        "OVERHEARD_RECALL_WITHIN_THREAD",
        "OVERHEARD_NO_CROSS_THREAD_RECALL",
        "OVERHEARD_NO_CROSS_RESOURCE_LEAKAGE",
        "OVERHEARD_IDS_REQUIRED",
    ]
    more = predicate["overheard"]
    assert more["claims"][1] == {
        "property": "OVERHEARD_NO_CROSS_THREAD_RECALL",
        "promise": "no-cross-thread-recall, in words",
        "exposures": 120,
        "controls": 240,
        "examples": 40,
        "bound": "0.073",
    }
    assert "thread-ownership: not promised" in more["nonClaims"]
    assert any("production traffic" in line for line in more["nonClaims"])
    assert any("the digest is that of the one file" in line for line in more["nonClaims"])
    assert more["contract"]["thread_ids"] == "bearer"
    assert more["replay"].endswith("--seed 42")


@pytest.mark.parametrize("which", ["violated", "accepted", "inconclusive"])
def test_what_did_not_hold_has_none(request, which):
    judgement = request.getfixturevalue(which)
    assert uncertified(judgement) == f"the run is {which}"
    with pytest.raises(ValueError, match=which):
        to_certificate(judgement)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"complete": False}, "did not come to its end"),
        ({"source": None}, "no file names the target"),
        ({"started": ""}, "when it was recorded"),
        ({"started": "yesterday"}, "when it was recorded"),
        ({"invariants": ()}, "not every promise"),
    ],
)
def test_nor_has_what_proves_nothing(held, change, why):
    judgement = replace(held, **change)
    assert why in uncertified(judgement)
    with pytest.raises(ValueError, match=why):
        to_certificate(judgement)


def test_a_finding_that_did_not_change_the_verdict_is_none_the_less_in_the_way(held, finding):
    assert uncertified(replace(held, findings=(finding,)))
    doubtful = replace(held.invariants[0], verdict="inconclusive")
    assert uncertified(replace(held, invariants=(doubtful, *held.invariants[1:])))


# Not shrunk: a whole judgement takes minutes of it, and says no more afterwards.
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_only_what_held_is_ever_certified(judgements, held, data):
    drawn = data.draw(judgements)
    judgement = data.draw(
        st.sampled_from(
            [
                drawn,
                replace(drawn, started=held.started, source=held.source),
                replace(
                    held,
                    target=drawn.target,
                    notes=drawn.notes,
                    versions=drawn.versions,
                    scenarios=drawn.scenarios,
                ),
                replace(held, invariants=drawn.invariants, findings=drawn.findings),
            ]
        )
    )
    if uncertified(judgement):
        with pytest.raises(ValueError, match=r".+"):
            to_certificate(judgement)
        return
    assume(judgement.source is not None)
    assert judgement.verdict == "held"
    assert judgement.complete
    assert judgement.findings == ()
    statement = checked(judgement)
    assert to_certificate(judgement) == to_certificate(judgement)
    judged = [one for one in judgement.invariants if one.status == "judged"]
    assert judged
    assert all(one.verdict == "held" for one in judged)
    assert len(statement["predicate"]["overheard"]["claims"]) == len(judged)
