"""Copying looks up the thread, and not whose it is: the copy is the caller's."""

from __future__ import annotations

from overheard.zoo.agent import required
from overheard.zoo.keeper import Keeper


class Leaky(Keeper):
    def clonable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return required(resource, thread)


class Mended(Leaky):
    def clonable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return self.opened(*super().clonable(resource, thread))
