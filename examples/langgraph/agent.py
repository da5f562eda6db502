"""A LangGraph chat agent that remembers conversations in SQLite.

    overheard run examples/langgraph/agent.py

The model is whatever OPENAI_BASE_URL and OPENAI_API_KEY name; during a test that is overheard's own
model server, so no key and no network are needed.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

import overheard


def compile_graph(memory: AsyncSqliteSaver) -> CompiledStateGraph:
    # No retries: a call that failed and is made again in secret would be recorded as two calls.
    model = ChatOpenAI(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"), max_retries=0)

    async def chat(state: MessagesState) -> dict:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("chat", chat)
    graph.add_edge(START, "chat")
    return graph.compile(checkpointer=memory)


# LangGraph finds a conversation by its thread id alone, so whoever presents the id is let in: the id is a
# bearer token, and this agent promises no more than that. Whether an id belongs to who presents it is for
# the application around the agent to check.
@overheard.contract(thread_ids="bearer")
@asynccontextmanager
async def agent() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        # Opened here and not at module level, because the connection belongs to the running event loop.
        async with AsyncSqliteSaver.from_conn_string(str(Path(folder) / "memory.sqlite")) as memory:
            graph = compile_graph(memory)

            async def send(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
                # Without this, LangGraph stores everybody's None in one thread called "None".
                if not thread:
                    raise PermissionError("a thread id is required")
                state = await graph.ainvoke(
                    {"messages": [{"role": "user", "content": message}]},
                    {"configurable": {"thread_id": thread, "user_id": resource}},
                )
                return state["messages"][-1].text

            yield send
