"""A model server in the test's own loop that recites, and a fixture that drives one agent against it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web

FACT = re.compile(r"fact-\w+")


@dataclass
class FakeMirror:
    """Recites every fact it sees to a question, keeps every prompt, and can hold calls until `width` wait."""

    prompts: list[str] = field(default_factory=list)
    width: int = 1
    _held: list[asyncio.Future] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        if any(message["content"] == "please fail" for message in body["messages"]):
            raise web.HTTPServiceUnavailable
        prompt = "\n".join(message["content"] for message in body["messages"])
        self.prompts.append(prompt)
        number = len(self.prompts)
        if self.width > 1:
            await self._rendezvous()
        question = body["messages"][-1]["content"].startswith("what")
        facts = dict.fromkeys(FACT.findall(prompt)) if question else {}
        # Numbered, as the mirror's answers carry the nonce of what they answer: no two are the same.
        text = f"You told me: {', '.join(facts)}." if facts else f"Noted ({number})."
        return web.json_response({"choices": [{"message": {"role": "assistant", "content": text}}]})

    def release(self) -> None:
        """Answer all that are held, in the order in which they came, whether anybody still waits or not."""
        for held in self._held:
            held.set_result(None)
        self._held.clear()

    async def _rendezvous(self) -> None:
        arrived = asyncio.get_running_loop().create_future()
        self._held.append(arrived)
        if len(self._held) >= self.width:
            self.release()
        await arrived


@pytest.fixture
def against_mirror(monkeypatch):
    """Enter what `build` makes and run `scene(agent, mirror)` in a loop of its own; its result."""

    def run(build: Callable, scene: Callable[..., Awaitable]):
        async def main():
            mirror = FakeMirror()
            app = web.Application()
            app.router.add_post("/v1/chat/completions", mirror.answer)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                port = runner.addresses[0][1]
                monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
                async with build() as agent:
                    return await scene(agent, mirror)
            finally:
                await runner.cleanup()

        return asyncio.run(main())

    return run
