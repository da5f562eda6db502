import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.report.badge import to_badge


@pytest.mark.parametrize(
    ("which", "message", "colour"),
    [
        ("held", "held: 4 promises", "brightgreen"),
        ("violated", "violated: 2 of 5 promises", "red"),
        ("accepted", "accepted: 1 of 5 promises", "yellow"),
        ("inconclusive", "inconclusive", "yellow"),
    ],
)
def test_it_says_the_verdict(request, which, message, colour):
    badge = json.loads(to_badge(request.getfixturevalue(which)))
    assert badge == {
        "schemaVersion": 1,
        "label": "isolation",
        "message": message,
        "color": colour,
        "isError": which != "held",
    }


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_it_is_green_only_for_held(judgements, data):
    judgement = data.draw(judgements)
    badge = json.loads(to_badge(judgement))
    assert ("green" in badge["color"]) == (judgement.verdict == "held")
    # An error's colour cannot be overridden in the address of the badge.
    assert badge["isError"] == (judgement.verdict != "held")
    assert badge["message"].startswith(judgement.verdict)
    assert to_badge(judgement) == to_badge(replace(judgement))
