"""Who a caller is, whomever it names."""

from overheard.core.ids import OMITTED, namespace
from overheard.core.operation import own_resources
from overheard.history.events import Unknown


def test_a_caller_is_the_resource_it_names_where_it_is_at_home(driven, op, plan_of):
    seen = []

    async def target(message, *, resource=OMITTED, caller):
        seen.append((caller.name, caller.resource, caller.credentials))
        return "ok"

    plan = plan_of(
        op(0, 0, caller="r1", resource="alice-<<ns>>", intrudes=True),
        op(1, 1, caller="r0", resource=OMITTED),
        op(2, 2, caller="r0", resource="alice-<<ns>>"),
        op(3, 3, caller="r1", resource=None),
        op(4, 4, caller="r1", resource="  "),
        op(5, 5, caller="r1", resource="bob-<<ns>>"),
        op(6, 6, caller="r2", resource="alice-<<ns>>", intrudes=True),
    )
    driven(target, plan)
    ns = namespace(7, 3)
    alice, bob, somebody = f"alice-{ns}", f"bob-{ns}", f"r2-{ns}"
    assert seen == [
        ("r1", bob, None), ("r0", alice, None), ("r0", alice, None), ("r1", bob, None), ("r1", bob, None),
        ("r1", bob, None), ("r2", somebody, None),
    ]  # fmt: skip
    assert own_resources(plan) == {"r0": "alice-<<ns>>", "r1": "bob-<<ns>>"}


def test_without_credentials_they_are_empty_and_nobody_s_are_asked_of_the_target(driven, op, plan_of):
    seen = []

    async def target(message, *, resource=OMITTED, caller):
        seen.append(caller.credentials)
        return "ok"

    plan = plan_of(op(0, 0, credentials="none"), op(1, 1, credentials="invalid"), op(2, 2))
    events = driven(target, plan)
    assert seen == ["", None]
    [unknown] = [event for event in events if isinstance(event, Unknown)]
    assert "is not shown credentials" in unknown.text
