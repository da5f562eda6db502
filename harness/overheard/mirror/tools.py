"""Whether an answer is a tool call, and which.

A model that never calls tools leaves every memory that is written by tool empty, and one that calls all it
is given runs for ever. So: what must be called is called; what remembers is called once when somebody tells
something, what looks up memory once when somebody asks; nothing else is called unasked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from overheard.mirror import words, working
from overheard.mirror.form import Material, carries_content, document
from overheard.mirror.identity import stated, unstated
from overheard.mirror.recite import Told
from overheard.mirror.request import ChatRequest, Tool
from overheard.mirror.schema import mapping, required


class Call(NamedTuple):
    """A tool call: the tool's name and its arguments as JSON text."""

    name: str
    arguments: str


def call(request: ChatRequest, about: Told, answer: str) -> Call | None:
    """The tool call that answers the request, or None if words do. Raises BadSchema.

    `answer` is what a final-answer tool is called with.
    """
    tool = _wanted(request, about)
    if tool is None:
        return None
    # A structured answer is often asked for as a call of one named tool, the schema's name its own.
    poses = about.asks and tool.name == request.named and not _remembers(tool)
    # A filter or a session nobody asked for would make a search miss: only what it cannot go without.
    optional = not (words.searches(tool.name) and _asks_for_text(tool))
    material = Material(
        _kept(request, tool, about),
        answer,
        answers=words.finishes(tool.name) or poses,
        optional=optional,
        keeps=about.keeps,
        stated=partial(stated, request),
    )
    arguments = document(tool.parameters, material, name=tool.name)
    return Call(tool.name, msgspec.json.encode(arguments).decode())


def _kept(request: ChatRequest, tool: Tool, about: Told) -> str:
    """What was said; for a tool that replaces the whole of a memory, with what that memory holds already.

    Mastra's working memory is one text that each call overwrites: told one fact at a time, a model that
    wrote only what is new would lose every fact but the last, as if memory had failed.
    """
    properties = mapping(mapping(tool.parameters).get("properties"))
    text = len(properties) == 1 and mapping(next(iter(properties.values()))).get("type") == "string"
    if not (text and about.tells and words.replaces(tool.name)):
        return about.text
    held = working.held(request)
    return f"{held}\n{about.text}" if held else about.text


def _wanted(request: ChatRequest, about: Told) -> Tool | None:
    if request.choice == "none":
        return None
    if request.named is not None:
        return next(tool for tool in request.tools if tool.name == request.named)
    done = {name for message in request.messages[about.place + 1 :] for name in message.called}
    fresh = [tool for tool in request.tools if tool.name not in done]
    ready = [tool for tool in fresh if not unstated(request, mapping(tool.parameters))]
    if about.tells and not any(map(words.saves, done)) and (tool := _first(ready, _keeps)):
        return tool
    if about.asks and not any(map(words.searches, done)) and (tool := _first(ready, _looks_up)):
        return tool
    if tool := _first(list(request.tools), lambda tool: words.finishes(tool.name)):
        return tool
    if request.choice == "required":
        # One not called yet, so that a loop which insists on tools sees all of them and comes to an end.
        return (fresh or list(request.tools))[0]
    return None


def _remembers(tool: Tool) -> bool:
    return words.saves(tool.name) or words.searches(tool.name)


def _keeps(tool: Tool) -> bool:
    return words.saves(tool.name) and carries_content(tool.parameters)


def _looks_up(tool: Tool) -> bool:
    """A lookup by id is none that a question could be put to; one that needs nothing lists all there is."""
    needs_nothing = not required(mapping(tool.parameters))
    return words.searches(tool.name) and (needs_nothing or carries_content(tool.parameters))


def _asks_for_text(tool: Tool) -> bool:
    """Whether what it requires already has room for the question."""
    parameters = mapping(tool.parameters)
    properties = mapping(parameters.get("properties"))
    needed = {name: properties[name] for name in required(parameters) if name in properties}
    return carries_content({**parameters, "properties": needed})


def _first(tools: list[Tool], suits: Callable[[Tool], bool]) -> Tool | None:
    return next((tool for tool in tools if suits(tool)), None)
