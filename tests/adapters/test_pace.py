"""How fast calls may follow each other."""

import asyncio

from overheard.adapters.pace import UNHURRIED, Pace


def test_calls_begin_evenly_spaced_in_the_order_in_which_they_came():
    async def run():
        pace, loop, begun = Pace(50), asyncio.get_running_loop(), []

        async def call(number):
            await pace.turn()
            begun.append((number, loop.time()))

        await asyncio.gather(*(call(number) for number in range(6)))
        return begun

    begun = asyncio.run(run())
    assert [number for number, _ in begun] == list(range(6))
    assert begun[-1][1] - begun[0][1] >= 5 / 50 - 0.01


def test_what_a_call_asks_besides_is_waited_for_by_the_next():
    async def run():
        pace, loop = Pace(50), asyncio.get_running_loop()
        await pace.turn()
        began = loop.time()
        pace.spend()
        pace.spend()
        spent = loop.time() - began
        await pace.turn()
        return spent, loop.time() - began

    spent, waited = asyncio.run(run())
    assert spent < 0.02
    assert waited >= 3 / 50 - 0.01


def test_nobody_waits_where_nobody_asked_for_it():
    async def run():
        turns = [UNHURRIED.turn() for _ in range(3)]
        for turn in turns:
            try:
                turn.send(None)
            except StopIteration:
                continue
            raise AssertionError("it gave way")
        UNHURRIED.spend()

    asyncio.run(run())
