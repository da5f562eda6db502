"""Where the zoo's agents keep what was said: in memory, or in SQLite.

Root causes are written once, over the `Host` protocol. Which of its columns an agent asks for, and which it
forgets, is where most of the flaws live: with the SQLite host it is literally the WHERE clause.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol, TypedDict, Unpack

from overheard.zoo.model import Role

WINDOW: Final = 400
"""Newest messages that are read back, both roles counted: enough for two hundred turns of everybody whose
memory is shared, and few enough that one history for all does not make every prompt a megabyte."""


_COLUMNS: Final = ("tenant", "resource", "thread", "id")


class Row(NamedTuple):
    """One stored message. `id` is its own, where the agent gives its messages any."""

    tenant: str
    resource: str
    thread: str
    role: Role
    text: str
    id: str = ""


class Where(TypedDict, total=False):
    """The columns that a row must match; one that is left out matches every row."""

    tenant: str
    resource: str
    thread: str
    id: str


class Host(Protocol):
    """Stored messages, who owns which thread, and what it is called."""

    def append(self, *rows: Row) -> None:
        """Store messages, in order."""

    def history(self, *, limit: int = WINDOW, **where: Unpack[Where]) -> list[Row]:
        """The newest `limit` messages that match, oldest first."""

    def like(self, *, limit: int = WINDOW, **where: Unpack[Where]) -> list[Row]:
        """The same, where columns match patterns: `%` anything, `_` any character, in whichever case."""

    def owner(self, thread: str) -> str | None:
        """Who owns a thread, if anybody does."""

    def claim(self, thread: str, owner: str) -> str:
        """Make `owner` own the thread unless somebody does already; who owns it now."""

    def assign(self, thread: str, owner: str) -> None:
        """Make `owner` own the thread, whoever owned it before."""

    def disown(self, thread: str) -> None:
        """Nobody owns the thread any more, and it is called nothing."""

    def remove(self, **where: Unpack[Where]) -> None:
        """Delete every message that matches."""

    def hand_over(self, thread: str, resource: str) -> None:
        """Every message of the thread is the resource's from now on."""

    def entitle(self, thread: str, title: str) -> None:
        """Call a thread something, if somebody owns it."""

    def title(self, thread: str) -> str:
        """What a thread is called; empty if nothing."""

    def close(self) -> None:
        """Let go of everything."""


class MemoryHost:
    """Messages in lists, one for every value of every column."""

    def __init__(self) -> None:
        self._all: list[Row] = []
        self._by: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        self._owners: dict[str, str] = {}
        self._titles: dict[str, str] = {}

    def append(self, *rows: Row) -> None:
        for row in rows:
            self._all.append(row)
            for column in _COLUMNS:
                self._by[column, getattr(row, column)].append(row)

    def history(self, *, limit: int = WINDOW, **where: Unpack[Where]) -> list[Row]:
        wanted = [(column, str(value)) for column, value in where.items()]
        candidates = [self._by.get(pair, []) for pair in wanted]
        rows = min(candidates, key=len, default=self._all)
        if len(wanted) > 1:
            rows = [row for row in rows if all(getattr(row, column) == value for column, value in wanted)]
        return rows[-limit:]

    def like(self, *, limit: int = WINDOW, **where: Unpack[Where]) -> list[Row]:
        wanted = []
        for column, value in where.items():
            matches = _pattern(str(value)).fullmatch
            wanted.append((column, {known for of, known in self._by if of == column and matches(known)}))
        rows = [row for row in self._all if all(getattr(row, column) in known for column, known in wanted)]
        return rows[-limit:]

    def owner(self, thread: str) -> str | None:
        return self._owners.get(thread)

    def claim(self, thread: str, owner: str) -> str:
        return self._owners.setdefault(thread, owner)

    def assign(self, thread: str, owner: str) -> None:
        self._owners[thread] = owner

    def disown(self, thread: str) -> None:
        self._owners.pop(thread, None)
        self._titles.pop(thread, None)

    def remove(self, **where: Unpack[Where]) -> None:
        self._rewrite(
            row for row in self._all if any(getattr(row, column) != value for column, value in where.items())
        )

    def hand_over(self, thread: str, resource: str) -> None:
        self._rewrite(row._replace(resource=resource) if row.thread == thread else row for row in self._all)

    def entitle(self, thread: str, title: str) -> None:
        if thread in self._owners:
            self._titles[thread] = title

    def title(self, thread: str) -> str:
        return self._titles.get(thread, "")

    def close(self) -> None:
        self._rewrite(())
        self._owners.clear()
        self._titles.clear()

    def _rewrite(self, rows: Iterable[Row]) -> None:
        kept = list(rows)
        self._all.clear()
        self._by.clear()
        self.append(*kept)


def _pattern(text: str) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(each) or re.escape(each) for each in text), re.DOTALL | re.IGNORECASE)


_SCHEMA = """
CREATE TABLE messages (
  place INTEGER PRIMARY KEY, tenant TEXT, resource TEXT, thread TEXT, role TEXT, text TEXT, id TEXT
);
CREATE INDEX by_tenant ON messages (tenant, place);
CREATE INDEX by_resource ON messages (resource, place);
CREATE INDEX by_thread ON messages (thread, place);
CREATE INDEX by_id ON messages (id, place);
CREATE TABLE threads (thread TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL DEFAULT '');
"""


class SqliteHost:
    """Messages in a SQLite database of the host's own, which lives as long as the host."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.executescript(_SCHEMA)

    def append(self, *rows: Row) -> None:
        self._database.executemany(
            "INSERT INTO messages (tenant, resource, thread, role, text, id) VALUES (?, ?, ?, ?, ?, ?)", rows
        )

    def history(self, *, limit: int = WINDOW, **where: Unpack[Where]) -> list[Row]:
        return self._select("=", limit, where)

    def like(self, *, limit: int = WINDOW, **where: Unpack[Where]) -> list[Row]:
        return self._select("LIKE", limit, where)

    def _select(self, how: str, limit: int, where: Where) -> list[Row]:
        clause = _clause(where, how)
        query = f"SELECT * FROM messages WHERE {clause} ORDER BY place DESC LIMIT :limit"  # noqa: S608 - see `_clause`
        rows = self._database.execute(query, {**where, "limit": limit}).fetchall()
        return [Row(*row[1:]) for row in reversed(rows)]

    def owner(self, thread: str) -> str | None:
        found = self._database.execute("SELECT owner FROM threads WHERE thread = ?", (thread,)).fetchone()
        return None if found is None else str(found[0])

    def claim(self, thread: str, owner: str) -> str:
        self._database.execute("INSERT OR IGNORE INTO threads (thread, owner) VALUES (?, ?)", (thread, owner))
        return self.owner(thread) or owner

    def assign(self, thread: str, owner: str) -> None:
        self.claim(thread, owner)
        self._database.execute("UPDATE threads SET owner = ? WHERE thread = ?", (owner, thread))

    def disown(self, thread: str) -> None:
        self._database.execute("DELETE FROM threads WHERE thread = ?", (thread,))

    def remove(self, **where: Unpack[Where]) -> None:
        self._database.execute(f"DELETE FROM messages WHERE {_clause(where)}", where)  # noqa: S608 - see `_clause`

    def hand_over(self, thread: str, resource: str) -> None:
        self._database.execute("UPDATE messages SET resource = ? WHERE thread = ?", (resource, thread))

    def entitle(self, thread: str, title: str) -> None:
        self._database.execute("UPDATE threads SET title = ? WHERE thread = ?", (title, thread))

    def title(self, thread: str) -> str:
        found = self._database.execute("SELECT title FROM threads WHERE thread = ?", (thread,)).fetchone()
        return "" if found is None else str(found[0])

    def close(self) -> None:
        self._database.close()


def _clause(where: Iterable[str], how: str = "=") -> str:
    """A condition on the columns that are keys of `Where`; only what is compared comes from a caller."""
    return " AND ".join(f"{column} {how} :{column}" for column in where) or "TRUE"
