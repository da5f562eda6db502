"""What the tests of reduction share: woven plans, and one example observed as an ideal agent would show it."""

import pytest
from hypothesis import strategies as st

from overheard.check.observe import observe
from overheard.check.view import View
from overheard.core.canary import FactKey, mint_echo, mint_fact
from overheard.core.contract import Contract
from overheard.core.offers import Offers, Takes
from overheard.core.operation import bind_ids
from overheard.history.events import Completed, ExampleStarted, Invoked, ModelAnswered, ModelCalled, Sight
from overheard.plan.weave import expand
from overheard.scenario.load import builtin

CAMPAIGN, EXAMPLE = 4711, 3
BUILTIN = builtin()
OFFERS = Offers(
    surfaces=("send", "list_threads", "search"),
    beyond={"list_threads": Takes(accepts=("resource",)), "search": Takes(accepts=("resource", "filters"))},
)


def woven(name, seed, operations=None):
    return expand(
        BUILTIN[name], seed=seed, index=seed, contract=Contract(), offers=OFFERS, operations=operations
    )


@pytest.fixture(scope="session")
def weave():
    return woven


@pytest.fixture(scope="session")
def plans():
    return st.builds(woven, st.sampled_from(sorted(BUILTIN)), st.integers(0, 2**32))


@pytest.fixture
def observed():
    """observed(plan, with_model=True) -> Observed: every owner sees its facts, nobody else sees any."""
    return ideal


def ideal(plan, *, with_model=True):
    events, clock = [], iter(range(1, 1 << 30))
    for op in plan.operations:
        thread, resource = bind_ids(op, CAMPAIGN, EXAMPLE)
        at = {"example": EXAMPLE, "operation": op.number}
        events.append(Invoked(**at, thread=thread, resource=resource, t=next(clock)))
        mine = [
            FactKey(CAMPAIGN, EXAMPLE, number, 0)
            for number in op.asks
            if (plan.operations[number].thread, plan.operations[number].resource) == (op.thread, op.resource)
        ]
        if with_model:
            told = [FactKey(CAMPAIGN, EXAMPLE, op.number, 0)] if op.tells else []
            prompt = tuple(Sight(mint_fact(fact), "prompt") for fact in [*mine, *told])
            nonce = (CAMPAIGN, EXAMPLE, op.number if op.same_text_as is None else op.same_text_as)
            events.append(
                ModelCalled(
                    example=EXAMPLE, call=op.number + 1, nonces=(nonce,), sights=prompt, t=next(clock)
                )
            )
            events.append(ModelAnswered(example=EXAMPLE, call=op.number + 1, t=next(clock)))
            reply = [mint_echo(fact, example=EXAMPLE, operation=op.number) for fact in mine]
        else:
            reply = [mint_fact(fact) for fact in mine]
        seen = tuple(Sight(token, "reply") for token in reply)
        events.append(Completed(**at, text="hello", length=5, sights=seen, t=next(clock)))
    started = ExampleStarted(example=EXAMPLE, plan=plan)
    view = View(started, events, campaign=CAMPAIGN, contract=Contract())
    return observe(view, campaign=CAMPAIGN)
