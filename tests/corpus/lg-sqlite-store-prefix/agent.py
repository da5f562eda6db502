"""A LangGraph agent with a long-term memory for each user, kept in SQLite by namespace."""

import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from langchain_core.runnables import RunnableConfig
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore, InvalidNamespaceError
from langgraph.store.sqlite.aio import AsyncSqliteStore

import overheard


# A user is remembered, not a conversation: what was said in one is known in all of the same user.
@overheard.contract(scope="resource", recall_kind="ranked", refusals=(PermissionError, InvalidNamespaceError))
@asynccontextmanager
async def agent() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    model = ChatOpenAI(model="gpt-4o-mini", max_retries=0)

    async def chat(state: MessagesState, config: RunnableConfig, *, store: BaseStore) -> dict:
        memories = ("memories", config["configurable"]["user_id"])
        known = await store.asearch(memories, limit=100)
        said = state["messages"][-1]
        about = "What the user said before:\n" + "\n".join(item.value["text"] for item in known)
        answer = await model.ainvoke([{"role": "system", "content": about}, said])
        await store.aput(memories, str(uuid.uuid4()), {"text": said.text})
        return {"messages": [answer]}

    with tempfile.TemporaryDirectory() as folder:
        async with AsyncSqliteStore.from_conn_string(str(Path(folder) / "memories.sqlite")) as store:
            await store.setup()
            graph = (
                StateGraph(MessagesState).add_node("chat", chat).add_edge(START, "chat").compile(store=store)
            )

            async def send(message: str, *, resource: str | None = None) -> str:
                if not resource:
                    raise PermissionError("a user id is required")
                state = await graph.ainvoke(
                    {"messages": [{"role": "user", "content": message}]},
                    {"configurable": {"user_id": resource}},
                )
                return state["messages"][-1].text

            yield send
