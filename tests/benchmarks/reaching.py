"""Reaching a target over HTTP, against what makes the same requests, 64 at a time: a bare aiohttp client, Locust."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp

from overheard.adapters.call import CallProbe
from overheard.adapters.enter import enter
from overheard.adapters.http.load import load
from overheard.adapters.http.target import HttpTarget
from overheard.core.outcome import Caller

AT_ONCE = 64
SERVER = """
import asyncio
from aiohttp import web

async def answer(request):
    await request.read()
    return web.json_response({"text": "Noted. I will remember that, and you can ask me about it any time."})

async def main():
    app = web.Application()
    app.router.add_post("/chat", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
FILE = """
url = "{url}"
[send]
path = "/chat"
answer = "text"
json = {{ message = "{{message}}", thread = "{{thread}}", resource = "{{resource}}" }}
"""


async def _spent(one: Callable[[int], Awaitable[object]], operations: int) -> float:
    """Processor seconds for so many operations, `AT_ONCE` under way at any time.

    The server is another process: what is counted is what the client costs, and with a server that is
    faster than its clients that is what their rate is made of.
    """
    numbers = iter(range(operations))

    async def worker() -> None:
        for number in numbers:
            await one(number)

    started = time.process_time()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return time.process_time() - started


async def _sides(url: str, target: HttpTarget, *, operations: int, rounds: int) -> dict[str, float]:
    caller = Caller("r0")
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
        enter(target, name="target.toml") as adapted,
    ):

        async def bare(number: int) -> str:
            body = {"message": f"m{number}", "thread": f"t{number}", "resource": "r"}
            async with session.post(f"{url}/chat", json=body) as response:
                return str(json.loads(await response.read())["text"])

        async def ours(number: int) -> str:
            answer = await adapted.send(
                f"m{number}", thread=f"t{number}", resource="r", caller=caller, probe=CallProbe()
            )
            return answer.reply.text

        sides = {"bare": bare, "ours": ours}
        least = dict.fromkeys(sides, float("inf"))
        for _ in range(rounds):
            for name, side in sides.items():
                least[name] = min(least[name], await _spent(side, operations))
        return least


def _locust(python: str, url: str, *, operations: int, rounds: int) -> float:
    """Processor seconds that Locust's FastHttpUser takes for as many requests, in a process of its own."""
    script = Path(__file__).with_name("locusts.py")
    words = [python, str(script), url, str(AT_ONCE), str(operations), str(rounds)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def rows(
    folder: Path, *, operations: int, rounds: int, locust: str | None
) -> Iterator[tuple[str, str, str, float, str]]:
    """`locust` is an interpreter that has it; without one nothing is compared with it."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            file = folder / "target.toml"
            file.write_text(FILE.format(url=url))
            target = load(file, shown="target.toml")
            least = asyncio.run(_sides(url, target, operations=operations, rounds=rounds))
            if locust is not None:
                least["locust"] = _locust(locust, url, operations=operations, rounds=rounds)
        finally:
            server.kill()
    each = {name: seconds / operations * 1e6 for name, seconds in least.items()}
    yield (
        f"a call over HTTP, {AT_ONCE} at once", f"{each['ours']:.0f} us", f"bare aiohttp {each['bare']:.0f} us",
        each["bare"] / each["ours"], "0.9 of its rate",
    )  # fmt: skip
    if "locust" in each:
        yield (
            f"the same, {AT_ONCE} at once", f"{each['ours']:.0f} us",
            f"Locust's FastHttpUser {each['locust']:.0f} us", each["locust"] / each["ours"],
            "1.5 times its rate",
        )  # fmt: skip
