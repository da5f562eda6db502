"""What is deleted stays in the index that searches are answered from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from overheard.zoo.hosts import Host, Row, Where
from overheard.zoo.keeper import Keeper
from overheard.zoo.library import matching


class Leaky(Keeper):
    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._index: list[Row] = []

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        super().remember(resource, thread, message, reply)
        self._index += self.host.history(resource=resource, thread=thread, limit=2)

    async def search(
        self, query: str, *, resource: str | None = None, filters: Mapping[str, str] | None = None
    ) -> list[str]:
        where: Where = self.searched(self.known(resource), filters or {})
        wanted = where.items()
        rows = [row for row in self.indexed() if all(getattr(row, name) == value for name, value in wanted)]
        return matching(query, rows)

    def indexed(self) -> list[Row]:
        return self._index


class Mended(Leaky):
    def indexed(self) -> list[Row]:
        stored = {row.id for row in self.host.history(limit=1_000_000)}
        self._index = [row for row in self._index if row.id in stored]
        return self._index
