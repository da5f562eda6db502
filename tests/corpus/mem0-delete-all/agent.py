"""A chat with memories of its user, kept by mem0: its quickstart, as an object with what an application needs."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mem0 import Memory
from openai import OpenAI
from qdrant_client import QdrantClient

import overheard


class Desk:
    def __init__(self, memory: Memory, model: OpenAI) -> None:
        self.memory = memory
        self.model = model

    def send(self, message: str, *, resource: str | None = None) -> str:
        if not resource:
            raise PermissionError("a user id is required")
        found = self.memory.search(message, user_id=resource, limit=5)
        known = "\n".join(f"- {each['memory']}" for each in found["results"])
        messages = [
            {"role": "system", "content": f"Answer by what is known of the user:\n{known}"},
            {"role": "user", "content": message},
        ]
        answer = self.model.chat.completions.create(model="gpt-4o-mini", messages=messages)
        text = answer.choices[0].message.content or ""
        self.memory.add([messages[1], {"role": "assistant", "content": text}], user_id=resource)
        return text

    def search(self, query: str, *, resource: str | None = None) -> list[str]:
        if not resource:
            raise PermissionError("a user id is required")
        return [each["memory"] for each in self.memory.search(query, user_id=resource, limit=20)["results"]]

    def delete_resource(self, *, resource: str | None = None) -> None:
        if not resource:
            raise PermissionError("a user id is required")
        self.memory.delete_all(user_id=resource)


# A user is remembered, not a conversation, and what is found is what a search ranks first.
@overheard.contract(scope="resource", recall_kind="ranked")
@contextmanager
def agent() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory.from_config(
            {
                "vector_store": {
                    "provider": "qdrant",
                    "config": {"client": QdrantClient(":memory:"), "collection_name": "memories"},
                },
                "llm": {"provider": "openai", "config": {"model": "gpt-4o-mini"}},
                "embedder": {"provider": "openai", "config": {"model": "text-embedding-3-small"}},
                "history_db_path": str(Path(folder) / "history.sqlite"),
            }
        )
        yield Desk(memory, OpenAI())
