"""What was kept until a call was cancelled, and broke afterwards: on hand-written histories."""

import pytest

LEAK = "no-cross-resource-leakage"
RECALL = "recall-within-thread"
LEFT = "left behind by a cancelled call"
BOTH = "r0 a !x\nr0 a ?x =x\nr1 b !y\nr1 b ?y =y\n"
QUIET = f"{BOTH}r1 b ?x\nr0 a ?x =x\n"
"""The same chance, with nobody going away: it is not taken."""


def stories(judgement):
    return sorted((one.invariant, one.diagnosis) for one in judgement.findings)


def after(seen):
    """r0 goes away, and r1 comes at once and asks for what r0 told: it sees that much."""
    return f"{BOTH}r0 a ?x gone\n  r1 b ?x{seen}\nr0 a ?x =x\n"


@pytest.fixture
def cancelled(judged):
    def judge(*examples, **options):
        options.setdefault("weights", {"cancel": 1, "chat": 1})
        return judged(
            "\n-- concurrent\n".join(examples), mode="concurrent", invariants=(RECALL, LEAK), **options
        )

    return judge


def test_a_leak_that_comes_only_then_was_left_behind(cancelled):
    judgement = cancelled(QUIET, after(' "x'))
    assert stories(judgement) == [(LEAK, LEFT)]
    assert judgement.findings[0].condition == "cancelled"


@pytest.mark.parametrize(
    "first", [f'{BOTH}r1 b ?x "x\nr0 a ?x =x\n', QUIET.replace("r1 b ?x\n", 'r1 b ?x "x\n')]
)
def test_one_that_was_there_before_has_another_story(cancelled, first):
    assert LEFT not in {diagnosis for _, diagnosis in stories(cancelled(first, after(' "x')))}


def test_without_a_chance_before_that_was_not_taken_nobody_knows(cancelled):
    assert LEFT not in {diagnosis for _, diagnosis in stories(cancelled(after(' "x')))}


def test_what_comes_later_may_be_left_behind_too(cancelled):
    later = f'{after("")}r1 b ?x "x\nr0 a ?x =x\n'
    judgement = cancelled(QUIET, later)
    assert stories(judgement) == [(LEAK, LEFT)]
    assert judgement.findings[0].condition == "interleaved"


def test_a_recall_that_fails_only_then_is_the_same_story(cancelled):
    lost = f"{BOTH}r0 a ?x gone\n  r1 b ?y\nr0 a ?x =x\n"
    long = {"recall": 20}
    assert stories(cancelled(QUIET, lost, contract=long)) == [(RECALL, LEFT)]
    before = f"{BOTH}r1 b ?y\n"
    assert stories(cancelled(before, lost, contract=long)) == [(RECALL, "forgets what it was told")]


def cells(judgement):
    return {cell.condition: cell.state for cell in judgement.coverage if cell.relation == LEAK}


def test_chances_right_after_are_a_condition_of_their_own(cancelled):
    assert cells(cancelled(after("")))["cancelled"] == "controlled"
    assert cells(cancelled(QUIET, QUIET))["cancelled"] == "not reached"


def test_whoever_went_away_itself_or_came_before_is_not_right_after(cancelled):
    alone = f"{BOTH}r1 b ?x gone\nr1 b ?x\nr0 a ?x =x\n"
    assert cells(cancelled(alone))["cancelled"] == "not reached"


def test_what_never_gives_way_cannot_be_cancelled(cancelled):
    judgement = cancelled(QUIET, never_suspends=True)
    (cell,) = [cell for cell in judgement.coverage if (cell.relation, cell.condition) == (LEAK, "cancelled")]
    assert cell.state == "not offered"
    assert "cannot be cancelled" in cell.reason


def test_a_call_that_was_cancelled_on_purpose_is_no_error_of_the_target(cancelled):
    assert not any("error" in note for note in cancelled(after("")).notes)
