"""Working memory: the text about a user that frameworks write into the instructions of every call."""

from __future__ import annotations

import re
from typing import Final

from overheard.mirror.request import ChatRequest

LIMIT: Final = 8_000
"""Characters of it that are written back. The oldest lines go first, as a model with little room would let
them."""

_BLOCK: Final = re.compile(r"<(working[_-]memory(?:_data)?)>\n?(.*?)\n?</\1>", re.DOTALL)
_NOTHING: Final = ("", "null", "undefined", "None")


def held(request: ChatRequest) -> str:
    """What the working memory of this request holds, empty if there is none.

    Only what the framework itself says counts: the newest block outside of what users and tools say.
    """
    for message in reversed(request.messages):
        if message.role in ("system", "developer"):
            for found in reversed(_BLOCK.findall(message.text)):
                if (text := found[1].strip()) not in _NOTHING:
                    return _shortened(text)
    return ""


def _shortened(text: str) -> str:
    if len(text) <= LIMIT:
        return text
    return text[-LIMIT:].partition("\n")[2]
