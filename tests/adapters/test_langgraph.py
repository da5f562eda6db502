"""The real LangGraph, with nodes that answer what they have seen in place of a model."""

import asyncio
import operator
import sqlite3
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from overheard.adapters.enter import enter
from overheard.core.errors import UsageError
from overheard.core.ids import OMITTED
from overheard.core.outcome import Caller, Refused


def heard(state):
    return {"messages": [AIMessage(" ".join(message.text for message in state["messages"]))]}


async def heard_later(state):
    await asyncio.sleep(0)
    return heard(state)


def graph(node=heard_later, memory=None, state=MessagesState, context=None):
    builder = StateGraph(state, context_schema=context)
    builder.add_node("answer", node)
    builder.add_edge(START, "answer")
    return builder.compile(checkpointer=memory)


def sqlite():
    """A graph in a context manager, as AsyncSqliteSaver needs one."""

    @asynccontextmanager
    async def agent():
        async with AsyncSqliteSaver.from_conn_string(":memory:") as memory:
            yield graph(memory=memory)

    return agent


def test_a_compiled_graph_is_known_by_its_type(talk):
    adapted = talk(graph(memory=InMemorySaver())).adapted
    assert adapted.offers.adapter == "langgraph"
    assert adapted.offers.accepts == ("thread", "resource")
    assert adapted.offers.required == ()
    assert adapted.offers.surfaces == ("send", "stream")
    assert adapted.offers.coroutine is True
    assert adapted.settings == {}


@pytest.mark.parametrize("make", [lambda: graph(memory=InMemorySaver()), sqlite])
def test_it_remembers_by_thread_and_answers_for_this_turn_only(make, talk):
    calls = [("a", "t1", "r1"), ("b", "t2", "r2"), ("c", "t1", "r1"), ("d", "t1", "r2")]
    # Whoever presents t1 reads it: LangGraph has no owner of a thread.
    assert talk(make(), *calls).said == ["a", "b", "a a c", "a a c a a c d"]


def test_ids_reach_the_graph_as_they_are(talk):
    def node(state, config):
        known = {
            key: config["configurable"][key]
            for key in ("thread_id", "user_id")
            if key in config["configurable"]
        }
        return {"messages": [AIMessage(repr(known))]}

    calls = [("m", "t", "r"), ("m", None, ""), ("m", OMITTED, OMITTED), ("m", "t", OMITTED)]
    assert talk(graph(node), *calls).said == [
        "{'thread_id': 't', 'user_id': 'r'}",
        "{'thread_id': None, 'user_id': ''}",
        "{}",
        "{'thread_id': 't'}",
    ]


def test_without_a_checkpointer_it_runs_and_remembers_nothing(talk):
    assert talk(graph(), ("a", "t", "r"), ("b", "t", "r"), ("c", OMITTED, OMITTED)).said == ["a", "b", "c"]


@pytest.mark.parametrize("make", [lambda: graph(memory=InMemorySaver()), sqlite])
@pytest.mark.parametrize("resource", ["r", None, OMITTED])
@pytest.mark.parametrize("streaming", [True, False])
def test_a_thread_id_that_is_left_out_is_refused_by_langgraph_itself(make, resource, streaming, talk):
    # Two different exceptions of LangGraph's: ValueError with no configurable key at all, else KeyError.
    said = talk(make(), ("a", OMITTED, resource), streaming=streaming).said[0]
    assert isinstance(said, Refused)
    assert "requires a thread id" in str(said)


def test_none_and_empty_are_threads_that_everybody_shares_in_sqlite(talk):
    calls = [("a", None, "r1"), ("b", "", "r1"), ("c", None, "r2"), ("d", "", "r2")]
    assert talk(sqlite(), *calls).said == ["a", "b", "a a c", "b b d"]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Checkpointer is broken"),
        ValueError("Checkpointer requires one or more of the following 'configurable' keys: it says"),
        KeyError("thread_id"),
    ],
)
def test_other_errors_of_the_graph_are_no_refusal_of_ours(error):
    async def node(state):
        raise error

    async def run():
        async with enter(graph(node, InMemorySaver()), name="g") as adapted:
            adapted.refusals = ()  # so that only what the adapter itself takes for a refusal is one
            await adapted.send("m", thread="t", resource="r", caller=Caller("r"))

    with pytest.raises(type(error), match=str(error)):
        asyncio.run(run())


def test_a_checkpointer_without_async_methods_runs_in_worker_threads(talk):
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    target = graph(heard, SqliteSaver(connection))
    talked = talk(target, ("a", "t", "r"), ("b", "t", "r"))
    streamed = talk(target, ("c", "t2", "r"), ("d", OMITTED, "r"), streaming=True)
    connection.close()
    assert talked.said == ["a", "a a b"]
    assert talked.adapted.offers.coroutine is False
    assert streamed.said[0] == ["c"]
    assert isinstance(streamed.said[1], Refused)


def test_streaming_yields_what_the_agent_says_and_no_tool_output(talk):
    async def node(state):
        return {"messages": [ToolMessage("secret of the tool", tool_call_id="1"), AIMessage("said")]}

    assert talk(graph(node, InMemorySaver()), ("a", "t", "r"), streaming=True).said == [["said"]]


@pytest.mark.parametrize(
    ("messages", "answer"),
    [
        ([AIMessage([{"type": "text", "text": "in "}, {"type": "text", "text": "blocks"}])], "in blocks"),
        ([AIMessage("first"), AIMessage("last")], "last"),
        (
            [AIMessage("the words"), AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}])],
            "the words",
        ),
        ([AIMessage("asks"), ToolMessage("found", tool_call_id="1")], "asks"),
        ([], ""),
    ],
)
def test_the_answer_is_the_last_that_the_agent_said_in_this_turn(messages, answer, talk):
    async def node(state):
        earlier = any(isinstance(message, AIMessage) for message in state["messages"])
        return {"messages": messages if earlier else [AIMessage("an earlier turn")]}

    said = talk(graph(node, InMemorySaver()), ("a", "t", "r"), ("b", "t", "r")).said
    assert said == ["an earlier turn", answer]


def test_a_graph_that_stops_to_ask_its_operator_has_said_nothing(talk):
    async def node(state):
        interrupt("may I?")

    assert talk(graph(node, InMemorySaver()), ("a", "t", "r")).said == [""]


def test_a_state_of_plain_dictionaries(talk):
    class State(TypedDict):
        messages: Annotated[list[Any], operator.add]

    async def node(state):
        words = [m["content"] if isinstance(m, dict) else m.text for m in state["messages"]]
        return {"messages": [{"role": "assistant", "content": " ".join(words)}]}

    assert talk(graph(node, InMemorySaver(), State), ("a", "t", "r"), ("b", "t", "r")).said == ["a", "a a b"]


@dataclass
class DataContext:
    user_id: str | None = None
    language: str = "en"


class ModelContext(BaseModel):
    user_id: str | None = None
    language: str = "en"


class DictContext(TypedDict, total=False):
    user_id: str | None


@dataclass
class StrictContext:
    thread_id: str
    user_id: str


@dataclass
class StrangeContext:
    user_id: str
    database: str


async def tells_context(state, runtime: Runtime):
    context = runtime.context
    # LangGraph itself makes None of an empty dictionary.
    user = (context or {}).get("user_id") if isinstance(context, dict | None) else context.user_id
    return {"messages": [AIMessage(str(user))]}


@pytest.mark.parametrize("schema", [DataContext, ModelContext, DictContext])
def test_a_context_schema_is_given_the_resource(schema, talk):
    target = graph(tells_context, InMemorySaver(), context=schema)
    talked = talk(target, ("m", "t", "r1"), ("m", "t", OMITTED))
    assert talked.said == ["r1", "None"]
    assert talked.adapted.offers.required == ()


def test_what_a_context_schema_requires_is_required(talk):
    talked = talk(graph(tells_context, context=StrictContext), ("m", "t", "r1"))
    assert talked.said == ["r1"]
    assert talked.adapted.offers.required == ("thread", "resource")


@dataclass
class OnlyRequest:
    question: str


@pytest.mark.parametrize(
    ("make", "taught"),
    [
        (lambda: graph(context=StrangeContext), "whose context requires `database`, which nothing fills"),
        (lambda: StateGraph(MessagesState), r"a StateGraph that is not compiled; call `\.compile\("),
        (lambda: graph(lambda state: {}, state=OnlyRequest), r"has no `messages` \(it has: `question`\)"),
        (lambda: entrypoint()(lambda request: request), r"has no `messages` \(it has: none\)"),
    ],
)
def test_a_graph_that_a_message_cannot_start_is_taught(make, taught, talk):
    with pytest.raises(UsageError, match=taught):
        talk(make())


def test_one_graph_serves_many_at_once():
    inside, most = 0, 0

    async def node(state):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.05)
        inside -= 1
        return heard(state)

    async def run():
        async with enter(graph(node, InMemorySaver()), name="g") as adapted:
            calls = [
                adapted.send(f"m{n}", thread=f"t{n}", resource="r", caller=Caller("r")) for n in range(8)
            ]
            return await asyncio.gather(*calls)

    answers = asyncio.run(run())
    assert [answer.reply.text for answer in answers] == [f"m{n}" for n in range(8)]
    assert all(answer.suspended for answer in answers)
    assert most == 8


def test_synchronous_nodes_overlap_beyond_asyncios_own_threads():
    together = threading.Barrier(40)

    def node(state):
        together.wait(20)  # forty that wait for one another; asyncio's pool has at most 32 threads
        return heard(state)

    async def run():
        async with enter(graph(node, InMemorySaver()), name="g", workers=64) as adapted:
            calls = [adapted.send("m", thread=f"t{n}", resource="r", caller=Caller("r")) for n in range(40)]
            return len(await asyncio.gather(*calls))

    assert asyncio.run(run()) == 40


def test_the_message_is_sent_as_a_persons(talk):
    seen = []

    async def node(state):
        seen.extend(state["messages"])
        return heard(state)

    talk(graph(node), ("{curly} and \x1b[31m", "t", "r"))
    assert [type(message) for message in seen] == [HumanMessage]
    assert seen[0].content == "{curly} and \x1b[31m"
