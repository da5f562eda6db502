"""What a run leaves on a server that was there before it: deleted again, or listed."""

import json
import random
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.report.write import write
from overheard.scenario.load import builtin
from overheard.zoo.hosts import MemoryHost
from overheard.zoo.keeper import Keeper
from overheard.zoo.serve import application

FILE = """
[send]
path = "/chat"
answer = "text"
json = { message = "{message}", thread = "{thread}", resource = "{resource}" }
"""
BY_THREAD = """
[delete_thread]
path = "/delete_thread"
json = { thread = "{thread}", resource = "{resource}" }
"""
BY_RESOURCE = """
[delete_resource]
path = "/delete_resource"
json = { resource = "{resource}" }
"""
PROFILE = msgspec.structs.replace(PROFILES["smoke"], drawn=0, seconds=600.0)


@pytest.fixture
def cleared(servers, describe):
    """cleared(file, ...): the judgement of a run, and what was left in the agent's memory after it."""

    def cleared(text, *, refuses=(), allowed=True, names=("recall", "stranger", "ids-missing"), **options):
        agents = []

        class Watched(Keeper):
            async def delete_thread(self, **ids):
                if any(word in ids["resource"] for word in refuses):
                    raise RuntimeError("broken")
                await super().delete_thread(**ids)

        def build():
            agents.append(Watched(MemoryHost))
            return agents[-1]

        app = application(build)

        @web.middleware
        async def failing(request, handler):
            try:
                return await handler(request)
            except RuntimeError as error:
                return web.json_response({"error": str(error)}, status=500)

        app.middlewares.append(failing)
        chosen = Options(
            target=f"agent-{random.SystemRandom().getrandbits(24)}",
            base=Path(),
            seed=random.SystemRandom().getrandbits(32),
            campaign=fresh_numbers()[1],
            profile=PROFILE,
            scenarios=tuple(builtin()[name] for name in names),
            allow_destructive=allowed,
            **options,
        )
        judgement = run(chosen, target_object=describe(servers.app(app), text))
        return judgement, agents[0].host.history()

    return cleared


@pytest.mark.parametrize("text", [BY_THREAD, BY_RESOURCE, BY_RESOURCE + BY_THREAD])
def test_what_was_told_is_deleted_again(cleared, text, tmp_path):
    judgement, rows = cleared(FILE + text)
    assert judgement.verdict == "held", judgement.reasons
    assert rows == []
    # Of what was told without an id nobody knows; and who shares an id finds it deleted by its owner.
    assert all("without an id" in left.reason or "refused" in left.reason for left in judgement.left)
    write(tmp_path / "report", judgement)
    assert (tmp_path / "report" / "left-behind.jsonl").exists() == bool(judgement.left)


def test_when_nothing_stays_that_is_said_and_no_list_is_written(cleared, tmp_path):
    judgement, rows = cleared(FILE + BY_THREAD, names=("recall", "stranger"))
    assert (rows, judgement.left) == ([], ())
    assert any("were deleted from the target again" in note for note in judgement.notes), judgement.notes
    write(tmp_path / "report", judgement)
    assert not (tmp_path / "report" / "left-behind.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "allowed", "why"),
    [
        (FILE, True, "it has neither delete_thread nor delete_resource"),
        (FILE + BY_THREAD, False, "nobody said --allow-destructive"),
    ],
)
def test_what_stays_is_listed_for_its_owner_s_eyes(cleared, tmp_path, text, allowed, why):
    judgement, rows = cleared(text, allowed=allowed)
    assert {row.thread for row in rows} <= {left.thread.strip("'") for left in judgement.left}
    assert any("left-behind.jsonl" in note and why in note for note in judgement.notes), judgement.notes
    write(tmp_path / "report", judgement)
    path = tmp_path / "report" / "left-behind.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == len(judgement.left) > 0
    assert {line["reason"] for line in lines} == {why}
    assert set(lines[0]) == {"caller", "resource", "thread", "reason"}
    assert path.stat().st_mode & 0o077 == 0


def test_what_the_target_fails_to_delete_stays_with_the_reason_and_without_its_words(cleared):
    judgement, rows = cleared(FILE + BY_THREAD, refuses=("",))
    assert rows
    reasons = {left.reason for left in judgement.left if "without an id" not in left.reason}
    assert reasons == {"the target failed to delete it"}
    assert not any("broken" in note for note in judgement.notes)
