"""What is kept of one example, where a target shows far more than can be kept."""

import pytest

from overheard.check.observe import STRAYS_KEPT, observe
from overheard.check.view import View
from overheard.core.canary import FactKey, mint_fact
from overheard.core.contract import Contract
from overheard.core.operation import Operation, Plan
from overheard.history.events import Completed, ExampleStarted, Invoked, ModelAnswered, ModelCalled, Sight

CAMPAIGN, EXAMPLE = 7, 5
MANY = STRAYS_KEPT + 500


def token(example, operation):
    return mint_fact(FactKey(CAMPAIGN, example, operation, 0))


def one_history_for_all(strays):
    """One tells, and everybody is shown all that was ever told: `strays` of another example, and this."""
    operations = tuple(
        Operation(number=number, round=number, caller=who, resource=f"{who}-<<ns>>", thread=f"{who}-t-<<ns>>",
                  tells="badge" if number == 0 else None, asks=() if number == 0 else (0,))
        for number, who in enumerate(("r0", "r1", "r2"))
    )  # fmt: skip
    told = [token(EXAMPLE - 1, number) for number in range(strays)]
    shown = tuple(Sight(each, "prompt") for each in (*told, token(EXAMPLE, 0)))
    events = []
    for op in operations:
        at = {"example": EXAMPLE, "t": 0}
        nonce = (CAMPAIGN, EXAMPLE, op.number)
        events += [
            Invoked(**at, operation=op.number, thread=f"{op.caller}-t", resource=op.caller),
            ModelCalled(**at, call=op.number, nonces=(nonce,), sights=shown),
            ModelAnswered(**at, call=op.number),
            Completed(**at, operation=op.number, text="hello", length=5),
        ]
    plan = Plan(scenario="stranger", mode="sequential", operations=operations)
    return View(ExampleStarted(example=EXAMPLE, plan=plan), events, campaign=CAMPAIGN, contract=Contract())


@pytest.mark.parametrize("strays", [0, 1, MANY])
@pytest.mark.parametrize("room", [0, 1, 999, STRAYS_KEPT, MANY + 10, 3 * MANY + 1])
def test_the_first_strays_are_kept_and_nothing_else_is_lost(room, strays):
    seen = observe(one_history_for_all(strays), campaign=CAMPAIGN, room=room)
    everything = [(observer, number) for observer in range(3) for number in range(strays)]
    kept = [(stray.observer.number, stray.canary.fact.operation) for stray in seen.strays]
    assert (kept, seen.strayed) == (everything[:room], strays > 0)
    assert [(leak.owner.number, leak.observer.number) for leak in seen.leaks] == [(0, 1), (0, 2)]
