"""Every promise: held, broken, and neither, on histories written by hand."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overheard.check import judge as module
from overheard.check.judge import judge
from overheard.history.events import ExampleEnded, Injection
from overheard.history.reader import History

ALL = (
    "recall-within-thread",
    "no-cross-thread-recall",
    "no-cross-resource-leakage",
    "thread-ownership",
    "distinct-ids-stay-distinct",
    "ids-required",
)

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


def of(judgement, name):
    return next(one for one in judgement.invariants if one.name == name)


def stories(judgement):
    return sorted({(one.invariant, one.diagnosis) for one in judgement.findings})


def test_a_correct_target_is_held_and_every_promise_judged(judged):
    result = judged(HELD)
    assert result.verdict == "held", result.reasons
    asked_for = [one for one in result.invariants if one.status != "not offered"]
    assert [one.name for one in asked_for] == list(ALL)
    assert [one.verdict for one in asked_for] == ["held"] * 6
    assert [one.exposures for one in asked_for] == [3, 1, 1, 1, 1, 1]
    assert all(one.examples == 1 for one in asked_for)
    assert of(result, "ids-required").bound == pytest.approx(0.95)
    assert not result.findings
    assert not result.reasons
    assert all(cell.state == "controlled" for cell in result.coverage)


@pytest.mark.parametrize(
    ("line", "leaky", "invariant", "diagnosis"),
    [
        ("r0 c ?x", "r0 c ?x =x", "no-cross-thread-recall", "thread id ignored"),
        ("r1 b ?x", "r1 b ?x =x", "no-cross-resource-leakage", "resource ignored"),
        ("r1 a ?x no", "r1 a ?x =x", "thread-ownership", "thread id is the only key"),
        ("r1 a ?x no", "r1 a ?x no:x", "thread-ownership", "the refusal tells it"),
        ("r1 A ?x", "r1 A ?x =x", "distinct-ids-stay-distinct", "thread ids folded"),
        ("r0 - ?x no", "r0 - ?x =x", "ids-required", "a missing id falls back to the last conversation"),
    ],
)
def test_one_leak_is_one_finding_of_its_own_invariant(judged, line, leaky, invariant, diagnosis):
    result = judged(HELD.replace(line, leaky))
    assert result.verdict == "violated"
    assert stories(result) == [(invariant, diagnosis)]
    verdicts = {one.name: one.verdict for one in result.invariants}
    assert {name for name in ALL if verdicts[name] == "held"} == set(ALL) - {invariant}
    finding = result.findings[0]
    assert (finding.owner.caller, finding.owner.operation) == ("r0", 0)
    assert finding.observer.caller == leaky.split()[0]


def test_a_leak_into_a_prompt_is_a_leak_said_or_unsaid(judged):
    result = judged(HELD.replace("r1 b ?x", "r1 b ?x ~x"))
    assert [(one.channel, one.invariant) for one in result.findings] == [
        ("prompt", "no-cross-resource-leakage")
    ]


def test_what_leaks_to_everybody_is_a_story_of_ids_ignored(judged):
    text = (
        HELD.replace("r0 c ?x", "r0 c ?x =x")
        .replace("r1 b ?x", "r1 b ?x =x")
        .replace("r1 a ?x no", "r1 a ?x =x")
    )
    assert {diagnosis for _, diagnosis in stories(judged(text))} == {"ids ignored or hardcoded"}


PROVED = {"contract": {"authentication": "caller"}}


@pytest.mark.parametrize(
    ("line", "invariant"),
    [("r1@r0 a ?x =x", "thread-ownership"), ("r1@r0 b ?x =x", "no-cross-resource-leakage")],
)
def test_who_proved_to_be_calling_counts_and_not_whom_it_names(judged, line, invariant):
    text = HELD.replace("r1 a ?x no", f"r1 a ?x no\n{line}")
    result = judged(text, **PROVED)
    assert (invariant, "client-supplied resource believed") in stories(result)
    # Where nobody proves anything, whoever names a resource is that resource.
    assert "client-supplied resource believed" not in {story for _, story in stories(judged(text))}
    assert judged(text.replace(line, line.replace("=x", "no")), **PROVED).verdict == "held"


def test_a_thread_that_answers_whoever_holds_its_id_is_no_matter_of_naming(judged):
    text = HELD.replace("r1 a ?x no", "r1 a ?x =x\nr1@r0 a ?x =x")
    assert stories(judged(text, **PROVED)) == [("thread-ownership", "thread id is the only key")]


@pytest.mark.parametrize("proof", ["none", "invalid"])
@pytest.mark.parametrize(
    ("line", "invariant"),
    [("r1@r0 a ?x =x", "thread-ownership"), ("r1@r0 b ?x =x", "no-cross-resource-leakage")],
)
def test_whoever_is_shown_something_without_proving_who_it_is(judged, line, invariant, proof):
    text = HELD.replace("r1 a ?x no", f"r1 a ?x no\n{line} proof:{proof}")
    assert stories(judged(text, **PROVED)) == [(invariant, "credentials are not checked")]
    # Those who had credentials were taken for whom they named as well: that is the same mistake.
    both = text.replace("r1 a ?x no", f"r1 a ?x no\n{line}")
    assert {story for _, story in stories(judged(both, **PROVED))} == {"credentials are not checked"}
    refused = judged(text.replace("=x proof", "no proof"), **PROVED)
    assert refused.verdict == "held"
    words = {"none": "no credentials", "invalid": "invalid credentials"}[proof]
    assert f"{invariant}: {words}" in {
        cell.relation for cell in refused.coverage if cell.state == "controlled"
    }


def test_a_server_that_turns_away_who_proves_nothing_believes_those_who_do(judged):
    text = HELD.replace("r1 a ?x no", "r1 a ?x no\nr1@r0 a ?x =x\nr1@r0 a ?x no proof:none")
    assert stories(judged(text, **PROVED)) == [("thread-ownership", "client-supplied resource believed")]


def test_a_thread_that_answers_whoever_holds_its_id_is_no_matter_of_credentials(judged):
    text = HELD.replace("r1 a ?x no", "r1 a ?x =x\nr1@r0 a ?x =x proof:none")
    assert stories(judged(text, **PROVED)) == [("thread-ownership", "thread id is the only key")]


def test_words_written_under_another_name_are_the_writer_s(judged):
    text = HELD.replace("r1 a ?x no", "r1 a ?x no\nr1@r0 a !z\nr0 a ?z =z")
    assert stories(judged(text, **PROVED)) == [("thread-ownership", "client-supplied resource believed")]


def test_a_caller_that_proved_who_it_is_may_name_no_resource(judged):
    missing = {"kinds": ["omitted"], "ids": ["resource"]}
    itself = HELD.replace("r0 - ?x no", "r0:- a ?x =x\nr0:- d !z\nr0:- d ?z =z\nr1:- a ?x no")
    assert stories(judged(itself, missing=missing))
    result = judged(itself, missing=missing, **PROVED)
    assert result.verdict == "held", (result.reasons, stories(result))
    assert of(result, "ids-required").exposures == 1
    assert stories(judged(itself.replace("r1:- a ?x no", "r1:- a ?x =x"), missing=missing, **PROVED)) == [
        ("ids-required", "a missing id drops the filter")
    ]
    gone = HELD.replace("r0 - ?x no", "r0 - ?x =x")
    assert {name for name, _ in stories(judged(gone, **PROVED))} == {"ids-required"}


def test_two_operations_without_an_id_never_recall_each_other(judged):
    text = HELD.replace("r0 - ?x no", "r0 - !z\nr1 - ?z =z")
    assert ("ids-required", "missing ids share a bucket") in stories(judged(text))


def test_white_space_is_an_ordinary_id_unless_declared(judged):
    text = HELD.replace("r0 - ?x no", "r0 blank !z\nr0 blank ?z =z")
    result = judged(text)
    assert not result.findings
    declared = judged(text, contract={"missing_ids.blank": "closed"})
    assert stories(declared) == [("ids-required", "missing ids share a bucket")]


def test_refuse_means_refuse(judged):
    result = judged(HELD.replace("r0 - ?x no", "r0 - ?x"), contract={"missing_ids": "refuse"})
    assert stories(result) == [("ids-required", "missing ids are not refused")]
    assert judged(HELD.replace("r0 - ?x no", "r0 - ?x")).verdict == "held"


@pytest.mark.parametrize("gone", ["r0 a ?x =x\nr1 b !y", "r0 a ?x =x\nr1 b ?y =y"], ids=["before", "after"])
def test_without_its_bracket_an_exposure_certifies_nothing(judged, gone):
    text = HELD.replace(gone, gone.split("\n")[1])
    result = judged(text)
    cross = of(result, "no-cross-resource-leakage")
    assert cross.verdict == "inconclusive"
    assert cross.exposures == 0
    assert cross.late == (1 if gone.endswith("!y") else 0)


def test_an_unserved_prober_is_no_exposure(judged):
    result = judged(HELD.replace("r1 b ?x", "r1 b ?x void"))
    assert of(result, "no-cross-resource-leakage").verdict == "inconclusive"
    assert of(judged(HELD.replace("r1 b ?x", "r1 b ?x err")), "no-cross-resource-leakage").exposures == 0


def test_an_amnesic_target_breaks_recall_and_proves_nothing_else(judged):
    result = judged("r0 a !x\nr0 a ?x\nr1 b !y\nr1 b ?y\nr1 b ?x\nr0 a ?x")
    assert result.verdict == "violated"
    assert stories(result) == [("recall-within-thread", "remembers nothing")]
    cross = of(result, "no-cross-resource-leakage")
    assert cross.verdict == "inconclusive"
    assert "nothing was remembered, so nothing could leak" in cross.reasons


def test_recall_is_promised_to_the_next_turn_and_as_far_as_the_window(judged):
    text = HELD.replace("r0 a ?x =x\nr1 b !y", "r0 a ?x =x\nr0 a ?x\nr1 b !y")
    assert judged(text).verdict == "held"
    assert stories(judged(text, contract={"recall": 10})) == [
        ("recall-within-thread", "forgets what it was told")
    ]


def test_a_memory_that_ranks_may_miss_a_fact_once_and_find_it_later(judged):
    once = HELD.replace("r0 a ?x =x\nr1 b !y", "r0 a ?x\nr0 a ?x =x\nr1 b !y")
    assert stories(judged(once)) == [("recall-within-thread", "forgets what it was told")]
    result = judged(once, contract={"recall_kind": "ranked"})
    assert result.verdict == "held", result.reasons
    # One that is asked for again and again and never comes is lost, whatever became of the others.
    lost = HELD + "r0 d !z\nr0 d ?z\nr0 d ?z\n"
    ranked = {"recall_kind": "ranked", "recall": 10}
    assert stories(judged(lost, contract=ranked)) == [("recall-within-thread", "forgets what it was told")]


def test_a_memory_that_ranks_and_recalls_nothing_is_no_pass(judged):
    nothing = "r0 a !x\nr0 a ?x\nr1 b !y\nr1 b ?y\nr1 b ?x\nr0 a ?x"
    assert judged(nothing, contract={"recall_kind": "ranked"}).verdict == "inconclusive"
    result = judged(nothing, contract={"recall_kind": "ranked", "recall": 10})
    assert stories(result) == [("recall-within-thread", "remembers nothing")]


def test_an_old_recital_is_no_evidence_of_memory(judged):
    # Operation 1 recited x; its echo comes back in operation 9's reply from a stored message, x itself is gone.
    result = judged(HELD.replace("r0 a ?x =x\nr1 b ?y =y", "r0 a ?x `x@1\nr1 b ?y =y"))
    assert of(result, "no-cross-resource-leakage").verdict == "inconclusive"


def test_an_old_recital_is_a_leak_to_an_outsider(judged):
    result = judged(HELD.replace("r1 b ?x", "r1 b ?x `x@1"))
    assert [one.invariant for one in result.findings] == ["no-cross-resource-leakage"]


def test_bearer_does_not_promise_ownership(judged):
    result = judged(HELD.replace("r1 a ?x no", "r1 a ?x =x"), contract={"thread_ids": "bearer"})
    assert result.verdict == "held", result.reasons
    ownership = of(result, "thread-ownership")
    assert (ownership.status, ownership.verdict, ownership.bound) == ("not promised", None, None)
    assert "bearer" in ownership.reasons[0]


def test_at_scope_resource_threads_share_and_must(judged):
    text = HELD.replace("r0 c ?x", "r0 c ?x =x")
    result = judged(text, contract={"scope": "resource"})
    assert result.verdict == "held", result.reasons
    assert of(result, "no-cross-thread-recall").status == "not promised"
    never = judged(HELD.replace("r0 c ?x", "r0 c ?x\nr0 d ?x\nr0 e ?x"), contract={"scope": "resource"})
    assert stories(never) == [("recall-within-thread", "recalls less than it declares")]


def test_at_scope_tenant_only_another_tenant_is_a_stranger(judged):
    text = HELD.replace("r1 b ?x", "r1 b ?x =x")
    same = judged(text, contract={"scope": "tenant"}, tenants={"r0": "acme", "r1": "acme"})
    assert not same.findings
    other = judged(text, contract={"scope": "tenant"}, tenants={"r0": "acme", "r1": "zenith"})
    assert stories(other) == [("no-cross-resource-leakage", "tenant ignored")]


def test_two_owners_in_one_prompt_are_a_finding_whoever_asked(judged):
    for word in ("lost:xy", "late:xy"):
        result = judged(HELD.replace("r1 b ?y =y\nr0 c", f"r1 b ?y =y {word}\nr0 c"))
        assert stories(result) == [("no-cross-resource-leakage", "mixed prompt")], word


def test_a_late_call_with_one_owner_is_background_work_and_no_leak(judged):
    result = judged(HELD.replace("r1 b ?y =y\nr0 c", "r1 b ?y =y late:x\nr0 c"))
    assert result.verdict == "held"
    assert any("background" in note for note in result.notes)


CONCURRENT = """
-- concurrent
r0 a !x
  r1 b !y
r0 a ?x =x
  r1 b ?y =y
r0 a ?y
  r1 b ?x
r0 a ?x =x
  r1 b ?y =y
"""


def test_what_breaks_only_under_overlap_is_a_race(judged):
    text = f"{HELD}{CONCURRENT}"
    assert judged(text).verdict == "held"
    result = judged(text.replace("  r1 b ?x\n", "  r1 b ?x =x\n"))
    assert stories(result) == [("no-cross-resource-leakage", "race on shared state")]
    assert result.findings[0].condition == "concurrent"


def test_a_reply_made_for_another_operation_was_swapped_or_cached(judged):
    swapped = f"{HELD}{CONCURRENT}".replace("  r1 b ?y =y\nr0 a ?y", "  r1 b ?y `x@2\nr0 a ?y")
    assert ("no-cross-resource-leakage", "reply swapped") in stories(judged(swapped))
    cached = HELD.replace("r1 b ?y =y\nr0 c", "r1 b ?y `x@1 same:1\nr0 c")
    assert ("no-cross-resource-leakage", "cached without identity") in stories(judged(cached))


def test_whoever_is_handed_the_reply_of_another_goes_on_in_the_other_s_conversation(judged):
    """A model's server finds a conversation by its last response: the leak into r1's next prompt, and what it
    recites of it in its own name, is the cache's as well."""
    handed = HELD.replace("r1 b ?y =y\nr0 c", "r1 b ?y `x@1 same:1\nr0 c")
    went_on = handed.replace("r1 b ?x\n", "r1 b ?x =x\n")
    leaks = [one for one in stories(judged(went_on)) if one[0] == "no-cross-resource-leakage"]
    assert leaks == [("no-cross-resource-leakage", "cached without identity")]
    # Elsewhere, or without that reply, it is no story of the cache's.
    for text in (HELD.replace("r1 b ?x\n", "r1 b ?x =x\n"), handed.replace("r1 b ?x\n", "r1 d ?x =x\n")):
        assert ("no-cross-resource-leakage", "resource ignored") in stories(judged(text))


def test_a_thread_that_opens_to_whoever_does_not_say_who_it_is_drops_the_filter(judged):
    missing = {"kinds": ["omitted"], "ids": ["thread", "resource"]}
    text = HELD.replace("r0 - ?x no", "r0 - ?x no\nr1:- a ?x no")
    assert judged(text, missing=missing).verdict == "held"
    opened = text.replace("r1:- a ?x no", "r1:- a ?x =x")
    story = ("ids-required", "a missing id drops the filter")
    assert stories(judged(opened, missing=missing)) == [story]
    # Where a thread opens to strangers who say who they are, too, its id is the only key; and where a missing
    # thread is answered with what was said elsewhere, it goes on with the last conversation.
    stranger = opened.replace("r1 a ?x no", "r1 a ?x =x")
    assert ("ids-required", "thread id is the only key") in stories(judged(stranger, missing=missing))
    continued = opened.replace("r0 - ?x no", "r0 - ?x =x")
    assert story not in stories(judged(continued, missing=missing))


def test_two_candidates_are_judged_by_the_more_permissive(judged):
    text = CONCURRENT.replace("r0 a ?y\n  r1 b ?x\n", "r0 a ?y =x\n  r1 b ?x =y same:4\n")
    result = judged(text, mode="concurrent")
    # Both calls carry the nonce of operation 4, and x may be seen by r0, y by r1: no prompt is a finding.
    assert all(one.channel != "prompt" for one in result.findings)
    assert result.attribution.ambiguous == 2


def test_work_for_one_who_said_the_same_before_is_not_taken_for_the_leak_of_who_says_it_now(judged):
    """Both messages carry the nonce of operation 1; the call while r1's is in flight may be for r0's."""
    text = HELD.replace("r1 b ?y =y\nr0 c", "r1 b ?y same:1 ~x\nr0 c")
    assert all(one.invariant == "recall-within-thread" for one in judged(text).findings)
    for surely in ("=y ~x", "=y same:1 ~x"):
        leaky = HELD.replace("r1 b ?y =y\nr0 c", f"r1 b ?y {surely}\nr0 c")
        assert stories(judged(leaky)) == [("no-cross-resource-leakage", "resource ignored")]


AMBIGUOUS = """
-- concurrent
r0 a !x
  r1 b !y
r0 a ?x =x
  r1 b ?y =y
r0 c ?y ~x
  r1 b ?x same:4
r0 a ?x =x
  r1 b ?y =y
"""


def test_a_prompt_of_one_of_two_is_judged_by_the_mildest_unless_another_is_known_to_be_broken(judged):
    """x in a prompt of r0's other thread, or of r1's: a sibling thread, or another resource?"""
    alone = judged(f"{HELD}{AMBIGUOUS}")
    assert [one.invariant for one in alone.findings] == ["no-cross-thread-recall"]
    known = judged(f"{HELD.replace('r1 b ?x', 'r1 b ?x =x')}{AMBIGUOUS}")
    assert stories(known) == [("no-cross-resource-leakage", "resource ignored")]


def test_one_story_in_several_channels_is_one_finding_told_by_what_somebody_was_shown(judged):
    result = judged(HELD.replace("r1 b ?x", "r1 b ?x =x"))
    (finding,) = result.findings
    assert (finding.channel, finding.also_in) == ("reply", ("prompt",))
    assert (finding.occurrences, finding.examples) == (2, 1)


def test_leaks_beyond_those_that_are_kept_are_counted(judged):
    leaky = HELD.replace("r1 b ?x", "r1 b ?x =x")
    (finding,) = judged("\n--".join([leaky] * 50)).findings
    assert (finding.occurrences, finding.examples) == (100, 50)


def test_a_scenario_that_was_not_driven_takes_nothing_from_the_bound(judged, history):
    whole = history(HELD)
    header = msgspec.structs.replace(
        whole.header, scenarios=(*whole.header.scenarios, {**whole.header.scenarios[0], "name": "other"})
    )
    (example,) = whole.examples()
    events = [example.started, *example.events, ExampleEnded(example=0, t=1 << 40)]
    result = judge(History.from_events([header, *events]))
    assert of(result, "recall-within-thread").examples == 1


def test_overlap_must_be_proved(judged):
    serial = CONCURRENT.replace("  r1", "r1").replace("-- concurrent\n", "-- concurrent\n")
    result = judged(
        serial, mode="concurrent", invariants=("recall-within-thread", "no-cross-resource-leakage")
    )
    assert result.verdict == "inconclusive"
    assert any("never overlapped" in reason for reason in result.reasons)


def test_taking_over_by_writing(judged):
    text = HELD.replace("r1 a ?x no\n", "r1 a !z no\nr1 a ?x =x\n")
    assert stories(judged(text)) == [("thread-ownership", "taken over by write")]
    plain = HELD.replace("r1 a ?x no\n", "r1 a ?x =x\nr1 a !z\nr1 a ?x =x\n")
    assert stories(judged(plain)) == [("thread-ownership", "thread id is the only key")]


@pytest.mark.parametrize(
    ("word", "reason"),
    [("err", "every call failed"), ("no", "refuses everything"), ("void", "answers nothing")],
)
def test_vacuous_targets_are_inconclusive_with_their_own_reason(judged, word, reason):
    lines = [f"r0 a !x {word}", f"r0 a ?x {word}", f"r1 b ?x {word}", f"r0 a ?x {word}"]
    result = judged("\n".join(lines))
    assert result.verdict == "inconclusive"
    assert reason in result.reasons[0]


def test_a_target_without_a_model_is_judged_by_its_replies(judged):
    text = HELD.replace("=x", '"x mute').replace("=y", '"y mute').replace("r1 b ?x", "r1 b ?x mute")
    text = text.replace("r0 c ?x", "r0 c ?x mute").replace("!x", "!x mute").replace("!y", "!y mute")
    result = judged(text)
    assert result.verdict == "held", result.reasons


def test_without_an_injected_leak_seen_nothing_is_held(judged):
    unproved = judged(HELD, proved=False)
    assert unproved.verdict == "inconclusive"
    assert "no leak was put in on purpose" in of(unproved, "thread-ownership").reasons[0]


def test_an_injected_leak_that_goes_unseen_keeps_its_promise_from_being_held(history):
    blind = {1: Injection(injector="reply", invariant="thread-ownership", channel="reply", fact=0, into=1)}
    result = judge(history(f"{HELD}\n--\nr0 a !x\nr1 a ?x", injections=blind))
    assert "went unseen" in " ".join(of(result, "thread-ownership").reasons)
    assert not result.findings


def test_a_cell_asked_for_and_not_reached_is_inconclusive(judged):
    result = judged(HELD, missing={"kinds": ["omitted", "null"], "ids": ["thread"]})
    ids = of(result, "ids-required")
    assert ids.verdict == "inconclusive"
    assert any("thread null" in reason for reason in ids.reasons)


def test_recall_alone_says_nothing_of_isolation(judged):
    result = judged("r0 a !x\nr0 a ?x =x", invariants=("recall-within-thread",))
    assert result.verdict == "inconclusive"
    assert "no leakage invariant was judged" in result.reasons
    assert of(result, "recall-within-thread").verdict == "held"


def test_a_canary_of_an_earlier_example_is_a_finding_of_the_pair(judged):
    # Example 1 tells x without a thread id; in example 2 somebody without one sees it.
    text = f"{HELD}\n--\nr0 - !x\n--\nr1 - ?y =x1"
    result = judged(text)
    finding = next(one for one in result.findings if one.invariant == "ids-required")
    assert finding.diagnosis == "missing ids share a bucket"
    assert finding.example == 2


def test_a_history_without_an_end_is_said_to_be_cut_short(judged):
    result = judged(HELD, cut=True)
    assert not result.complete
    assert any("cut short" in note for note in result.notes)


def test_a_checker_that_raises_makes_it_inconclusive_with_the_error(judged, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(module, "observe", broken)
    result = judged(HELD)
    assert result.verdict == "inconclusive"
    assert "no such luck" in result.reasons[0]


OPS = st.sampled_from(
    ["r0 a !x", "r1 b !y", "r0 a ?x =x", "r1 b ?y =y", "r0 c ?x", "r1 b ?x", "r1 a ?x no", "r1 a ?x =x",
     "r0 - ?x no", "r0 - ?x =x", "r1 b ?x ~x", "r0 a ?x err", "  r1 b ?x", "  r1 b ?x =x", "r0 a ?x lost:xy"]
)  # fmt: skip


def leaks_in(lines):
    """What leaks by the notation alone: (invariant, observer) of every line that shows a stranger's fact."""
    told = {line.split("!")[1][0]: line.split()[:2] for line in reversed(lines) if "!" in line}
    found = set()
    for line in lines:
        who, thread, *words = line.split()
        shown = {word[1] for word in words if word[0] in "=~"}
        for letter in shown & set(told):
            owner, home = told[letter]
            if thread == "-":
                found.add("ids-required")
            elif who != owner:
                found.add("thread-ownership" if thread == home else "no-cross-resource-leakage")
            elif thread != home:
                found.add("no-cross-thread-recall")
    return found


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(OPS, min_size=1, max_size=12))
def test_no_leak_is_lost_and_the_same_history_gives_the_same_bytes(history, lines):
    made = history("\n".join(lines))
    first, again = judge(made), judge(made)
    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    tells = [line for line in lines if "!" in line]
    if len(set(tells)) == len(tells):  # the notation names facts by letter: told twice, it is two facts
        found = {one.invariant for one in first.findings if one.diagnosis != "mixed prompt"}
        assert leaks_in(lines) <= found
    if first.findings:
        assert first.verdict == "violated"


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_the_order_of_examples_changes_no_verdict(history, order):
    blocks = [HELD, HELD.replace("r1 b ?x", "r1 b ?x =x"), CONCURRENT, "r0 a !x", "r0 a ?x void", HELD]
    texts = [block if block.strip().startswith("--") else f"--\n{block}" for block in blocks]
    plain = judge(history("\n".join(texts)))
    mixed = judge(history("\n".join(texts[place] for place in order)))
    counts = [(one.name, one.verdict, one.exposures, one.controls, one.examples) for one in plain.invariants]
    assert counts == [
        (one.name, one.verdict, one.exposures, one.controls, one.examples) for one in mixed.invariants
    ]
    assert stories(plain) == stories(mixed)
