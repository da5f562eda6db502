"""What a chat request is answered with: a tool call, a document, or words."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import msgspec

from overheard.mirror.form import Material, document
from overheard.mirror.recite import Told, prose, told
from overheard.mirror.request import BadRequest, ChatRequest
from overheard.mirror.schema import BadSchema
from overheard.mirror.tools import Call, call


class Answer(NamedTuple):
    """Either `call` or `text`; `about` says which operation it belongs to."""

    about: Told
    text: str | None
    call: Call | None = None


def answer(request: ChatRequest) -> Answer:
    """Compose the answer. Raises BadRequest for schemas that are none."""
    about = told(request)
    words = prose(request, about)
    try:
        if tool := call(request, about, words):
            return Answer(about, None, tool)
        if request.schema is None:
            return Answer(about, words)
        material = Material(about.text, words, answers=about.asks, keeps=about.keeps)
        made = _free(request, material) if request.schema is True else document(request.schema, material)
    except BadSchema as error:
        where = "response_format" if request.choice == "none" else "tools"
        raise BadRequest(f"Invalid schema: {error}.", where) from None
    return Answer(about, msgspec.json.encode(made).decode())


_KEYS: Final = re.compile(r"[\"'`](facts|memories|memory)[\"'`]\s*:")


def _free(request: ChatRequest, material: Material) -> dict[str, Any]:
    """A JSON object whose shape only the prompt describes.

    Memory layers ask for `{"facts": […]}`, `{"memories": […]}` or `{"memory": [{…}]}` (mem0's two prompts,
    and most that were modelled on them); nobody else says what keys they read, so they get an answer.
    """
    keys = {key for message in request.messages for key in _KEYS.findall(message.text)}
    if not keys:
        return {"answer": material.answer}
    kept = [material.told] if material.keeps else []
    shapes: dict[str, Any] = {
        "facts": kept,
        "memories": kept,
        "memory": [{"id": "0", "text": text, "event": "ADD"} for text in kept],
    }
    return {key: shapes[key] for key in shapes if key in keys}
