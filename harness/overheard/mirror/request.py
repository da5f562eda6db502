"""Reading a chat request: what a model would be shown, and what kind of answer is wanted.

Tolerant where real clients differ, and exact in its complaints where a request is wrong: every error
names the parameter, as OpenAI's do.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

CHOICES_LIMIT: Final = 16
_TEXT_PARTS: Final = frozenset(("text", "input_text", "output_text"))

Choice: TypeAlias = Literal["none", "auto", "required"]


class BadRequest(Exception):  # noqa: N818 - named as OpenAI's error type is
    """A request that a model server refuses. `param` is the parameter at fault, None for the whole body.

    `code` is a word for it, where clients look for one.
    """

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class Message(NamedTuple):
    """One message: tools it calls (`called`) and what else it says (`more`: arguments, names, media)."""

    role: str
    text: str
    called: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


class Tool(NamedTuple):
    """A function the model may call; `parameters` is a JSON schema."""

    name: str
    parameters: Any


class ChatRequest(NamedTuple):
    """What is asked for.

    `choice`  whether a tool may or must be called; `named` is the one that must be.
    `schema`  None for prose, True for any JSON object, else the JSON schema the answer must satisfy.
    `shown`   tool definitions and answer schema as text: a model reads them too.
    `choices` how many answers are wanted (`n`).
    """

    messages: tuple[Message, ...]
    model: str
    tools: tuple[Tool, ...] = ()
    choice: Choice = "none"
    named: str | None = None
    schema: Any = None
    shown: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False
    choices: int = 1

    def user_texts(self) -> list[str]:
        """Texts of user-role messages, newest message first."""
        return [message.text for message in reversed(self.messages) if message.role == "user"]

    def other_texts(self) -> list[str]:
        """Everything else a model would be shown, newest message first."""
        texts: list[str] = []
        for message in reversed(self.messages):
            if message.role != "user" and message.text:
                texts.append(message.text)
            texts.extend(message.more)
        return [*texts, *self.shown]


def decode(body: bytes) -> dict[str, Any]:
    """The JSON object in a request's body. Raises BadRequest.

    Clients written in JavaScript cut strings in the middle of an emoji and send half a surrogate pair,
    which strict decoders refuse: such halves become U+FFFD.
    """
    try:
        try:
            value = msgspec.json.decode(body)
        except msgspec.DecodeError:
            value = _without_surrogates(json.loads(body, parse_constant=_no_constant))
    except RecursionError:
        raise BadRequest("The JSON body of this request is nested too deeply.") from None
    except ValueError as error:
        raise BadRequest(f"We could not parse the JSON body of your request: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest(f"The JSON body of this request must be an object, not {_kind(value)}.")
    return value


def read_chat(body: dict[str, Any]) -> ChatRequest:
    """Read a decoded chat completion request. Raises BadRequest."""
    if "messages" not in body:
        raise BadRequest("Missing required parameter: 'messages'.", "messages")
    raw = expect(body["messages"], list, "messages")
    if not raw:
        raise BadRequest("Invalid 'messages': empty array. Expected at least one message.", "messages")
    messages = tuple(_plain(each) or _message(each, f"messages[{index}]") for index, each in enumerate(raw))
    tools = read_tools(body.get("tools"))
    tools, choice, named = read_choice(body.get("tool_choice"), tools)
    form = body.get("response_format")
    options = body.get("stream_options")
    return ChatRequest(
        messages=messages,
        model=str(body.get("model") or "mirror"),
        tools=tools,
        choice=choice,
        named=named,
        schema=_schema(form),
        shown=tuple(as_text(body[key]) for key in ("tools", "response_format") if body.get(key)),
        stream=bool(body.get("stream")),
        include_usage=isinstance(options, dict) and bool(options.get("include_usage")),
        choices=_choices(body.get("n")),
    )


def _plain(raw: Any) -> Message | None:
    """A message that has a role and a text and nothing else, as nearly all have; None of any other."""
    if type(raw) is dict and len(raw) == 2:
        role, text = raw.get("role"), raw.get("content")
        if type(role) is str and type(text) is str:
            return Message(role, text)
    return None


def _message(raw: Any, where: str) -> Message:
    expect(raw, dict, where)
    role = raw.get("role")
    if not isinstance(role, str):
        raise BadRequest(f"Missing required parameter: '{where}.role'.", f"{where}.role")
    text, more = parts(raw.get("content"), f"{where}.content")
    called = []
    calls = raw.get("tool_calls")
    for index, call in enumerate([] if calls is None else expect(calls, list, f"{where}.tool_calls")):
        expect(call, dict, f"{where}.tool_calls[{index}]")
        function = call.get("function") or call.get("custom")
        if isinstance(function, dict):
            called.append(str(function.get("name", "")))
            arguments = function.get("arguments", function.get("input", ""))
            more.append(arguments if isinstance(arguments, str) else as_text(arguments))
    for key in ("name", "refusal", "reasoning_content", "reasoning", "function_call"):
        if extra := raw.get(key):
            more.append(extra if isinstance(extra, str) else as_text(extra))
    return Message(role, text, tuple(called), tuple(more))


def parts(raw: Any, where: str) -> tuple[str, list[str]]:
    """Text of a message's content and, apart, what parts of it are no text (an image's address)."""
    if raw is None:
        return "", []
    if isinstance(raw, str):
        return raw, []
    texts, more = [], []
    for index, part in enumerate(expect(raw, list, where, or_string=True)):
        if isinstance(part, str):
            texts.append(part)
            continue
        expect(part, dict, f"{where}[{index}]")
        text = part.get("text")
        if part.get("type") in _TEXT_PARTS and isinstance(text, str):
            texts.append(text)
        else:
            more.append(as_text(part))
    return "\n".join(texts), more


def read_tools(raw: Any) -> tuple[Tool, ...]:
    """The functions among the tools of a request, in either API's form. Raises BadRequest."""
    tools = []
    for index, tool in enumerate([] if raw is None else expect(raw, list, "tools")):
        expect(tool, dict, f"tools[{index}]")
        function = tool.get("function", tool)
        if tool.get("type", "function") != "function" or not isinstance(function, dict):
            continue
        name = function.get("name")
        if not isinstance(name, str) or not name:
            where = f"tools[{index}].function.name"
            raise BadRequest(f"Missing required parameter: '{where}'.", where)
        tools.append(Tool(name, function.get("parameters") or {"type": "object"}))
    return tuple(tools)


def read_choice(raw: Any, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], Choice, str | None]:
    """The tools that may be called, whether one must be, and which. Raises BadRequest."""
    if isinstance(raw, dict) and raw.get("type") == "allowed_tools":
        allowed = raw.get("allowed_tools")
        allowed = allowed if isinstance(allowed, dict) else raw
        names = {_name(tool) for tool in allowed.get("tools") or ()}
        tools, raw = tuple(tool for tool in tools if tool.name in names), allowed.get("mode")
    if isinstance(raw, dict):
        name = _name(raw)
        if name not in {tool.name for tool in tools}:
            raise BadRequest(f"Tool choice {name!r} not found in 'tools' parameter.", "tool_choice")
        return tools, "required", name
    if not tools or raw == "none":
        return tools, "none", None
    # LangChain and others say "any" for what OpenAI calls "required".
    return tools, "required" if raw in ("required", "any") else "auto", None


def _name(raw: Any) -> str | None:
    if not isinstance(raw, dict):
        return None
    inner = raw.get("function")
    name = (inner if isinstance(inner, dict) else raw).get("name")
    return name if isinstance(name, str) else None


def _schema(form: Any) -> Any:
    if not isinstance(form, dict) or form.get("type") in (None, "text"):
        return None
    if form.get("type") == "json_schema":
        inner = form.get("json_schema")
        schema = inner.get("schema") if isinstance(inner, dict) else None
        if not isinstance(schema, dict):
            where = "response_format.json_schema.schema"
            raise BadRequest(f"Missing required parameter: '{where}'.", where)
        return schema
    return True


def _choices(raw: Any) -> int:
    if raw is None:
        return 1
    if not isinstance(raw, int) or isinstance(raw, bool) or not 1 <= raw <= CHOICES_LIMIT:
        raise BadRequest(f"Invalid 'n': expected a whole number from 1 to {CHOICES_LIMIT}.", "n")
    return raw


def expect(value: Any, kind: type, where: str, *, or_string: bool = False) -> Any:
    """The value, if it is of this kind. Raises BadRequest, naming the parameter."""
    if not isinstance(value, kind):
        wanted = ("an array" if kind is list else "an object") + (" or a string" if or_string else "")
        raise BadRequest(f"Invalid type for '{where}': expected {wanted}, but got {_kind(value)}.", where)
    return value


def _kind(value: Any) -> str:
    names: list[tuple[type, str]] = [
        (bool, "a boolean"), (str, "a string"), (int, "an integer"), (float, "a number"), (list, "an array"),
        (dict, "an object"),
    ]  # fmt: skip
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def as_text(value: Any) -> str:
    """A JSON value as the text of it that a model would be shown."""
    return msgspec.json.encode(value).decode()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
    return value
