"""`junit.xml`, as strict readers of such files take it."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.check.verdict import merge
from overheard.report.junit import to_junit

# What the xunit plugin of Jenkins allows (junit-10.xsd), as far as it is written here.
ALLOWED = {
    "testsuites": (set(), {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        {"properties", "testcase"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name", "classname", "time"}, {"failure", "error", "skipped"}),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
}


OPENS = {"accepted": "held"}
"""What is broken by known findings only lets a gate open, and yet no case of it may have passed."""


def verdict_of(document):
    """What a reader says that knows failures and errors, and nothing of us."""
    suite = document.find("testsuite")
    assert int(suite.get("tests")) == len(suite.findall("testcase"))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(attribute)) == len(suite.findall(f"testcase/{tag}"))
    if suite.findall("testcase/failure"):
        return "violated"
    return "inconclusive" if suite.findall("testcase/error") else "held"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_judgement_is_a_file_that_strict_readers_take(judgements, data):
    judgement = data.draw(judgements)
    document = ET.fromstring(to_junit(judgement))
    for element in document.iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children
        for value in (*element.attrib.values(), element.text or ""):
            assert value.replace("\n", " ").isprintable() or "\xa0" in value or not value.isascii()
    for case in document.iter("testcase"):
        assert len(case) <= 1
    carried = [judgement.verdict]
    carried += [one.verdict for one in judgement.invariants if one.status == "judged" and one.verdict]
    carried += [one.verdict for one in judgement.regressions if one.verdict]
    assert verdict_of(document) == OPENS.get(merge(carried), merge(carried))


@pytest.mark.parametrize("verdict", ["held", "inconclusive", "violated"])
def test_a_verdict_that_no_promise_carries_has_a_case_of_its_own(held, verdict):
    judgement = replace(held, verdict=verdict, invariants=(), findings=())
    assert verdict_of(ET.fromstring(to_junit(judgement))) == verdict


def test_what_is_accepted_neither_fails_nor_passes(accepted):
    document = ET.fromstring(to_junit(accepted))
    (case,) = [case for case in document.iter("testcase") if case.get("name") == "thread-ownership"]
    (state,) = case
    assert state.tag == "skipped"
    assert state.get("message") == "accepted: ada accepts it"
    earlier = {
        case.get("name"): [state.tag for state in case]
        for case in document.iter("testcase")
        if case.get("classname").endswith(".regressions")
    }
    assert list(earlier.values()) == [["skipped"], []]
    assert verdict_of(document) == "held"


def test_what_was_found_can_be_read_and_evidence_stays_away(violated):
    text = to_junit(violated).decode()
    (finding,) = violated.findings[:1]
    assert finding.diagnosis in text
    assert finding.token not in text
    assert finding.token in to_junit(violated, show=True).decode()
