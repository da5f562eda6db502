"""OpenAI's shapes for what is kept: responses whole and streamed, conversations, lists of items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overheard.mirror.answer import Answer
from overheard.mirror.keep import Conversation, Item, Keep
from overheard.mirror.responses import ResponseRequest
from overheard.mirror.wire import encode, pieces, usage


def output(answer: Answer, keep: Keep) -> Item:
    """The answer as an output item under a new id."""
    if answer.call is None:
        text: dict[str, Any] = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        said: dict[str, Any] = {
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [text],
        }
    else:
        said = {
            "type": "function_call",
            "status": "completed",
            "call_id": keep.issue("call"),
            "name": answer.call.name,
            "arguments": answer.call.arguments,
        }
    return keep.named(said)


def response(
    name: str, asked: Mapping[str, Any], request: ResponseRequest, answer: Answer, item: Item
) -> dict[str, Any]:
    """A completed response; `asked` is the body it answers, parts of which it repeats."""
    spent = usage(request.chat, answer)
    conversation = {"conversation": {"id": request.conversation.id}} if request.conversation else {}
    return {
        "id": name,
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "model": request.chat.model,
        "output": [item],
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "previous_response_id": request.previous,
        "reasoning": {"effort": None, "summary": None},
        "store": request.store,
        "temperature": asked.get("temperature", 1.0),
        "text": asked.get("text") or {"format": {"type": "text"}},
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": asked.get("tools") or [],
        "top_p": asked.get("top_p", 1.0),
        "truncation": asked.get("truncation") or "disabled",
        "usage": {
            "input_tokens": spent["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": spent["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": spent["total_tokens"],
        },
        "user": asked.get("user"),
        "metadata": asked.get("metadata") or {},
        **conversation,
    }


def events(whole: Mapping[str, Any]) -> bytes:
    """A response as server-sent events, its text or arguments in deltas that cut canaries."""
    lines = enumerate(_events(whole))
    return b"".join(
        b"event: " + kind.encode() + b"\ndata: " + encode({"type": kind, "sequence_number": number, **rest})
        + b"\n\n"
        for number, (kind, rest) in lines
    )  # fmt: skip


def _events(whole: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(whole["output"]):
        place = {"item_id": item["id"], "output_index": index}
        said = item["type"] == "message"
        empty: dict[str, Any] = {"content": []} if said else {"arguments": ""}
        opened = {**item, **empty, "status": "in_progress"}
        yield "response.output_item.added", {"output_index": index, "item": opened}
        if said:
            yield from _text({**place, "content_index": 0}, item["content"][0])
        else:
            for piece in pieces(item["arguments"]):
                yield "response.function_call_arguments.delta", {**place, "delta": piece}
            done = {"name": item["name"], "arguments": item["arguments"]}
            yield "response.function_call_arguments.done", {**place, **done}
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield "response.completed", {"response": whole}


def _text(place: dict[str, Any], part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "response.content_part.added", {**place, "part": {**part, "text": ""}}
    for piece in pieces(part["text"]):
        yield "response.output_text.delta", {**place, "delta": piece, "logprobs": []}
    yield "response.output_text.done", {**place, "text": part["text"], "logprobs": []}
    yield "response.content_part.done", {**place, "part": part}


def conversation(kept: Conversation) -> dict[str, Any]:
    """A conversation without its items."""
    return {"id": kept.id, "object": "conversation", "created_at": 0, "metadata": kept.metadata or {}}


def deleted(name: str, kind: str) -> dict[str, Any]:
    """That something is gone."""
    return {"id": name, "object": kind, "deleted": True}


def page(items: Sequence[Item], *, more: bool = False) -> dict[str, Any]:
    """A list of items."""
    ends = {"first_id": items[0]["id"] if items else None, "last_id": items[-1]["id"] if items else None}
    return {"object": "list", "data": list(items), **ends, "has_more": more}
