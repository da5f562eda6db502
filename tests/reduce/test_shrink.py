"""Making counterexamples small: two ends first, then delta debugging, within a budget of executions."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.core.operation import SENDING, Cancel, Operation, Plan
from overheard.core.schedule import Schedule
from overheard.reduce.shrink import Ends, shrink


def plan_of(size, people=3, threads=2):
    """Operations that are known by their text, whatever their numbers have become."""
    return Plan(
        scenario="s",
        mode="interleaved",
        operations=tuple(
            Operation(
                number=number,
                round=number,
                caller=f"r{number % people}",
                resource=f"r{number % people}",
                thread=f"t{number % threads}",
                text=str(number),
            )
            for number in range(size)
        ),
    )


def names(plan):
    return {int(op.text) for op in plan.operations}


class Target:
    """Shows the leak when `leaks(names of the operations there)` says so; counts and checks every execution."""

    def __init__(self, leaks, ends):
        self.leaks, self.ends = leaks, ends
        self.tried = []

    async def __call__(self, plan, ends):
        assert int(plan.operations[ends.owner].text) == self.ends.owner
        assert int(plan.operations[ends.observer].text) == self.ends.observer
        self.tried.append(frozenset(names(plan)))
        return ends if self.leaks(names(plan)) else None


def run(plan, ends, target, **options):
    return asyncio.run(shrink(plan, ends, target, **options))


def shrunk(size, ends, needed, **options):
    target = Target(lambda there: needed <= there, ends)
    return run(plan_of(size), ends, target, **options), target


def test_two_ends_are_tried_first_and_are_mostly_enough():
    ends = Ends(3, 17)
    result, target = shrunk(40, ends, set())
    assert target.tried == [{3, 17}]
    assert names(result.plan) == {3, 17}
    assert result.executions == 1
    assert result.ends == Ends(0, 1)
    assert result.plan.source == "reduced"


def test_one_more_operation_of_the_same_people_is_tried_next():
    """For races: another call of the owner or the stranger in the round of one of the ends."""
    plan = Plan(
        scenario="s",
        mode="concurrent",
        operations=tuple(
            Operation(number=n, round=n // 2, caller=f"r{n % 2}", thread="t", resource="r", text=str(n))
            for n in range(20)
        ),
    )
    ends = Ends(4, 11)
    target = Target(lambda there: {4, 10, 11} <= there, ends)
    result = run(plan, ends, target)
    assert names(result.plan) == {4, 10, 11}
    assert result.executions <= 5
    assert [op.round for op in result.plan.operations] == [0, 1, 1]


@settings(deadline=None)
@given(data=st.data(), size=st.integers(2, 50))
def test_what_is_needed_is_left_and_nothing_else(data, size):
    ends = Ends(*sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=2, max_size=2))))
    needed = data.draw(st.sets(st.integers(0, size - 1), max_size=5))
    result, target = shrunk(size, ends, needed, limit=10_000)
    assert names(result.plan) == needed | ends.all
    assert result.executions == len(target.tried)
    assert int(result.plan.operations[result.ends.owner].text) == ends.owner
    assert int(result.plan.operations[result.ends.observer].text) == ends.observer


@settings(deadline=None, max_examples=200)
@given(data=st.data(), size=st.integers(2, 16), salt=st.integers())
def test_no_operation_can_be_spared_even_if_leaks_come_and_go(data, size, salt):
    """Whether more operations show the leak again is anybody's guess in real targets; one by one it holds."""
    ends = Ends(*sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=2, max_size=2))))
    everything = frozenset(range(size))

    def leaks(there):
        return frozenset(there) == everything or hash((frozenset(there), salt)) % 3 == 0

    target = Target(leaks, ends)
    result = run(plan_of(size), ends, target, limit=100_000)
    left = names(result.plan)
    assert leaks(left), "it shows the leak itself"
    for spare in left - ends.all:
        assert not leaks(left - {spare})


def test_what_a_leak_goes_through_stays_and_is_tried_at_once():
    """A deletion before what is seen again, looks around what is lost: without them it is no such leak."""
    ends = Ends(3, 17, (5, 29))
    result, target = shrunk(40, ends, {3, 5, 17, 29})
    assert target.tried[0] == frozenset({3, 5, 17, 29})
    assert names(result.plan) == {3, 5, 17, 29}
    assert [int(result.plan.operations[end].text) for end in result.ends.through] == [5, 29]
    more, _ = shrunk(40, ends, {3, 5, 8, 17, 29})
    assert names(more.plan) == {3, 5, 8, 17, 29}


@settings(deadline=None)
@given(data=st.data(), size=st.integers(2, 40), limit=st.integers(1, 30))
def test_the_budget_is_kept_and_what_is_found_by_then_is_given(data, size, limit):
    ends = Ends(*sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=2, max_size=2))))
    needed = data.draw(st.sets(st.integers(0, size - 1), max_size=6))
    result, target = shrunk(size, ends, needed, limit=limit)
    assert len(target.tried) <= limit
    if result is None:
        assert not any(needed <= there for there in target.tried)
    else:
        assert result.executions == len(target.tried)
        assert needed | ends.all <= names(result.plan)
        assert names(result.plan) in target.tried, "what is given was executed and showed the leak"


def test_a_leak_that_never_shows_again_gives_nothing():
    target = Target(lambda there: False, Ends(0, 9))
    assert run(plan_of(10), Ends(0, 9), target) is None
    assert frozenset(range(10)) in target.tried, "the whole plan was tried"


@settings(deadline=None, max_examples=60)
@given(data=st.data(), size=st.integers(2, 40))
def test_no_candidate_is_executed_twice(data, size):
    ends = Ends(*sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=2, max_size=2))))
    needed = data.draw(st.sets(st.integers(0, size - 1), max_size=6))
    _, target = shrunk(size, ends, needed, limit=10_000)
    assert len(set(target.tried)) == len(target.tried)


def test_executions_are_few():
    """Of sixty operations, four are needed somewhere: a search, but no exhaustive one."""
    result, target = shrunk(60, Ends(5, 50), {5, 9, 33, 41, 50}, limit=60)
    assert names(result.plan) == {5, 9, 33, 41, 50}
    assert len(target.tried) <= 60


def test_ends_may_move():
    """Another operation of the same relation may be the one that sees it; the search goes on from there."""
    plan = plan_of(12)

    async def reproduces(small, ends):
        there = names(small)
        if not {0, 7} <= there:
            return None
        numbers = {int(op.text): op.number for op in small.operations}
        return Ends(numbers[0], numbers[7])

    result = asyncio.run(shrink(plan, Ends(0, 11), reproduces, limit=200))
    assert names(result.plan) == {0, 7}
    assert [int(result.plan.operations[end].text) for end in result.ends[:2]] == [0, 7]


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_what_is_found_replays(data, plans):
    """On woven plans: the small plan, executed again as it is, shows the leak again."""
    plan = data.draw(plans)
    # What changes something has no words of its own to be known by.
    said = [op for op in plan.operations if op.surface in SENDING]
    facts = [op for op in said if op.tells]
    fact = data.draw(st.sampled_from(facts))
    later = [op for op in said if op.round > fact.round]
    if not later:
        return
    observer = data.draw(st.sampled_from(later))
    helper = data.draw(st.sampled_from(said))
    wanted = {(op.caller, op.text) for op in (fact, observer, helper)}

    async def reproduces(small, ends):
        return ends if wanted <= {(op.caller, op.text) for op in small.operations} else None

    result = asyncio.run(shrink(plan, Ends(fact.number, observer.number), reproduces, limit=1000))
    assert {(op.caller, op.text) for op in result.plan.operations} == wanted
    assert asyncio.run(reproduces(result.plan, result.ends)) == result.ends
    assert result.plan.operations[result.ends.owner].tells == fact.tells


@pytest.mark.parametrize("error", [RuntimeError("the target broke"), asyncio.CancelledError()])
def test_what_goes_wrong_in_an_execution_is_not_swallowed(error):
    async def reproduces(plan, ends):
        raise error

    with pytest.raises(type(error)):
        asyncio.run(shrink(plan_of(5), Ends(0, 4), reproduces))


# --- over the schedule


def racing(needs):
    """A race that shows only if operation 0 and the last one are there, under choices that `needs` accepts."""
    tried = []

    async def reproduces(plan, ends):
        tried.append(plan)
        return ends if plan.schedule is not None and needs(plan.schedule.choices) else None

    return reproduces, tried


def test_each_deviation_that_the_leak_does_not_need_is_taken_back():
    reproduces, tried = racing(lambda choices: len(choices) > 3 and choices[3] == 2)
    order = {frozenset((0, 4)): (1, 0, 4, 2, 5, 1)}
    result = asyncio.run(
        shrink(
            plan_of(5),
            Ends(0, 4),
            reproduces,
            order=lambda kept: Schedule(choices=order.get(frozenset(kept), ())),
        )
    )
    assert result.plan.schedule == Schedule(choices=(0, 0, 0, 2))
    assert [op.round for op in result.plan.operations] == [0, 1]
    assert result.executions == len(tried) <= 7


def test_a_leak_that_needs_no_deviation_is_no_race_and_goes_one_after_the_other():
    async def reproduces(plan, ends):
        return ends

    result = asyncio.run(
        shrink(plan_of(5), Ends(0, 4), reproduces, order=lambda kept: Schedule(choices=(3, 1, 2)))
    )
    assert result.plan.schedule is None
    assert len({op.round for op in result.plan.operations}) == 2
    assert result.executions == 2


def cancelling(*numbers):
    plan = plan_of(5)
    operations = tuple(
        replace(one, cancel=Cancel() if one.number in numbers else None) for one in plan.operations
    )
    return replace(plan, operations=operations)


def gone(plan):
    return {int(op.text) for op in plan.operations if op.cancel is not None}


@pytest.mark.parametrize(("needed", "left"), [({0}, {0}), (set(), set())])
def test_only_a_call_that_has_to_be_cancelled_stays_so(needed, left):
    async def reproduces(plan, ends):
        return ends if (needed <= gone(plan) and plan.schedule is not None) or not needed else None

    result = asyncio.run(shrink(cancelling(0, 4), Ends(0, 4), reproduces, order=lambda kept: Schedule()))
    assert gone(result.plan) == left
    assert (result.plan.schedule is None) == (not needed), "without one it is no race"


def test_a_schedule_is_asked_for_what_is_in_the_plan():
    """Of an operation about a message that nobody sends any more, in a round of its own, nothing is left."""
    operations = [*plan_of(4).operations]
    operations[2] = replace(operations[2], message=1, surface="read_message")
    asked = []

    def order(kept):
        asked.append(set(kept))
        return Schedule(choices=(1,))

    async def reproduces(plan, ends):
        return ends if {0, 1, 3} <= names(plan) and plan.schedule is not None else None

    plan = replace(plan_of(4), operations=tuple(operations))
    asyncio.run(shrink(plan, Ends(0, 3), reproduces, order=order))
    assert {0, 1, 2, 3} in asked
    assert not [kept for kept in asked if 2 in kept and 1 not in kept]


def test_the_last_deviation_is_taken_back_where_a_cancelled_call_is_left():
    async def reproduces(plan, ends):
        return ends if gone(plan) and plan.schedule is not None else None

    result = asyncio.run(
        shrink(cancelling(0), Ends(0, 4), reproduces, order=lambda kept: Schedule(choices=(0, 1)))
    )
    assert result.plan.schedule == Schedule()
    assert gone(result.plan) == {0}


def test_what_shows_under_no_schedule_is_left_to_chance_by_the_caller():
    async def reproduces(plan, ends):
        return ends if plan.schedule is None else None

    assert asyncio.run(shrink(plan_of(5), Ends(0, 4), reproduces, order=lambda kept: Schedule())) is None
    assert asyncio.run(shrink(plan_of(5), Ends(0, 4), reproduces)) is not None


def test_a_deviation_is_taken_back_without_moving_those_of_later_rounds():
    reproduces, tried = racing(lambda choices: choices[-1:] == (2,))
    begun = Schedule(choices=(1, 0, 1, 2), begins=(0, 3))
    order = lambda kept: begun if len(kept) > 1 else Schedule()  # noqa: E731
    result = asyncio.run(shrink(plan_of(2), Ends(0, 1), reproduces, order=order))
    assert result.plan.schedule == Schedule(choices=(2,), begins=(0, 0))
    assert all(one.schedule is None or len(one.schedule.begins) in (0, 2) for one in tried)


def test_a_deviation_that_is_beside_the_point_is_left_out_with_the_place_it_takes():
    """Started in between and served first: without that, what matters is the first choice, not the third."""
    needed = {(2, 2, 1), (2, 1), (1,)}
    reproduces, tried = racing(lambda choices: choices in needed)
    order = lambda kept: Schedule(choices=(2, 2, 1) if len(kept) > 1 else ())  # noqa: E731
    result = asyncio.run(shrink(plan_of(2), Ends(0, 1), reproduces, order=order))
    assert result.plan.schedule == Schedule(choices=(1,))
    assert result.executions == len(tried) <= 7
    assert len({one.schedule for one in tried}) == len(tried), "no schedule is tried twice"


def test_where_an_order_of_its_own_is_all_it_takes_nothing_is_beside_it():
    """Found with another under way; the one that sees it comes last, with only its own calls out of turn."""
    plan = replace(plan_of(3), operations=tuple(replace(one, round=0) for one in plan_of(3).operations))
    own = {0: (), 1: (0, 1), 2: ()}

    def order(kept):
        return Schedule(choices=own[next(iter(kept))] if len(kept) == 1 else (0, 2, 2, 1))

    tried = []

    async def reproduces(plan, ends):
        tried.append(plan)
        apart = [names(replace(plan, operations=(one,))) for one in sorted(plan.operations, key=rounded)]
        if plan.schedule is None:
            return None
        if plan.schedule.choices == (0, 2, 2, 1):
            return ends if len({one.round for one in plan.operations}) == 1 else None
        alone = len({one.round for one in plan.operations}) == len(plan.operations)
        return ends if alone and plan.schedule.choices == (0, 1) and apart[-1] == {1} else None

    result = asyncio.run(shrink(plan, Ends(2, 1), reproduces, order=order))
    assert result.plan.schedule == Schedule(choices=(0, 1), begins=(0, 0))
    assert [int(one.text) for one in result.plan.operations] == [2, 1]
    assert (result.ends.owner, result.ends.observer) == (0, 1)
    assert result.executions == len(tried)


def rounded(operation):
    return operation.round


def test_what_needs_another_beside_it_stays_beside_it():
    plan = replace(plan_of(2), operations=tuple(replace(one, round=0) for one in plan_of(2).operations))
    tried = []

    async def reproduces(plan, ends):
        tried.append(plan)
        together = plan.schedule is not None and len({one.round for one in plan.operations}) == 1
        return ends if together and plan.schedule.choices == (1, 1) else None

    order = lambda kept: Schedule(choices=(1, 1) if len(kept) == 2 else (1,))  # noqa: E731
    result = asyncio.run(shrink(plan, Ends(0, 1), reproduces, order=order))
    assert result.plan.schedule == Schedule(choices=(1, 1))
    assert {one.round for one in result.plan.operations} == {0}
    assert result.executions == len(tried)


@pytest.mark.parametrize(
    "changed",
    [
        {"cancel": Cancel()},  # whoever comes at once then is of its round
        {"asks": (1,)},  # nobody asks for what is told last
    ],
)
def test_what_belongs_together_is_not_brought_apart(changed):
    first, second, third = plan_of(3).operations
    third = replace(third, round=0 if "cancel" in changed else 1, **changed)
    plan = replace(plan_of(3), operations=(replace(first, round=0), replace(second, round=0), third))
    tried = []

    async def reproduces(plan, ends):
        tried.append(plan)
        whole = len(plan.operations) == 3 and plan.schedule is not None
        kept = [one for one in plan.operations if one.text == "2" and (one.cancel or one.asks)]
        return ends if whole and kept and plan.schedule.choices == (1, 1) else None

    order = lambda kept: Schedule(choices=(1, 1) if len(kept) == 3 else (1,))  # noqa: E731
    asyncio.run(shrink(plan, Ends(0, 1), reproduces, order=order))
    scheduled = [one for one in tried if one.schedule is not None and len(one.operations) == 3]
    assert scheduled
    assert all(len({one.round for one in each.operations}) < 3 for each in scheduled)
