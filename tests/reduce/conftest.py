"""What the tests of reduction share: woven plans, and one example observed as an ideal agent would show it."""

from itertools import groupby

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
BEYOND = {
    "list_threads": Takes(accepts=("resource",)),
    "search": Takes(accepts=("resource", "filters")),
    "create_thread": Takes(accepts=("thread", "resource", "title")),
    "delete_message": Takes(accepts=("resource", "message_id")),
    "delete_thread": Takes(accepts=("thread", "resource")),
}
OFFERS = Offers(surfaces=("send", *BEYOND), beyond=BEYOND)


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
    """Those of one round are invoked, asked, answered and ended together, each in turn of the plan."""
    events, clock = [], iter(range(1, 1 << 30))
    for _, members in groupby(plan.operations, key=lambda op: op.round):
        together = [_ideal(plan, op, clock, with_model) for op in members]
        events += [each[stage] for stage in range(4) for each in together if each[stage] is not None]
    started = ExampleStarted(example=EXAMPLE, plan=plan)
    view = View(started, events, campaign=CAMPAIGN, contract=Contract())
    return observe(view, campaign=CAMPAIGN)


def _ideal(plan, op, clock, with_model):
    thread, resource = bind_ids(op, CAMPAIGN, EXAMPLE)
    at = {"example": EXAMPLE, "operation": op.number}
    invoked = Invoked(**at, thread=thread, resource=resource, t=next(clock))
    mine = [
        FactKey(CAMPAIGN, EXAMPLE, number, 0)
        for number in op.asks
        if (plan.operations[number].thread, plan.operations[number].resource) == (op.thread, op.resource)
    ]
    called = answered = None
    nonce = (CAMPAIGN, EXAMPLE, op.number if op.same_text_as is None else op.same_text_as)
    if with_model:
        told = [FactKey(CAMPAIGN, EXAMPLE, op.number, 0)] if op.tells else []
        prompt = tuple(Sight(mint_fact(fact), "prompt") for fact in [*mine, *told])
        called = ModelCalled(
            example=EXAMPLE, call=op.number + 1, nonces=(nonce,), sights=prompt, t=next(clock)
        )
        answered = ModelAnswered(example=EXAMPLE, call=op.number + 1, t=next(clock))
        reply = [mint_echo(fact, example=EXAMPLE, operation=op.number) for fact in mine]
    else:
        reply = [mint_fact(fact) for fact in mine]
    seen = tuple(Sight(token, "reply") for token in reply)
    nonces = (nonce,) if with_model else ()
    ended = Completed(**at, text="hello", length=5, sights=seen, nonces=nonces, t=next(clock))
    return invoked, called, answered, ended
