"""Callers who prove who they are, at servers that look at the proof and at servers that believe what they read."""

import base64
import hashlib
import hmac
import json
import random
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.core.outcome import Refused
from overheard.scenario.load import builtin
from overheard.zoo.hosts import MemoryHost
from overheard.zoo.library import Library

FILE = """
headers.Authorization = "Bearer {credentials}"
credentials = "token of {caller}"

[send]
path = "/chat"
answer = "text"
json = { message = "{message}", thread = "{thread}", resource = "{resource}" }

[list_threads]
path = "/threads"
json = { resource = "{resource}" }
"""
LOGGED_IN = FILE.replace(
    'credentials = "token of {caller}"',
    """
[login]
path = "/login"
json = { name = "{caller}" }
credentials = "token"
""",
)
PROFILE = msgspec.structs.replace(PROFILES["smoke"], drawn=1, seconds=600.0)


AGENT = web.AppKey("agent", object)


class Unknown(Exception):  # noqa: N818 - the answer of a server, and no error of ours
    """Nobody proved to be calling."""


def proved(token):
    """Who a token is of. Raises Unknown."""
    kind, _, name = token.partition(" of ")
    if kind != "token" or not name:
        raise Unknown
    return name


def believing(token, named):
    """The mistake: whoever is let in is taken for whom it names."""
    proved(token)
    return named


def deriving(token, _named):
    """Who it is follows from the proof alone."""
    return proved(token)


def comparing(token, named):
    """Naming somebody else is refused."""
    name = proved(token)
    if named not in (None, name):
        raise Refused("that is not you")
    return name


def optional(token, named):
    """The mistake: the proof is looked at where there is one."""
    return proved(token) if token else named


def present(token, named):
    """The mistake: there has to be a proof, and one that is none is no matter."""
    if not token:
        raise Unknown
    try:
        return proved(token)
    except Unknown:
        return named


def unasked(_token, named):
    """The mistake: nobody is asked for a proof."""
    return named


SECRET = b"of this server"


def _encoded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _signed(head):
    return _encoded(hmac.digest(SECRET, head.encode(), hashlib.sha256))


def issued(name):
    """A signed token of somebody."""
    header = {"alg": "HS256", "typ": "JWT"}
    head = ".".join(_encoded(json.dumps(part).encode()) for part in (header, {"sub": name}))
    return f"{head}.{_signed(head)}"


def read(token):
    """Who a token says that it is of. Raises Unknown."""
    try:
        claims = token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    except (IndexError, ValueError, KeyError):
        raise Unknown from None


def unverified(token, _named):
    """The mistake: a token is read, and nobody looks at its signature."""
    return read(token)


def verified(token, _named):
    """The same, with a look at the signature."""
    head, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature, _signed(head)):
        raise Unknown
    return read(token)


@pytest.fixture
def serving(servers):
    """serving(who): an agent behind a server that asks `who` to decide whom a call is made for."""

    def serving(who):
        async def agent(app):
            async with Library(MemoryHost) as entered:
                app[AGENT] = entered
                yield

        async def called(request):
            body = await request.json()
            _, _, token = request.headers.get("Authorization", "").partition("Bearer ")
            try:
                resource = who(token, body.get("resource"))
                if request.path == "/threads":
                    return web.json_response(await app[AGENT].list_threads(resource=resource))
                text = await app[AGENT].send(body["message"], thread=body.get("thread"), resource=resource)
            except Unknown:
                return web.json_response({"error": "who are you?"}, status=401)
            except Refused as error:
                return web.json_response({"error": str(error)}, status=403)
            return web.json_response({"text": text})

        async def login(request):
            return web.json_response({"token": issued((await request.json())["name"])})

        app = web.Application()
        app.cleanup_ctx.append(agent)
        app.router.add_post("/chat", called)
        app.router.add_post("/threads", called)
        app.router.add_post("/login", login)
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
    _asked_without_proof(judgement)


@pytest.mark.parametrize(
    ("who", "text"), [(optional, FILE), (present, FILE), (unasked, FILE), (unverified, LOGGED_IN)]
)
def test_a_server_that_takes_no_proof_or_any_is_found_out(serving, judged, who, text):
    judgement = judged(serving(who), text)
    assert judgement.verdict == "violated"
    assert {finding.diagnosis for finding in judgement.findings} == {"credentials are not checked"}
    assert {finding.invariant for finding in judgement.findings} <= {
        "thread-ownership", "no-cross-resource-leakage",
    }  # fmt: skip


def test_a_server_that_verifies_what_it_signed_is_held(serving, judged):
    judgement = judged(serving(verified), LOGGED_IN)
    assert judgement.verdict == "held", (judgement.reasons, judgement.findings)
    _asked_without_proof(judgement)


def _asked_without_proof(judgement):
    """Somebody asked for another's without credentials, and with invalid ones, where a leak would be seen."""
    controlled = {cell.relation for cell in judgement.coverage if cell.state == "controlled"}
    for proof in ("no credentials", "invalid credentials"):
        assert f"thread-ownership: {proof}" in controlled
        assert f"no-cross-resource-leakage: {proof}" in controlled


def test_a_server_that_is_shown_no_proof_refuses_everything(serving, judged):
    judgement = judged(serving(deriving), FILE.replace("Authorization", "X-Unread"))
    assert judgement.verdict == "inconclusive"
    assert "refus" in " ".join(judgement.reasons)
