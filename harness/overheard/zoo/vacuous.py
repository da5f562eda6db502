"""Eight agents that leak nothing because they do nothing worth trusting.

A harness that calls one of these isolated has measured its own blindness.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from overheard.core.outcome import Refused, TargetError
from overheard.zoo.agent import Agent
from overheard.zoo.correct import ThreadMemory
from overheard.zoo.hosts import Host
from overheard.zoo.model import Message


class Amnesic(Agent):
    """Asks the model about the new message alone, and stores nothing."""

    def recall(self, resource: str, thread: str) -> list[Message]:  # noqa: ARG002 - that is the point
        return []

    def remember(self, resource: str, thread: str, message: str, reply: str) -> None:
        pass


class _Modelless:
    """An agent that neither asks a model nor keeps anything."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        pass


class ConstantReply(_Modelless):
    """Says the same whatever is said to it."""

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:  # noqa: ARG002 - that is the point
        """The constant."""
        await asyncio.sleep(0)
        return "Thank you for your message. We will come back to you."


class EchoOfInput(_Modelless):
    """Says what was just said to it: canaries and all, but never one that it remembered."""

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:  # noqa: ARG002 - that is the point
        """The message itself."""
        await asyncio.sleep(0)
        return message


class IgnoresMirror(_Modelless):
    """Looks alive, each answer worded after the message, and has no model and no memory."""

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:  # noqa: ARG002 - that is the point
        """One of a few canned answers, by the length of the message."""
        await asyncio.sleep(0)
        manner = ("Certainly", "Of course", "With pleasure", "Good question")[len(message) % 4]
        return f"{manner}: those were {len(message.split())} words. Anything else?"


class AlwaysError(_Modelless):
    """Breaks on every message."""

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:  # noqa: ARG002 - that is the point
        """Raises TargetError."""
        await asyncio.sleep(0)
        raise TargetError("the service is not available")


class EmptyAnswer(_Modelless):
    """Answers nothing, and asks no model."""

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:  # noqa: ARG002 - that is the point
        """The empty string."""
        await asyncio.sleep(0)
        return ""


class RefusesEverything(_Modelless):
    """Says no to everybody, its owners included."""

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:  # noqa: ARG002 - that is the point
        """Raises Refused."""
        await asyncio.sleep(0)
        raise Refused("you may not do that")


class Serialises(ThreadMemory):
    """Correct, but one call at a time: what was asked to overlap never does."""

    def __init__(self, open_host: Callable[[], Host]) -> None:
        super().__init__(open_host)
        self._one_at_a_time = asyncio.Lock()

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        """Wait for everybody else to be done, then answer."""
        async with self._one_at_a_time:
            return await super().send(message, thread=thread, resource=resource)
