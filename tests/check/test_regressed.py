"""Earlier failures driven again: shown, not shown and proved, not shown and no proof."""

from datetime import date

import pytest
from msgspec.structs import replace

from overheard.check.narrow import narrow
from overheard.core.baseline import Known
from overheard.core.offers import Offers, Takes
from overheard.core.operation import Operation, Plan
from overheard.core.regression import Regression

HELD = """
r0 a !x
r0 a ?x =x
r1 b !y
r1 b ?y =y
r0 c ?x
r1 b ?x
r1 a ?x no
r0 - ?x no
r1 A !w
r1 A ?w =w
r1 A ?x
r0 a ?x =x
r1 b ?y =y
"""

STRANGER = Regression(
    name="a-stranger",
    invariant="thread-ownership",
    diagnosis="thread id is the only key",
    told_by=0,
    seen_by=1,
    plan=Plan(
        scenario="stranger",
        mode="sequential",
        operations=tuple(
            Operation(number=number, round=number, caller=f"r{number}", text="…") for number in range(2)
        ),
    ),
)


@pytest.fixture
def again(judged):
    """again(example, …) -> the judgement of a campaign that held, before which that was driven."""

    def make(example, *more, regression=STRANGER, **options):
        plays = [example, *more]
        text = "\n--\n".join([*plays, HELD])
        return judged(text, again=dict.fromkeys(range(len(plays)), regression.name),
                      regressions=(regression,), **options)  # fmt: skip

    return make


@pytest.mark.parametrize(
    ("example", "verdict", "words"),
    [
        ("r0 a !x\nr1 a ?x =x\nr0 a ?x =x", "violated", ""),
        ("r0 a !x\nr1 a ?x no:x\nr0 a ?x =x", "violated", ""),
        ("r0 a !x\nr1 a ?x no\nr0 a ?x =x", "held", ""),
        ("r0 a !x\nr1 a ?x\nr0 a ?x =x", "held", ""),
        ("r0 a !x\nr1 a ?x no\nr0 a ?x", "inconclusive", "was not shown it afterwards"),
        ("r0 a !x\nr1 a ?x no\nr0 a ?x err", "inconclusive", "was not shown it afterwards"),
        ("r0 a !x err\nr1 a ?x no\nr0 a ?x", "inconclusive", "the call that tells ended in an error"),
        ("r0 a !x\nr1 a ?x err\nr0 a ?x =x", "inconclusive", "the call that saw it ended in an error"),
        ("r0 a !x no\nr1 a ?x no\nr0 a ?x no", "inconclusive", "whoever tells the fact was turned away"),
    ],
)
def test_it_holds_only_where_it_would_have_shown(again, example, verdict, words):
    result = again(example)
    (one,) = result.regressions
    assert one.verdict == verdict
    assert one.plays == 1
    assert one.shown == (verdict == "violated")
    assert words in " ".join(one.reasons)
    assert result.verdict == verdict
    if verdict == "inconclusive":
        assert any(reason.startswith("earlier failure a-stranger: ") for reason in result.reasons)


def test_what_it_proves_counts_nowhere_else(again):
    result = again("r0 a !x\nr1 a ?x no\nr0 a ?x =x")
    ownership = next(one for one in result.invariants if one.name == "thread-ownership")
    assert (ownership.exposures, ownership.examples) == (1, 1)
    nothing = again("r0 a !x\nr1 a ?x no\nr0 a ?x =x", invariants=("recall-within-thread",))
    assert next(one for one in nothing.invariants if one.name == "thread-ownership").status == "not offered"


def test_once_is_enough_in_either_direction(again):
    quiet, shown, vague = (
        "r0 a !x\nr1 a ?x no\nr0 a ?x =x",
        "r0 a !x\nr1 a ?x =x\nr0 a ?x =x",
        "r0 a !x\nr1 a ?x no\nr0 a ?x",
    )
    assert again(vague, quiet).regressions[0].verdict == "held"
    result = again(quiet, vague, shown)
    assert result.regressions[0].verdict == "violated"
    assert (result.regressions[0].plays, result.regressions[0].shown) == (3, 1)


def test_where_nobody_promises_recall_none_is_asked_for(again):
    """Two turns of the teller's own lie between: at a window of nothing it may have been forgotten."""
    plan = STRANGER.plan
    four = tuple(replace(plan.operations[0], number=number, round=number) for number in range(4))
    long = replace(STRANGER, seen_by=3, plan=replace(plan, operations=four))
    text = "r0 a !x\nr0 a !z\nr0 a !y\nr1 a ?x no\nr0 a ?x"
    assert again(text, regression=long).regressions[0].verdict == "held"
    assert again(text, regression=long, contract={"recall": 8}).regressions[0].verdict == "inconclusive"


def test_what_is_not_about_this_target_is_said(again):
    result = again("r0 a !x\nr1 a ?x =x", contract={"thread_ids": "bearer"})
    (one,) = result.regressions
    assert (one.status, one.verdict) == ("not promised", None)
    searching = replace(STRANGER.plan.operations[1], surface="search")
    elsewhere = replace(
        STRANGER, plan=replace(STRANGER.plan, operations=(STRANGER.plan.operations[0], searching))
    )
    (one,) = again("r0 a !x", regression=elsewhere).regressions
    assert (one.status, one.verdict, one.reasons) == ("not offered", None, ("the target has no search",))


def test_what_was_asked_for_and_never_driven_is_inconclusive(judged):
    result = judged(HELD, regressions=(STRANGER,))
    assert result.regressions[0].verdict == result.verdict == "inconclusive"
    assert result.regressions[0].reasons == ("the run ended before it was driven",)


def test_what_is_known_is_accepted(again):
    entry = Known(
        number=1, invariant="thread-ownership", diagnosis="thread id is the only key", places=("send/reply",),
        reason="r", owner="ada", expires=date(2030, 3, 31),
    )  # fmt: skip
    result = again("r0 a !x\nr1 a ?x =x\nr0 a ?x =x", baseline=(entry,))
    assert result.regressions[0].verdict == result.verdict == "accepted"


def test_a_selection_of_earlier_failures_alone_speaks_of_them(again):
    assert narrow(again("r0 a !x\nr1 a ?x no\nr0 a ?x =x"), {"a-stranger"}).verdict == "held"
    result = narrow(again("r0 a !x\nr1 a ?x =x\nr0 a ?x =x"), {"a-stranger"})
    assert result.verdict == "violated"
    assert [one.invariant for one in result.findings] == ["thread-ownership"]
    result = narrow(again("r0 a !x\nr1 a ?x err\nr0 a ?x =x"), {"a-stranger"})
    assert result.verdict == "inconclusive"
    assert "ended in an error" in result.reasons[0]


BEYOND = Offers(
    surfaces=("send", "list_threads", "read_messages", "delete_thread"),
    beyond={
        "list_threads": Takes(accepts=("resource",)),
        "read_messages": Takes(accepts=("thread", "resource")),
        "delete_thread": Takes(accepts=("thread", "resource")),
    },
)


def steps(*surfaces, callers, told_by=0, seen_by, invariant):
    """An earlier failure that looks like this; what its operations say is in the history."""
    return Regression(
        name="a-stranger",
        invariant=invariant,
        diagnosis="d",
        told_by=told_by,
        seen_by=seen_by,
        plan=Plan(
            scenario="s",
            mode="interleaved",
            operations=tuple(
                Operation(number=number, round=number, caller=caller, surface=surface)
                for number, (surface, caller) in enumerate(zip(surfaces, callers, strict=True))
            ),
        ),
    )


FORGOTTEN = steps(
    "send", "read_messages", "delete_thread", "send", callers=("r0",) * 4, seen_by=3,
    invariant="forgotten-stays-forgotten",
)  # fmt: skip


@pytest.mark.parametrize(
    ("look", "delete", "after", "verdict", "words"),
    [
        ('?x "x', "", "?x", "held", ""),
        ('?x "x', "", "?x =x", "violated", ""),
        ("?x", "", "?x", "inconclusive", "was not shown it before it was deleted"),
        ('?x "x', "no", "?x", "inconclusive", "what was to be forgotten was not deleted"),
        ('?x "x', "err", "?x", "inconclusive", "what was to be forgotten was not deleted"),
        ('?x "x', "", "?x err", "inconclusive", "the call that saw it ended in an error"),
    ],
)
def test_what_was_forgotten_was_there_and_was_deleted(again, look, delete, after, verdict, words):
    text = f"r0 a !x\nr0 a via:read_messages {look}\nr0 a via:delete_thread {delete}\nr0 a {after}"
    (one,) = again(text, regression=FORGOTTEN, offers=BEYOND).regressions
    assert (one.verdict, one.shown) == (verdict, verdict == "violated")
    assert words in " ".join(one.reasons)


@pytest.mark.parametrize(
    ("after", "verdict"), [('?x "x', "held"), ("?x", "inconclusive"), ("?x err", "inconclusive")]
)
def test_what_somebody_may_have_destroyed_is_shown_to_its_owner_when_that_is_over(again, after, verdict):
    lost = steps(
        "send", "read_messages", "delete_thread", "read_messages", callers=("r0", "r0", "r1", "r0"), seen_by=2,
        invariant="thread-ownership",
    )  # fmt: skip
    text = f'r0 a !x\nr0 a via:read_messages ?x "x\nr1 a via:delete_thread\nr0 a via:read_messages {after}'
    (one,) = again(text, regression=lost, offers=BEYOND).regressions
    assert one.verdict == verdict, one.reasons


def test_where_nobody_may_recall_it_something_must_be_remembered_at_all(judged):
    missing = steps("send", "send", callers=("r0", "r1"), seen_by=1, invariant="ids-required")
    options = {"again": {0: "a-stranger"}, "regressions": (missing,), "proved": False}
    remembers = judged("r0 - !x\nr1 - ?x\n--\nr0 a !x\nr0 a ?x =x", **options)
    assert remembers.regressions[0].verdict == "held"
    forgets = judged("r0 - !x\nr1 - ?x\n--\nr0 a !x\nr0 a ?x", **options)
    assert forgets.regressions[0].verdict == "inconclusive"
    assert "nothing was remembered" in forgets.regressions[0].reasons[0]


def test_of_a_replay_every_time_has_to_prove_something(again):
    quiet, shown, vague = (
        "r0 a !x\nr1 a ?x no\nr0 a ?x =x",
        "r0 a !x\nr1 a ?x =x\nr0 a ?x =x",
        "r0 a !x\nr1 a ?x no\nr0 a ?x",
    )
    assert again(quiet, quiet, replays=2).regressions[0].verdict == "held"
    assert again(quiet, vague, replays=2).regressions[0].verdict == "inconclusive"
    (one,) = again(quiet, replays=2).regressions
    assert (one.verdict, one.reasons) == ("inconclusive", ("it was driven 1 of 2 times: cut short",))
    (one,) = again(quiet, vague, shown, replays=3).regressions
    assert (one.verdict, one.plays, one.shown) == ("violated", 3, 1)
    assert (one.witness.owner.caller, one.witness.observer.caller) == ("r0", "r1")
    assert one.witness.minimal == STRANGER.plan
    assert (one.witness.replayed, one.witness.replays) == (1, 3)


def test_a_look_in_the_midst_of_the_plan_is_a_proof_too(again):
    """In a race both ask at once, and what comes at the end may be a turn too late."""
    race = steps(
        "send", "send", "send", callers=("r0", "r1", "r0"), seen_by=1, invariant="no-cross-resource-leakage"
    )
    shown, forgotten = "r0 a !x\nr1 b ?x\n  r0 a ?x =x\nr0 a ?x", "r0 a !x\nr1 b ?x\n  r0 a ?x\nr0 a ?x"
    assert again(shown, regression=race).regressions[0].verdict == "held"
    (one,) = again(forgotten, regression=race).regressions
    assert (one.verdict, "was not shown it afterwards" in one.reasons[0]) == ("inconclusive", True)
