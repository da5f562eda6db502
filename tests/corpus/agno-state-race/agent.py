"""An agno agent that keeps notes for its users in session state, by tools, as its documentation shows it."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.models.openai import OpenAIChat


def save_note(session_state: dict, note: str) -> str:
    """Save a note of what the user said."""
    session_state.setdefault("notes", []).append(note)
    return "The note is saved."


def recall_notes(session_state: dict) -> str:
    """Recall all notes of the user."""
    return "\n".join(session_state.get("notes", [])) or "There are no notes."


@asynccontextmanager
async def agent() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        assistant = Agent(
            model=OpenAIChat(id="gpt-4o-mini"),
            db=SqliteDb(db_file=str(Path(folder) / "sessions.sqlite")),
            tools=[save_note, recall_notes],
            session_state={"notes": []},
            telemetry=False,
        )

        async def send(message: str, *, thread: str, resource: str) -> str:
            run = await assistant.arun(message, session_id=thread, user_id=resource)
            return run.content

        yield send
