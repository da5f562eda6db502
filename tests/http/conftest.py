"""Servers on loopback in a thread of their own, target files, and calls of what they describe."""

import asyncio
import os
import textwrap
import threading

import pytest
from aiohttp import web

from overheard.adapters.enter import enter
from overheard.adapters.http.load import load
from overheard.core.ids import OMITTED
from overheard.core.outcome import Caller

SEEDS = int(os.environ.get("OVERHEARD_HTTP_SEEDS", "1"))
"""How many fresh seeds each agent is judged with behind HTTP and in process (the full proof takes 20)."""


def pytest_generate_tests(metafunc):
    if "nth" in metafunc.fixturenames:
        metafunc.parametrize("nth", range(SEEDS))


class Servers:
    """Starts servers on a loop of its own, and stops them all."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._stops = []
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def app(self, application):
        """Serve an aiohttp application (or one handler for everything); its address."""
        if not isinstance(application, web.Application):
            handler, application = application, web.Application(client_max_size=64 << 20)
            application.router.add_route("*", "/{anything:.*}", handler)

        async def start():
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
            self._stops.append(runner.cleanup)
            return runner.addresses[0][1]

        return f"http://127.0.0.1:{self._wait(start())}"

    def raw(self, speak, *, ssl=None):
        """Serve `async speak(reader, writer)` on each connection, after its request's head and body."""

        async def connected(reader, writer):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
                await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
                await speak(reader, writer)
                await writer.drain()
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        async def start():
            server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=ssl)

            async def stop():
                server.close()

            self._stops.append(stop)
            return server.sockets[0].getsockname()[1]

        return f"{'https' if ssl else 'http'}://127.0.0.1:{self._wait(start())}"

    def stop(self):
        for stop in reversed(self._stops):
            self._wait(stop())
        self._wait(self._hang_up())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _hang_up(self):
        """Nothing is left of any connection: neither of those that are served, nor of one that was just being
        accepted when its server closed, of which nobody has heard but the loop."""
        while True:
            await asyncio.sleep(0.01)  # a task that was cancelled before its first turn closes no socket
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            transports = [each for each in self._loop._transports.values() if each._sock is not None]
            for transport in transports:
                transport.abort()
            if not tasks and not transports:
                return

    def _wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)


@pytest.fixture
def servers():
    """Servers that end with the test."""
    running = Servers()
    yield running
    running.stop()


@pytest.fixture
def write(tmp_path):
    """write(text, name="target.toml"): the file's path."""

    def write(text, name="target.toml"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


@pytest.fixture
def describe(write):
    """describe(url, text): the target that a file describes, with that address in front."""

    def describe(url, text):
        address = f'url = "{url}"\n' if url else ""
        return load(write(address + textwrap.dedent(text)), shown="target.toml")

    return describe


CHAT = """
[send]
path = "/chat"
answer = "text"
json = { message = "{message}", thread = "{thread}", resource = "{resource}" }
"""


@pytest.fixture
def chat():
    """The rest of a file for a server that takes and answers plain JSON."""
    return CHAT


class Talked:
    """What came of calls: texts or exceptions, and the replies of those that were answered."""

    def __init__(self, offers):
        self.offers = offers
        self.said = []
        self.replies = []


@pytest.fixture
def talk():
    """talk(target, (message, thread, resource[, caller]), ...): enter, one call after the other, leave."""

    def talk(target, *calls, streaming=False, together=False, **entering):
        async def one(adapted, talked, message, thread=OMITTED, resource=OMITTED, caller=None):
            ids = {"thread": thread, "resource": resource, "caller": caller or Caller("r0")}
            try:
                if streaming:
                    pieces = []
                    async for piece in adapted.stream(message, **ids):
                        pieces.append(piece.text)
                    return pieces
                answer = await adapted.send(message, **ids)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
                return error
            talked.replies.append(answer.reply)
            return answer.reply.text

        async def run():
            async with enter(target, name="target.toml", **entering) as adapted:
                talked = Talked(adapted.offers)
                tasks = [one(adapted, talked, *call) for call in calls]
                if together:
                    talked.said = await asyncio.gather(*tasks)
                else:
                    for task in tasks:
                        talked.said.append(await task)
                return talked

        return asyncio.run(run())

    return talk
