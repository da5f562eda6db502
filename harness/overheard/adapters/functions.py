"""The backend for targets of the user's own: a function, or an object with `send` and perhaps more."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from overheard.adapters.call import CallProbe, call_plain, watch
from overheard.adapters.signature import Signature, is_coroutine_function, read_signature, read_surface
from overheard.core.errors import UsageError
from overheard.core.ids import OMITTED
from overheard.core.offers import Offers, Takes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from overheard.adapters.pool import DaemonPool

NO_SURFACES: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType({})
_END: Final = object()


class FunctionBackend:
    """Drives `send`, `stream` if there is one, and the surfaces `beyond`, each by its own signature.

    Raises UsageError if a signature cannot be served.
    """

    outlives = False

    def __init__(
        self,
        send: Callable[..., Any],
        *,
        stream: Callable[..., Any] | None,
        adapter: Literal["object", "function"],
        name: str,
        pool: DaemonPool,
        beyond: Mapping[str, Callable[..., Any]] = NO_SURFACES,
    ) -> None:
        if is_generator_function(send):
            raise UsageError(
                f"{name}: `send` is a generator; let it return the whole text, "
                "and offer the pieces as `stream`"
            )
        self._send = send
        self._send_signature = read_signature(send, what=f"{name}: send" if adapter == "object" else name)
        self._stream = stream
        self._stream_signature = stream and read_signature(stream, what=f"{name}: stream")
        self._coroutine = is_coroutine_function(send)
        self._pool = pool
        self._beyond = {
            surface: (function, read_surface(function, surface=surface, what=f"{name}: {surface}"))
            for surface, function in beyond.items()
        }
        self.offers = Offers(
            surfaces=(*(("send",) if stream is None else ("send", "stream")), *beyond),
            accepts=self._send_signature.accepts,
            required=self._send_signature.required,
            coroutine=self._coroutine,
            adapter=adapter,
            beyond={
                surface: Takes(accepts=signature.accepts, required=signature.required)
                for surface, (_, signature) in self._beyond.items()
            },
        )

    async def send(self, message: str, ids: Mapping[str, Any], probe: CallProbe) -> Any:
        args, keywords = _arguments(self._send_signature, message, ids)
        if self._coroutine:
            return await watch(self._send(*args, **keywords), probe)
        return await call_plain(self._pool, self._send, args, keywords, probe)

    async def use(self, surface: str, query: str, inputs: Mapping[str, Any], probe: CallProbe) -> Any:
        """Call a surface beyond sending. `inputs` are the ids and what else it may take, by name."""
        function, signature = self._beyond[surface]
        if surface == "search":
            args, keywords = _arguments(signature, query, inputs)
        else:
            args, keywords = (), signature.keywords(inputs, OMITTED)
        if is_coroutine_function(function):
            return await watch(function(*args, **keywords), probe)
        return await call_plain(self._pool, function, args, keywords, probe)

    async def stream(self, message: str, ids: Mapping[str, Any], probe: CallProbe) -> AsyncIterator[Any]:
        assert self._stream is not None  # noqa: S101 - Adapted asks `offers` first
        assert self._stream_signature is not None  # noqa: S101 - as above
        args, keywords = _arguments(self._stream_signature, message, ids)
        if is_coroutine_function(self._stream):
            pieces = await watch(self._stream(*args, **keywords), probe)
        elif inspect.isasyncgenfunction(self._stream):
            pieces = self._stream(*args, **keywords)
        else:
            pieces = await call_plain(self._pool, self._stream, args, keywords, probe)
        # Closed by name: a generator left to the garbage collector ends at some other time.
        async with aclosing(iterate(pieces, self._pool, probe)) as each:
            async for piece in each:
                yield piece


async def iterate(pieces: Any, pool: DaemonPool, probe: CallProbe) -> AsyncGenerator[Any]:
    """The pieces of a stream of either kind; a plain iterator is advanced in worker threads.

    Raises TypeError if `pieces` is no stream.
    """
    if isinstance(pieces, str):  # iterable too, one character at a time, which nobody means
        yield pieces
    elif hasattr(pieces, "__aiter__"):
        iterator = aiter(pieces)
        try:
            while (piece := await watch(anext(iterator, _END), probe)) is not _END:
                yield piece
        finally:
            if inspect.isasyncgen(iterator):
                await iterator.aclose()
    else:
        plain = iter(pieces)
        while (piece := await call_plain(pool, next, (plain, _END), {}, probe)) is not _END:
            yield piece


def is_generator_function(function: Any) -> bool:
    """Whether calling `function` only makes a generator, of either kind."""
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _arguments(
    signature: Signature, message: str, ids: Mapping[str, Any]
) -> tuple[tuple[str, ...], dict[str, Any]]:
    keywords = signature.keywords(ids, OMITTED)
    if signature.message is None:
        return (message,), keywords
    return (), {signature.message: message, **keywords}
