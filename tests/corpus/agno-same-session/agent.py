"""An agno agent that remembers sessions in SQLite, one object for everybody, as its documentation shows it."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.models.openai import OpenAIChat


@asynccontextmanager
async def agent() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        assistant = Agent(
            model=OpenAIChat(id="gpt-4o-mini"),
            db=SqliteDb(db_file=str(Path(folder) / "sessions.sqlite")),
            add_history_to_context=True,
            telemetry=False,
        )

        async def send(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
            run = await assistant.arun(message, session_id=thread, user_id=resource)
            return run.content

        yield send
