"""Strangers are refused with a hint at the conversations that there are, and these are everybody's.

Nothing of what was said is shown, only ids; and whoever knows an id presents it, elsewhere.
"""

from __future__ import annotations

from overheard.zoo.agent import OwningAgent


class Leaky(OwningAgent):
    def refusal(self, thread: str) -> str:
        there = dict.fromkeys(row.thread for row in reversed(self.host.history()))
        return f"{OwningAgent.refusal(self, thread)}; there are: {', '.join(list(there)[:5])}"


class Mended(Leaky):
    def refusal(self, thread: str) -> str:
        return OwningAgent.refusal(self, thread)
