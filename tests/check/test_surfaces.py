"""Every promise again, through lists, messages and searches; and ids that are shown to the wrong people."""

from __future__ import annotations

import pytest

from overheard.core.offers import Offers, Takes

OFFERS = Offers(
    surfaces=("send", "list_threads", "read_messages", "search"),
    beyond={
        "list_threads": Takes(accepts=("resource",)),
        "read_messages": Takes(accepts=("thread", "resource")),
        "search": Takes(accepts=("resource", "filters")),
    },
)
PROMISES = (
    "recall-within-thread",
    "no-cross-thread-recall",
    "no-cross-resource-leakage",
    "thread-ownership",
    "ids-required",
)
RESOURCE_WIDE = {"scope.list_threads": "resource", "scope.search": "resource"}
TOLD = "r0 a !x\nr0 a ?x =x\nr1 b !y\nr1 b ?y =y\n"
MESSAGES = """
r0 a ?x via:read_messages =x
r1 b ?y via:read_messages =y
r0 c ?x via:read_messages
r1 b ?x via:read_messages
r1 a ?x via:read_messages no
r1:null b ?x via:read_messages no
r0 a ?x via:read_messages =x
"""
SEARCH = """
r0 a ?x via:search =x
r1 b ?y via:search =y
r1 b ?x via:search
r1:null b ?x via:search no
r0 a ?x via:search =x
"""
LISTS = """
r0 a ?x via:list_threads @a
r1 b ?y via:list_threads @b
r1 b ?x via:list_threads
r1:null b ?x via:list_threads
r0 a ?x via:list_threads @a
"""
ALL = f"{TOLD}{LISTS}{SEARCH}{MESSAGES}"


def of(judgement, name):
    return next(one for one in judgement.invariants if one.name == name)


def stories(judgement):
    return sorted({(one.invariant, one.diagnosis) for one in judgement.findings})


@pytest.fixture
def looked(judged):
    def judge(text, **options):
        options.setdefault("weights", {"look": 1, "chat": 1})
        options.setdefault("invariants", PROMISES)
        options.setdefault("missing", {"kinds": ["null"], "ids": ["resource"]})
        options["contract"] = RESOURCE_WIDE | options.get("contract", {})
        return judged(text, offers=options.pop("offers", OFFERS), **options)

    return judge


def test_a_target_that_shows_everybody_its_own_is_held_by_every_surface(looked):
    result = looked(ALL)
    assert result.verdict == "held", result.reasons
    assert {one.name: one.exposures for one in result.invariants if one.status == "judged"} == {
        "recall-within-thread": 2,
        "no-cross-thread-recall": 1,
        "no-cross-resource-leakage": 3,
        "thread-ownership": 1,
        "ids-required": 3,
    }
    states = {(cell.surface, cell.relation): cell.state for cell in result.coverage}
    assert states["list_threads", "thread-ownership"] == "not offered"
    assert states["search", "no-cross-thread-recall"] == "not promised"
    assert set(states.values()) == {"controlled", "not offered", "not promised"}
    assert not any("not driven" in note for note in result.notes)


@pytest.mark.parametrize(
    ("line", "leaky", "invariant", "diagnosis"),
    [
        ("r1 b ?x via:search", "r1 b ?x via:search =x", "no-cross-resource-leakage", "search over everybody"),
        (
            "r1 b ?x via:search",
            "r1 b ?x via:search filter:resource=r0 =x",
            "no-cross-resource-leakage",
            "search over everybody",
        ),
        ("r1 b ?x via:search", "r1 b ?x via:search `x@1", "no-cross-resource-leakage", "search over everybody"),
        ("r1:null b ?x via:search no", "r1:null b ?x via:search =x", "ids-required", "a missing id drops the filter"),
        (
            "r1 a ?x via:read_messages no",
            "r1 a ?x via:read_messages =x",
            "thread-ownership",
            "messages read without asking whose",
        ),
        ("r1 a ?x via:read_messages no", "r1 a ?x via:read_messages no:x", "thread-ownership", "the refusal tells it"),
        (
            "r0 c ?x via:read_messages",
            "r0 c ?x via:read_messages =x",
            "no-cross-thread-recall",
            "messages read without asking whose",
        ),
        (
            "r1 b ?x via:list_threads",
            "r1 b ?x via:list_threads @a",
            "no-cross-resource-leakage",
            "threads listed without a filter",
        ),
        (
            "r1 b ?x via:list_threads",
            "r1 b ?x via:list_threads =x @a",
            "no-cross-resource-leakage",
            "threads listed without a filter",
        ),
        (
            "r1:null b ?x via:list_threads",
            "r1:null b ?x via:list_threads @a",
            "ids-required",
            "a missing id drops the filter",
        ),
        ("r1 b ?x via:search", "r1 b ?x via:search @a", "no-cross-resource-leakage", "ids of others are shown"),
        ("r1 b ?y =y", "r1 b ?y =y @a", "no-cross-resource-leakage", "ids of others are shown"),
        ("r1 a ?x via:read_messages no", "r1 d ?x via:read_messages no @a", "no-cross-resource-leakage", "ids of others are shown"),
    ],
)  # fmt: skip
def test_one_leak_is_one_finding_with_its_own_story(looked, line, leaky, invariant, diagnosis):
    assert ALL.count(f"{line}\n") == 1
    result = looked(ALL.replace(f"{line}\n", f"{leaky}\n"))
    assert stories(result) == [(invariant, diagnosis)]
    (finding,) = result.findings
    assert finding.owner.caller == "r0"
    assert finding.surface == (leaky.partition("via:")[2].split() or ["send"])[0]


def test_what_is_shown_of_oneself_is_no_leak_whatever_was_left_out(looked):
    text = ALL.replace("r1:null b ?x via:list_threads", "r0:null a ?x via:list_threads =x @a")
    assert not looked(text).findings


def test_an_id_that_was_presented_before_is_no_news(looked):
    assert not looked(ALL.replace("r1 a ?x via:read_messages no", "r1 a ?x via:read_messages no @a")).findings
    # r1 tries thread a by its id first, and then lists a thread that it had tried.
    shown = LISTS.replace("r1 b ?x via:list_threads", "r1 b ?x via:list_threads @a")
    assert not looked(f"{TOLD}{MESSAGES}{SEARCH}{shown}").findings
    assert looked(f"{TOLD}{shown}{SEARCH}{MESSAGES}").findings
    named = ALL.replace("r1 b ?x via:search\n", "r1 b ?x via:search filter:thread=a @a\n")
    assert not looked(named).findings


def test_a_resource_may_know_of_all_its_threads(looked):
    assert not looked(ALL.replace("r0 c ?x via:read_messages", "r0 c ?x via:read_messages @a")).findings


def test_who_shares_a_tenant_shares_its_ids(looked):
    text = ALL.replace("r1 b ?x via:search\n", "r1 b ?x via:search =x @a\n")
    contract = {"scope": "tenant", "scope.search": "tenant", "scope.list_threads": "tenant"}
    same = looked(text, contract=contract, tenants={"r0": "acme", "r1": "acme"})
    assert not same.findings
    apart = looked(text, contract=contract, tenants={"r0": "acme", "r1": "zenith"})
    assert [one.invariant for one in apart.findings] == ["no-cross-resource-leakage"]


def test_a_surface_whose_owner_is_shown_nothing_proves_nothing(looked):
    result = looked(ALL.replace("r0 a ?x via:search =x", "r0 a ?x via:search"))
    cross = of(result, "no-cross-resource-leakage")
    assert cross.verdict == "inconclusive"
    assert any("search" in reason and "nothing proved" in reason for reason in cross.reasons)


def test_an_empty_list_is_an_answer_only_to_one_who_was_shown_its_own(looked):
    result = looked(ALL.replace("r1 b ?y via:search =y\n", ""))
    assert of(result, "no-cross-resource-leakage").verdict == "inconclusive"


def test_a_message_is_no_control_of_a_listing(looked):
    result = looked(f"{TOLD}r1 b ?x via:search\nr0 a ?x =x\n")
    assert of(result, "no-cross-resource-leakage").exposures == 0


def test_looking_takes_no_turn_and_promises_no_recall(looked):
    text = ALL.replace("r0 a ?x =x\n", "r0 a ?x via:read_messages\nr0 a ?x =x\n", 1)
    recall = of(looked(text), "recall-within-thread")
    assert (recall.verdict, recall.exposures) == ("held", 2)


def test_what_the_target_does_not_have_is_not_offered_and_no_doubt(looked):
    without = looked(TOLD + "r1 b ?x\nr0 a ?x =x", offers=Offers(), contract={})
    assert {cell.state for cell in without.coverage if cell.surface != "send"} <= {
        "not offered",
        "not promised",
    }
    assert {one.name: one.status for one in without.invariants if one.name != "recall-within-thread"} == (
        dict.fromkeys([one.name for one in without.invariants][1:], "not offered")
    )
    assert "no scenario of this run asks for it" in of(without, "thread-ownership").reasons


def test_a_surface_may_promise_what_sending_does_not(looked):
    contract = {"scope": "resource", "scope.read_messages": "thread"}
    quiet = of(looked(ALL, contract=contract), "no-cross-thread-recall")
    assert (quiet.status, quiet.exposures, quiet.findings) == ("judged", 1, 0)
    leaky = ALL.replace("r0 c ?x via:read_messages\n", "r0 c ?x via:read_messages =x\n")
    result = looked(leaky, contract=contract)
    assert (result.verdict, of(result, "no-cross-thread-recall").verdict) == ("violated", "violated")


def test_a_surface_that_was_not_reached_is_a_doubt(looked):
    result = looked(f"{TOLD}{MESSAGES}{LISTS}")
    reasons = of(result, "no-cross-resource-leakage").reasons
    assert any(reason.startswith("search, interleaved: a scenario asked for it") for reason in reasons)
    missing = of(result, "ids-required").reasons
    assert any(reason.startswith("search, resource null, interleaved") for reason in missing)
    assert result.verdict == "inconclusive"


def test_a_leak_everywhere_is_one_story(looked):
    text = ALL.replace("r1 b ?x via:search\n", "r1 b ?x via:search =x\nr0 c ?x\nr1 b ?x =x\n")
    assert stories(looked(f"{text}r0 a ?x =x")) == [("no-cross-resource-leakage", "resource ignored")]
