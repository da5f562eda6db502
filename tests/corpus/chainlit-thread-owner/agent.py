"""A Chainlit server as its web client uses it: log in, open a socket with the thread's id, send a message."""

import asyncio
import os
import secrets
import shutil
import socket
import sqlite3
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import socketio

import overheard

APP = Path(__file__).parent / "app"
PASSWORD = secrets.token_hex(8)


class Chainlit:
    """A server's routes, and the threads that it made: it chooses their ids, so each of ours stands for one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.users: dict[str, httpx.AsyncClient] = {}
        self.threads: dict[str, str] = {}

    async def user(self, name: str | None) -> httpx.AsyncClient:
        """A client with the cookies of who is logged in. Raises PermissionError for nobody."""
        if not name:
            raise PermissionError("a user has to log in")
        if name not in self.users:
            client = httpx.AsyncClient(base_url=self.url)
            response = await client.post("/login", data={"username": name, "password": PASSWORD})
            response.raise_for_status()
            self.users[name] = client
        return self.users[name]

    async def send(self, message: str, *, thread: str | None = None, resource: str | None = None) -> str:
        client = await self.user(resource)
        known = self.threads.get(thread) if thread else None
        answer = ""
        opened, begun, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()
        connection = socketio.AsyncClient(reconnection=False)

        def made(event: dict) -> None:
            if thread:
                self.threads.setdefault(thread, event["thread_id"])
            begun.set()

        def shown(step: dict) -> None:
            nonlocal answer
            if step["type"] == "assistant_message":
                answer = step["output"]
                answered.set()

        connection.on("first_interaction", made)
        connection.on("new_message", shown)
        # Whether it was found or not, the server takes what is sent now: what it does with that is its matter.
        for ready in ("resume_thread", "resume_thread_error") if known else ("task_end",):
            connection.on(ready, lambda *_: opened.set())
        try:
            await connection.connect(
                self.url,
                socketio_path="/ws/socket.io",
                transports=["websocket"],
                headers={"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())},
                auth={
                    "sessionId": str(uuid.uuid4()),
                    "clientType": "webapp",
                    "userEnv": "{}",
                    "threadId": known,
                },
            )
        except socketio.exceptions.ConnectionError as error:
            raise PermissionError(str(error)) from error
        try:
            await connection.emit("connection_successful")
            await asyncio.wait_for(opened.wait(), 20)
            said = {"id": str(uuid.uuid4()), "name": resource, "type": "user_message", "output": message}
            said["createdAt"] = "2026-01-01T00:00:00Z"
            await connection.emit("client_message", {"message": said, "fileReferences": []})
            await asyncio.wait_for(asyncio.gather(answered.wait(), begun.wait()), 20)
            await connection.emit("clear_session")
        finally:
            await connection.disconnect()
        return answer

    async def read_messages(self, *, thread: str, resource: str) -> str:
        client = await self.user(resource)
        if thread not in self.threads:
            raise LookupError("no such thread")
        return self.shown(await client.get(f"/project/thread/{self.threads[thread]}"))

    async def list_threads(self, *, resource: str) -> str:
        client = await self.user(resource)
        asked = {"pagination": {"first": 100}, "filter": {}}
        return self.shown(await client.post("/project/threads", json=asked))

    @staticmethod
    def shown(response: httpx.Response) -> str:
        if 400 <= response.status_code < 500:
            raise PermissionError(response.text)
        response.raise_for_status()
        return response.text


# Chainlit stores a message in the background, behind its answer.
@overheard.contract(settle=500)
@asynccontextmanager
async def agent() -> AsyncIterator[Chainlit]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(APP, folder, dirs_exist_ok=True)
        database = Path(folder) / "conversations.sqlite"
        with closing(sqlite3.connect(database)) as connection:
            connection.executescript((APP / "tables.sql").read_text())
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        said = {
            "DATABASE": f"sqlite+aiosqlite:///{database}",
            "PASSWORD": PASSWORD,
            "CHAINLIT_AUTH_SECRET": secrets.token_hex(32),
            "HOME": folder,
        }
        where = ("--headless", "--host", "127.0.0.1", "--port", str(port))
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chainlit", "run", "app.py", *where),
            cwd=folder,
            env=os.environ | said,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            await started(url, server)
            yield Chainlit(url)
        finally:
            server.terminate()
            await asyncio.wait_for(server.wait(), 20)


async def started(url: str, server: asyncio.subprocess.Process) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for _ in range(240):
            if server.returncode is not None:
                raise RuntimeError("the server ended before it was there")
            try:
                await client.get("/project/translations?language=en-US")
            except httpx.TransportError:
                await asyncio.sleep(0.25)
            else:
                return
    raise RuntimeError("the server did not answer within a minute")
