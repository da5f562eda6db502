"""A log that keeps what it is told, a running mirror, and a client for it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any, NamedTuple

import aiohttp
import pytest

from overheard.core.canary import ASKS, FactKey, mint_fact, mint_nonce
from overheard.mirror.server import Mirror

CAMPAIGN = 7


class KeptLog:
    """What the mirror said: calls by number, and for each answered one whether the asker had gone."""

    def __init__(self) -> None:
        self.calls: dict[int, dict[str, Any]] = {}
        self.closed: dict[int, bool] = {}
        self.threads: set[str] = set()

    def called(self, **about: Any) -> int:
        number = len(self.calls) + 1
        self.calls[number] = about
        self.threads.add(threading.current_thread().name)
        return number

    def answered(self, call: int, *, closed: bool = False) -> None:
        assert call not in self.closed, "answered twice"
        self.closed[call] = closed

    def wait(self, condition, seconds: float = 5.0) -> None:
        """Wait until the mirror's thread has said what `condition` wants."""
        deadline = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < deadline, (self.calls, self.closed)
            time.sleep(0.005)


class Got(NamedTuple):
    status: int
    kind: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert "Traceback" not in error["message"]
        return error

    @property
    def message(self) -> dict[str, Any]:
        assert self.status == 200, self.body
        return self.json["choices"][0]["message"]

    @property
    def events(self) -> list[dict[str, Any]]:
        blocks = self.body.decode().split("\n\n")
        assert blocks[-2:] == ["data: [DONE]", ""]
        assert all(block.startswith("data: ") for block in blocks[:-1])
        return [json.loads(block.removeprefix("data: ")) for block in blocks[:-2]]


@pytest.fixture
def log() -> KeptLog:
    return KeptLog()


@pytest.fixture
def mirror(log):
    with Mirror(log) as running:
        yield running


@pytest.fixture
def ask(mirror):
    """ask(body, path=…, method=…, headers=…): one request; body is JSON data, or bytes as they are."""

    def ask(
        body: Any = None,
        *,
        path: str = "/chat/completions",
        method: str = "POST",
        base: str = "",
        headers=None,
    ) -> Got:
        async def go() -> Got:
            data = body if isinstance(body, bytes | type(None)) else json.dumps(body).encode()
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, (base or mirror.url) + path, data=data, headers=headers) as answer,
            ):
                return Got(answer.status, answer.content_type, await answer.read())

        return asyncio.run(go())

    return ask


class Words:
    """Messages of one campaign."""

    @staticmethod
    def fact(operation: int, example: int = 1) -> str:
        return mint_fact(FactKey(CAMPAIGN, example, operation, 0))

    @staticmethod
    def nonce(operation: int, *, asks: bool = False, example: int = 1) -> str:
        return mint_nonce(CAMPAIGN, example, operation, flags=ASKS if asks else 0)

    def tell(self, operation: int, what: str = "locker code") -> str:
        return f"My {what} is {self.fact(operation)}. (ref {self.nonce(operation)})"

    def question(self, operation: int, what: str = "locker code") -> str:
        return f"What is my {what}? (ref {self.nonce(operation, asks=True)})"


@pytest.fixture(scope="session")
def say() -> Words:
    return Words()
