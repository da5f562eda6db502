"""Ids that travel in headers, where there is no null: what cannot be said is not offered, and not claimed."""

import random
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.core.contract import Contract
from overheard.core.offers import Offers
from overheard.core.outcome import Refused
from overheard.plan.offered import cell_table
from overheard.scenario.load import builtin
from overheard.zoo.correct import ThreadMemory
from overheard.zoo.hosts import MemoryHost

AGENT = web.AppKey("agent", object)
FILE = """
[send]
path = "/chat"
answer = "text"
headers = { X-Thread = "{thread}", X-Resource = "{resource}" }
json = { message = "{message}" }
"""


def test_a_way_of_being_missing_that_cannot_be_said_is_not_offered():
    offers = Offers(cannot=("thread null", "resource empty"))
    table = cell_table(builtin()["ids-missing"], Contract(), offers)
    unsaid = {str(cell) for cell, why in table.items() if why is not None and why.status == "not offered"}
    assert unsaid >= {"thread null", "both null", "resource empty", "both empty"}
    assert "resource null" not in unsaid
    assert "thread empty" not in unsaid


@pytest.fixture
def headed(servers):
    """A correct agent whose ids come in headers."""

    async def agent(app):
        async with ThreadMemory(MemoryHost) as entered:
            app[AGENT] = entered
            yield

    async def chat(request):
        # As WSGI and ASGI servers hand them over: bytes, of which each is a character.
        given = [request.headers.get(name) for name in ("X-Thread", "X-Resource")]
        thread, resource = (
            None if value is None else value.encode("utf-8", "surrogateescape").hex() for value in given
        )
        try:
            text = await app[AGENT].send((await request.json())["message"], thread=thread, resource=resource)
        except Refused as error:
            return web.json_response({"error": str(error)}, status=403)
        return web.json_response({"text": text})

    app = web.Application()
    app.cleanup_ctx.append(agent)
    app.router.add_post("/chat", chat)
    return servers.app(app)


def test_an_agent_whose_ids_come_in_headers_is_held(headed, describe, seed):
    options = Options(
        target=f"agent-{random.SystemRandom().getrandbits(24)}",
        base=Path(),
        seed=seed,
        campaign=fresh_numbers()[1],
        profile=msgspec.structs.replace(PROFILES["smoke"], drawn=0, seconds=600.0),
        scenarios=tuple(builtin().values()),
    )
    judgement = run(options, target_object=describe(headed, FILE))
    assert judgement.verdict == "held", judgement.reasons
    states = {cell.relation: cell.state for cell in judgement.coverage if "ids-required" in cell.relation}
    assert states["ids-required: thread omitted"] == states["ids-required: thread empty"] == "controlled"
    assert {state for relation, state in states.items() if "null" in relation} == {"not offered"}
