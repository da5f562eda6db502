import re
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.report.terminal import FINDINGS_LIMIT, to_terminal
from overheard.report.words import replay_line, show_bound


def _plain(judgement, width=80, **more):
    return to_terminal(judgement, colour=False, width=width, **more)


def test_what_is_known_is_shown_as_known(accepted, known, finding, violated):
    report = to_terminal(accepted, colour=False, width=200)
    assert report.startswith(
        "accepted: 1 promise broken in examples/agent.py:graph, by known findings only (accepted until 2030-03-31)"
    )
    assert "1. thread-ownership: thread id is the only key (known)" in report
    assert "thread-ownership.thread-id-is-the-only-key.0a1b2c  accepted       1      1" in report
    assert "baseline, finding 2: accepted until 2030-03-31 by ada@example.org: the new store" in report
    partly = replace(finding, accepted=(known,), new=("search/listing",))
    report = to_terminal(replace(violated, findings=(partly,)), colour=False, width=200)
    assert "1. thread-ownership: thread id is the only key (partly known)" in report
    assert "new in search/listing; the rest is known" in report
    lapsed = replace(finding, lapsed=(known,))
    report = to_terminal(replace(violated, findings=(lapsed,)), colour=False, width=200)
    assert "expired on 2030-03-31 (ada@example.org: the new store checks the owner)" in report
    assert "(known)" not in report


def test_the_first_line_is_the_verdict(held, violated, inconclusive):
    assert _plain(held, 200).startswith(
        "held: all 4 promises judged held in examples/agent.py:graph, as far as this run looked\n"
    )
    assert _plain(violated, 200).startswith("violated: 2 promises broken in examples/agent.py:graph\n")
    assert _plain(inconclusive, 200).startswith(
        "inconclusive: nothing is certified of examples/agent.py:graph: every call ended in an error\n"
    )


def test_invariants_are_a_table(held):
    report = _plain(held)
    assert re.search(r"^recall-within-thread +held +120 +240 +40 +0\.073$", report, re.MULTILINE)
    assert re.search(r"^thread-ownership +not promised$", report, re.MULTILINE)
    assert "- thread-ownership, not promised: thread_ids is bearer" in report


def test_the_bound_says_what_it_is_a_bound_of(held):
    one = replace(held, scenarios=("recall",))
    assert (
        "bound: a random example of scenario recall, as generated, leaks with probability below it (95\u00a0%)."
    ) in _plain(one, 200)
    assert "leaks with probability" not in _plain(replace(held, invariants=()))


@pytest.mark.parametrize(
    ("bound", "shown"), [(None, "–"), (0.0721, "0.073"), (0.073, "0.073"), (1.0, "1.000")]
)
def test_a_bound_is_never_rounded_down(bound, shown):
    assert show_bound(bound) == shown


def test_a_finding_is_a_story(violated):
    report = _plain(violated, 160)
    story = report[report.index("Findings") : report.index("2. ids-required")]
    length = len(violated.findings[0].evidence)
    digits = "[0-9a-f]{10}"
    evidence = re.search(
        rf"\n   evidence   OVH1… #{digits}, text of {length} characters #{digits}; owner r0\n", story
    )
    assert story.replace(evidence.group(), "\n") == (
        "Findings\n"
        "1. thread-ownership: thread id is the only key\n"
        "   told by    r0, in operation 4 at 1.204 s\n"
        "              resource 'user-3fa9'\n"
        "              thread 't-5d0c'\n"
        "   seen by    r1 of tenant acme, in operation 9 at 1.310 s, in the reply\n"
        "              resource OMITTED\n"
        "              thread 't-5d0c'\n"
        "   found      41 times in 17 examples, first in example 3 of scenario same-thread (concurrent); replayed 2 of 3 "
        "times (a leak seen once is a leak)\n"
        "   change     Make the resource part of the key.\n"
        "   program    counterexamples/counterexample-1.py\n"
        "\n"
    )


def test_what_was_missed_is_not_said_to_be_seen(violated, finding):
    forgot = replace(finding, invariant="recall-within-thread", token="", evidence="")
    report = _plain(replace(violated, findings=(forgot,)), 120)
    assert "missed by  r1 of tenant acme" in report
    assert "who asked for it and did not get it in the reply" in report
    assert "seen by" not in report
    answered = replace(finding, invariant="ids-required", token="", evidence="")
    report = _plain(replace(violated, findings=(answered,)), 120)
    assert "where the contract promises a refusal" in report
    assert "seen by" not in report


def test_what_is_not_claimed_is_said(held):
    report = _plain(held, 200)
    after = report[report.index("Not claimed") :]
    assert "- thread-ownership: not promised\n" in after
    assert (
        "- send, concurrent: not offered, its operations never suspend "
        "(recall-within-thread, no-cross-resource-leakage)\n"
    ) in after
    assert "production traffic" in after


def test_a_long_list_of_findings_is_cut_and_says_so(violated, finding):
    report = _plain(replace(violated, findings=(finding,) * (FINDINGS_LIMIT + 3)))
    assert f"{FINDINGS_LIMIT}. thread-ownership" in report
    assert f"{FINDINGS_LIMIT + 1}. thread-ownership" not in report
    assert "and 3 more, all of them in report.json" in report


def test_the_replay_line_repeats_the_run(held):
    built = (
        "overheard run examples/agent.py:graph --profile standard --scenario recall --scenario same-thread "
        "--contract scope.search=resource --contract missing_ids.omitted=refuse "
        "--contract missing_ids.null=refuse --contract missing_ids.empty=refuse --seed 42"
    )
    assert replay_line(held) == built
    assert _plain(held, 40).endswith(f"Run it again\n  {built}\n")
    assert replay_line(replace(held, command="overheard run a.py")) == "overheard run a.py --seed 42"
    assert replay_line(replace(held, command="overheard run a.py --seed 9")) == "overheard run a.py --seed 9"


@pytest.mark.parametrize("name", ["held", "violated", "inconclusive"])
def test_colour_only_if_asked_and_nothing_but_colour(name, request):
    judgement = request.getfixturevalue(name)
    plain, painted = (to_terminal(judgement, colour=colour, width=80) for colour in (False, True))
    number = {"held": "32", "violated": "31", "inconclusive": "33"}[name]
    assert "\x1b" not in plain
    assert painted.startswith(f"\x1b[1;{number}m{name}\x1b[0m: ")
    assert f" \x1b[{number}m{name}\x1b[0m " in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_lines_stay_within_the_width(held, violated, inconclusive, width):
    for judgement in (held, violated, inconclusive):
        report = _plain(replace(judgement, command="x --seed 1"), width)
        assert max(map(len, report.splitlines())) <= width


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data(), width=st.integers(0, 200), show=st.booleans())
def test_any_judgement_is_shown_the_same_twice_and_nothing_in_it_acts(judgements, data, width, show):
    judgement = data.draw(judgements)
    report = to_terminal(judgement, colour=False, width=width, show=show)
    assert report == to_terminal(judgement, colour=False, width=width, show=show)
    acting = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert not [c for c in report if c != "\n" and unicodedata.category(c) in acting]
    assert report.startswith(judgement.verdict)


def test_a_loss_is_told_with_who_did_it_and_who_missed_it(violated, finding):
    lost = replace(finding, missed=finding.owner, surface="delete_thread", channel="listing")
    report = _plain(replace(violated, findings=(lost,)))
    story = " ".join(report[report.index("Findings") :].split())
    assert "told by r0, in operation 4 at 1.204 s" in story
    assert "lost by r1 of tenant acme, in operation 9, by delete_thread" in story
    assert "missed by r0, in operation 4 at 1.310 s, who had been shown it before in a listing" in story
