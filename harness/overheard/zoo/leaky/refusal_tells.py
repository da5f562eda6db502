"""The thread is owned and strangers are refused, in words that quote what the owner said last."""

from __future__ import annotations

from overheard.zoo.agent import OwningAgent


class Leaky(OwningAgent):
    def refusal(self, thread: str) -> str:
        last = "\n".join(row.text for row in self.host.history(thread=thread, limit=2))
        return f"this conversation belongs to somebody else; it ends:\n{last}"


class Mended(Leaky):
    def refusal(self, thread: str) -> str:
        return OwningAgent.refusal(self, thread)
