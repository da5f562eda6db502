import re
import tracemalloc
from types import SimpleNamespace

import pytest

from overheard.adapters.validate import InvalidAnswer, valid_chunk, valid_reply
from overheard.core.outcome import Chunk, Reply


def test_what_is_an_answer():
    assert valid_reply("text") == Reply(text="text")
    reply = Reply(text="", ids={"thread": "t"}, channels={"header": "h", "tool": "x"})
    assert valid_reply(reply) is reply
    assert valid_chunk("d") == valid_chunk(Chunk("d")) == Chunk("d")


async def coroutine():
    return "text"


def generator():
    yield "text"


@pytest.mark.parametrize(
    ("answer", "taught"),
    [
        (None, "None: return the text"),
        (b"text", "bytes: decode them"),
        (bytearray(b"text"), "bytearray: decode them"),
        ({"output": "x", "content": "y"}, "a dict: return the text in it, answer['content']"),
        ({"x": 1}, 'a dict: return the text in it, answer["..."]'),
        (coroutine, "a coroutine that nobody awaited"),
        (generator, "a generator: join its pieces"),
        (SimpleNamespace(content="x"), "a SimpleNamespace: return its text, answer.content"),
        (7, "a int: an answer is a str or an overheard.Reply"),
        (["text"], "a list: an answer is"),
    ],
)
def test_what_is_none_is_taught(answer, taught):
    made = answer() if callable(answer) else answer
    for check in (valid_reply, valid_chunk):
        with pytest.raises(InvalidAnswer, match=re.escape(taught)):
            check(made)
    with pytest.raises(InvalidAnswer, match=re.escape(f"Reply.text is {taught}")):
        valid_reply(Reply(text=answer() if callable(answer) else answer))


def test_all_problems_are_named_at_once():
    with pytest.raises(InvalidAnswer) as caught:
        valid_reply(Reply(text=None, ids={"thread": 7, 3: "x"}, channels={"smell": "bad", "header": None}))
    assert len(caught.value.problems) == 5
    words = str(caught.value)
    for part in (
        "Reply.text is None",
        "'thread' to a int",
        "ids maps a int",
        "no 'smell'",
        "'header' to a NoneType",
    ):
        assert part in words
    with pytest.raises(
        InvalidAnswer, match=r"ids is a list; it maps str to str; Reply\.channels is a NoneType"
    ):
        valid_reply(Reply(text="", ids=["t"], channels=None))


def test_a_thousand_problems_are_not_a_thousand_lines_and_nothing_repaints_the_terminal():
    hostile = {f"\x1b[2J\n{number}" * 100: number for number in range(1000)}
    with pytest.raises(InvalidAnswer) as caught:
        valid_reply(Reply(text="", ids=hostile))
    words = str(caught.value)
    assert "and 992 more" in words
    assert len(words) < 2_000
    assert words.isprintable()


def test_a_great_text_is_not_copied():
    text = "x" * 50_000_000
    reply = Reply(text=text)
    tracemalloc.start()
    assert valid_reply(text).text is text
    assert valid_reply(reply) is reply
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_text_that_lies_about_itself_is_made_plain():
    class Liar(str):
        __slots__ = ()

        def __len__(self):
            return 0

        def __getitem__(self, key):
            return "innocent"

        def __str__(self):
            return "innocent"

    for checked in (
        valid_reply(Liar("secret")),
        valid_reply(Reply(text=Liar("secret"))),
        valid_chunk(Liar("secret")),
    ):
        assert type(checked.text) is str
        assert checked.text == "secret"
