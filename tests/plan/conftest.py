"""What the tests of plans share: built-in scenarios, and a simple count of controlled exposures."""

from collections import Counter

import pytest

from overheard.core.contract import Contract
from overheard.core.offers import Offers
from overheard.scenario.load import builtin


@pytest.fixture(scope="session")
def scenarios():
    return builtin()


@pytest.fixture(scope="session")
def count_controlled():
    return controlled


def controlled(plan, contract: Contract, offers: Offers) -> Counter:
    """Controlled exposures by invariant, as an ideal target would show them: one that recalls what it
    promises and refuses strangers. Written from the definition, not from the weave.
    """
    counts = Counter()
    operations = plan.operations

    def complete(op):
        return contract.missing(op.thread) is None and contract.missing(op.resource) is None

    def at_home(op):
        return complete(op) and not op.intrudes

    def place(op):
        return op.caller, op.thread, op.resource

    def asked_own(fact, when):
        return any(fact.number in op.asks and place(op) == place(fact) and when(op) for op in operations)

    def served(caller, when):
        return any(
            op.caller == caller
            and at_home(op)
            and when(op)
            and any(place(operations[number]) == place(op) for number in op.asks)
            for op in operations
        )

    def forbidden(probe, fact):
        if probe.caller == fact.caller:
            return contract.scope == "thread"
        if contract.scope == "tenant" and probe.tenant is not None:
            return probe.tenant != fact.tenant
        return True

    for probe in operations:
        before = lambda op, probe=probe: op.round < probe.round  # noqa: E731
        after = lambda op, probe=probe: op.round > probe.round  # noqa: E731
        for number in probe.asks:
            fact = operations[number]
            if not complete(fact):
                if all(served(who, when) for who in (probe.caller, fact.caller) for when in (before, after)):
                    counts["ids-required"] += 1
                continue
            if fact.intrudes or not (asked_own(fact, before) and asked_own(fact, after)):
                continue
            if not served(probe.caller, before):
                continue
            if not complete(probe):
                counts["ids-required"] += 1
            elif place(probe) == place(fact):
                counts["recall-within-thread"] += 1
            elif not forbidden(probe, fact):
                counts["permitted"] += 1
            elif probe.thread == fact.thread:
                counts["thread-ownership"] += 1
            elif probe.caller == fact.caller:
                counts["no-cross-thread-recall"] += 1
            else:
                counts["no-cross-resource-leakage"] += 1
    return counts
