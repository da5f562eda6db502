import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overheard.adapters.http.path import find, parse, several, text_of, texts

DOCUMENT = {
    "choices": [{"message": {"content": "first"}}, {"message": {"content": "second"}}],
    "output": [{"content": [{"text": "a"}, {"text": "b"}]}, {"summary": []}, {"content": [{"text": "c"}]}],
    "a.b": {"*": "star", "0": "zero"},
    "n": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("choices.0.message.content", ["first"]),
        ("choices.-1.message.content", ["second"]),
        ("choices.2.message.content", []),
        ("choices.-3", []),
        ("choices.message", []),
        ("choices.²", []),
        ("choices." + "9" * 5_000, []),
        ("output.*.content.*.text", ["a", "b", "c"]),
        ('"a.b"."*"', ["star"]),
        ('"a.b".*', ["star", "zero"]),
        ('"a.b".0', ["zero"]),
        ("n", [None]),
        ("n.x", []),
    ],
)
def test_what_is_at_a_path(path, found):
    assert find(DOCUMENT, parse(path)) == found


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", '"a', 'a"b"', '"a"b'])
def test_what_is_no_path(path):
    with pytest.raises(ValueError):
        parse(path)


def test_only_a_star_leads_to_several_places():
    assert several(parse("a.*.b"))
    assert not several(parse('a."*".b'))


def test_what_is_found_becomes_text():
    assert [text_of(value) for value in ("x", None, 1, True, {"a": [1]})] == [
        "x",
        "",
        "1",
        "true",
        '{"a":[1]}',
    ]


LEAVES = st.none() | st.booleans() | st.integers() | st.text(min_size=2)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(JSON)
def test_texts_are_all_texts(document):
    # From bytes, as documents really come: equal texts are then different objects.
    document = msgspec.json.decode(msgspec.json.encode(document))

    def every(node):
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            yield from node
            for value in node.values():
                yield from every(value)
        elif isinstance(node, list):
            for value in node:
                yield from every(value)

    assert sorted(texts(document)) == sorted(every(document))


def test_texts_leave_out_the_answer_and_nothing_else():
    document = msgspec.json.decode(
        b'{"text": "the answer", "debug": {"prompt": "the answer"}, "ids": ["x1"]}'
    )
    assert texts(document, [document["text"]]) == ["text", "debug", "ids", "prompt", "the answer", "x1"]


def test_depth_is_no_problem():
    deep = "bottom"
    for _ in range(100_000):
        deep = [deep]
    assert texts(deep) == ["bottom"]
    while isinstance(deep, list):  # or the interpreter frees it recursively
        deep = deep.pop()
