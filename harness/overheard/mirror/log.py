"""Who is told of every model call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

CallKind: TypeAlias = Literal["chat", "embedding"]


class ModelLog(Protocol):
    """Where the mirror reports calls; it is spoken to from the mirror's own thread."""

    def called(
        self,
        *,
        kind: CallKind,
        user_texts: Sequence[str],
        other_texts: Sequence[str],
        thread: str | None,
        resource: str | None,
        shape: str = "",
    ) -> int:
        """A request has arrived. Returns the number by which `answered` names it.

        `user_texts`  texts of user-role messages, newest message first; for embeddings, the inputs.
        `other_texts` everything else the model would be shown: system, assistant and tool messages, newest
                      first, arguments of tool calls, then tool definitions and answer schemas.
        `thread`, `resource`  what the headers `x-thread-id` and `x-resource-id` say, if they are there.
        `shape`       what kind of call it is (`gate.shape_of`), for a chat call.
        """
        ...

    def answered(self, call: int, *, closed: bool = False) -> None:
        """Call `call` is about to be answered; or, `closed`, the asker hung up before it was."""
        ...
