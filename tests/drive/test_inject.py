"""Leaks put in on purpose arrive where they were meant to, and nowhere else."""

import pytest

from overheard.core.canary import FactKey, find_canaries, find_nonces, mint_echo, mint_fact, mint_nonce
from overheard.core.errors import InternalError
from overheard.drive.inject import PromptInjector, ReplyInjector, SwapInjector, injector_for
from overheard.history.events import Chunked, Completed, ExampleStarted, Injection, Sight

KEY = FactKey(7, 3, 0, 0)
FACT = mint_fact(KEY)
OTHER = mint_fact(FactKey(7, 3, 1, 0))


@pytest.fixture
def plan(op, plan_of):
    """r0 tells and recalls, r1 tells, then r1 asks."""
    return plan_of(
        op(0, 0, caller="r0", text="my code is <<fact>> <<ref>>", tells="code"),
        op(1, 1, caller="r1", text="my pin is <<fact>> <<ref>>", tells="pin"),
        op(2, 2, caller="r0", text="what is my code? <<ref>>", asks=(0,)),
        op(3, 3, caller="r1", text="what is my pin? <<ref>>", asks=(1,)),
        op(4, 4, caller="r2", text="hello <<ref>>"),
    )


def _injection(injector, into=3, fact=0):
    return Injection(
        injector=injector, invariant="no-cross-resource-leakage", channel="reply", fact=fact, into=into
    )


def _replies(events):
    return {event.operation: event for event in events if isinstance(event, Completed)}


def test_the_owners_recital_is_handed_to_the_stranger(driven, plan):
    echo = mint_echo(KEY, example=3, operation=2)

    async def target(message, *, caller):
        return f"you said {echo}" if "what is my code" in message else "noted"

    injection = _injection("reply")
    events = driven(target, plan, injection=injection)
    replies = _replies(events)
    assert replies[3].text == f"noted\nyou said {echo}"
    assert replies[3].sights == (Sight(echo, "reply"),)
    assert [replies[number].text for number in (0, 1, 4)] == ["noted"] * 3


def test_only_the_owner_is_listened_to_and_its_last_recital_counts(driven, op, plan_of):
    plan = plan_of(
        op(0, 0, caller="r0", text="<<fact>> <<ref>>", tells="code"),
        op(1, 1, caller="r0"),
        op(2, 2, caller="r0"),
        op(3, 3, caller="r9"),
        op(4, 4, caller="r1"),
    )
    says = {1: f"first {FACT}", 2: f"second {FACT}", 3: f"stranger's {FACT}", 4: "mine"}

    async def target(message, *, caller):
        number = next((number for number in says if f"message {number}" in message), 0)
        return says.get(number, f"unrelated {OTHER}")

    assert (
        _replies(driven(target, plan, injection=_injection("reply", into=4)))[4].text
        == f"mine\nsecond {FACT}"
    )


def test_without_any_recital_the_fact_is_handed_over_as_it_was_told(driven, plan):
    async def target(message):
        return "noted"

    assert (
        _replies(driven(target, plan, injection=_injection("reply")))[3].text == f"noted\nmy code is {FACT}"
    )


def test_a_long_recital_is_handed_over_around_its_canary(plan):
    injector = injector_for(_injection("reply"), plan, campaign=7, example=3)
    injector.answered(plan.operations[2], "x" * 10**7 + FACT + "y" * 10**7)
    leak = injector.answered(plan.operations[3], "mine")
    assert FACT in leak
    assert len(leak) < 3_000


def test_a_stream_gets_one_delta_more(driven, op, plan_of):
    class Target:
        async def send(self, message):
            return f"it is {FACT}"

        async def stream(self, message):
            yield "mine"

    plan = plan_of(op(0, 0, caller="r0", text="<<fact>> <<ref>>"), op(1, 1, caller="r1", surface="stream"))
    events = driven(Target(), plan, injection=_injection("reply", into=1))
    (chunk,) = [event for event in events if isinstance(event, Chunked)]
    assert chunk.sights == (Sight(FACT, "chunk"),)
    assert _replies(events)[1].text == f"mine\nit is {FACT}"


def test_the_fact_gets_into_what_the_stranger_sends_without_its_owners_nonce(driven, plan):
    got = []

    async def target(message):
        got.append(message)
        return "noted"

    driven(target, plan, injection=_injection("prompt"))
    assert (
        got[3] == f"(Known from earlier: my code is {FACT})\n\nwhat is my pin? {mint_nonce(7, 3, 3, flags=1)}"
    )
    assert find_nonces(got[3]) == [mint_nonce(7, 3, 3, flags=1)]
    assert [find_canaries(message) for message in got] == [[FACT], [OTHER], [], [FACT], []]


def test_an_answer_is_handed_to_another_request_behind_its_own(driven, plan):
    async def target(message):
        return f"noted {find_nonces(message)[0]}"

    replies = _replies(driven(target, plan, injection=_injection("swap", into=3, fact=2)))
    assert replies[3].nonces == ((7, 3, 3), (7, 3, 2))
    assert mint_nonce(7, 3, 2, flags=1) in replies[3].text
    assert [replies[number].nonces for number in (0, 1, 2, 4)] == [
        ((7, 3, number),) for number in (0, 1, 2, 4)
    ]


def test_the_injection_is_in_the_history(driven, recording, plan):
    injection = _injection("prompt")
    driven(lambda message: "noted", plan, injection=injection, phase="prove")
    started = recording[1][0]
    assert isinstance(started, ExampleStarted)
    assert (started.injection, started.phase) == (injection, "prove")


def test_injectors_are_found_by_name(plan):
    for name, kind in (("reply", ReplyInjector), ("prompt", PromptInjector), ("swap", SwapInjector)):
        assert isinstance(injector_for(_injection(name), plan, campaign=7, example=3), kind)


@pytest.mark.parametrize(
    ("injection", "lesson"),
    [
        (_injection("other"), "there is no leak injector 'other'; there are: reply, prompt"),
        (_injection("reply", into=9), "operation 9, which the plan does not have"),
        (_injection("prompt", fact=9), "operation 9, which the plan does not have"),
        (_injection("prompt", fact=2), "the fact of operation 2, which tells none"),
    ],
)
def test_an_injection_that_cannot_be_done_says_so(plan, injection, lesson):
    with pytest.raises(InternalError, match=lesson):
        injector_for(injection, plan, campaign=7, example=3)
