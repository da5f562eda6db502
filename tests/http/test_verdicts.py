"""The same agent of known truth, behind HTTP and in process: the same verdict and the same diagnosis.

A few agents in the ordinary run, drawn anew each time, all of them with OVERHEARD_HTTP_ZOO=all; one fresh seed, or as many as
OVERHEARD_HTTP_SEEDS says.
"""

import asyncio
import os
import random
from pathlib import Path

import msgspec
import pytest

from overheard.adapters.enter import enter
from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.scenario.load import builtin
from overheard.zoo.catalogue import CATALOGUE
from overheard.zoo.serve import application

ORDINARY = (
    "thread-only-key-sqlite",  # the id alone opens a conversation
    "missing-share-bucket-memory",  # what is left out, null and empty must arrive as such
    "race-on-shared-state-memory",  # overlap must really reach the agent
    "refusal-tells-sqlite",  # the body of a 403 is looked through
    "correct-thread",
    "correct-tenant",
    "messages-of-anybody-memory",  # a surface beyond sending, with what a file says of it
    "transferred-by-anybody-sqlite",  # a change, and who is refused what afterwards
    "deletion-leaves-index-memory",  # message ids, and what is deleted
    "always-error",
    "refuses-everything",
)
PAIRS = tuple(" or ".join(ORDINARY[place : place + 2]) for place in range(0, len(ORDINARY), 2))
NAMES = tuple(CATALOGUE) if os.environ.get("OVERHEARD_HTTP_ZOO") == "all" else PAIRS

# A part of what a run does on every push, and without its clock: a loaded machine must not decide what is true.
PROFILE = msgspec.structs.replace(PROFILES["smoke"], explore=3, drawn=1, seconds=600.0)

FILE = """
[send]
path = "/chat"
answer = "text"

[send.json]
message = "{message}"
thread = "{thread}"
resource = "{resource}"
{tenant}
{contract}
{surfaces}
"""


@pytest.fixture
def judged():
    """judged(target, seed): what a campaign finds of a target that it knows by a made-up name."""

    def judged(target, seed):
        options = Options(
            target=f"agent-{random.SystemRandom().getrandbits(24)}",
            base=Path(),
            seed=seed,
            campaign=fresh_numbers()[1],
            profile=PROFILE,
            scenarios=tuple(builtin().values()),
            allow_destructive=True,
        )
        return run(options, target_object=target)

    return judged


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_is_judged_alike_behind_http_and_in_process(name, seed, judged, servers, describe):
    name = random.SystemRandom().choice(name.split(" or "))
    print(name)
    specimen = CATALOGUE[name]
    tenant = 'tenant = "{tenant}"' if specimen.settings.get("scope") == "tenant" else ""
    contract = "\n".join(["[contract]", *(f'{key} = "{value}"' for key, value in specimen.settings.items())])
    surfaces = "\n".join(_tables(_offered(specimen.build)))
    text = FILE.replace("{tenant}", tenant).replace("{contract}", contract).replace("{surfaces}", surfaces)
    target = describe(servers.app(application(specimen.build)), text)
    remote, local = judged(target, seed), judged(specimen.build, seed)
    assert remote.verdict == local.verdict, (remote.reasons, local.reasons)
    assert _stories(remote) == _stories(local) == ({specimen.diagnosis} if specimen.diagnosis else set())
    assert _judged(remote) == _judged(local)
    for invariant, verdict in _judged(remote).items():
        if verdict[1] == "violated":
            assert invariant in specimen.invariants | specimen.also
    if remote.verdict == "held":
        assert _exposures(remote) == _exposures(local)


def _offered(build):
    async def look():
        async with enter(build, name="agent") as adapted:
            return adapted.offers

    return asyncio.run(look())


def _tables(offers):
    """What a file says of the surfaces beyond sending: the keywords of each."""
    for name, takes in offers.beyond.items():
        yield from (f"[{name}]", f'path = "/{name}"', 'answer = "shown"', f"[{name}.json]")
        yield from (f'{each} = "{{{each}}}"' for each in takes.accepts if each != "filters")
        if name == "search":
            yield 'query = "{query}"'
        if "filters" in takes.accepts:
            yield 'filters = { thread = "{filter.thread}", resource = "{filter.resource}" }'


def _stories(judgement):
    return {finding.diagnosis for finding in judgement.findings}


def _judged(judgement):
    # What breaks besides, if a plan asks at the wrong moment, depends on the moment.
    besides = {name for specimen in CATALOGUE.values() for name in specimen.also}
    return {
        one.name: (one.status, one.verdict)
        for one in judgement.invariants
        if not (one.name in besides and judgement.verdict == "violated")
    }


def _exposures(judgement):
    return {one.name: one.exposures for one in judgement.invariants}
