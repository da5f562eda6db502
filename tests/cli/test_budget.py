"""A budget is kept, also in the middle of an example, and what it left undone is said."""

import asyncio
import random
from pathlib import Path

from msgspec.structs import replace

from overheard import campaign
from overheard.scenario.load import builtin


def test_an_example_does_not_outlive_the_budget():
    async def slow(message, *, thread=None, resource=None):
        await asyncio.sleep(0.25)
        return "well"

    profile = replace(campaign.PROFILES["smoke"], seconds=2)
    options = campaign.Options(
        target="slow",
        base=Path.cwd(),
        seed=random.SystemRandom().getrandbits(32),
        campaign=1,
        profile=profile,
        scenarios=(builtin()["recall"],),
    )
    judgement = campaign.run(options, target_object=slow)
    # Three seconds are twelve calls; the first example alone has twenty or more, however slow the machine.
    assert judgement.traffic.operations <= 14
    assert any("time budget ended the run early" in one for one in judgement.notes)
    assert judgement.verdict != "held"
