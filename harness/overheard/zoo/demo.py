"""What `overheard demo` runs side by side: a well-known mistake, and the same agent without it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Demo(NamedTuple):
    """Two specimens by name, and what to say about them.

    `mistake` shows the flawed lines and `remedy` the mended ones, as their author would have written them.
    """

    leaky: str
    twin: str
    title: str
    mistake: str
    remedy: str


DEMO: Final = Demo(
    leaky="ids-hardcoded-sqlite",
    twin="ids-hardcoded-sqlite-twin",
    title="An agent that keeps what is said in SQLite, with its thread and resource written into the code",
    mistake='memory = {"thread": "main-thread", "resource": "main-resource"}  # the same for all users',
    remedy='memory = {"thread": conversation_id, "resource": user_id}  # both required, neither guessed',
)
