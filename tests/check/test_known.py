"""Known findings: a promise that only they break is accepted, never held, and nothing new hides behind them."""

from datetime import date

import pytest
from msgspec.structs import replace

from overheard.check.verdict import merge
from overheard.core.baseline import Known, is_place, uncovered

LEAKY = """
r0 a !x
r0 a ?x =x
r1 b !y
r1 b ?y =y
r0 c ?x
r1 b ?x
r1 a ?x =x
r0 - ?x no
r1 A !w
r1 A ?w =w
r1 A ?x
r0 a ?x =x
r1 b ?y =y
"""

OWNERSHIP = Known(
    number=1,
    invariant="thread-ownership",
    diagnosis="thread id is the only key",
    places=("send/reply",),
    reason="the new store checks the owner",
    owner="ada",
    expires=date(2030, 3, 31),
)


def of(judgement, name="thread-ownership"):
    return next(one for one in judgement.invariants if one.name == name)


def test_without_a_baseline_it_is_violated(judged):
    result = judged(LEAKY)
    assert result.verdict == of(result).verdict == "violated"
    (finding,) = result.findings
    assert finding.places == finding.new == ("send/prompt", "send/reply")
    assert not finding.known
    assert result.baseline == ()


def test_a_known_finding_is_accepted_and_never_held(judged):
    result = judged(LEAKY, baseline=(OWNERSHIP,))
    assert result.verdict == of(result).verdict == "accepted"
    assert of(result).reasons == (
        "thread id is the only key: accepted until 2030-03-31 by ada: the new store checks the owner",
    )
    assert (of(result).findings, of(result).known, of(result).bound) == (1, 1, None)
    (finding,) = result.findings
    assert finding.known
    assert finding.accepted == (OWNERSHIP,)
    assert finding.new == ()
    assert [(one.state, one.findings) for one in result.baseline] == [("hides", 1)]
    assert {one.verdict for one in result.invariants if one.status == "judged"} == {"held", "accepted"}


@pytest.mark.parametrize(
    ("started", "verdict"),
    [
        ("2030-03-31T23:59:59+00:00", "accepted"),
        ("2030-04-01T00:00:00+00:00", "violated"),
        ("", "violated"),
        ("some day", "violated"),
    ],
)
def test_an_entry_that_is_over_hides_nothing_and_is_said(judged, started, verdict):
    result = judged(LEAKY, baseline=(OWNERSHIP,), started=started)
    assert result.verdict == verdict
    if verdict == "violated":
        (finding,) = result.findings
        assert (finding.accepted, finding.lapsed) == ((), (OWNERSHIP,))
        assert [(one.state, one.findings) for one in result.baseline] == [("expired", 1)]
        assert any(
            "expired on 2030-03-31 and hides nothing: it was found again" in note for note in result.notes
        )


@pytest.mark.parametrize(
    "other",
    [
        {"invariant": "no-cross-thread-recall"},
        {"diagnosis": "taken over by write"},
        {"places": ("search/listing",)},
        {"places": ("send/error",)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_finding_is_new_and_the_entry_hides_nothing(judged, other):
    entry = replace(OWNERSHIP, **other)
    result = judged(LEAKY, baseline=(entry,))
    assert result.verdict == "violated"
    state = "hides" if other.get("places") == ("send/error",) else "unused"
    assert [one.state for one in result.baseline] == [state]
    if state == "unused":
        assert any("hides nothing any more: take it out" in note for note in result.notes)


def test_a_place_that_no_entry_knows_makes_a_finding_new(judged):
    text = LEAKY.replace("r1 a ?x =x", "r1 a ?x =x\nr1 a ?x via:search =x")
    result = judged(text, baseline=(OWNERSHIP,))
    assert result.verdict == "violated"
    (finding,) = [one for one in result.findings if one.diagnosis == "thread id is the only key"]
    assert finding.accepted == (OWNERSHIP,)
    assert finding.new == ("search/listing",)
    wider = replace(OWNERSHIP, number=2, places=("search/listing",))
    result = judged(text, baseline=(OWNERSHIP, wider))
    (finding,) = [one for one in result.findings if one.diagnosis == "thread id is the only key"]
    assert finding.known
    assert finding.accepted == (OWNERSHIP, wider)


def test_whoever_accepts_what_is_shown_accepts_the_prompt_behind_it_and_not_the_other_way_round():
    shown, prompted = OWNERSHIP, replace(OWNERSHIP, places=("send/prompt",))
    assert uncovered(("send/prompt", "send/reply"), (shown,)) == ()
    assert uncovered(("send/prompt", "send/reply"), (prompted,)) == ("send/reply",)
    assert uncovered(("stream/prompt",), (shown,)) == ("stream/prompt",)


def test_in_a_part_of_a_run_the_diagnosis_does_not_count(judged):
    entry = replace(OWNERSHIP, diagnosis="ids ignored or hardcoded")
    assert judged(LEAKY, baseline=(entry,)).verdict == "violated"
    part = judged(LEAKY, baseline=(entry,), part=True)
    assert part.part
    assert part.verdict == "accepted"


def test_that_an_entry_hides_nothing_is_said_of_whole_runs_only(judged):
    elsewhere = replace(OWNERSHIP, invariant="no-cross-thread-recall")
    for more in ({"part": True}, {"cut": True}):
        result = judged(LEAKY, baseline=(elsewhere,), **more)
        assert [one.state for one in result.baseline] == ["not judged"]
        assert not any("baseline" in note for note in result.notes)
    result = judged(LEAKY, baseline=(OWNERSHIP,), contract={"thread_ids": "bearer"})
    assert [one.state for one in result.baseline] == ["unused"], "nothing is promised any more"


def test_what_else_was_not_shown_is_no_better_for_a_known_finding(judged):
    """A promise that is broken in one case and was not tried in another is not accepted, it is inconclusive."""
    asks = {
        "invariants": ("thread-ownership", "ids-required"),
        "missing": {"kinds": ["null"], "ids": ["thread"]},
    }
    ids = replace(
        OWNERSHIP, invariant="ids-required", diagnosis="a missing id falls back to the last conversation"
    )
    text = LEAKY.replace("r1 a ?x =x", "r1 a ?x no").replace("r0 - ?x no", "r0 - ?x =x")
    assert of(judged(text, baseline=(ids,)), "ids-required").verdict == "accepted"
    result = judged(text, baseline=(ids,), **asks)
    assert of(result, "ids-required").verdict == "inconclusive"
    assert of(result, "ids-required").known == 1


def test_where_it_leaks_by_itself_no_leak_has_to_be_put_in(judged):
    result = judged(LEAKY, baseline=(OWNERSHIP,), proved=False)
    assert of(result).verdict == "accepted"
    assert of(result, "no-cross-thread-recall").verdict == "inconclusive"


def test_accepted_lies_between_held_and_inconclusive():
    assert merge(["held", "accepted"]) == "accepted"
    assert merge(["accepted", "inconclusive"]) == "inconclusive"
    assert merge(["accepted", "violated"]) == "violated"


@pytest.mark.parametrize(
    ("written", "right"),
    [("send/reply", True), ("a/b/listing", True), ("send", False), ("/reply", False), ("send/loud", False)],
)
def test_a_place_is_a_surface_and_a_channel(written, right):
    assert is_place(written) == right
