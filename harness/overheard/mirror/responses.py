"""Reading a request to the Responses API: items, what they refer to, and the chat they amount to.

A response continues another one, or a conversation, or neither. Whatever it continues is shown to the model
again in full, so it counts as shown: the request is answered, recorded and scanned with all of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from overheard.mirror.keep import Conversation, Item, Keep
from overheard.mirror.request import (
    BadRequest,
    ChatRequest,
    Message,
    as_text,
    expect,
    parts,
    read_choice,
    read_tools,
)


class ResponseRequest(NamedTuple):
    """What is asked for.

    `chat`         everything the model is shown, and what kind of answer is wanted.
    `items`        this turn's own input, each under an id of ours, references resolved.
    `previous`     id of the response that is continued.
    `conversation` the conversation that is continued, and is to get this turn's items.
    `store`        whether the response can be continued or fetched later.
    """

    chat: ChatRequest
    items: tuple[Item, ...]
    previous: str | None
    conversation: Conversation | None
    store: bool


class NotFound(BadRequest):
    """Something is named that is not there."""


def read_response(body: dict[str, Any], keep: Keep) -> ResponseRequest:
    """Read a decoded request. Raises BadRequest, and NotFound for a conversation that is not there."""
    previous, conversation = _previous(body, keep), _conversation(body, keep)
    if previous is not None and conversation is not None:
        message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'."
        raise BadRequest(message, "previous_response_id")
    if body.get("input") is None and previous is None and conversation is None:
        raise BadRequest("Missing required parameter: 'input'.", "input")
    items = read_items(body.get("input"), keep, "input")
    before = keep.chain(previous) if previous is not None else []
    if conversation is not None:
        before = list(conversation.items.values())
    instructions = body.get("instructions")
    messages = [_message(item) for item in (*before, *items)]
    if instructions:
        text, more = parts(instructions, "instructions") if isinstance(instructions, str) else ("", [])
        told = [] if text else [_message(item) for item in read_items(instructions, keep, "instructions")]
        messages = [Message("system", text, (), tuple(more)), *messages] if text else [*told, *messages]
    tools, choice, named = read_choice(body.get("tool_choice"), read_tools(body.get("tools")))
    form = body.get("text")
    form = form.get("format") if isinstance(form, dict) else None
    chat = ChatRequest(
        messages=tuple(messages),
        model=str(body.get("model") or "mirror"),
        tools=tools,
        choice=choice,
        named=named,
        schema=_schema(form),
        shown=tuple(as_text(each) for each in (body.get("tools"), form) if each),
        stream=bool(body.get("stream")),
    )
    return ResponseRequest(chat, items, previous, conversation, body.get("store") is not False)


def read_items(raw: Any, keep: Keep, where: str) -> tuple[Item, ...]:
    """Input items under ids of ours; a text is one user message, a reference is what it refers to.

    Raises BadRequest.
    """
    if raw is None:
        return ()
    if isinstance(raw, str):
        raw = [{"role": "user", "content": raw}]
    given = expect(raw, list, where, or_string=True)
    return tuple(_item(each, keep, f"{where}[{index}]") for index, each in enumerate(given))


def _previous(body: dict[str, Any], keep: Keep) -> str | None:
    name = body.get("previous_response_id")
    if name is None:
        return None
    if not isinstance(name, str) or keep.response(name) is None:
        message = f"Previous response with id '{name}' not found."
        raise BadRequest(message, "previous_response_id", "previous_response_not_found")
    return name


def _conversation(body: dict[str, Any], keep: Keep) -> Conversation | None:
    raw = body.get("conversation")
    if raw is None:
        return None
    name = raw.get("id") if isinstance(raw, dict) else raw
    found = keep.conversation(name) if isinstance(name, str) else None
    if found is None:
        raise NotFound(f"Conversation with id '{name}' not found.", "conversation")
    return found


def _item(raw: Any, keep: Keep, where: str) -> Item:
    expect(raw, dict, where)
    kind = raw.get("type") or ("message" if "role" in raw else "item_reference" if "id" in raw else None)
    if kind == "item_reference":
        name = raw.get("id")
        found = keep.item(name) if isinstance(name, str) else None
        if found is None:
            raise NotFound(f"Item with id '{name}' not found.", where)
        return found
    if not isinstance(kind, str):
        raise BadRequest(f"Missing required parameter: '{where}.type'.", f"{where}.type")
    if kind != "message":
        return keep.named({**raw, "type": kind})
    role = raw.get("role")
    if not isinstance(role, str):
        raise BadRequest(f"Missing required parameter: '{where}.role'.", f"{where}.role")
    content = raw.get("content")
    parts(content, f"{where}.content")  # says what is wrong with it
    if isinstance(content, str) or content is None:
        spoken = {"type": "output_text", "annotations": []} if role == "assistant" else {"type": "input_text"}
        content = [{**spoken, "text": content or ""}]
    return keep.named({"status": "completed", **raw, "type": "message", "content": content})


def _message(item: Item) -> Message:
    """The chat message that a model would be shown an item as."""
    kind = item["type"]
    if kind == "message":
        text, more = parts(item["content"], "content")
        return Message(str(item["role"]), text, (), tuple(more))
    if kind in ("function_call", "custom_tool_call"):
        said = item.get("arguments", item.get("input", ""))
        said = said if isinstance(said, str) else as_text(said)
        return Message("assistant", "", (str(item.get("name", "")),), (said,))
    if kind.endswith("_output"):
        output = item.get("output")
        if isinstance(output, str | list):
            text, more = parts(output, "output")
            return Message("tool", text, (), tuple(more))
        return Message("tool", as_text(output))
    return Message("assistant", "", (), (as_text(item),))


def _schema(form: Any) -> Any:
    if not isinstance(form, dict) or form.get("type") in (None, "text"):
        return None
    if form.get("type") != "json_schema":
        return True
    if not isinstance(form.get("schema"), dict):
        raise BadRequest("Missing required parameter: 'text.format.schema'.", "text.format.schema")
    return form["schema"]
