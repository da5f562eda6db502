"""An agent that keeps conversations in Redis, over one pool of connections for everybody."""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from openai import AsyncOpenAI
from redis.asyncio import Redis


@asynccontextmanager
async def agent() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    memory = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
    model = AsyncOpenAI(max_retries=0)

    async def send(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        if not thread or not resource:
            raise PermissionError("a conversation has an id and an owner")
        key = json.dumps([resource, thread])
        before = [json.loads(each) for each in await memory.lrange(key, 0, -1)]
        asked = {"role": "user", "content": message}
        answer = await model.chat.completions.create(model="gpt-4o-mini", messages=[*before, asked])
        said = {"role": "assistant", "content": answer.choices[0].message.content}
        await memory.rpush(key, json.dumps(asked), json.dumps(said))
        return said["content"]

    yield send
    await memory.close()
    await model.close()
