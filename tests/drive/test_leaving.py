"""Getting away from targets that do not let go, and from nobody else."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from overheard.core.errors import TargetBuildError
from overheard.drive.leaving import bounded, let_go


async def never():
    await asyncio.sleep(3600)


async def stubborn():
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


@asynccontextmanager
async def target(before=None, after=None, seen=None):
    if before:
        await before()
    try:
        yield "it"
    finally:
        if seen is not None:
            seen.append("left")
        if after:
            await after()


def test_what_is_entered_in_time_is_entered_and_left():
    seen = []

    async def main():
        async with bounded(target(seen=seen), name="agent") as entered:
            return entered

    assert asyncio.run(main()) == "it"
    assert seen == ["left"]


@pytest.mark.parametrize(
    ("hangs", "said"), [("before", "agent could not be built"), ("after", "agent could not be left")]
)
def test_what_takes_too_long_is_named(hangs, said):
    async def main():
        manager = target(**{hangs: never})
        async with bounded(manager, name="agent", entering=0.05, leaving=0.05):
            pass

    with pytest.raises(TargetBuildError, match=said):
        asyncio.run(main())


def test_the_first_error_is_the_one_to_tell():
    async def main():
        async with bounded(target(after=never), name="agent", leaving=0.05):
            raise KeyError("first")

    with pytest.raises(KeyError, match="first"):
        asyncio.run(main())


def test_a_time_out_of_the_targets_own_stays_its_own():
    async def out_of_time():
        raise TimeoutError("the database")

    async def main():
        async with bounded(target(before=out_of_time), name="agent"):
            pass

    with pytest.raises(TimeoutError, match="the database"):
        asyncio.run(main())


def test_tasks_are_ended_and_those_that_do_not_end_are_forgotten():
    ended = []

    async def obedient():
        try:
            await never()
        finally:
            ended.append("obedient")

    async def main():
        kept = [asyncio.create_task(one()) for one in (obedient, stubborn, stubborn)]
        await asyncio.sleep(0)
        assert await let_go(grace=0.05) == 2
        return asyncio.all_tasks() & set(kept)

    # `asyncio.run` waits for whatever the loop still knows: it would not come back.
    assert asyncio.run(main()) == set()
    assert ended == ["obedient"]


def test_with_nothing_left_nothing_is_waited_for():
    assert asyncio.run(let_go()) == 0
