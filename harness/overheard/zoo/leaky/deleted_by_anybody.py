"""A thread can be deleted by whoever knows its id."""

from __future__ import annotations

from overheard.zoo.agent import required
from overheard.zoo.keeper import Keeper


class Leaky(Keeper):
    def deletable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return required(resource, thread)


class Mended(Leaky):
    def deletable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return self.opened(*super().deletable(resource, thread))
