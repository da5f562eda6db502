"""OpenAI's response shapes: chat completions, server-sent events, embeddings, models, errors.

Built as bytes, so that a response is one write. `created` is always 0: no clock is read here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from overheard.mirror.answer import Answer
from overheard.mirror.embed import pack
from overheard.mirror.request import ChatRequest

MODEL: Final = "overheard-mirror"
_PIECE: Final = 16
_PIECES: Final = 8

encode = msgspec.json.encode


def completion(request: ChatRequest, answer: Answer, number: int) -> bytes:
    """A whole chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.call is not None:
        message["tool_calls"] = [
            {
                "id": call_id(number),
                "type": "function",
                "function": {"name": answer.call.name, "arguments": answer.call.arguments},
            }
        ]
    choice = {"message": message, "logprobs": None, "finish_reason": _finish(answer)}
    choices = [{"index": index, **choice} for index in range(request.choices)]
    body = _envelope(request, number, "chat.completion", choices)
    return encode({**body, "usage": usage(request, answer)})


def events(request: ChatRequest, answer: Answer, number: int) -> bytes:
    """The same as server-sent events: deltas of a few characters, so that canaries are split across them."""
    none = {"usage": None} if request.include_usage else {}
    lines = [
        _event({**_envelope(request, number, "chat.completion.chunk", [choice]), **none})
        for index in range(request.choices)
        for choice in _deltas(answer, number, index)
    ]
    if request.include_usage:
        last = _envelope(request, number, "chat.completion.chunk", [])
        lines.append(_event({**last, "usage": usage(request, answer)}))
    return b"".join([*lines, b"data: [DONE]\n\n"])


def embeddings(model: str, vectors: Sequence[Sequence[float]], *, as_base64: bool, tokens: int) -> bytes:
    """An embedding response, one vector for each input."""
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(pack(vector)).decode() if as_base64 else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    spent = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encode({"object": "list", "data": data, "model": model, "usage": spent})


def model(name: str) -> dict[str, Any]:
    """One model; any name is one."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "overheard"}


def models() -> bytes:
    """The list of models."""
    return encode({"object": "list", "data": [model(MODEL)]})


def error(
    message: str,
    *,
    kind: Literal["invalid_request_error", "server_error"] = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
) -> bytes:
    """An error as OpenAI's clients read it."""
    return encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def tokens_in(texts: Iterable[str]) -> int:
    """Roughly how many tokens texts are: four characters each, as OpenAI's rule of thumb has it."""
    return sum(-(-len(text) // 4) for text in texts)


def call_id(number: int) -> str:
    """The id of the tool call made in answer `number`."""
    return f"call_{number:016x}"


def _envelope(request: ChatRequest, number: int, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number:016x}",
        "object": kind,
        "created": 0,
        "model": request.model,
        "choices": choices,
        "system_fingerprint": None,
    }


def _deltas(answer: Answer, number: int, index: int) -> Iterator[dict[str, Any]]:
    def choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}

    if answer.call is None:
        yield choice({"role": "assistant", "content": "", "refusal": None})
        for piece in pieces(answer.text or ""):
            yield choice({"content": piece})
    else:
        head = {"name": answer.call.name, "arguments": ""}
        opening = {"index": 0, "id": call_id(number), "type": "function", "function": head}
        yield choice({"role": "assistant", "content": None, "tool_calls": [opening]})
        for piece in pieces(answer.call.arguments):
            yield choice({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    yield choice({}, _finish(answer))


def pieces(text: str) -> Iterator[str]:
    """A text in at most eight pieces of at least sixteen characters: clients pay for each chunk."""
    size = max(_PIECE, -(-len(text) // _PIECES))
    return (text[place : place + size] for place in range(0, len(text), size))


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + encode(chunk) + b"\n\n"


def _finish(answer: Answer) -> str:
    return "stop" if answer.call is None else "tool_calls"


def usage(request: ChatRequest, answer: Answer) -> dict[str, Any]:
    """How many tokens were shown and said."""
    asked = tokens_in(text for message in request.messages for text in (message.text, *message.more))
    said = tokens_in([answer.text or "", answer.call.arguments if answer.call else ""]) * request.choices
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
