"""A PraisonAI agent whose sessions are kept in files, one for each session id, as its documentation shows it."""

import os
import tempfile

os.environ["PRAISONAI_HOME"] = tempfile.mkdtemp()  # read by the package when it is imported

from praisonaiagents import Agent, MemoryConfig

import overheard


# A session is found by its id alone; whose it is, is for the application around the agent to check.
@overheard.contract(thread_ids="bearer")
def agent(message: str, *, thread: str | None = None) -> str:
    if not thread:
        raise PermissionError("a session id is required")
    assistant = Agent(
        name="Assistant",
        instructions="Answer from what you were told.",
        llm="gpt-4o-mini",
        memory=MemoryConfig(session_id=thread),
        output="silent",
    )
    return assistant.chat(message)
