"""Callers who prove who they are, at servers that look at the proof and at servers that believe what they read."""

import random
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.core.outcome import Refused
from overheard.scenario.load import builtin
from overheard.zoo.correct import ThreadMemory
from overheard.zoo.hosts import MemoryHost

FILE = """
credentials = "token of {caller}"

[send]
path = "/chat"
answer = "text"
headers = { Authorization = "Bearer {credentials}" }
json = { message = "{message}", thread = "{thread}", resource = "{resource}" }
"""
PROFILE = msgspec.structs.replace(PROFILES["smoke"], drawn=1, seconds=600.0)


AGENT = web.AppKey("agent", object)


def believing(_proved, named):
    """The mistake: whoever is let in is taken for whom it names."""
    return named


def deriving(proved, _named):
    """Who it is follows from the proof alone."""
    return proved


def comparing(proved, named):
    """Naming somebody else is refused."""
    if named not in (None, proved):
        raise Refused("that is not you")
    return proved


@pytest.fixture
def serving(servers):
    """serving(who): an agent behind a server that asks `who` to decide whom a call is made for."""

    def serving(who):
        async def agent(app):
            async with ThreadMemory(MemoryHost) as entered:
                app[AGENT] = entered
                yield

        async def chat(request):
            scheme, _, proved = request.headers.get("Authorization", "").partition(" token of ")
            if scheme != "Bearer":
                return web.json_response({"error": "who are you?"}, status=401)
            body = await request.json()
            try:
                resource = who(proved, body.get("resource"))
                text = await app[AGENT].send(body["message"], thread=body.get("thread"), resource=resource)
            except Refused as error:
                return web.json_response({"error": str(error)}, status=403)
            return web.json_response({"text": text})

        app = web.Application()
        app.cleanup_ctx.append(agent)
        app.router.add_post("/chat", chat)
        return servers.app(app)

    return serving


@pytest.fixture
def judged(describe, seed):
    """judged(url): what a campaign finds of it."""

    def judged(url, text=FILE):
        options = Options(
            target=f"agent-{random.SystemRandom().getrandbits(24)}",
            base=Path(),
            seed=seed,
            campaign=fresh_numbers()[1],
            profile=PROFILE,
            scenarios=tuple(builtin().values()),
        )
        return run(options, target_object=describe(url, text))

    return judged


def test_a_server_that_believes_the_resource_it_is_named_is_found_out(serving, judged):
    judgement = judged(serving(believing))
    assert judgement.verdict == "violated"
    assert {finding.diagnosis for finding in judgement.findings} == {"client-supplied resource believed"}


@pytest.mark.parametrize("who", [deriving, comparing])
def test_a_server_that_goes_by_the_proof_is_held(serving, judged, who):
    judgement = judged(serving(who))
    assert judgement.verdict == "held", (judgement.reasons, judgement.findings)


def test_a_server_that_is_shown_no_proof_refuses_everything(serving, judged):
    judgement = judged(serving(deriving), FILE.replace("Authorization", "X-Unread"))
    assert judgement.verdict == "inconclusive"
    assert "refus" in " ".join(judgement.reasons)
