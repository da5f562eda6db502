"""To delete what one resource has, the whole collection is emptied. (mem0 1.0.0 did: delete_all.)"""

from __future__ import annotations

from overheard.zoo.keeper import Keeper


class Leaky(Keeper):
    def erase_resource(self, resource: str) -> None:
        super().erase_resource(resource)
        self.host.remove()


class Mended(Leaky):
    def erase_resource(self, resource: str) -> None:
        Keeper.erase_resource(self, resource)
