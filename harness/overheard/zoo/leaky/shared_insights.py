"""A block "what users like you said" puts the newest words of other resources into everybody's prompt."""

from __future__ import annotations

from overheard.zoo.agent import OwningAgent, knowledge
from overheard.zoo.model import Message


class Leaky(OwningAgent):
    def recall(self, resource: str, thread: str) -> list[Message]:
        return [*self.insights(resource), *super().recall(resource, thread)]

    def insights(self, resource: str) -> list[Message]:
        others = [row for row in self.host.history() if row.resource != resource and row.role == "user"]
        return knowledge("Users like this one said:", others[-5:])


class Mended(Leaky):
    def insights(self, resource: str) -> list[Message]:
        others = {row.resource for row in self.host.history() if row.resource != resource}
        return [Message("system", f"Users like this one: {len(others)}.")]
