"""The proof at the end of an earlier failure: whoever told the fact asks for it."""

from msgspec.structs import replace

from overheard.core.ids import OMITTED
from overheard.core.operation import Operation, Plan
from overheard.core.regression import Regression
from overheard.core.schedule import Schedule
from overheard.plan.retell import retold

TOLD = Operation(
    number=0, round=0, caller="r0", tenant="t", resource="u-<<ns>>", thread="a-<<ns>>",
    text="My locker code is <<fact>>. <<ref>>", tells="locker code",
)  # fmt: skip
SEEN = Operation(
    number=1, round=1, caller="r1", tenant="s", resource="v-<<ns>>", thread="a-<<ns>>", text="Locker code? <<ref>>",
    asks=(0,), intrudes=True,
)  # fmt: skip


def of(told=TOLD, seen=SEEN):
    plan = Plan(scenario="s", mode="sequential", operations=(told, seen))
    one = Regression(name="n", invariant="thread-ownership", diagnosis="d", told_by=0, seen_by=1, plan=plan)
    driven = retold(one)
    assert driven.operations[:2] == plan.operations
    return driven.operations[2:]


def test_the_teller_asks_in_its_own_thread_when_all_is_over():
    (control,) = of()
    assert (control.number, control.round) == (2, 2)
    assert (control.caller, control.tenant) == ("r0", "t")
    assert (control.resource, control.thread) == (TOLD.resource, TOLD.thread)
    assert control.asks == (0,)
    assert "locker code" in control.text
    assert "<<ref>>" in control.text
    assert "<<fact>>" not in control.text
    assert control.tells is None


def test_it_looks_by_the_surface_that_showed_it():
    (control,) = of(seen=replace(SEEN, surface="search", text="locker code", filters={"thread": "b-<<ns>>"}))
    assert (control.surface, control.text, control.filters) == ("search", "locker code", {})
    assert (control.caller, control.resource, control.thread) == ("r0", TOLD.resource, TOLD.thread)
    assert not control.intrudes


def test_where_nobody_may_recall_it_nobody_asks():
    assert of(told=replace(TOLD, thread=OMITTED)) == ()
    assert of(told=replace(TOLD, resource=None)) == ()
    assert of(told=replace(TOLD, tells=None, text="Hello. <<ref>>")) == ()
    assert of(told=replace(TOLD, intrudes=True)) == ()


DELETED = Operation(
    number=1, round=1, caller="r0", surface="delete_thread", resource="u-<<ns>>", thread="a-<<ns>>"
)


def forgetting(*operations, **plan):
    plan = Plan(scenario="s", mode="interleaved", operations=operations, **plan)
    last = len(operations) - 1
    return retold(
        Regression(
            name="n", invariant="forgotten-stays-forgotten", diagnosis="d", told_by=0, seen_by=last, plan=plan
        )
    )


def test_what_is_deleted_is_asked_for_just_before_and_by_the_surface_that_showed_it():
    seen = replace(TOLD, number=2, round=2, surface="search", text="locker code", tells=None, asks=(0,))
    driven = forgetting(TOLD, DELETED, seen)
    assert [(one.number, one.round) for one in driven.operations] == [(0, 0), (1, 2), (2, 3), (3, 1)]
    assert [replace(one, round=0) for one in driven.operations[:3]] == [
        replace(one, round=0) for one in (TOLD, DELETED, seen)
    ]
    control = driven.operations[3]
    assert (control.caller, control.surface, control.asks) == ("r0", "search", (0,))


def test_what_somebody_else_deletes_and_what_was_recorded_step_by_step_is_left_as_it_is():
    seen = replace(SEEN, number=2, round=2)
    driven = forgetting(TOLD, replace(DELETED, caller="r1"), seen)
    assert [one.round for one in driven.operations] == [0, 1, 2, 3]
    plan = forgetting(TOLD, DELETED, seen, schedule=Schedule())
    assert len(plan.operations) == 3
