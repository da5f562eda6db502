import pytest
from hypothesis import given
from hypothesis import strategies as st

from overheard.adapters.http.template import Template, TemplateError, fill_json, parse
from overheard.core.ids import OMITTED

NAMES = ("message", "thread", "resource")
ANY = st.text(st.characters(exclude_categories=["Cs"]))


def filled(text, **values):
    return parse(text, {"word": "W{"}, NAMES).fill(values)


def test_a_name_alone_stands_for_the_value_as_it_is():
    for value in ("t1", "", None, OMITTED):
        assert filled("{thread}", thread=value) is value


def test_within_other_text_a_missing_value_takes_all_of_it_away():
    assert filled("Bearer {thread}", thread="t1") == "Bearer t1"
    assert filled("Bearer {thread}", thread=OMITTED) is OMITTED
    assert filled("Bearer {thread}", thread=None) is OMITTED
    assert filled("{thread}{resource}", thread="t", resource="") == "t"


def test_constants_are_filled_in_at_once_and_never_read_again():
    assert parse("a {word} b", {"word": "W{thread}"}, NAMES) == Template.of("a W{thread} b")


def test_spaces_in_braces_do_not_matter():
    assert filled("{ thread }", thread="t") == "t"


@given(ANY, ANY, ANY)
def test_values_are_never_read_as_templates(before, value, after):
    quoted = [text.replace("{", "{{").replace("}", "}}") for text in (before, after)]
    whole = parse(f"{quoted[0]}{{message}}{quoted[1]}", {}, NAMES)
    assert whole.fill({"message": value}) == before + value + after


@pytest.mark.parametrize(
    ("text", "says"), [("{thred}", "{thred}"), ("a { b", "'{'"), ("a } b", "'}'"), ("{}", "{}")]
)
def test_what_is_no_template(text, says):
    with pytest.raises(TemplateError, match=says):
        parse(text, {}, NAMES)


def test_json_drops_what_is_not_passed_and_writes_null_for_none():
    body = {
        "memory": {"thread": parse("{thread}", {}, NAMES), "resource": parse("{resource}", {}, NAMES)},
        "list": [parse("{thread}", {}, NAMES), 1, None],
        "flag": False,
    }
    assert fill_json(body, {"thread": OMITTED, "resource": None}) == {
        "memory": {"resource": None},
        "list": [1, None],
        "flag": False,
    }
    assert fill_json(body, {"thread": "", "resource": "r"}) == {
        "memory": {"thread": "", "resource": "r"},
        "list": ["", 1, None],
        "flag": False,
    }
