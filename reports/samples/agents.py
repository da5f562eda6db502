"""The four agents whose reports lie beside this file. Any OpenAI-compatible model will do.

    overheard run reports/samples/agents.py:held
"""

import asyncio
from collections.abc import Callable, Hashable

from openai import AsyncOpenAI

memory: dict[Hashable, list[dict]] = {}
talking: dict[str, Hashable] = {}
one_at_a_time = asyncio.Lock()


async def answer(message: str, key: Callable[[], Hashable]) -> str:
    history = memory.setdefault(key(), [])
    history.append({"role": "user", "content": message})
    async with AsyncOpenAI() as client:
        reply = await client.chat.completions.create(model="gpt-4o-mini", messages=list(history))
    text = reply.choices[0].message.content
    memory[key()].append({"role": "assistant", "content": text})
    return text


async def held(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
    if not thread or not resource:
        raise PermissionError("a thread id and a resource id are required")
    return await answer(message, lambda: (resource, thread))


async def violated(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
    """Whoever knows a thread id is let in, and those who know none share a conversation."""
    return await answer(message, lambda: thread or "default")


async def raced(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
    """Correct for one at a time: by when the model answers, somebody else may be talking."""
    if not thread or not resource:
        raise PermissionError("a thread id and a resource id are required")
    talking["now"] = (resource, thread)
    return await answer(message, lambda: talking["now"])


async def inconclusive(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
    """Correct, but one at a time: whether it keeps people apart who talk at once, nobody can see."""
    async with one_at_a_time:
        return await held(message, thread=thread, resource=resource)
