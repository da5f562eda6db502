"""The routes of the Responses API and its conversations: what they answer, and what is kept of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from aiohttp import web

from overheard.mirror import stateful
from overheard.mirror.answer import Answer
from overheard.mirror.keep import Conversation, Item, Keep, Kept
from overheard.mirror.request import BadRequest, ChatRequest, decode
from overheard.mirror.respond import respond
from overheard.mirror.responses import NotFound, read_items, read_response

Ask: TypeAlias = Callable[[web.Request, ChatRequest], Awaitable[Answer]]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Add: TypeAlias = Callable[[str, str, Handler], None]
"""Adds a route: its method, its path and what answers it."""

_PAGE: Final = 20
_PAGE_LIMIT: Final = 100


class Keeper:
    """Handlers. `ask` records a model call, keeps it as long as calls are kept, and answers it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._keep = Keep()

    def add_to(self, add: Add, prefix: str) -> None:
        """Add the routes below `prefix`, each by method, path and handler."""
        response, conversation = f"{prefix}/responses", f"{prefix}/conversations"
        add("POST", response, self.respond)
        add("GET", response + "/{response}", self.response)
        add("DELETE", response + "/{response}", self.forget)
        add("GET", response + "/{response}/input_items", self.inputs)
        add("POST", conversation, self.converse)
        add("GET", conversation + "/{conversation}", self.conversation)
        add("POST", conversation + "/{conversation}", self.describe)
        add("DELETE", conversation + "/{conversation}", self.end)
        add("GET", conversation + "/{conversation}/items", self.items)
        add("POST", conversation + "/{conversation}/items", self.append)
        add("GET", conversation + "/{conversation}/items/{item}", self.item)
        add("DELETE", conversation + "/{conversation}/items/{item}", self.remove)

    async def respond(self, request: web.Request) -> web.Response:
        asked = decode(await request.read())
        wanted = read_response(asked, self._keep)
        try:
            said = await self._ask(request, wanted.chat)
        except BadRequest as error:
            if error.param == "response_format":  # what the other API calls it
                raise BadRequest(str(error), "text.format") from None
            raise
        item = stateful.output(said, self._keep)
        name = self._keep.issue("resp")
        whole = stateful.response(name, asked, wanted, said, item)
        # Only now: a caller that hung up while its call was kept has left no turn behind.
        if wanted.store:
            self._keep.store(name, Kept(wanted.previous, wanted.items, (item,), whole))
        if wanted.conversation is not None:
            self._keep.append(wanted.conversation, (*wanted.items, item))
        if wanted.chat.stream:
            return respond(stateful.events(whole), content_type="text/event-stream")
        return respond(whole)

    async def response(self, request: web.Request) -> web.Response:
        return respond(self._response(request)[1].body)

    async def forget(self, request: web.Request) -> web.Response:
        name, _ = self._response(request)
        self._keep.forget(name)
        return respond(stateful.deleted(name, "response.deleted"))

    async def inputs(self, request: web.Request) -> web.Response:
        return respond(_page(request, self._response(request)[1].inputs))

    async def converse(self, request: web.Request) -> web.Response:
        body = decode(await request.read() or b"{}")
        items = read_items(body.get("items"), self._keep, "items")
        made = self._keep.converse(body.get("metadata"))
        self._keep.append(made, items)
        return respond(stateful.conversation(made))

    async def conversation(self, request: web.Request) -> web.Response:
        return respond(stateful.conversation(self._conversation(request)))

    async def describe(self, request: web.Request) -> web.Response:
        found = self._conversation(request)
        body = decode(await request.read())
        return respond(stateful.conversation(self._keep.describe(found.id, body.get("metadata"))))

    async def end(self, request: web.Request) -> web.Response:
        found = self._conversation(request)
        self._keep.end(found.id)
        return respond(stateful.deleted(found.id, "conversation.deleted"))

    async def items(self, request: web.Request) -> web.Response:
        return respond(_page(request, tuple(self._conversation(request).items.values())))

    async def append(self, request: web.Request) -> web.Response:
        found = self._conversation(request)
        items = read_items(decode(await request.read()).get("items"), self._keep, "items")
        self._keep.append(found, items)
        return respond(stateful.page(items))

    async def item(self, request: web.Request) -> web.Response:
        return respond(self._item(request)[1])

    async def remove(self, request: web.Request) -> web.Response:
        conversation, item = self._item(request)
        self._keep.remove(conversation, item["id"])
        return respond(stateful.conversation(conversation))

    def _response(self, request: web.Request) -> tuple[str, Kept]:
        name = request.match_info["response"]
        if (found := self._keep.response(name)) is None:
            raise NotFound(f"Response with id '{name}' not found.", "response_id")
        return name, found

    def _conversation(self, request: web.Request) -> Conversation:
        name = request.match_info["conversation"]
        if (found := self._keep.conversation(name)) is None:
            raise NotFound(f"Conversation with id '{name}' not found.", "conversation_id")
        return found

    def _item(self, request: web.Request) -> tuple[Conversation, Item]:
        conversation, name = self._conversation(request), request.match_info["item"]
        if (found := conversation.items.get(name)) is None:
            raise NotFound(f"Item with id '{name}' not found.", "item_id")
        return conversation, found


def _page(request: web.Request, items: Sequence[Item]) -> dict[str, Any]:
    """One page of items: `limit` of those behind `after`, newest first unless `order` says otherwise."""
    query = request.query
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise BadRequest("Invalid 'order': expected 'asc' or 'desc'.", "order")
    limit = query.get("limit", str(_PAGE))
    if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit) <= _PAGE_LIMIT):
        raise BadRequest(f"Invalid 'limit': expected a whole number from 1 to {_PAGE_LIMIT}.", "limit")
    ordered = list(items) if order == "asc" else list(reversed(items))
    if (after := query.get("after")) is not None:
        place = next((index for index, item in enumerate(ordered) if item["id"] == after), None)
        if place is None:
            raise NotFound(f"Item with id '{after}' not found.", "after")
        ordered = ordered[place + 1 :]
    return stateful.page(ordered[: int(limit)], more=len(ordered) > int(limit))
