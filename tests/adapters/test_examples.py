"""What a user copies, run as a user runs it, against a model server that says back what it was sent."""

import asyncio
import sys
from pathlib import Path

import pytest

from overheard.adapters.enter import enter
from overheard.adapters.resolve import load
from overheard.core.contract import declare
from overheard.core.errors import TargetBuildError
from overheard.core.ids import OMITTED
from overheard.core.outcome import Caller, Refused

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    """example("langgraph/agent.py"): loaded as `overheard run` loads it; forgotten after the test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield lambda target: load(target, base=EXAMPLES)
    for name in set(sys.modules) - before:
        if name.startswith("overheard_target_"):
            del sys.modules[name]


@pytest.mark.usefixtures("model_server")
def test_the_langgraph_agent_remembers_by_thread_and_refuses_missing_ids(example, talk):
    talked = talk(
        example("langgraph/agent.py"),
        ("one", "t1", "r1"),
        ("two", "t2", "r1"),
        ("three", "t1", "r1"),
        ("four", "t1", "r2"),
        ("five", None, "r1"),
        ("six", "", "r1"),
        ("seven", OMITTED, "r1"),
        ("eight", "t3", OMITTED),
    )
    assert talked.said[:4] == [
        "one",
        "two",
        "one | one | three",
        "one | one | three | one | one | three | four",
    ]
    assert [type(said) for said in talked.said[4:7]] == [Refused] * 3
    assert talked.said[7] == "eight"
    assert declare(("target", talked.adapted.settings)).contract.thread_ids == "bearer"
    assert talked.adapted.offers.required == ()
    assert all(answer.suspended for answer in talked.answers)


@pytest.mark.usefixtures("model_server")
def test_the_bare_graph_takes_what_comes(example, talk):
    calls = [
        ("one", None, "r1"),
        ("two", None, "r2"),
        ("three", "", "r1"),
        ("four", "", "r2"),
        ("five", OMITTED, "r1"),
    ]
    talked = talk(example("langgraph/bare.py"), *calls)
    assert talked.said[:4] == ["one", "one | one | two", "three", "three | three | four"]
    assert isinstance(talked.said[4], Refused)
    assert talked.adapted.offers.adapter == "langgraph"
    assert talked.adapted.settings == {"thread_ids": "bearer"}


@pytest.mark.usefixtures("model_server")
def test_the_bare_graph_streams_the_models_own_deltas(example, talk):
    said = talk(example("langgraph/bare.py"), ("one two three", "t", "r"), streaming=True).said[0]
    assert [piece for piece in said if piece] == ["one ", "two ", "three "]


@pytest.mark.usefixtures("model_server")
def test_the_langgraph_agent_serves_many_at_once(example):
    async def run():
        async with enter(example("langgraph/agent.py"), name="example") as adapted:
            calls = [
                adapted.send(f"m{n}", thread=f"t{n}", resource="r", caller=Caller("r")) for n in range(8)
            ]
            return [answer.reply.text for answer in await asyncio.gather(*calls)]

    assert asyncio.run(run()) == [f"m{n}" for n in range(8)]


def test_the_langgraph_agent_leaves_nothing_behind(example, model_server, tmp_path, monkeypatch, talk):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert talk(example("langgraph/agent.py"), ("one", "t", "r")).said == ["one"]
    assert list(tmp_path.iterdir()) == []


def test_the_langgraph_agent_without_a_key_says_so_in_one_sentence(example, monkeypatch, talk):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        TargetBuildError, match=r"(?s)OPENAI_API_KEY.*examples/langgraph/agent\.py:\d+\)$"
    ) as caught:
        talk(example("langgraph/agent.py"))
    assert "\n" not in str(caught.value)


def test_the_plain_function_keeps_conversations_apart(example, talk):
    talked = talk(
        example("plain/agent.py"),
        ("one", "t", "r1"),
        ("two", "t", "r2"),
        ("three", "t", "r1"),
        ("four", "t:r", "1"),
        ("five", "t", OMITTED),
        ("six", "", "r1"),
        ("seven", None, "r1"),
    )
    nothing = "You have said nothing before."
    assert talked.said[:4] == [nothing, nothing, "You said before: one", nothing]
    assert [type(said) for said in talked.said[4:]] == [Refused] * 3
    assert talked.adapted.offers.adapter == "function"
    assert talked.adapted.offers.coroutine is False
