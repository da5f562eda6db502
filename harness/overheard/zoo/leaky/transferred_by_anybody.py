"""Whoever knows a thread's id can give it to whom it likes, itself above all."""

from __future__ import annotations

from overheard.zoo.agent import required
from overheard.zoo.keeper import Keeper


class Leaky(Keeper):
    def transferable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return required(resource, thread)


class Mended(Leaky):
    def transferable(self, resource: str | None, thread: str | None) -> tuple[str, str]:
        return self.opened(*super().transferable(resource, thread))
