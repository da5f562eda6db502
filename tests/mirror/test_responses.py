"""The Responses API: what continues what, what is kept and by which ids, and what clients read of it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.core.canary import decode_canary, find_canaries, find_nonces
from overheard.mirror.answer import answer
from overheard.mirror.keep import Keep, Kept
from overheard.mirror.request import BadRequest
from overheard.mirror.responses import read_response
from overheard.mirror.server import Mirror
from overheard.mirror.stateful import output

RESPONSES = "/responses"
CONVERSATIONS = "/conversations"


def said(got):
    """The text of a response."""
    assert got.status == 200, got.body
    (item,) = got.json["output"]
    return item["content"][0]["text"]


def facts(text):
    return [decode_canary(found).fact.operation for found in find_canaries(text)]


def events(got):
    """(event name, data) of a stream, in order."""
    blocks = got.body.decode().split("\n\n")
    assert blocks[-1] == ""
    pairs = [block.split("\n") for block in blocks[:-1]]
    found = [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]
    assert all(name == data["type"] for name, data in found)
    assert [data["sequence_number"] for _, data in found] == list(range(len(found)))
    return found


@pytest.fixture
def respond(ask):
    """respond(text or items, **body): one response."""
    return lambda given=None, **body: ask({"model": "m", **({"input": given} if given is not None else {}), **body},
                                          path=RESPONSES)  # fmt: skip


SAVE = {"type": "function", "name": "updateWorkingMemory", "parameters": {
    "type": "object", "properties": {"memory": {"type": "string"}}, "required": ["memory"]}}  # fmt: skip


# -- a response alone ----------------------------------------------------------------------------------------


def test_a_response_has_the_shape_clients_read(respond, say):
    body = respond(say.tell(1), instructions="be kind", metadata={"a": "b"}).json
    assert body["object"] == "response"
    assert body["status"] == "completed"
    assert (body["model"], body["instructions"], body["metadata"]) == ("m", "be kind", {"a": "b"})
    (item,) = body["output"]
    assert (item["type"], item["role"], item["status"]) == ("message", "assistant", "completed")
    assert item["content"][0]["text"] == f"Noted. (re {say.nonce(1)})"
    assert body["usage"]["total_tokens"] == body["usage"]["input_tokens"] + body["usage"]["output_tokens"] > 0
    assert body["id"].startswith("resp_")
    assert item["id"].startswith("msg_")


def test_asked_it_recites_what_this_request_shows(respond, say):
    items = [{"role": "user", "content": say.tell(1)},
             {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Noted."}]},
             {"role": "user", "content": [{"type": "input_text", "text": say.question(9)}]}]  # fmt: skip
    text = said(respond(items, instructions=f"Remember {say.fact(4)}."))
    assert facts(text) == [4, 1]
    assert find_nonces(text) == [say.nonce(9, asks=True)]
    assert facts(said(respond(say.question(9)))) == []


def test_the_log_gets_everything_that_is_shown_kept_turns_too(respond, log, say):
    first = respond([{"role": "developer", "content": "be kind"}, {"role": "user", "content": say.tell(1)},
                     {"type": "function_call", "call_id": "c", "name": "save", "arguments": '{"x": "kept"}'},
                     {"type": "function_call_output", "call_id": "c", "output": "done"}], tools=[SAVE]).json  # fmt: skip
    respond("and now?", previous_response_id=first["id"], instructions="be brief")
    call = log.calls[2]
    assert call["kind"] == "chat"
    assert call["user_texts"] == ["and now?", say.tell(1)]
    others = "\n".join(call["other_texts"])
    assert all(word in others for word in ("be kind", '{"x": "kept"}', "done", "be brief"))
    assert "updateWorkingMemory" in "\n".join(log.calls[1]["other_texts"])
    assert log.closed == {1: False, 2: False}


def test_a_memory_tool_is_called_once_and_its_result_answered(respond, say):
    first = respond(say.tell(1), tools=[SAVE]).json
    (call,) = first["output"]
    assert (call["type"], call["name"]) == ("function_call", "updateWorkingMemory")
    assert json.loads(call["arguments"]) == {"memory": say.tell(1)}
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"}
    kept = respond([result], previous_response_id=first["id"], tools=[SAVE])
    assert said(kept) == f"Noted. (re {say.nonce(1)})"
    sent = respond([{"role": "user", "content": say.tell(1)}, call, result], tools=[SAVE])
    assert said(sent) == f"Noted. (re {say.nonce(1)})"


def test_a_document_satisfies_the_schema_that_is_asked_for(respond, say):
    schema = {"type": "object", "properties": {"facts": {"type": "array", "items": {"type": "string"}}},
              "required": ["facts"]}  # fmt: skip
    form = {"format": {"type": "json_schema", "name": "out", "schema": schema}}
    assert json.loads(said(respond(say.tell(1), text=form))) == {"facts": [say.tell(1)]}
    assert json.loads(said(respond(say.tell(1), text={"format": {"type": "json_object"}})))
    assert said(respond(say.tell(1), text={"format": {"type": "text"}})).startswith("Noted.")


# -- streams -------------------------------------------------------------------------------------------------


def test_a_stream_says_the_same_in_pieces_that_cut_canaries(respond, say):
    whole = said(
        respond([{"role": "user", "content": say.tell(1)}, {"role": "user", "content": say.question(2)}])
    )
    got = respond(
        [{"role": "user", "content": say.tell(1)}, {"role": "user", "content": say.question(2)}], stream=True
    )
    assert got.kind == "text/event-stream"
    found = events(got)
    names = [name for name, _ in found]
    assert names[:4] == ["response.created", "response.in_progress", "response.output_item.added",
                         "response.content_part.added"]  # fmt: skip
    assert names[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done",
                          "response.completed"]  # fmt: skip
    pieces = [data["delta"] for name, data in found if name == "response.output_text.delta"]
    assert "".join(pieces) == whole
    assert len(pieces) > 2
    assert found[0][1]["response"]["output"] == []
    assert found[-1][1]["response"]["output"][0]["content"][0]["text"] == whole


def test_a_streamed_tool_call_joins_to_its_arguments_and_can_be_continued(respond, say):
    found = events(respond(say.tell(1), tools=[SAVE], stream=True))
    pieces = [data["delta"] for name, data in found if name == "response.function_call_arguments.delta"]
    assert json.loads("".join(pieces)) == {"memory": say.tell(1)}
    whole = found[-1][1]["response"]
    result = [{"type": "function_call_output", "call_id": whole["output"][0]["call_id"], "output": "ok"}]
    assert said(respond(result, previous_response_id=whole["id"], tools=[SAVE])).startswith("Noted.")


# -- what continues what -------------------------------------------------------------------------------------


def test_a_response_is_continued_by_its_id_alone(respond, say):
    first = respond(say.tell(1)).json["id"]
    other = respond(say.tell(2)).json["id"]
    second = respond("Hello.", previous_response_id=first).json["id"]
    assert facts(said(respond(say.question(9), previous_response_id=second))) == [1]
    assert facts(said(respond(say.question(9), previous_response_id=other))) == [2]
    # Two branches of one response do not see each other.
    branch = respond(say.tell(3), previous_response_id=first).json["id"]
    assert facts(said(respond(say.question(9), previous_response_id=branch))) == [1, 3]
    assert facts(said(respond(say.question(9), previous_response_id=second))) == [1]


def test_instructions_are_not_carried_on(respond, say):
    first = respond("Hello.", instructions=f"Remember {say.fact(1)}.").json["id"]
    assert facts(said(respond(say.question(9), previous_response_id=first))) == []


def test_what_is_not_stored_cannot_be_continued_or_fetched(respond, ask, say):
    body = respond(say.tell(1), store=False).json
    got = respond(say.question(9), previous_response_id=body["id"])
    assert (got.status, got.error["code"]) == (400, "previous_response_not_found")
    assert ask(method="GET", path=f"{RESPONSES}/{body['id']}").status == 404
    assert respond([{"type": "item_reference", "id": body["output"][0]["id"]}]).status == 404


def test_a_conversation_gathers_turns_and_only_its_own(respond, ask, say):
    first, second = (ask({"metadata": {"of": str(each)}}, path=CONVERSATIONS).json["id"] for each in (1, 2))
    assert respond(say.tell(1), conversation=first).json["conversation"] == {"id": first}
    respond(say.tell(2), conversation={"id": second})
    respond(say.tell(3), conversation=first, store=False)
    assert facts(said(respond(say.question(9), conversation=first))) == [1, 3]
    assert facts(said(respond(say.question(9), conversation=second))) == [2]
    assert ask(method="GET", path=f"{CONVERSATIONS}/{second}").json["metadata"] == {"of": "2"}


def test_references_are_what_they_refer_to(respond, say):
    first = respond(say.tell(1)).json
    answered = first["output"][0]["id"]
    items = [{"id": answered, "type": "item_reference"}, {"role": "user", "content": "Hello."}]
    second = respond(items, instructions="x").json
    assert second["status"] == "completed"
    assert respond([{"id": answered}]).status == 200
    assert respond([{"type": "item_reference", "id": "msg_0"}]).status == 404


def test_other_words_under_a_kept_id_replace_nothing(respond, ask, log, say):
    body = respond(say.tell(1)).json
    mine = ask(method="GET", path=f"{RESPONSES}/{body['id']}/input_items").json["data"][0]
    respond([{**mine, "content": [{"type": "input_text", "text": say.tell(2)}]}])
    assert log.calls[2]["user_texts"] == [say.tell(2)]
    assert facts(said(respond(say.question(9), previous_response_id=body["id"]))) == [1]
    assert facts(said(respond([{"type": "item_reference", "id": mine["id"]},
                               {"role": "user", "content": say.question(9)}]))) == [1]  # fmt: skip


def test_a_call_given_up_while_it_is_kept_leaves_no_turn_behind(mirror, ask, respond, log, say):
    conversation = ask({}, path=CONVERSATIONS).json["id"]
    mirror.pace(latency=30, width=1)

    async def hang_up():
        timeout = aiohttp.ClientTimeout(total=0.3)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            body = {"input": say.tell(1), "conversation": conversation}
            with pytest.raises(asyncio.TimeoutError):
                await session.post(mirror.url + RESPONSES, json=body)

    asyncio.run(hang_up())
    log.wait(lambda log: log.closed == {1: True})
    mirror.pace(latency=0, width=1)
    assert facts(said(respond(say.question(9), conversation=conversation))) == []


def test_calls_are_paced_like_chat(mirror, respond, log):
    mirror.pace(latency=30, width=2)
    threads = [threading.Thread(target=respond, args=(f"hello {each}",)) for each in range(2)]
    before = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - before < 30
    assert set(log.closed.values()) == {False}


def test_ids_of_one_mirror_are_unknown_to_the_next(respond, log, say):
    first = respond(say.tell(1)).json["id"]
    with Mirror(log) as other:
        data = json.dumps({"input": say.question(9), "previous_response_id": first}).encode()
        with pytest.raises(HTTPError) as caught:
            urlopen(Request(other.url + RESPONSES, data))
        caught.value.close()
        assert caught.value.code == 400


# -- what is kept, fetched and deleted -----------------------------------------------------------------------


def test_responses_are_fetched_listed_and_deleted(respond, ask, say):
    first = respond(say.tell(1)).json
    second = respond([{"role": "user", "content": say.tell(2)}], previous_response_id=first["id"]).json
    assert ask(method="GET", path=f"{RESPONSES}/{first['id']}").json == first
    inputs = ask(method="GET", path=f"{RESPONSES}/{first['id']}/input_items").json
    assert [item["content"][0]["text"] for item in inputs["data"]] == [say.tell(1)]
    assert inputs["first_id"] == inputs["last_id"] == inputs["data"][0]["id"]
    assert ask(method="DELETE", path=f"{RESPONSES}/{first['id']}").json["deleted"] is True
    assert ask(method="GET", path=f"{RESPONSES}/{first['id']}").status == 404
    assert ask(method="DELETE", path=f"{RESPONSES}/{first['id']}").status == 404
    assert respond("x", previous_response_id=first["id"]).status == 400
    assert respond([{"type": "item_reference", "id": first["output"][0]["id"]}]).status == 404
    # What is deleted is shown no more; what came after it is.
    assert facts(said(respond(say.question(9), previous_response_id=second["id"]))) == [2]


def test_conversations_are_described_paged_and_deleted(respond, ask, say):
    items = [{"role": "user", "content": say.tell(each)} for each in range(5)]
    made = ask({"items": items[:2]}, path=CONVERSATIONS).json
    base = f"{CONVERSATIONS}/{made['id']}"
    assert made["object"] == "conversation"
    added = ask({"items": items[2:]}, path=f"{base}/items").json
    assert [item["content"][0]["text"] for item in added["data"]] == [say.tell(each) for each in (2, 3, 4)]
    newest = ask(method="GET", path=f"{base}/items").json
    assert [facts(item["content"][0]["text"])[0] for item in newest["data"]] == [4, 3, 2, 1, 0]
    seen, after = [], ""
    while True:
        page = ask(method="GET", path=f"{base}/items?order=asc&limit=2{after}").json
        seen += [facts(item["content"][0]["text"])[0] for item in page["data"]]
        after = f"&after={page['last_id']}"
        if not page["has_more"]:
            break
    assert seen == [0, 1, 2, 3, 4]
    oldest = newest["data"][-1]["id"]
    assert ask(method="GET", path=f"{base}/items/{oldest}").json["id"] == oldest
    assert ask(method="DELETE", path=f"{base}/items/{oldest}").json["id"] == made["id"]
    assert ask(method="GET", path=f"{base}/items/{oldest}").status == 404
    assert facts(said(respond(say.question(9), conversation=made["id"]))) == [1, 2, 3, 4]
    assert ask({"metadata": {"a": "b"}}, path=base).json["metadata"] == {"a": "b"}
    assert ask(method="DELETE", path=base).json == {
        "id": made["id"],
        "object": "conversation.deleted",
        "deleted": True,
    }
    assert ask(method="GET", path=base).status == 404
    assert respond("x", conversation=made["id"]).status == 404


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": 3}, 400, "input"),
        ({"input": [3]}, 400, "input[0]"),
        ({"input": [{}]}, 400, "input[0].type"),
        ({"input": [{"type": "message"}]}, 400, "input[0].role"),
        ({"input": [{"role": "user", "content": 3}]}, 400, "input[0].content"),
        ({"input": [{"type": "item_reference"}]}, 404, "input[0]"),
        ({"input": "x", "previous_response_id": "resp_0"}, 400, "previous_response_id"),
        ({"input": "x", "previous_response_id": 3}, 400, "previous_response_id"),
        ({"input": "x", "conversation": "conv_0"}, 404, "conversation"),
        ({"input": "x", "conversation": {}}, 404, "conversation"),
        ({"input": "x", "tools": {}}, 400, "tools"),
        ({"input": "x", "text": {"format": {"type": "json_schema"}}}, 400, "text.format.schema"),
        ({"input": "x", "text": {"format": {"type": "json_schema", "schema": {"type": "array", "minItems": "x"}}}}, 400, "text.format"),
        ({"input": "x", "tool_choice": {"type": "function", "name": "nope"}}, 400, "tool_choice"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_which_parameter(ask, log, body, status, param):
    got = ask(body, path=RESPONSES)
    assert (got.status, got.error["param"]) == (status, param)
    assert log.calls == {}


def test_a_response_and_a_conversation_exclude_each_other(respond, ask, say):
    first = respond(say.tell(1)).json["id"]
    conversation = ask({}, path=CONVERSATIONS).json["id"]
    got = respond("x", previous_response_id=first, conversation=conversation)
    assert got.status == 400
    assert "exclusive" in got.error["message"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=101", "order=up"])
def test_a_wrong_page_is_refused(ask, query):
    conversation = ask({}, path=CONVERSATIONS).json["id"]
    assert ask(method="GET", path=f"{CONVERSATIONS}/{conversation}/items?{query}").status == 400


# -- by property: nothing is in sight but what the ids lead to -----------------------------------------------

TURNS = st.lists(
    st.tuples(
        st.sampled_from(["new", "continue", "converse", "forget"]),
        st.integers(0, 30),
        st.booleans(),
    ),
    max_size=30,
)


@given(TURNS)
@settings(max_examples=200, deadline=None)
def test_exactly_what_an_id_leads_to_is_shown(say, turns):
    """A model of the state in plain lists, and the same by ids."""
    keep = Keep()
    talks = [keep.converse(None).id for _ in range(3)]
    by_talk: dict[str, list[int]] = {talk: [] for talk in talks}
    # For each response: its name, who came before, its fact, whether it is kept, deleted.
    made: list[tuple[str, list[int]]] = []
    gone: set[int] = set()
    for number, (what, choice, store) in enumerate(turns):
        body = {"input": say.tell(number), "store": store}
        before: list[int] = []
        if what == "converse":
            talk = talks[choice % 3]
            body["conversation"], before = talk, by_talk[talk]
        elif what in ("continue", "forget") and made:
            name, chain = made[choice % len(made)]
            if what == "forget":
                keep.forget(name)
                gone.add(chain[-1])
                made.remove((name, chain))
                continue
            body["previous_response_id"], before = name, chain
        elif what == "forget":
            continue
        wanted = read_response(body, keep)
        shown = [facts(text)[0] for text in reversed(wanted.chat.user_texts())]
        assert shown == [each for each in before if each not in gone or what == "converse"] + [number]
        item = output(answer(wanted.chat), keep)
        if wanted.store:
            name = keep.issue("resp")
            keep.store(name, Kept(wanted.previous, wanted.items, (item,), {}))
            # Said in a conversation, it leads to its own turn: the conversation is continued by its own id.
            made.append((name, [number] if what == "converse" else [*before, number]))
        if wanted.conversation is not None:
            keep.append(wanted.conversation, (*wanted.items, item))
            by_talk[wanted.conversation.id].append(number)
    for name in ("resp_", "", "conv_", talks[0]):
        with pytest.raises(BadRequest):
            read_response({"input": "x", "previous_response_id": name}, keep)


# -- the real client -----------------------------------------------------------------------------------------


def test_openai_s_own_client_reads_all_of_it(mirror, say):
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=mirror.url, api_key="x", max_retries=0) as client:
        first = client.responses.create(model="m", input=say.tell(1))
        assert first.output_text == f"Noted. (re {say.nonce(1)})"
        asked = {"model": "m", "input": say.question(9), "previous_response_id": first.id}
        with client.responses.stream(**asked) as stream:
            text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
            assert stream.get_final_response().output_text == text
        assert facts(text) == [1]
        conversation = client.conversations.create(
            items=[{"type": "message", "role": "user", "content": say.tell(2)}]
        )
        answered = client.responses.create(model="m", input=say.question(9), conversation=conversation.id)
        assert facts(answered.output_text) == [2]
        assert answered.conversation.id == conversation.id
        items = list(client.conversations.items.list(conversation.id, order="asc", limit=1))
        assert [item.role for item in items] == ["user", "user", "assistant"]
        assert client.responses.retrieve(first.id).id == first.id
        assert next(iter(client.responses.input_items.list(first.id))).role == "user"
        client.responses.delete(first.id)
        assert client.conversations.delete(conversation.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(first.id)
        with pytest.raises(openai.BadRequestError, match="not found"):
            client.responses.create(model="m", input="x", previous_response_id=first.id)
