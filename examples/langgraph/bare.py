"""The same agent with nothing around it: overheard drives the compiled graph as LangGraph made it.

    overheard run examples/langgraph/bare.py

It takes whatever thread id comes. LangGraph's SQLite memory writes None as the text "None" and an empty id
as an empty text, so everybody who forgets the id shares one conversation, and the run says so.
"""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

import overheard


# Declared as agent.py is, so that the only difference between the two is the missing check.
@overheard.contract(thread_ids="bearer")
@asynccontextmanager
async def agent() -> AsyncIterator[CompiledStateGraph]:
    model = ChatOpenAI(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"), max_retries=0)

    async def chat(state: MessagesState) -> dict:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("chat", chat)
    graph.add_edge(START, "chat")
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncSqliteSaver.from_conn_string(str(Path(folder) / "memory.sqlite")) as memory:
            yield graph.compile(checkpointer=memory)
