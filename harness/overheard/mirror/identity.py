"""Whose memory it is, where a tool wants to be told by the model.

Some memory tools take a user or thread id as an argument. A real model copies it from its instructions; a
neutral word for everybody would put all users into one bucket and manufacture a leak.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from overheard.mirror import words
from overheard.mirror.request import ChatRequest

_ROLES = ("system", "developer")


def stated(request: ChatRequest, name: str) -> str | None:
    """The value that the instructions give for an id called `name` ("the user id is u-7", `user_id=u-7`).

    Users' own messages are no source: an id that a user claims is not theirs for the asking.
    """
    if not words.is_identity(name):
        return None
    texts = (message.text for message in request.messages if message.role in _ROLES)
    found = (_pattern(name).search(text) for text in texts)
    return next((match.group(1) for match in found if match), None)


def unstated(request: ChatRequest, parameters: Mapping[str, object]) -> bool:
    """Whether a tool cannot be called without an identity that nobody stated."""
    required = parameters.get("required")
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return any(words.is_identity(name) and stated(request, name) is None for name in names)


@lru_cache(maxsize=256)
def _pattern(name: str) -> re.Pattern[str]:
    spoken = r"(?:'s|\u2019s)?[\s_-]*".join(map(re.escape, words.split(name)))
    return re.compile(rf"\b{spoken}[\"'`]?\s*(?:is|:|=)\s*[\"'`]?([\w@:+/.-]*[\w@+/-])", re.IGNORECASE)
