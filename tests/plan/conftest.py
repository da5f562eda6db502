"""What the tests of plans share: built-in scenarios and drawn ones, what a valid plan is, and simple counts
of controlled exposures and promised recalls. All of it is written from the definitions, not from the weave.
"""

from collections import Counter, defaultdict

import msgspec
import pytest
from hypothesis import strategies as st

from overheard.core.canary import decode_canary, find_canaries
from overheard.core.collision import FAMILIES, RESERVED, collisions
from overheard.core.contract import Contract, declare
from overheard.core.ids import MISSING_KINDS, OMITTED, missing_kind
from overheard.core.offers import Offers, Takes
from overheard.core.operation import (
    BEYOND,
    BY_MESSAGE,
    FACT_MARK,
    FURTHER,
    NONCE_MARK,
    SENDING,
    TITLED,
    Plan,
    bind_ids,
    bind_text,
)
from overheard.scenario.load import builtin
from overheard.scenario.model import COLLIDING_IDS, IDENTIFIERS, MISSING_IDS, MOVES, Scenario
from overheard.scenario.problems import contradictions, problems

CAMPAIGN, EXAMPLE = 4711, 3
OWN = ("thread", "resource")
LIBRARY = Offers(
    surfaces=("send", *BEYOND),
    beyond={
        "list_threads": Takes(accepts=("resource",)),
        "read_messages": Takes(accepts=OWN),
        "read_message": Takes(accepts=("resource", "message_id"), required=("message_id",)),
        "search": Takes(accepts=("resource", "filters"), required=("resource",)),
        "create_thread": Takes(accepts=(*OWN, "title")),
        "clone_thread": Takes(accepts=(*OWN, "new_thread")),
        "update_thread": Takes(accepts=(*OWN, "title", "new_resource")),
        "transfer_thread": Takes(accepts=(*OWN, "new_resource")),
        "delete_message": Takes(accepts=("resource", "message_id"), required=("message_id",)),
        "delete_thread": Takes(accepts=OWN),
        "delete_resource": Takes(accepts=("resource",)),
    },
)
"""A target with every surface: what every scenario can be woven for."""


class Scenarios(dict):
    def __repr__(self):
        return "built-in scenarios"  # Hypothesis prints what a failing test was given


@pytest.fixture(scope="session")
def scenarios():
    return Scenarios(builtin())


@pytest.fixture(scope="session")
def library():
    return LIBRARY


@pytest.fixture(scope="session")
def count_controlled():
    return controlled


@pytest.fixture(scope="session")
def count_recalls():
    return recalled


@pytest.fixture(scope="session")
def assert_valid():
    return valid


@pytest.fixture(scope="session")
def drawn():
    """Hypothesis strategies: contracts, what targets offer, and scenarios that files could hold."""
    return Drawn()


class Drawn:
    def __init__(self):
        self.contracts = contracts()
        self.offers = offers()
        self.scenarios = own_scenarios()

    def __repr__(self):
        return "strategies"


def contracts():
    """Any contract that can be declared."""
    ways = st.sampled_from(("closed", "refuse", "ordinary"))
    keys = {
        "scope": st.sampled_from(("thread", "resource", "tenant")),
        "thread_ids": st.sampled_from(("owned", "bearer")),
        "recall": st.one_of(st.integers(0, 8), st.just(1000)),
        "recall_kind": st.sampled_from(("exact", "ranked")),
        "authentication": st.sampled_from(("none", "caller")),
        "settle": st.just(0),
        "scope.search": st.just("resource"),
        **{f"missing_ids.{kind}": ways for kind in MISSING_KINDS},
    }
    return st.fixed_dictionaries({}, optional=keys).map(lambda flags: declare(("flag", flags)).contract)


def offers():
    """Any combination of keywords that a target's `send` may take, and cannot be called without."""

    @st.composite
    def offer(draw):
        accepts = draw(st.lists(st.sampled_from(("thread", "resource", "tenant", "caller")), unique=True))
        required = [keyword for keyword in accepts if draw(st.booleans())]
        beyond = {name: draw(taken(name)) for name in BEYOND if draw(st.booleans())}
        return Offers(
            surfaces=("send", *beyond), accepts=tuple(accepts), required=tuple(required), beyond=beyond
        )

    return offer()


@st.composite
def taken(draw, surface):
    words = ("thread", "resource", "tenant", "caller", *FURTHER.get(surface, ()))
    accepts = draw(st.lists(st.sampled_from(words), unique=True))
    return Takes(accepts=tuple(accepts), required=tuple(word for word in accepts if draw(st.booleans())))


def scenario_data():
    """The contents of scenario files that are right by themselves: every key that there is, any values."""

    def between(low, high):
        return st.lists(st.integers(low, high), min_size=2, max_size=2).map(sorted)

    def some(values):
        return st.lists(st.sampled_from(values), min_size=1, unique=True)

    words = st.text(min_size=1, max_size=12)
    return st.fixed_dictionaries(
        {
            "title": words,
            "shows": words,
            "invariants": st.just(["recall-within-thread"]),  # what plans are judged by does not change them
            "weights": st.dictionaries(
                st.sampled_from(MOVES), st.floats(0, 1000) | st.integers(0, 9), min_size=1
            ),
        },
        optional={
            "mode": st.sampled_from(("sequential", "interleaved", "concurrent")),
            "references": st.lists(words, max_size=3),
            "population": st.fixed_dictionaries(
                {},
                optional={
                    "resources": between(1, 12),
                    "threads": between(1, 5),
                    "tenants": between(1, 4),
                    "facts": between(1, 3),
                },
            ),
            "identifiers": some(IDENTIFIERS),
            "turns": between(4, 60),
            "missing": st.fixed_dictionaries(
                {}, optional={"kinds": some(MISSING_KINDS), "ids": some(MISSING_IDS)}
            ),
            "colliding": st.fixed_dictionaries(
                {}, optional={"by": some(FAMILIES), "ids": some(COLLIDING_IDS)}
            ),
            "width": between(2, 8),
            "latency": st.integers(0, 50),
        },
    )


def own_scenarios():
    """Scenarios that nobody has written yet, among those that the loader would take."""
    return scenario_data().map(convert).filter(lambda scenario: not list(contradictions(scenario)))


def convert(data):
    assert problems(data) == []
    return msgspec.convert({"name": "drawn", **data}, Scenario, strict=False)


def valid(plan: Plan, scenario: Scenario, contract: Contract, offers: Offers) -> None:
    """Everything that must be true of every plan, whatever it was woven from."""
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
    operations = plan.operations
    assert [op.number for op in operations] == list(range(len(operations)))
    _rounds(plan, scenario)
    attributes = set()
    texts = {}
    for op in operations:
        _references(op, operations)
        _text(op, operations, texts)
        _ids(op, contract, offers)
        if op.tells is not None:
            # Memory merges facts about one thing: each of a resource's facts is about another.
            assert (op.caller, op.tells) not in attributes
            attributes.add((op.caller, op.tells))
    _ownership(plan, contract, offers)


def _rounds(plan, scenario):
    members = defaultdict(list)
    for op in plan.operations:
        members[op.round].append(op)
    assert [op.round for op in plan.operations] == sorted(op.round for op in plan.operations)
    assert sorted(members) == list(range(len(members)))
    for together in members.values():
        assert len({op.caller for op in together}) == len(together)
        assert len(together) <= (scenario.width[1] if plan.mode == "concurrent" else 1)


def _references(op, operations):
    assert not (op.tells is not None and op.asks)
    assert len(set(op.asks)) == len(op.asks)
    for number in op.asks:
        fact = operations[number]
        assert fact.tells is not None
        assert fact.round < op.round, "what is asked for was told and over before"
        assert fact.tells in op.text or op.surface in ("list_threads", "read_messages", "read_message")
    assert (op.message is not None) == (op.surface in BY_MESSAGE)
    if op.message is not None:
        told = operations[op.message]
        assert told.surface in SENDING
        assert told.tells is not None
        assert told.round < op.round, "an id can be shown only of what was said"
    if op.same_text_as is not None:
        leader = operations[op.same_text_as]
        assert leader.number < op.number
        assert leader.same_text_as is None
        assert leader.text == op.text


def _text(op, operations, texts):
    if op.surface not in SENDING:
        # No message, and so no nonce; a search names one fact by its attribute, and nothing utters it.
        assert op.same_text_as is None
        if op.surface in TITLED and op.tells is not None:
            assert op.text == f"{FACT_MARK} ({op.tells})"
            return
        assert op.tells is None
        assert op.text == (operations[op.asks[0]].tells if op.surface == "search" else "")
        return
    assert not op.filters
    assert op.text.count(NONCE_MARK) == 1
    assert op.text.count(FACT_MARK) == (1 if op.tells is not None else 0)
    text = bind_text(op, CAMPAIGN, EXAMPLE)
    found = find_canaries(text)
    if op.tells is None:
        # Whoever asks must not utter what it asks for: then its own words would be the evidence.
        assert found == []
    else:
        assert [decode_canary(token).fact.operation for token in found] == [op.number]
        assert text.index(found[0]) + len(found[0]) <= 60
    if op.same_text_as is None:
        assert text not in texts, "no text is sent twice but where that is the point"
        texts[text] = op.number
    else:
        assert texts[text] == op.same_text_as


def _ids(op, contract, offers):
    takes = offers.takes(op.surface)
    assert op.surface in offers.surfaces
    assert not op.filters or "filters" in takes.accepts
    assert op.new_resource is OMITTED or "new_resource" in takes.accepts
    assert (op.new_thread is OMITTED) == (op.surface != "clone_thread")
    assert op.tells is None or op.surface in SENDING or "title" in takes.accepts
    for keyword, value in (("thread", op.thread), ("resource", op.resource)):
        kind = missing_kind(value)
        if kind is None:
            assert "<<" in value or value in RESERVED, "an id without a namespace meets another example's"
            continue
        assert keyword in takes.accepts
        assert contract.missing(value) == kind, "what the contract calls an ordinary id is not left out"
        assert not (value is OMITTED and keyword in takes.required), "a TypeError is no refusal"
    assert (op.tenant is not None) == ("tenant" in offers.accepts)


def _ownership(plan, contract, offers):
    """Who is who: an id belongs to one caller, and everybody else who presents it intrudes."""
    owner_of, thread_of, tenants, seen_as = {}, {}, {}, {}
    for op in plan.operations:
        assert tenants.setdefault(op.caller, op.tenant) == op.tenant
        thread, resource = bind_ids(op, CAMPAIGN, EXAMPLE)
        if op.intrudes:
            continue
        if missing_kind(resource) is None:
            assert owner_of.setdefault(resource, op.caller) == op.caller
        if missing_kind(thread) is None:
            assert thread_of.setdefault(thread, op.caller) == op.caller
        if missing_kind(resource) is None and missing_kind(thread) is None:
            told = {"thread": thread, "resource": resource, "tenant": op.tenant, "caller": op.caller}
            shown = tuple(told[keyword] for keyword in sorted(offers.accepts))
            # A target cannot keep apart whom it cannot tell apart; that would be a leak of our own making.
            assert seen_as.setdefault(shown, op.caller) == op.caller
    for op in plan.operations:
        thread, resource = bind_ids(op, CAMPAIGN, EXAMPLE)
        if op.intrudes:
            assert thread_of[thread] != op.caller or owner_of[resource] != op.caller
            assert contract.thread_ids == "owned", "under bearer ids are unique per resource"


def recalled(plan: Plan, contract: Contract) -> int:
    """How often a fact is asked for in its own thread where the contract promises it: in the next turn, or
    as many stored messages later as it says, both roles counted.
    """
    count = 0
    for op in plan.operations:
        if op.surface not in SENDING:
            continue
        if op.intrudes or contract.missing(op.thread) or contract.missing(op.resource):
            continue
        for number in op.asks:
            fact = plan.operations[number]
            if (fact.caller, fact.thread, fact.resource) != (op.caller, op.thread, op.resource):
                continue
            between = sum(
                other.thread == op.thread and other.caller == op.caller and other.surface in SENDING
                for other in plan.operations[number + 1 : op.number]
            )
            count += between == 0 or 2 * between + 2 <= contract.recall
    return count


def collide(fact, probe):
    return bool(collisions(*(bind_ids(op, CAMPAIGN, EXAMPLE) for op in (fact, probe))))


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

    def asked_its_own(probe):
        return any(
            place(op) == place(probe) == place(operations[number]) for op in operations for number in op.asks
        )

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
            if complete(probe) and collide(fact, probe) and forbidden(probe, fact):
                # The id that it presents was its own: it was told something under it, and asked for it.
                counts["distinct-ids-stay-distinct"] += probe.thread == fact.thread or asked_its_own(probe)
                continue
            if not served(probe.caller, before):
                continue
            if not complete(probe):
                # Whoever proved who it is may be served as itself when it names no resource.
                itself = contract.authentication == "caller" and probe.caller == fact.caller
                if not itself or contract.missing(probe.thread) is not None:
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
