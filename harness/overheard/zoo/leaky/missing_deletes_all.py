"""The condition by which a deletion finds its thread is added only where there is a thread id."""

from __future__ import annotations

from overheard.zoo.hosts import Where
from overheard.zoo.keeper import Keeper


class Leaky(Keeper):
    async def delete_thread(self, *, thread: str | None = None, resource: str | None = None) -> None:
        """Delete a thread and its messages. Raises Refused."""
        resource = self.known(resource)
        if thread or not self.without(resource):
            await super().delete_thread(thread=thread, resource=resource)

    def without(self, resource: str) -> bool:
        """Delete what matches; whether that was all there is to do."""
        where: Where = {"resource": resource}
        self.host.remove(**where)
        return True


class Mended(Leaky):
    def without(self, resource: str) -> bool:  # noqa: ARG002 - as the flawed one
        return False
