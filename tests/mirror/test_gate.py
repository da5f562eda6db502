"""The gate: whose call is held, whose is not, and that nothing is held for ever."""

from __future__ import annotations

import asyncio

import pytest

from overheard.mirror.gate import Asked, Gate, shape_of
from overheard.mirror.request import read_chat


class Told:
    """A listener that keeps what it is told."""

    def __init__(self):
        self.arrivals, self.left = [], []

    def arrived(self, call, operation, shape):
        self.arrivals.append((call, operation, shape))

    def gone(self, call):
        self.left.append(call)


def message(number, example=3, campaign=7):
    return campaign, example, number


def asked(call, *named, elsewhere=(), thread=None, resource=None):
    return Asked(call, [message(n) for n in named], [message(n) for n in elsewhere], thread, resource, "chat")


@pytest.fixture
def scene():
    """scene(play): run `play(gate, told, hold)` on a loop; hold(asked) is a task that waits for its release."""

    def run(play, *operations):
        async def main():
            gate, told = Gate(), Told()
            gate.close(told)
            for number, as_in, thread, resource in operations:
                gate.begin(number, message=message(as_in), thread=thread, resource=resource)
            tasks = []

            async def hold(*args, **named):
                tasks.append(asyncio.create_task(gate.hold(asked(*args, **named))))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                return tasks[-1]

            await play(gate, told, hold)
            gate.open()
            async with asyncio.timeout(5):
                await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run(main())

    return run


def op(number, as_in=None, thread="t", resource="r"):
    return number, number if as_in is None else as_in, thread, resource


def test_the_newest_message_of_an_operation_in_flight_that_is_not_held_names_it(scene):
    async def play(gate, told, hold):
        await hold(1, 9, 0, 1)  # 9 is not in flight, 0 is newer than 1
        await hold(2, 0, 1)  # 0 is held
        await hold(3, 0)  # a second call at once
        assert [operation for _, operation, _ in told.arrivals] == [0, 1, 0]

    scene(play, op(0), op(1))


def test_then_any_message_in_flight_wherever_it_stands_and_then_the_ids_of_headers(scene):
    async def play(gate, told, hold):
        await hold(1, elsewhere=(1,))
        await hold(2, thread="there", resource="r")
        await hold(3, thread="there")
        assert [operation for _, operation, _ in told.arrivals] == [1, 2, 2]
        assert not (await hold(4, thread="there", resource="somebody else's")).result()
        assert not (await hold(5)).result()

    scene(play, op(1), op(2, thread="there"))


def test_operations_that_send_one_text_are_each_held(scene):
    async def play(gate, told, hold):
        await hold(1, 0)
        await hold(2, 0)
        assert sorted(operation for _, operation, _ in told.arrivals) == [0, 4]

    scene(play, op(0), op(4, as_in=0))


def test_a_message_of_another_campaign_or_example_names_nobody(scene):
    async def play(gate, told, hold):
        for other in (message(0, example=2), message(0, campaign=8)):
            assert not await gate.hold(Asked(1, [other], [other], None, None, "chat"))
        assert told.arrivals == []

    scene(play, op(0))


def test_a_call_goes_on_when_it_is_released_and_no_other_does(scene):
    async def play(gate, told, hold):
        first, second = await hold(1, 0), await hold(2, 1)
        gate.release(2)
        gate.release(2)
        gate.release(77)
        assert await second is True
        assert not first.done()

    scene(play, op(0), op(1))


def test_what_is_asked_when_the_operation_has_ended_passes_and_what_was_held_goes_on(scene):
    async def play(gate, told, hold):
        held = await hold(1, 0)
        gate.end(0)
        gate.end(0)
        assert await held is True
        assert await (await hold(2, 0)) is False

    scene(play, op(0))


def test_who_hangs_up_is_told(scene):
    async def play(gate, told, hold):
        held = await hold(1, 0)
        held.cancel()
        await asyncio.wait((held,))
        assert told.left == [1]
        gate.release(1)
        await hold(2, 0)
        assert [call for call, _, _ in told.arrivals] == [1, 2]

    scene(play, op(0))


def test_an_open_gate_holds_nothing(scene):
    async def play(gate, told, hold):
        held = await hold(1, 0)
        gate.open()
        assert await held is True
        assert await (await hold(2, 0)) is False
        assert not gate.closed

    scene(play, op(0))


TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ({}, "chat"),
        ({"stream": True}, "chat stream"),
        ({"tools": [TOOL]}, "chat tools"),
        ({"response_format": {"type": "json_object"}}, "chat document"),
        (
            {
                "messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "y"}],
                "tools": [TOOL],
            },
            "chat tools result",
        ),
    ],
)
def test_the_shape_of_a_call_is_what_kind_it_is_and_none_of_its_text(body, shape):
    for text in ("hello", "it is 7:34 AM"):
        request = read_chat({"messages": [{"role": "user", "content": text}], **body})
        assert shape_of(request) == shape


def test_a_held_call_is_on_record_and_answered_when_released(mirror, log, ask, say):
    told = Told()
    mirror.gate.close(told)
    nonce = (7, 1, 5)
    mirror.gate.begin(5, message=nonce, thread=None, resource=None)

    async def scene():
        answer = asyncio.create_task(
            asyncio.to_thread(ask, {"messages": [{"role": "user", "content": say.tell(5)}]})
        )
        await asyncio.to_thread(log.wait, lambda log: told.arrivals)
        assert not log.closed
        await asyncio.sleep(0.1)
        assert not answer.done()
        mirror.gate.release(told.arrivals[0][0])
        return await answer

    got = asyncio.run(scene())
    assert "Noted" in got.message["content"]
    assert log.closed == {1: False}
    assert log.calls[1]["shape"] == "chat"
    mirror.gate.open()


def test_stopping_the_mirror_hangs_up_on_held_calls_and_the_gate_can_still_be_opened(mirror, log, ask, say):
    told = Told()
    mirror.gate.close(told)
    mirror.gate.begin(5, message=(7, 1, 5), thread=None, resource=None)

    async def scene():
        body = {"messages": [{"role": "user", "content": say.tell(5)}]}
        answer = asyncio.create_task(asyncio.to_thread(ask, body))
        await asyncio.to_thread(log.wait, lambda log: told.arrivals)
        await asyncio.to_thread(mirror.stop)
        with pytest.raises(Exception, match="isconnected"):
            await answer

    asyncio.run(scene())
    mirror.gate.open()


def test_of_several_with_the_same_words_it_is_the_one_that_was_last_let_go_on(scene):
    """Two that ask for two things at once: by age alone, the second call of the younger was the elder's."""

    async def play(gate, told, hold):
        await hold(1, 0)
        await hold(2, 0)
        gate.begin(1, message=message(0), thread=None, resource=None)
        await hold(3, 0)
        await hold(4, 0)
        gate.release(1)
        await hold(5, 0)
        gate.release(3)
        await hold(6, 0)
        assert [operation for _, operation, _ in told.arrivals] == [0, 0, 1, 1, 0, 1]

    scene(play, (0, 0, None, None))


def test_one_of_whom_nothing_is_held_comes_before_whoever_was_last_let_go_on(scene):
    async def play(gate, told, hold):
        await hold(1, 0)
        await hold(2, 0)  # number 1, which waited for something
        assert [operation for _, operation, _ in told.arrivals] == [1, 0]

    scene(play, (0, 0, None, None), (1, 0, None, None))
