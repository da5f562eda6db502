"""The zoo's own client speaks HTTP as a model server may, and says so when it is answered with something else."""

import asyncio
import re
from types import SimpleNamespace

import pytest

from overheard.core.outcome import TargetError
from overheard.zoo.model import Message, Model

ANSWER = b'{"choices": [{"message": {"content": "hello"}}]}'


def with_model(answers, scene):
    """What `scene` yields, and what was heard by a server that answers the n-th request of each connection
    with the n-th of `answers`, in pieces, and then waits for the client to hang up. It says so in two events.
    """
    heard, serving = [], []

    async def serve(reader, writer):
        serving.append(asyncio.current_task())
        for number, pieces in enumerate(answers):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"Content-Length: (\d+)", head)[1])
            heard.append((number, head.split(b"\r\n")[0], await reader.readexactly(length)))
            signs.asked.set()
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
        await reader.read()
        signs.left.set()
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=200)
        model = Model()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/")
            try:
                seen = await scene(model, signs)
            finally:
                await model.close()
                await asyncio.wait_for(asyncio.gather(*serving), 10)
                server.close()
                await server.wait_closed()
        return seen, heard

    signs = SimpleNamespace(asked=asyncio.Event(), left=asyncio.Event())
    return asyncio.run(main())


def whole(body=ANSWER, more=b""):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(body), more, body)


HELLO = [Message("user", "hello")]


def test_calls_one_after_the_other_share_a_connection_however_answers_are_cut():
    pieces = whole()

    async def scene(model, _server):
        return [await model.chat(HELLO) for _ in range(2)]

    said, heard = with_model([[pieces], [pieces[:9], pieces[9:45], pieces[45:]]], scene)
    assert said == ["hello", "hello"]
    line = b"POST /v1/chat/completions HTTP/1.1"
    body = b'{"model":"zoo","messages":[{"role":"user","content":"hello"}]}'
    assert heard == [(0, line, body), (1, line, body)]


def test_a_connection_that_the_model_gives_up_is_not_used_again():
    async def scene(model, _server):
        return [await model.chat(HELLO) for _ in range(2)]

    said, heard = with_model([[whole(more=b"Connection: close\r\n")]], scene)
    assert (said, [number for number, *_ in heard]) == (["hello"] * 2, [0, 0])


def test_calls_at_once_have_a_connection_each():
    async def scene(model, _server):
        return await asyncio.gather(*(model.chat(HELLO) for _ in range(150)))

    said, heard = with_model([[whole()]], scene)
    assert (set(said), [number for number, *_ in heard]) == ({"hello"}, [0] * 150)


def test_the_model_is_told_that_nobody_waits_any_more():
    async def scene(model, server):
        call = asyncio.create_task(model.chat(HELLO))
        await asyncio.wait_for(server.asked.wait(), 10)
        call.cancel()
        await asyncio.wait_for(server.left.wait(), 10)

    with_model([[]], scene)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "how long it is"),
        (whole(b"[]"), "Expected `object`"),
        (whole(b"nothing"), "invalid character"),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_the_target(answer, said):
    async def scene(model, _server):
        with pytest.raises(TargetError, match=said):
            await model.chat(HELLO)

    with_model([[answer]], scene)


@pytest.mark.parametrize("base", [None, "http://127.0.0.1:9/v1"])
def test_a_model_that_cannot_be_reached_is_an_error_of_the_target(base, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    if base:
        monkeypatch.setenv("OPENAI_BASE_URL", base)

    async def main():
        model = Model()
        try:
            with pytest.raises(TargetError, match="no answer" if base else "OPENAI_BASE_URL"):
                await model.chat([Message("user", "hello")])
        finally:
            await model.close()

    asyncio.run(main())
