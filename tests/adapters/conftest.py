"""Entering a target and talking to it; and a model server that says back all it was sent."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from overheard.adapters.enter import enter
from overheard.core.ids import OMITTED
from overheard.core.outcome import Caller

_CALLER = Caller("r0")


class Conversation:
    """What `talk` gives: the entered target, and for each call its reply's text or the exception."""

    def __init__(self, adapted):
        self.adapted = adapted
        self.said = []
        self.answers = []


@pytest.fixture
def talk():
    """talk(target, (message, thread, resource), ...): enter, send one after the other, leave."""

    def talk(target, *calls, caller=_CALLER, name="the target", streaming=False):
        async def run():
            async with enter(target, name=name, workers=8) as adapted:
                talked = Conversation(adapted)
                for message, thread, resource in calls:
                    ids = {"thread": thread, "resource": resource, "caller": caller}
                    try:
                        if streaming:
                            talked.said.append([chunk.text async for chunk in adapted.stream(message, **ids)])
                            continue
                        answer = await adapted.send(message, **ids)
                    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
                        talked.said.append(error)
                    else:
                        talked.said.append(answer.reply.text)
                        talked.answers.append(answer)
                return talked

        return asyncio.run(run())

    return talk


@pytest.fixture
def hello():
    """A call that presents a thread and a resource, and one that presents neither."""
    return {"with ids": ("hello", "t1", "r1"), "without": ("hello", OMITTED, OMITTED)}


class _Echo(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = " | ".join(message["content"] for message in request["messages"])
        choice = {"index": 0, "finish_reason": "stop"}
        base = {"id": "c1", "created": 0, "model": "m"}
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if request.get("stream") else "application/json")
        self.end_headers()
        if not request.get("stream"):
            whole = {**choice, "message": {"role": "assistant", "content": text}}
            self.wfile.write(json.dumps({**base, "object": "chat.completion", "choices": [whole]}).encode())
            return
        for word in text.split(" "):
            piece = {**choice, "finish_reason": None, "delta": {"role": "assistant", "content": word + " "}}
            data = json.dumps({**base, "object": "chat.completion.chunk", "choices": [piece]})
            self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *args):
        """Nothing: the requests are the test's own."""


@pytest.fixture
def model_server(monkeypatch):
    """An OpenAI-compatible server whose every answer is all messages that it was sent, joined."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    for name, value in {
        "OPENAI_BASE_URL": url,
        "OPENAI_API_BASE": url,
        "OPENAI_API_KEY": "none",
        "NO_PROXY": "127.0.0.1",
        "LANGSMITH_TRACING": "false",
    }.items():
        monkeypatch.setenv(name, value)
    yield url
    server.shutdown()
    thread.join()
    server.server_close()
