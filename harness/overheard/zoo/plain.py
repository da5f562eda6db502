"""Two correct targets without any model, as factories: calling one yields a function with empty memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from overheard.zoo.agent import required


def _said_before(said: dict[tuple[str, str], list[str]], key: tuple[str, str], message: str) -> str:
    earlier = said.setdefault(key, [])
    reply = "You said: " + " / ".join(earlier) if earlier else "You have said nothing here yet."
    earlier.append(message)
    return reply


def dictionary() -> Callable[..., str]:
    """A plain function over a dictionary: it replies with what was said in the conversation before."""
    said: dict[tuple[str, str], list[str]] = {}

    def send(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        return _said_before(said, required(resource, thread), message)

    return send


def never_suspends() -> Callable[..., Awaitable[str]]:
    """The same as a coroutine function that awaits nothing, so that its calls can never interleave."""
    said: dict[tuple[str, str], list[str]] = {}

    async def send(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        return _said_before(said, required(resource, thread), message)

    return send
