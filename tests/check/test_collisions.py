"""Ids that differ and collide: which promise speaks of them, what controls a chance, and which function it was."""

from __future__ import annotations

import pytest

from overheard.check.suspect import ADVICE, Suspects, story
from overheard.core.collision import FAMILIES, FUNCTIONS, Collision, collisions, family

DISTINCT = "distinct-ids-stay-distinct"
ALONE = {"invariants": ("recall-within-thread", DISTINCT)}
TOLD = "r0 a !x\nr0 a ?x =x\n"
AGAIN = "r0 a ?x =x\n"


def of(judgement, name=DISTINCT):
    return next(one for one in judgement.invariants if one.name == name)


def stories(judgement):
    return sorted({(one.invariant, one.diagnosis) for one in judgement.findings})


def states(judgement):
    return {
        cell.relation.partition(": ")[2]: cell.state
        for cell in judgement.coverage
        if DISTINCT in cell.relation
    }


@pytest.mark.parametrize(
    ("probe", "invariant"),
    [
        ("r0 A ?x =x", DISTINCT),
        ("r1 A ?x =x", DISTINCT),
        ("R0 a ?x =x", DISTINCT),
        ("R0 b ?x =x", DISTINCT),
        ("r0 a/b ?x =x", "no-cross-thread-recall"),
        ("r1 b ?x =x", "no-cross-resource-leakage"),
        ("r1 a ?x =x", "thread-ownership"),
        ("R0 - ?x =x", "ids-required"),
        ("R0:null a ?x =x", "ids-required"),
    ],
)
def test_it_outranks_what_asks_whose_it_is_and_not_what_asks_whether_there_is_an_id(judged, probe, invariant):
    result = judged(f"{TOLD}{probe}\n{AGAIN}")
    assert [name for name, _ in stories(result)] == [invariant]


@pytest.mark.parametrize(
    ("probe", "contract"),
    [
        ("r0 A ?x =x", {"scope": "resource"}),
        ("R0 a ?x =x", {"thread_ids": "bearer"}),
        ("r0 a ?x =x", {}),
    ],
)
def test_what_is_permitted_is_permitted_under_ids_that_collide(judged, probe, contract):
    result = judged(f"{TOLD}{probe}\n{AGAIN}", contract=contract)
    assert stories(result) == []


def test_under_bearer_two_thread_ids_are_two_keys(judged):
    result = judged(f"{TOLD}r1 A ?x =x\n{AGAIN}", contract={"thread_ids": "bearer"})
    assert stories(result) == [(DISTINCT, "thread ids folded")]


def test_a_chance_counts_if_both_owners_recalled_their_own(judged):
    own = "r0 A !y\nr0 A ?y =y\n"
    result = judged(f"{TOLD}{own}r0 A ?x\n{AGAIN}", **ALONE)
    assert (of(result).verdict, of(result).exposures) == ("held", 1)
    assert states(result) == {"thread case": "controlled"}
    # Asked for together with its own, or before it was told anything.
    assert of(judged(f"{TOLD}r0 A !y\nr0 A ?xy =y\n{AGAIN}", **ALONE)).exposures == 1
    assert of(judged(f"{TOLD}r0 A ?x\n{own}{AGAIN}", **ALONE)).exposures == 1


@pytest.mark.parametrize(
    "text",
    [
        f"{TOLD}r0 A ?x\n{AGAIN}",  # it told nothing under its id
        f"{TOLD}r0 A !y\nr0 A ?y\nr0 A ?x\n{AGAIN}",  # and nothing came back
        f"{TOLD}r0 A !y\nr0 b ?y =y\nr0 A ?x\n{AGAIN}",  # not under that id
        f"{TOLD}r0 A !y\nr0 A ?y =y\nr0 A ?x\n",  # the owner was not asked again
        f"{TOLD}r0 A !y err\nr0 A ?x err\n{AGAIN}",  # an error is no refusal
    ],
)
def test_no_control_is_no_pass(judged, text):
    result = judged(text, **ALONE)
    assert of(result).verdict == "inconclusive"
    assert of(result).exposures == 0


def test_a_stranger_in_a_thread_whose_resource_collides_may_be_answered_from_nothing(judged):
    result = judged(f"{TOLD}R0 a ?x\n{AGAIN}", **ALONE, colliding={"by": ["case"], "ids": ["resource"]})
    assert states(result) == {"resource case": "controlled"}


def test_a_target_may_refuse_ids_that_collide(judged):
    """The one that it takes is told and asked for; asked under the other it says no."""
    result = judged(f"{TOLD}r0 A !y no\nr0 A ?x no\n{AGAIN}", **ALONE)
    assert (of(result).verdict, of(result).exposures) == ("held", 1)


def test_and_if_it_refuses_both_it_is_said_and_proves_nothing(judged):
    refused = "r0 a !x no\nr0 a ?x no\nr0 A ?x no\nr0 a ?x no\nr0 b !y\nr0 b ?y =y\n"
    result = judged(refused, **ALONE)
    assert states(result) == {"thread case": "refused"}
    assert (of(result).verdict, of(result).exposures) == ("inconclusive", 0)
    # Beside others that it takes, it is no doubt.
    both = {"by": ["case"], "ids": ["thread", "resource"]}
    others = "r1 c !z\nr1 c ?z =z\nR1 c ?z no\nr1 c ?z =z\n"
    result = judged(refused + others, **ALONE, colliding=both)
    assert states(result) == {"thread case": "refused", "resource case": "controlled"}
    assert of(result).verdict == "held"


@pytest.mark.parametrize(
    ("leaky", "invariant", "diagnosis"),
    [
        ("r1 b ?x =x", "no-cross-resource-leakage", "resource ignored"),
        ("r0 c ?x =x", "no-cross-thread-recall", "thread id ignored"),
    ],
)
def test_what_leaks_under_any_ids_is_no_story_of_ids_that_collide(judged, leaky, invariant, diagnosis):
    told = f"{TOLD}r0 d ?x\n{AGAIN}" if "r1" in leaky else TOLD
    result = judged(f"{told}{leaky}\nr0 A ?x =x\n{AGAIN}")
    assert stories(result) == [(DISTINCT, diagnosis), (invariant, diagnosis)]
    assert all(one.collide_in == () for one in result.findings)


def test_the_function_is_named_by_what_leaked_and_what_did_not(judged):
    own = "r0 A !y\nr0 A ?y =y\n"
    result = judged(f"{TOLD}{own}r0 A ?x =x\n{AGAIN}")
    (finding,) = [one for one in result.findings if one.invariant == DISTINCT]
    assert (finding.diagnosis, finding.collide_in) == ("thread ids folded", ("lower case",))
    assert "Compare ids as they are" in finding.advice
    # `a` and `a.` meet in a slug as well as `a` and `A` do; `a` and `_` do not meet.
    slugged = f"{TOLD}{own}r0 A ?x =x\nr0 a. !z\nr0 a. ?xz =x =z\n{AGAIN}"
    (finding,) = [one for one in judged(slugged).findings if one.invariant == DISTINCT]
    assert (finding.diagnosis, finding.collide_in) == ("thread ids normalised", ("a slug",))


def test_a_target_that_folds_is_not_said_to_make_slugs_when_slugs_were_kept_apart(judged):
    folded = f"{TOLD}r0 A !y\nr0 A ?xy =x =y\nr0 a. !z\nr0 a. ?xz =z\n{AGAIN}"
    (finding,) = [one for one in judged(folded).findings if one.invariant == DISTINCT]
    assert (finding.diagnosis, finding.collide_in) == ("thread ids folded", ("lower case",))


DEFAULT = "r0 =default !x\nr0 =default ?x =x\nr0 b !y\n"


@pytest.mark.parametrize(
    ("second", "contract", "found"),
    [
        # The same key, and whoever has it.
        ("r1 =default ?y =x0", {"thread_ids": "bearer"}, []),
        ("r1 =default ?y =x0", {}, [("thread-ownership", "thread id is the only key")]),
        ("r1 =* ?y =x0", {}, [(DISTINCT, "reserved thread ids are shared")]),
        ("r1 c ?y =x0", {}, [(DISTINCT, "reserved thread ids are shared")]),
    ],
)
def test_what_an_earlier_example_told_under_an_id_that_is_the_same_everywhere(
    judged, second, contract, found
):
    again = f"r1 d !y\nr1 d ?y =y\n{second}\nr1 d ?y =y\n"
    result = judged(f"{DEFAULT}--\n{again}", contract=contract)
    assert stories(result) == found


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ("r1 =default !y\nr1 =default ?y\n", []),
        ("r1 =main !y\nr1 =main ?y\n", [("recall-within-thread", "forgets what it was told")]),
        ("r1 c !y\nr1 c ?y\n", [("recall-within-thread", "forgets what it was told")]),
    ],
)
def test_what_is_lost_under_an_id_that_was_somebody_elses_in_an_earlier_example_was_a_strangers(
    judged, second, found
):
    assert stories(judged(f"{DEFAULT}--\n{second}")) == found


@pytest.mark.parametrize(
    ("contract", "found"),
    [({"scope": "resource"}, []), ({}, [("no-cross-thread-recall", "thread id ignored")])],
)
def test_a_resource_that_is_the_same_in_every_example_is_one_resource(judged, contract, found):
    first = "r0@=default a !x\nr0@=default a ?x =x\n"
    second = "r0@=default b !y\nr0@=default b ?y =y =x0\n"
    assert stories(judged(f"{first}--\n{second}", contract=contract)) == found


def met(stored, presented):
    return collisions((stored, "r"), (presented, "r"))


@pytest.mark.parametrize(
    ("leaked", "apart", "by"),
    [
        ([("annlee", "AnnLee")], [], ["lower case"]),
        ([("annlee", "AnnLee"), ("stra\u00dfe", "strasse")], [], ["case folding"]),
        ([("ann", "ann ")], [], ["white space stripped"]),
        ([("ann", "Ann"), ("ann", "ann "), ("ann:lee", "ann/lee")], [], ["a slug"]),
        ([("ann", "Ann"), ("ann", "ann ")], [("ann:lee", "ann/lee")], ["Unicode NFKC, folded and stripped"]),
        (
            [("ann", "Ann"), ("ann", "ann ")],
            [("ann:lee", "ann/lee"), ("stra\u00dfe", "strasse")],
            ["lower case", "white space stripped"],
        ),
        ([("7", "07")], [("7", "7.0")], ["the whole number"]),
        ([("7", "07"), ("7", "7.0")], [], ["the floating-point number"]),
        ([("x" * 40 + "a", "x" * 40 + "b")], [("x" * 34 + "a", "x" * 34 + "b")], ["the first 36 characters"]),
        ([("ann7", "ann")], [], ["the id it begins with"]),
        ([("ann7", "ann"), ("ann", "a_n")], [], ["LIKE with a prefix"]),
        ([("ann7", "ann"), ("ann", "a_n"), ("ann", "ANN")], [], ["LIKE with a prefix, without case"]),
        ([("ann", "a_n"), ("ann", "ANN")], [("ann7", "ann")], ["LIKE without case"]),
        # What leaked and at another time did not was hidden then: a memory shows no more than so much.
        (
            [("ann7", "ann"), ("ann", "a_n"), ("ann", "ANN")],
            [("eve", "e_e"), ("eve", "EVE")],
            ["LIKE with a prefix, without case"],
        ),
    ],
)
def test_the_fewest_functions_that_nothing_speaks_against(leaked, apart, by):
    ways = [met(*pair) for pair in leaked]
    suspects = Suspects(ways, [met(*pair) for pair in apart])
    assert sorted({suspects.of(way).by for way in ways}) == sorted(by)
    assert {suspects.of(way).which for way in ways} == {"thread"}


def test_one_function_of_both_ids_explains_what_two_of_one_each_would():
    ways = [collisions(("ann", "r"), ("Ann", "r")), collisions(("t", "bob"), ("t", "Bob"))]
    assert {story(Suspects(ways, []).of(way)) for way in ways} == {"ids folded"}
    apart = [collisions(("t", "eve"), ("t", "Eve"))]
    assert story(Suspects(ways[:1], apart).of(ways[0])) == "thread ids folded"


def test_every_function_has_a_story_and_advice():
    told = {story(Collision(which, by)) for by in FUNCTIONS for which in ("thread", "resource", "both")}
    assert told == set(ADVICE)
    assert {family(Collision("thread", by)) for by in FUNCTIONS} == set(FAMILIES)
