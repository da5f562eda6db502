"""What a real Mastra server really does, measured by hand, situation by situation.

This program knows nothing of overheard: it has a model of its own, starts the server of `examples/mastra`,
plays two people, and writes down what came back. The tests hold the harness's verdicts against it.

Usage: python tests/mastra/probe.py [SITUATION ...]      prints JSON, one object for each situation
       python tests/mastra/probe.py --list

Ann tells and asks in threads of her own; Bob is the stranger. An answer is one of

recalled   the fact was in the reply, or in the prompt that the model was shown for the question
nothing    the question was answered, without the fact
refused    a status of 400 to 499 (not 429)
failed     anything else: nobody knows what it means
untold     the fact could not be told in the first place: that was refused
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mastra"
START_SECONDS = 120
OMITTED = object()
MISSING = {"omitted": OMITTED, "null": None, "empty": "", "blank": "  "}


# -- a model that says what it was shown ---------------------------------------------------------------------


class Model:
    """Says back every fact in its prompt, writes working memory when told something, counts words."""

    def __init__(self) -> None:
        self.prompts: dict[str, str] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/v1/responses", self.responses)
        app.router.add_post("/v1/embeddings", self.embeddings)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        finally:
            await runner.cleanup()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        shown, said = self.hear(body["messages"])
        tools = [tool["function"]["name"] for tool in body.get("tools", ())]
        tells = "FACT-" in said and body["messages"][-1]["role"] != "tool"
        if "updateWorkingMemory" in tools and tells:
            call = {"name": "updateWorkingMemory", "arguments": json.dumps({"memory": said})}
            message = {"tool_calls": [{"index": 0, "id": "call-1", "type": "function", "function": call}]}
            return await self.answer(request, body, message, "tool_calls")
        return await self.answer(request, body, {"content": known(shown)}, "stop")

    async def responses(self, request: web.Request) -> web.Response:
        """The other API, as far as Mastra uses it: users' words in full, the model's own as references."""
        shown, _ = self.hear((await request.json())["input"])
        text = {"type": "output_text", "text": known(shown), "annotations": []}
        said = {
            "id": f"msg_{secrets.token_hex(8)}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [text],
        }
        whole = {
            "id": f"resp_{secrets.token_hex(8)}",
            "object": "response",
            "created_at": 0,
            "model": "probe",
        }
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        return web.json_response({**whole, "status": "completed", "output": [said], "usage": usage})

    def hear(self, messages: list[Any]) -> tuple[str, str]:
        """All that is shown, which is noted for the question in it, and what the user said last."""
        shown = json.dumps(messages)
        said = next(str(each["content"]) for each in reversed(messages) if each.get("role") == "user")
        for question in re.findall(r"ASK-\w+", said):
            self.prompts[question] = self.prompts.get(question, "") + shown
        return shown, said

    async def answer(
        self, request: web.Request, body: dict[str, Any], message: dict[str, Any], finish: str
    ) -> web.StreamResponse:
        message = {"role": "assistant", "content": None, **message}
        head = {"id": f"chatcmpl-{secrets.token_hex(8)}", "created": 0, "model": "probe"}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": finish}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
            return web.json_response(whole)
        deltas = [({**message}, None), ({}, finish)]
        lines = [
            {
                **head,
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": delta, "finish_reason": end}],
            }
            for delta, end in deltas
        ]
        text = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
        return web.Response(text=text, content_type="text/event-stream")

    async def embeddings(self, request: web.Request) -> web.Response:
        texts = (await request.json())["input"]
        vectors = [words(text) for text in ([texts] if isinstance(texts, str) else texts)]
        data = [
            {"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return web.json_response({"object": "list", "data": data, "model": "probe", "usage": usage})


def known(shown: str) -> str:
    facts = dict.fromkeys(f"KNOWN-{fact}" for fact in re.findall(r"FACT-(\w+)", shown))
    return f"I know: {' '.join(facts) or 'nothing'}"


def words(text: str) -> list[float]:
    """A bag of the words that are not unique to one message."""
    vector = [0.0] * 64
    for word in re.findall(r"[a-z]+", re.sub(r"\b(FACT|ASK|KNOWN)-\w+", "", text).lower()):
        vector[md5(word.encode(), usedforsecurity=False).digest()[0] % 64] += 1.0
    return vector if any(vector) else [1.0] * 64


# -- the server ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def mastra(auth: str, model_url: str) -> AsyncIterator[str]:
    """The server of the example, and its address; it is gone when this is left."""
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": model_url,
        "OPENAI_API_KEY": "probe",
        "PORT": "0",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, str(EXAMPLE / "serve.py"), "--auth", auth]
    # A file and no pipe: what it says about every refused request would fill a pipe that nobody reads.
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(*command, stdout=said, stderr=said, env=environment)
        try:
            yield await listening(process, said)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def listening(process: asyncio.subprocess.Process, said: IO[bytes]) -> str:
    for _ in range(START_SECONDS * 20):
        ended = process.returncode is not None
        text = os.pread(said.fileno(), 1 << 20, 0).decode(errors="replace")
        if found := re.search(r"listening on (http://127\.0\.0\.1:\d+)", text):
            return found.group(1)
        if ended:
            break
        await asyncio.sleep(0.05)
    raise SystemExit(f"the server did not listen within {START_SECONDS} seconds. It said:\n{text}")


# -- the situations ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """Everything a request may be made of."""

    text: str
    thread: Any
    resource: Any
    token: Any  # OMITTED for no credentials


Request = tuple[str, str, Any, dict[str, str]]


@dataclass(frozen=True)
class Situation:
    """How one situation is talked to. Everything else is the same for all of them.

    `scope` is who may recall a fact: those of its thread, or its resource. `mint` creates a thread for a
    user, where the server gives out its ids. `credentials` says whether callers prove who they are, and
    `names` whether the request names a resource all the same. `missing` are ids that clients may leave out,
    `reads` reading routes by name.
    """

    request: Callable[[Ask], Request]
    auth: str = "none"
    scope: str = "thread"
    mint: str | None = None
    minted: str = ""
    credentials: bool = False
    names: bool = True
    missing: tuple[str, ...] = ()
    reads: dict[str, Callable[[Ask], Request]] = field(default_factory=dict)


def body(**keys: Any) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if value is not OMITTED}


def credentials(ask: Ask) -> dict[str, str]:
    return {} if ask.token is OMITTED else {"authorization": f"Bearer {ask.token}"}


def route(path: str, *, message: str = "message", **names: str) -> Callable[[Ask], Request]:
    """A route of the example's own: names of its keys for thread and resource, credentials always sent."""

    def request(ask: Ask) -> Request:
        ids = {names[key]: getattr(ask, key) for key in ("thread", "resource") if key in names}
        return "POST", path, body(**{message: ask.text}, **ids), credentials(ask)

    return request


def agent(name: str, how: str = "generate") -> Callable[[Ask], Request]:
    """Mastra's own route to an agent."""

    def request(ask: Ask) -> Request:
        memory = body(thread=ask.thread, resource=ask.resource)
        return "POST", f"/api/agents/{name}/{how}", {"messages": ask.text, "memory": memory}, credentials(ask)

    return request


def reading(path: str) -> Callable[[Ask], Request]:
    """One of Mastra's own routes to memory: `{thread}` in the path, the resource in the query."""

    def request(ask: Ask) -> Request:
        query = "agentId=history"
        if ask.resource is not OMITTED:
            query += f"&resourceId={quote(str(ask.resource), safe='')}"
        return (
            "GET",
            f"{path.format(thread=quote(str(ask.thread), safe=''))}?{query}",
            None,
            credentials(ask),
        )

    return request


READS = {
    "list threads": reading("/api/memory/threads"),
    "read thread": reading("/api/memory/threads/{thread}"),
    "read messages": reading("/api/memory/threads/{thread}/messages"),
}

GIVEN = route("/given", thread="conversation", resource="user")
OWN = {"credentials": True, "names": False}
IDS = ("thread", "resource")

SITUATIONS: dict[str, Situation] = {
    "given": Situation(GIVEN),
    "fresh-conversation": Situation(GIVEN),
    "missing-ids": Situation(GIVEN, missing=IDS),
    "missing-ids-own-route": Situation(agent("history"), missing=IDS),
    "no-memory": Situation(route("/no-memory")),
    "no-thread": Situation(route("/no-thread", resource="user")),
    "no-resource": Situation(route("/no-resource", thread="conversation")),
    "hardcoded": Situation(route("/hardcoded")),
    "existing": Situation(route("/existing", thread="conversation"), **OWN),
    "uuid": Situation(
        route("/uuid", thread="conversation"), mint="/uuid", minted="conversation", missing=("thread",), **OWN
    ),
    "composite": Situation(route("/composite", thread="topic"), **OWN),
    "session": Situation(route("/session", thread="session"), mint="/sessions", minted="session", **OWN),
    "api-route": Situation(route("/chat", thread="conversation"), missing=("thread",), **OWN),
    "created": Situation(route("/chat", thread="conversation"), mint="/conversations", minted="id", **OWN),
    "verified": Situation(
        route("/secure-chat", thread="conversation"), mint="/conversations", minted="id", **OWN
    ),
    "unverified": Situation(
        route("/unverified-chat", thread="conversation"), mint="/conversations", minted="id", **OWN
    ),
    "borrowed": Situation(
        route("/borrowed-chat", thread="conversation"), mint="/conversations", minted="id", **OWN
    ),
    "history": Situation(agent("history")),
    "history-stream": Situation(agent("history", "stream")),
    "history-responses": Situation(agent("responses")),
    "recall-thread": Situation(agent("recall-thread")),
    "recall-resource": Situation(agent("recall-resource"), scope="resource"),
    "recall-default": Situation(agent("recall-default")),
    "working-thread": Situation(agent("working-thread")),
    "working-resource": Situation(agent("working-resource"), scope="resource"),
    "working-default": Situation(agent("working-default")),
    "believed": Situation(agent("history"), auth="believed", credentials=True),
    "mapped": Situation(agent("history"), auth="mapped", credentials=True),
    "open-reading": Situation(agent("history"), reads=READS),
    "believed-reading": Situation(agent("history"), auth="believed", credentials=True, reads=READS),
    "mapped-reading": Situation(agent("history"), auth="mapped", credentials=True, reads=READS),
}


# -- asking --------------------------------------------------------------------------------------------------


class Talk:
    """Two people, Ann and Bob, talking to one situation."""

    def __init__(self, situation: Situation, address: str, http: aiohttp.ClientSession, model: Model) -> None:
        self.situation, self.address, self.http, self.model = situation, address, http, model
        self.ann, self.bob = (f"{name}-{secrets.token_hex(5)}" for name in ("ann", "bob"))
        self.tokens: dict[str, str] = {}

    async def send(self, request: Request) -> tuple[int, str]:
        method, path, data, headers = request
        async with self.http.request(method, self.address + path, json=data, headers=headers) as answer:
            return answer.status, await answer.text()

    async def log_in(self) -> None:
        for user in (self.ann, self.bob):
            _, text = await self.send(("POST", "/login", {"user": user}, {}))
            self.tokens[user] = json.loads(text)["token"]

    def ask(self, text: str, user: str, thread: Any, **other: Any) -> Ask:
        return Ask(**{"text": text, "thread": thread, "resource": user, "token": self.tokens[user], **other})

    async def thread(self, user: str) -> str:
        """A thread of this user, created where the server gives out the ids."""
        mint = self.situation.mint
        if mint is None:
            return f"thread-{secrets.token_hex(8)}"
        data = {"message": "Hello."} if mint == "/uuid" else {}
        status, text = await self.send(("POST", mint, data, credentials(self.ask("", user, OMITTED))))
        assert status == 200, f"{mint} answered {status}: {text[:200]}"
        return json.loads(text)[self.situation.minted]

    async def tell(self, user: str, thread: Any, **other: Any) -> str | None:
        """Tell a new fact and then something else; the fact, or None if it was refused.

        What failed may have been stored all the same: Mastra keeps the message under some errors.
        """
        fact = secrets.token_hex(8)
        said = f"My locker code is FACT-{fact}, please keep it."
        status, _ = await self.send(self.situation.request(self.ask(said, user, thread, **other)))
        if kind(status) == "refused":
            return None
        await self.send(self.situation.request(self.ask("The weather is fine today.", user, thread, **other)))
        return fact

    async def outcome(self, fact: str | None, user: str, thread: Any, **other: Any) -> str:
        """What comes back when `user` asks for the fact."""
        if fact is None:
            return "untold"
        question = f"ASK-{secrets.token_hex(8)}"
        asked = self.ask(f"What is my locker code? {question}", user, thread, **other)
        status, text = await self.send(self.situation.request(asked))
        if fact in text or fact in self.model.prompts.get(question, ""):
            return "recalled"
        return kind(status)

    async def read(self, name: str, fact: str | None, thread: str, **who: Any) -> str:
        """What a reading route shows: the fact, or the id of the thread it was told in."""
        if fact is None:
            return "untold"
        status, text = await self.send(self.situation.reads[name](self.ask("", self.bob, thread, **who)))
        if status == 200 and (fact in text or (name != "read messages" and thread in text)):
            return "recalled"
        return kind(status)


def kind(status: int) -> str:
    if status == 200:
        return "nothing"
    return "refused" if 400 <= status < 500 and status != 429 else "failed"


async def measure(talk: Talk) -> dict[str, str]:
    """All questions, in an order in which no answer spoils the next."""
    situation, ann, bob = talk.situation, talk.ann, talk.bob
    await talk.log_in()
    first, second, bobs = [await talk.thread(user) for user in (ann, ann, bob)]
    seen: dict[str, str] = {}
    fact = await talk.tell(ann, first)
    await talk.send(situation.request(talk.ask("Hello.", bob, bobs)))
    seen["same thread"] = await talk.outcome(fact, ann, first)
    seen["other thread, same user"] = await talk.outcome(fact, ann, second)
    seen["other user, own thread"] = await talk.outcome(fact, bob, bobs)
    seen["other user, this thread"] = await talk.outcome(fact, bob, first)
    if situation.credentials:
        seen["no credentials"] = await talk.outcome(fact, ann, first, token=OMITTED)
        seen["invalid credentials"] = await talk.outcome(fact, ann, first, token="nonsense")
        if situation.names:
            seen["naming her, this thread"] = await talk.outcome(fact, bob, first, resource=ann)
            seen["naming her, new thread"] = await talk.outcome(
                fact, bob, await talk.thread(bob), resource=ann
            )
    for name in situation.reads:
        seen[f"{name}, as herself"] = await talk.read(name, fact, first, resource=ann, token=talk.tokens[ann])
        seen[f"{name}, naming himself"] = await talk.read(name, fact, first)
        seen[f"{name}, naming nobody"] = await talk.read(name, fact, first, resource=OMITTED)
        if situation.credentials:
            seen[f"{name}, naming her"] = await talk.read(name, fact, first, resource=ann)
    for name in situation.missing:
        for how, value in MISSING.items():
            seen[f"told with, asked without ({name} {how})"] = await talk.outcome(
                fact, bob, **missing(name, value, bobs)
            )
            there = await talk.tell(ann, **missing(name, value, await talk.thread(ann)))
            seen[f"told and asked without ({name} {how})"] = await talk.outcome(
                there, bob, **missing(name, value, bobs)
            )
    foreign = await talk.tell(bob, first)
    seen["his words to her, this thread"] = await talk.outcome(foreign, ann, first)
    seen["same thread, afterwards"] = await talk.outcome(fact, ann, first)
    return seen


def missing(name: str, value: Any, thread: Any) -> dict[str, Any]:
    return {"thread": value} if name == "thread" else {"thread": thread, "resource": value}


# -- what it amounts to --------------------------------------------------------------------------------------


def verdicts(situation: Situation, seen: dict[str, str]) -> dict[str, str]:
    """By the names of the promises, what was measured: held, violated, or inconclusive.

    Nothing is judged of what was never told. An answer of which nobody knows what it means (`failed`)
    leaks nothing, and proves nothing either.
    """

    def leaks(*questions: str) -> str:
        answers = [answer for question, answer in seen.items() if question.startswith(questions)]
        if "recalled" in answers:
            return "violated"
        known = [answer for answer in answers if answer in ("nothing", "refused")]
        return "held" if known and seen["same thread"] == "recalled" else "inconclusive"

    told = seen["same thread"] != "untold"
    recalled = "recalled" in (seen["same thread"], seen["same thread, afterwards"])
    sibling = seen["other thread, same user"]
    reads = tuple(f"{name}, {whom}" for name in situation.reads for whom in ("naming himself", "naming her"))
    result = {
        "recall-within-thread": ("held" if recalled else "violated") if told else "inconclusive",
        "no-cross-thread-recall": leaks("other thread, same user"),
        "no-cross-resource-leakage": leaks("other user, own thread", "naming her, new thread", *reads),
        "thread-ownership": leaks(
            "other user, this thread",
            "naming her, this thread",
            "his words",
            "no credentials",
            "invalid credentials",
            # White space is an id like any other.
            *(f"told and asked without ({name} blank)" for name in situation.missing),
        ),
    }
    if situation.scope == "resource" and told:
        # Then recall in her other threads is what is promised.
        del result["no-cross-thread-recall"]
        if sibling != "recalled":
            result["recall-within-thread"] = "violated"
    asked = [f"told {how}asked without ({name} {kind})" for name in situation.missing for kind in MISSING
             if kind != "blank" for how in ("with, ", "and ")]  # fmt: skip
    asked += [f"{name}, naming nobody" for name in situation.reads]
    if asked:
        each = {leaks(question) for question in asked if seen[question] != "untold"}
        worst = (verdict for verdict in ("violated", "inconclusive", "held") if verdict in each)
        result["ids-required"] = next(worst, "inconclusive")
    return result


async def probe(names: list[str]) -> dict[str, Any]:
    model = Model()
    results: dict[str, Any] = {}
    timeout = aiohttp.ClientTimeout(total=60)
    async with model.serving() as url, aiohttp.ClientSession(timeout=timeout) as http:
        for auth in dict.fromkeys(SITUATIONS[name].auth for name in names):
            async with mastra(auth, url) as address:
                for name in names:
                    if SITUATIONS[name].auth == auth:
                        seen = await measure(Talk(SITUATIONS[name], address, http, model))
                        results[name] = {"seen": seen, "verdicts": verdicts(SITUATIONS[name], seen)}
    return {name: results[name] for name in names}


def main(arguments: list[str]) -> None:
    if arguments == ["--list"]:
        print("\n".join(SITUATIONS))
        return
    if unknown := [name for name in arguments if name not in SITUATIONS]:
        raise SystemExit(f"no such situation: {', '.join(unknown)}; there are {', '.join(SITUATIONS)}")
    json.dump(asyncio.run(probe(arguments or list(SITUATIONS))), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
