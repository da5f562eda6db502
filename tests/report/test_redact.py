from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.report.json import to_json
from overheard.report.markdown import to_markdown
from overheard.report.redact import Redactor, around
from overheard.report.terminal import to_terminal

SECRET = "dora@example.com"


def _all(judgement, *, show):
    return [
        to_terminal(judgement, colour=False, width=200, show=show),
        to_markdown(judgement, show=show),
        to_json(judgement, show=show).decode(),
    ]


def test_evidence_is_withheld_everywhere_unless_asked_for(violated):
    token = violated.findings[0].token
    for report in _all(violated, show=False):
        assert SECRET not in report
        assert token not in report
        assert "OVH1… #" in report.replace("\\u2026", "…")
    for report in _all(violated, show=True):
        assert SECRET in report
        assert token in report


def test_the_same_text_has_another_fingerprint_in_another_campaign(held):
    one, two, three = (
        Redactor(judgement, show=False).fingerprint(SECRET)
        for judgement in (held, replace(held, campaign=8), replace(held, seed=43))
    )
    assert len({one, two, three}) == 3
    assert one == Redactor(held, show=False).fingerprint(SECRET)


def test_other_text_has_another_fingerprint(held):
    redactor = Redactor(held, show=False)
    assert redactor.fingerprint("a") != redactor.fingerprint("b")
    assert len(redactor.fingerprint("half \ud800")) == 10


def test_shown_evidence_is_escaped_and_bounded(violated, finding):
    loud = replace(finding, evidence="\x1b[2J" + "x" * 10_000 + finding.token + "y" * 10_000)
    report = to_terminal(replace(violated, findings=(loud,)), colour=False, width=100, show=True)
    assert "\x1b" not in report
    assert finding.token in report
    assert len(report) < 10_000


@settings(deadline=None)
@given(text=st.text(max_size=50), limit=st.integers(1, 60))
def test_around_keeps_within_its_limit(text, limit):
    assert len(around(text, limit)) <= limit + len("…  …")
