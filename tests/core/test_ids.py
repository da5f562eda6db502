"""Identifiers: what is missing, and what templates become."""

import re
import uuid

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.ids import (
    MISSING_KINDS,
    OMITTED,
    Id,
    bind_id,
    missing_kind,
    namespace,
    show_id,
)

relaxed = settings(deadline=None)
campaigns = st.integers(0, 2**30 - 1)
examples = st.integers(0, 2**20 - 1)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (OMITTED, "omitted"),
        (None, "null"),
        ("", "empty"),
        (" ", "blank"),
        ("\t\r\n", "blank"),
        ("\u2003\u00a0", "blank"),
        ("0", None),
        ("null", None),
        ("None", None),
        (" a ", None),
        ("\u200b", None),  # a zero-width space is no white space: an id that merely cannot be seen
    ],
)
def test_the_four_ways_of_missing(value, kind):
    assert missing_kind(value) == kind
    assert kind is None or kind in MISSING_KINDS


def test_omitted_leaves_a_record_and_comes_back():
    class Record(msgspec.Struct, omit_defaults=True):
        thread: Id = OMITTED

    for value, line in ((OMITTED, b"{}"), (None, b'{"thread":null}'), ("", b'{"thread":""}')):
        assert msgspec.json.encode(Record(thread=value)) == line
        assert msgspec.json.decode(line, type=Record).thread is value or value == ""


@relaxed
@given(campaigns, examples)
def test_a_namespace_is_eight_hex_digits_and_a_function_of_both_numbers(campaign, example):
    assert re.fullmatch("[0-9a-f]{8}", namespace(campaign, example))
    assert namespace(campaign, example) == namespace(campaign, example)


def test_namespaces_do_not_run_together():
    # "1/23" and "12/3" would, if the two numbers were merely written one after the other.
    names = {namespace(campaign, example) for campaign in range(40) for example in range(40)}
    assert len(names) == 1600


@relaxed
@given(campaigns, examples, st.from_regex("[a-z0-9 .-]{1,8}", fullmatch=True))
def test_binding_is_a_pure_function(campaign, example, name):
    template = f"a-<<ns>>/<<uuid:{name}>>:<<hex:{name}>>"
    bound = bind_id(template, campaign, example)
    assert bound == bind_id(template, campaign, example)
    prefix, rest = bound.split("/")
    made, digits = rest.split(":")
    assert prefix == "a-" + namespace(campaign, example)
    assert str(uuid.UUID(made)) == made
    assert uuid.UUID(made).version == 4
    assert re.fullmatch("[0-9a-f]{32}", digits)
    assert bind_id(template, campaign, example + 1) != bound
    assert bind_id(template, campaign + 1, example) != bound


def test_names_tell_uuids_apart():
    assert bind_id("<<uuid:a>>", 1, 1) != bind_id("<<uuid:b>>", 1, 1)
    assert bind_id("<<uuid:a>>|<<uuid:a>>", 1, 1) == "|".join([bind_id("<<uuid:a>>", 1, 1)] * 2)


@pytest.mark.parametrize(
    "template", [OMITTED, None, "", " ", "default", "<<", "<<fact>>", "<ns>", "<<NS>>", "<<ns"]
)
def test_what_is_no_template_stays_what_it_is(template):
    assert bind_id(template, 1, 2) is template or bind_id(template, 1, 2) == template


def test_the_golden_namespace():
    # Histories name ids that were bound years ago; replaying them must bind the same ones.
    assert bind_id("<<ns>>-a", 7, 3) == "7cd33f2a-a"
    assert bind_id("<<uuid:x>>", 7, 3) == "d2e07a43-921e-4cdb-a8eb-f47d46910959"
    assert bind_id("<<hex:x>>", 7, 3) == "d2e07a43921e3cdb68ebf47d46910959"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(OMITTED, "OMITTED"), (None, "None"), ("", "''"), ("OMITTED", "'OMITTED'"), ("\x1b[2J", "'\\x1b[2J'")],
)
def test_an_id_is_shown_without_ambiguity(value, shown):
    assert show_id(value) == shown
