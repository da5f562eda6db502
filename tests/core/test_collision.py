"""Functions under which different ids are one: each finds its own, and ids with nothing in common are none's."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from overheard.core.collision import (
    ACROSS,
    FAMILIES,
    FUNCTIONS,
    Collision,
    collisions,
    family,
    functions_between,
    most_particular,
)
from overheard.core.ids import OMITTED

IDS = st.one_of(
    st.text(min_size=1, max_size=8),
    st.sampled_from(
        ["default", "*", "%", "a_b", "axb", "7", "07", "7.0", "ann", "Ann ", "a/b", "a/./b", "a[b]c"]
    ),
)


@pytest.mark.parametrize(
    ("stored", "presented", "function"),
    [
        ("ann", "ANN", "lower case"),
        ("straße", "strasse", "case folding"),
        ("ann", "ann\t", "white space stripped"),
        ("zo\u00e9", "zoe\u0301", "Unicode NFC"),
        ("\uff41nn", "ann", "Unicode NFKC"),
        ("7", "007", "the whole number"),
        ("100", "1e2", "the floating-point number"),
        ("9007199254740992", "9007199254740993", "the floating-point number"),
        ("x" * 300, "x" * 299 + "y", "the first 255 characters"),
        ("x" * 33 + "a", "x" * 33 + "b", "the first 32 characters"),
        ("ann", "%61nn", "percent escapes decoded"),
        ("a/b", "a/c/../b", "the path tidied"),
        ("a:b", "a/b", "punctuation replaced"),
        ("a:b", "ab", "punctuation dropped"),
        ("Ann Lee", "ann--lee", "a slug"),
        ("ann1", "ann", "the id it begins with"),
        ("ann", "ann1", "the id it goes on with"),
        ("axb", "a_b", "LIKE"),
        ("axxb", "a%b", "LIKE"),
        ("AxB", "a_b", "LIKE without case"),
        ("axbc", "a_b", "LIKE with a prefix"),
        ("axb", "a?b", "a glob"),
        ("axb", "a[wx]b", "a glob"),
        ("axb", "a[!w]b", "a glob"),
        ("default", "ann", "stored as 'default'"),
        ("ann", "*", "presented as '*'"),
    ],
)
def test_a_function_takes_two_for_one(stored, presented, function):
    assert function in set(functions_between(stored, presented))
    assert function in FUNCTIONS


@pytest.mark.parametrize(
    ("stored", "presented", "function"),
    [
        ("a_b", "axb", "LIKE"),  # what is stored is no pattern
        ("axxb", "a_b", "LIKE"),
        ("AxB", "a_b", "LIKE"),
        ("axb", "a[!x]b", "a glob"),
        ("straße", "strasse", "lower case"),
        ("7", "7.0", "the whole number"),
        ("seven", "SEVEN", "the whole number"),
        ("nan", "NaN", "the floating-point number"),
        ("4677e648000", "4677e648002", "the floating-point number"),
        ("0e123456000", "0e123456001", "the floating-point number"),
        ("x" * 40 + "a", "x" * 40 + "b", "the first 64 characters"),
    ],
)
def test_and_leaves_others_apart(stored, presented, function):
    assert function in FUNCTIONS
    assert function not in set(functions_between(stored, presented))


@pytest.mark.parametrize(
    ("stored", "presented", "found"),
    [
        # (thread, resource); the other id is part of the key or is not, and it differs or does not.
        (("ann", "r"), ("Ann", "r"), {("thread", False), ("thread", True), ("both", False)}),
        (("ann", "r"), ("Ann", "s"), {("thread", True)}),
        (("t", "ann"), ("t", "Ann"), {("resource", False), ("resource", True), ("both", False)}),
        (("t", "ann"), ("u", "Ann"), {("resource", True)}),
        (("ann", "bob"), ("Ann", "Bob"), {("thread", True), ("resource", True), ("both", False)}),
    ],
)
def test_which_ids_collide_and_what_of_the_other(stored, presented, found):
    met = collisions(stored, presented)
    assert {(one.which, one.alone) for one in met if one.by == "lower case"} == found


@pytest.mark.parametrize(
    ("stored", "presented", "by"),
    [
        (("c", "a-b"), ("b-c", "a"), "joined with '-'"),
        (("a", "b:c"), ("a:b", "c"), "joined with ':', thread first"),
        (("bc", "a"), ("c", "ab"), "joined with ''"),
        (("b/c", "a"), ("c", "a.b"), "joined, punctuation replaced"),
        (("k", "r"), ("t", "k"), "thread ids among resource ids"),
        (("t", "k"), ("k", "r"), "thread ids among resource ids"),
    ],
)
def test_ids_that_meet_together(stored, presented, by):
    assert Collision("both", by) in collisions(stored, presented)
    assert family(most_particular(collisions(stored, presented))) in ACROSS


@pytest.mark.parametrize("missing", [OMITTED, None, ""])
def test_what_is_missing_collides_with_nothing(missing):
    assert collisions((missing, "r"), ("t", "r")) == frozenset()
    assert collisions(("t", missing), ("u", missing)) == frozenset()


def test_ids_that_have_nothing_in_common_do_not_collide():
    assert collisions(("conv-1", "cust-10001"), ("conv-2", "cust-10038")) == frozenset()


@given(st.tuples(IDS, IDS), st.tuples(IDS, IDS))
@example(("a", "b"), ("a", "b"))
def test_equal_ids_do_not_collide_and_all_that_do_can_be_told(stored, presented):
    met = collisions(stored, presented)
    assert {family(one) for one in met} <= set(FAMILIES)
    if stored == presented:
        assert not met
    if met:
        assert most_particular(met) in met


def test_every_family_has_a_function():
    assert set(FUNCTIONS.values()) == set(FAMILIES)
