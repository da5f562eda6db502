"""Driving a compiled LangGraph: thread is `configurable.thread_id`, resource is `configurable.user_id`.

LangGraph has a name for the thread only. For who is talking there is a custom that LangGraph's own
documentation and langmem follow, `user_id`, so that is where the resource goes; a graph that declares a
`context_schema` with a field `user_id` or `thread_id` is given it there too.

Nothing of LangGraph is imported here but the message class, and that only once a graph is being driven.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from overheard.adapters.call import CallProbe, call_plain, watch
from overheard.adapters.functions import iterate
from overheard.core.errors import UsageError
from overheard.core.ids import OMITTED
from overheard.core.offers import Offers
from overheard.core.outcome import Refused

if TYPE_CHECKING:
    from overheard.adapters.pool import DaemonPool

_CONFIGURABLE: Final = {"thread": "thread_id", "resource": "user_id"}

_NO_IDS: Final = "Checkpointer requires one or more of the following 'configurable' keys"
"""How LangGraph begins to say that a graph with a checkpointer was given no ids at all (a ValueError)."""


class LangGraphBackend:
    """Drives one compiled graph whose state has `messages`. Made by `of`."""

    outlives = False

    def __init__(self, graph: Any, *, context: _Context, synchronous: bool, pool: DaemonPool) -> None:
        self._graph = graph
        self._context = context
        self._synchronous = synchronous
        self._pool = pool
        self.offers = Offers(
            surfaces=("send", "stream"),
            accepts=tuple(_CONFIGURABLE),
            required=context.required,
            coroutine=not synchronous,
            adapter="langgraph",
        )

    @classmethod
    async def of(cls, graph: Any, *, name: str, pool: DaemonPool) -> LangGraphBackend:
        """The backend of `graph`. Raises UsageError for a graph that a message alone cannot start."""
        if "messages" not in graph.channels:
            raise UsageError(
                f"{name} is a LangGraph whose state has no `messages` (it has: {_names(graph.channels)}); "
                "give a function that takes the message and invokes the graph"
            )
        return cls(
            graph,
            context=_Context.of(graph, name=name),
            synchronous=await _only_synchronous(graph.checkpointer),
            pool=pool,
        )

    async def send(self, message: str, ids: Mapping[str, Any], probe: CallProbe) -> str:
        arguments = self._arguments(message, ids)
        try:
            if self._synchronous:
                state = await call_plain(self._pool, self._graph.invoke, (), arguments, probe)
            else:
                state = await watch(self._graph.ainvoke(**arguments), probe)
        except (ValueError, KeyError) as error:
            self._refuse(error, ids)
            raise
        return _answer(state)

    async def stream(self, message: str, ids: Mapping[str, Any], probe: CallProbe) -> AsyncIterator[str]:
        start = self._graph.stream if self._synchronous else self._graph.astream
        stream = start(**self._arguments(message, ids), stream_mode="messages")
        try:
            async with aclosing(iterate(stream, self._pool, probe)) as pieces:
                async for piece, _ in pieces:
                    if (text := _ai_text(piece)) is not None:
                        yield text
        except (ValueError, KeyError) as error:
            self._refuse(error, ids)
            raise

    def _arguments(self, message: str, ids: Mapping[str, Any]) -> dict[str, Any]:
        from langchain_core.messages import HumanMessage  # noqa: PLC0415 - a graph is there, so this is too

        configurable = {key: ids[name] for name, key in _CONFIGURABLE.items() if ids[name] is not OMITTED}
        return {
            "input": {"messages": [HumanMessage(message)]},
            "config": {"configurable": configurable},
            **self._context.argument(configurable),
        }

    def _refuse(self, error: ValueError | KeyError, ids: Mapping[str, Any]) -> None:
        """Raise Refused if `error` is how LangGraph says that the thread id is missing; nothing has run then.

        With no configurable key at all the graph says so; with another one (the resource) it is the
        checkpointer that fails to find the key. Any other ValueError or KeyError is the graph's own.
        """
        if not self._graph.checkpointer or ids["thread"] is not OMITTED:
            return
        if str(error).startswith(_NO_IDS) or (isinstance(error, KeyError) and error.args == ("thread_id",)):
            raise Refused(f"the graph's checkpointer requires a thread id: {error}") from error


@dataclasses.dataclass(frozen=True)
class _Context:
    """Which ids the graph's `context_schema` takes: `fields`, and `required` (by our names) of them."""

    declared: bool
    fields: tuple[str, ...]
    required: tuple[str, ...]

    @classmethod
    def of(cls, graph: Any, *, name: str) -> _Context:
        fields = _schema_fields(getattr(graph, "context_schema", None))
        if fields is None:
            return cls(declared=False, fields=(), required=())
        ours = {key: ours for ours, key in _CONFIGURABLE.items()}
        strangers = [field for field, required in fields.items() if required and field not in ours]
        if strangers:
            raise UsageError(
                f"{name} is a LangGraph whose context requires {_names(strangers)}, which nothing fills; "
                "give them defaults, or give a function that takes the message and invokes the graph"
            )
        return cls(
            declared=True,
            fields=tuple(field for field in fields if field in ours),
            required=tuple(ours[field] for field in ours if fields.get(field)),
        )

    def argument(self, configurable: Mapping[str, Any]) -> dict[str, Any]:
        if not self.declared:
            return {}
        return {"context": {key: configurable[key] for key in self.fields if key in configurable}}


def _schema_fields(schema: Any) -> dict[str, bool] | None:
    """A context schema's fields and whether each must be given; None if there is no schema with fields."""
    if not isinstance(schema, type):
        return None
    if dataclasses.is_dataclass(schema):
        return {
            field.name: field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            for field in dataclasses.fields(schema)
            if field.init
        }
    if (pydantic := getattr(schema, "model_fields", None)) is not None:
        return {key: bool(field.is_required()) for key, field in pydantic.items()}
    if hasattr(schema, "__required_keys__"):
        # A TypedDict is not checked when a graph runs, so none of its keys stops a call.
        return dict.fromkeys(schema.__annotations__, False)
    return None


async def _only_synchronous(checkpointer: Any) -> bool:
    """Whether a checkpointer cannot be used from `ainvoke`, as SqliteSaver and PostgresSaver cannot.

    They have the asynchronous methods all the same, and these raise NotImplementedError; so one is tried,
    a read of a thread that nobody has. Whatever else goes wrong will say so when it is really used.
    """
    if not hasattr(checkpointer, "aget_tuple"):
        return False
    try:
        await checkpointer.aget_tuple({"configurable": {"thread_id": "overheard", "checkpoint_ns": ""}})
    except NotImplementedError:
        return True
    except Exception:  # noqa: BLE001 - see above
        return False
    return False


def _answer(state: Any) -> str:
    """The text that the graph ended this turn with: its last AI message's since the newest human one.

    A graph that stopped before it answered (an interrupt, say) has said nothing; the AI message before
    the human one is the last turn's.
    """
    messages: Sequence[Any] = state.get("messages", ()) if isinstance(state, Mapping) else ()
    for message in reversed(messages):
        if _kind(message) in ("human", "user"):
            break
        if text := _ai_text(message):
            return text
    return ""


def _ai_text(message: Any) -> str | None:
    """The text of an AI message or chunk; None for any other message."""
    if _kind(message) not in ("ai", "assistant", "AIMessageChunk"):
        return None
    text = message.get("content") if isinstance(message, Mapping) else message.text
    return str(text or "")


def _kind(message: Any) -> Any:
    # Dictionaries too: a state whose reducer is `operator.add` keeps messages as they were given.
    return message.get("role") if isinstance(message, Mapping) else getattr(message, "type", None)


def _names(names: Any) -> str:
    shown = [str(name) for name in names if not str(name).startswith(("__", "branch:"))]
    return ", ".join(f"`{name}`" for name in shown) or "none"
