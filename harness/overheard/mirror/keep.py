"""What a model server keeps for its clients: responses, conversations and their items, by the ids it issued.

An id that was never issued, or whose thing was deleted, is unknown; nothing is found by anything else. So
what an agent stores on a model server comes back to whoever presents the id, as with the real one: whether
that somebody may present it is the agent's business.
"""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias

Item: TypeAlias = dict[str, Any]
"""One input or output item as its JSON, with an `id` of ours; never changed once it is kept."""

_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "reasoning": "rs",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
}


class Kept(NamedTuple):
    """A response that can be continued: the one before it, and what was said in this turn.

    One that was made in a conversation has none before it: the conversation is continued by its own id.
    """

    previous: str | None
    inputs: tuple[Item, ...]
    outputs: tuple[Item, ...]
    body: Mapping[str, Any]


class Conversation(NamedTuple):
    """A conversation: items in order, by id."""

    id: str
    metadata: Any
    items: dict[str, Item]


class Keep:
    """The state. Belongs to the mirror's loop."""

    def __init__(self) -> None:
        # Ids differ from mirror to mirror: one that an agent's database kept from an earlier run must be
        # unknown now, not lead into somebody else's conversation.
        self._key = secrets.token_bytes(16)
        self._numbers = itertools.count(1)
        self._responses: dict[str, Kept] = {}
        self._links: dict[str, str | None] = {}
        self._conversations: dict[str, Conversation] = {}
        self._items: dict[str, Item] = {}
        self._uses: Counter[str] = Counter()

    def issue(self, prefix: str) -> str:
        """A new id: long, and no guess away from any other."""
        number = next(self._numbers).to_bytes(8, "big")
        return f"{prefix}_{blake2b(number, key=self._key, digest_size=24).hexdigest()}"

    def named(self, item: Mapping[str, Any]) -> Item:
        """The item under an id of ours: the one it has if it is kept under that, otherwise a new one.

        The id alone is not enough: other words sent under it would replace what is kept for everybody else.
        """
        if isinstance(given := item.get("id"), str) and (known := self._items.get(given)) == item:
            return known
        return {**item, "id": self.issue(_PREFIXES.get(str(item.get("type")), "item"))}

    # -- responses -----------------------------------------------------------------------------------------

    def response(self, name: str) -> Kept | None:
        """The response of this id, or None."""
        return self._responses.get(name)

    def store(self, name: str, kept: Kept) -> None:
        """Keep a response under the id it was issued."""
        self._responses[name] = kept
        self._links[name] = kept.previous
        self._use((*kept.inputs, *kept.outputs))

    def forget(self, name: str) -> None:
        """Delete a response; what came before and after it stays connected, without what it said."""
        kept = self._responses.pop(name)
        self._drop((*kept.inputs, *kept.outputs))

    def chain(self, name: str) -> list[Item]:
        """All items of the response of this id and of those before it, oldest first."""
        turns: list[Kept] = []
        step: str | None = name
        while step is not None:
            if (kept := self._responses.get(step)) is not None:
                turns.append(kept)
            step = self._links.get(step)
        return [item for turn in reversed(turns) for item in (*turn.inputs, *turn.outputs)]

    def item(self, name: str) -> Item | None:
        """The item of this id, wherever it was said, or None."""
        return self._items.get(name)

    # -- conversations -------------------------------------------------------------------------------------

    def converse(self, metadata: Any) -> Conversation:
        """A new conversation without items."""
        name = self.issue("conv")
        self._conversations[name] = Conversation(name, metadata, {})
        return self._conversations[name]

    def conversation(self, name: str) -> Conversation | None:
        """The conversation of this id, or None."""
        return self._conversations.get(name)

    def describe(self, name: str, metadata: Any) -> Conversation:
        """Give a conversation other metadata."""
        self._conversations[name] = self._conversations[name]._replace(metadata=metadata)
        return self._conversations[name]

    def end(self, name: str) -> None:
        """Delete a conversation. Its items can still be referred to, as with OpenAI's."""
        del self._conversations[name]

    def append(self, conversation: Conversation, items: Iterable[Item]) -> None:
        """Add items at a conversation's end; those that are in it stay where they are."""
        new = [item for item in items if item["id"] not in conversation.items]
        conversation.items.update((item["id"], item) for item in new)
        self._use(new)

    def remove(self, conversation: Conversation, item: str) -> None:
        """Delete an item from a conversation."""
        self._drop((conversation.items.pop(item),))

    def _use(self, items: Iterable[Item]) -> None:
        for item in items:
            self._items[item["id"]] = item
            self._uses[item["id"]] += 1

    def _drop(self, items: Iterable[Item]) -> None:
        """Let go of items; one that nothing holds any more cannot be referred to either."""
        for item in items:
            name = item["id"]
            self._uses[name] -= 1
            if self._uses[name] <= 0:
                del self._uses[name], self._items[name]
