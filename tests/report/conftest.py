"""Judgements for the reports to render: three written by hand, and any at all."""

import itertools
from datetime import date

import msgspec
import pytest
from hypothesis import strategies as st
from msgspec import inspect
from msgspec.structs import replace

from overheard.check.result import (
    Attribution,
    Cell,
    Finding,
    InvariantResult,
    Judgement,
    Party,
    RegressionResult,
    Sensitivity,
    Standing,
    Traffic,
)
from overheard.core.baseline import Known
from overheard.core.canary import FactKey, mint_fact
from overheard.core.contract import Contract, declare
from overheard.core.ids import OMITTED
from overheard.core.operation import Operation, Plan
from overheard.core.source import Source

TOKEN = mint_fact(FactKey(7, 3, 0, 0))

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31m",
    "\u202ereversed\u202c\u200b\u2066\ufeff",
    "tag\U000e0041\ufe0f",
    "\r\n# heading\n- item\n1. one\n===",
    "| a | b |\n|---|---|",
    "a\\|b\\\\|c`d``e<script>alert(1)</script>&lt;",
    "![x](https://evil.example/x.png) [l](javascript:alert(1)) <https://evil.example>",
    "@octocat #1 GH-1 www.evil.example https://evil.example a@evil.example $x$ ~~no~~ :boom:",
    "'\"'''\"\"\"\\",
    "');__import__('os').system('true')#",
    "\ud800 half a pair",
    "\x00",
    "{0} {target} %s %(x)s",
    "<<fact>> <<ref>> <<ns>> <<uuid:a>>",
    TOKEN,
    "",
    "   ",
]

NASTIER = [
    "z" + "\u0335\u0336\u030d\u033f\u0311\u0306" * 40,
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "W" * 3_000,
    "</style></title></textarea></script><svg onload=alert(1)>",
    "<img src=x onerror=alert(1)><!--",
    "{{ 7 * 7 }}{% raw %}",
    "&#60;script&#62;",
]


@pytest.fixture(scope="session")
def hostile_text():
    """Any text, with more than its share of what breaks terminals, Markdown and source code."""
    pieces = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8))
    return st.one_of(pieces, st.lists(pieces, max_size=4).map(" ".join))


@pytest.fixture(scope="session")
def judgements(hostile_text):
    """Any judgement: every field anything that its type allows."""
    return _any_of(inspect.type_info(Judgement), hostile_text)


@pytest.fixture(scope="session")
def plans(hostile_text):
    return _any_of(inspect.type_info(Plan), hostile_text)


def _any_of(kind, text):
    match kind:
        case inspect.StructType() if kind.cls is Contract:
            return st.just(Contract(surface_scope={"search": "resource"}))
        case inspect.StructType():
            fields = {field.encode_name: _field(field, text) for field in kind.fields}
            return st.builds(kind.cls, **fields)
        case inspect.UnionType():
            return st.one_of([_any_of(one, text) for one in kind.types])
        case inspect.VarTupleType():
            return st.lists(_any_of(kind.item_type, text), max_size=3).map(tuple)
        case inspect.DictType():
            return st.dictionaries(st.sampled_from(["scope", "python"]), _any_of(kind.value_type, text))
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.IntType():
            return st.integers(0, 1 << 40)
        case inspect.FloatType():
            return st.floats(0, 1)
        case inspect.BoolType():
            return st.booleans()
        case inspect.DateType():
            return st.dates()
        case inspect.NoneType():
            return st.none()
        case inspect.StrType():
            return text
    raise AssertionError(f"a judgement may now hold a {kind}; say what one is")


def _field(field, text):
    values = _any_of(field.type, text)
    return st.one_of(values, st.just(OMITTED)) if field.default is msgspec.UNSET else values


def _result(name, *, status="judged", verdict="held", bound=0.0722, reasons=()):
    judged = status == "judged"
    return InvariantResult(
        name=name,
        title=f"{name}, in words",
        status=status,
        verdict=verdict if judged else None,
        exposures=120 if judged else 0,
        late=2 if judged else 0,
        uncontrolled=0,
        controls=240 if judged else 0,
        findings=3 if verdict in ("accepted", "violated") else 0,
        known=3 if verdict == "accepted" else 0,
        examples=40 if judged else 0,
        bound=bound if judged and verdict == "held" else None,
        reasons=reasons,
    )


def _plan():
    thread, alice, bob = "t-<<uuid:a>>", "user-<<ns>>", "user-<<ns>>-b"
    return Plan(
        scenario="same-thread",
        mode="concurrent",
        latency=20,
        operations=(
            Operation(
                number=0, round=0, caller="r0", resource=alice, thread=thread,
                text="My locker code is <<fact>>. (<<ref>>)", tells="locker code",
            ),
            Operation(
                number=2, round=1, caller="r0", resource=alice, thread=thread,
                text="What did I say? (<<ref>>)", asks=(0,),
            ),
            Operation(
                number=5, round=1, caller="r1", resource=bob, thread=thread,
                text="What is my locker code? (<<ref>>)", asks=(0,), intrudes=True,
            ),
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def finding():
    return Finding(
        invariant="thread-ownership",
        diagnosis="thread id is the only key",
        advice="Make the resource part of the key.",
        channel="reply",
        disguise="",
        owner=Party(caller="r0", tenant=None, resource="'user-3fa9'", thread="'t-5d0c'", operation=4),
        observer=Party(caller="r1", tenant="acme", resource="OMITTED", thread="'t-5d0c'", operation=9),
        told_at=1_204_113,
        seen_at=1_310_007,
        token=TOKEN,
        evidence=f"Your locker code is {TOKEN}, write to dora@example.com",
        scenario="same-thread",
        example=3,
        condition="concurrent",
        occurrences=41,
        examples=17,
        minimal=_plan(),
        minimal_owner=0,
        minimal_observer=5,
        replays=3,
        replayed=2,
        places=("send/prompt", "send/reply"),
        new=("send/prompt", "send/reply"),
    )


@pytest.fixture(scope="session")
def known():
    return Known(
        number=2,
        invariant="thread-ownership",
        diagnosis="thread id is the only key",
        places=("send/reply",),
        reason="the new store checks the owner",
        owner="ada@example.org",
        expires=date(2030, 3, 31),
    )


@pytest.fixture(scope="session")
def accepted(held, finding, known):
    """A run in which nothing was found that the baseline does not know; another entry of it is over."""
    over = replace(known, number=1, invariant="ids-required", expires=date(2029, 12, 31))
    return replace(
        held,
        verdict="accepted",
        invariants=(
            _result("recall-within-thread"),
            _result("no-cross-thread-recall"),
            _result("no-cross-resource-leakage"),
            _result("thread-ownership", verdict="accepted", reasons=("ada accepts it",)),
            _result("ids-required"),
        ),
        findings=(replace(finding, accepted=(known,), new=()),),
        regressions=(
            RegressionResult(
                name="thread-ownership.thread-id-is-the-only-key.0a1b2c",
                invariant="thread-ownership",
                diagnosis="thread id is the only key",
                status="judged",
                verdict="accepted",
                plays=1,
                shown=1,
                reasons=("everything is known",),
            ),
            RegressionResult(
                name="ids-required.missing-ids-share-a-bucket.0a1b2c",
                invariant="ids-required",
                diagnosis="missing ids share a bucket",
                status="judged",
                verdict="held",
                plays=1,
                shown=0,
            ),
        ),
        baseline=(
            Standing(entry=over, state="expired", findings=0),
            Standing(entry=known, state="hides", findings=1),
        ),
    )


@pytest.fixture(scope="session")
def held():
    declared = declare(
        ("target", {"thread_ids": "bearer"}), ("flag", {"scope.search": "resource", "missing_ids": "refuse"})
    )
    conditions = ("sequential", "interleaved", "concurrent")
    cells = [
        Cell(
            surface="send",
            relation=relation,
            condition=condition,
            state="not offered" if condition == "concurrent" else "controlled",
            exposures=0 if condition == "concurrent" else 60,
            controls=120,
            reason="its operations never suspend" if condition == "concurrent" else "",
        )
        for relation in ("recall-within-thread", "no-cross-resource-leakage")
        for condition in conditions
    ]
    return Judgement(
        verdict="held",
        reasons=(),
        notes=("2 model calls came after their reply",),
        invariants=(
            _result("recall-within-thread"),
            _result("no-cross-thread-recall"),
            _result("no-cross-resource-leakage"),
            _result("thread-ownership", status="not promised", reasons=("thread_ids is bearer",)),
            _result("ids-required"),
        ),
        findings=(),
        coverage=tuple(cells),
        attribution=Attribution(calls=812, attributed=810, ambiguous=0, late=2, unattributed=0),
        sensitivity=(
            Sensitivity(
                invariant="no-cross-resource-leakage",
                injector="hand-over",
                channel="reply",
                injected=3,
                seen=3,
            ),
        ),
        traffic=Traffic(
            examples=40, operations=640, ok=600, refused=40, unknown=0, empty=0, overlapping=210, stalls=0
        ),
        contract=declared.contract,
        origins=declared.origins,
        target="examples/agent.py:graph",
        command="",
        profile="standard",
        scenarios=("recall", "same-thread"),
        started="2030-01-01T00:00:00+00:00",
        overheard="0.1.0",
        versions={"python": "3.11.9"},
        campaign=7,
        seed=42,
        complete=True,
        source=Source(file="examples/agent.py", line=12, sha256="ab" * 32),
    )


@pytest.fixture(scope="session")
def violated(held, finding):
    reduced_not = replace(finding, invariant="ids-required", minimal=None, replays=0, replayed=0)
    return replace(
        held,
        verdict="violated",
        invariants=(
            _result("recall-within-thread"),
            _result("no-cross-thread-recall"),
            _result("no-cross-resource-leakage"),
            _result("thread-ownership", verdict="violated"),
            _result("ids-required", verdict="violated"),
        ),
        findings=(finding, reduced_not),
    )


@pytest.fixture(scope="session")
def inconclusive(held):
    nothing = ("no owner ever recalled a fact, so a leak would not have shown",)
    return replace(
        held,
        verdict="inconclusive",
        reasons=("every call ended in an error",),
        invariants=tuple(
            _result(name, verdict="inconclusive", reasons=nothing)
            for name in ("recall-within-thread", "no-cross-resource-leakage")
        ),
    )


@pytest.fixture(scope="session")
def hostile(violated):
    """A judgement in which everything that a target can say or be called is an attack."""
    nasty = itertools.cycle([*HOSTILE, *NASTIER])

    def poisoned(value):
        return " ".join([value, *(next(nasty) for _ in range(3))])

    return _changed(violated, poisoned)


def _changed(value, change):
    """`value` with every text in it changed that is not one of a few given words."""
    match value:
        case Contract():
            return value
        case msgspec.Struct():
            fields = {field.encode_name: field.type for field in inspect.type_info(type(value)).fields}
            free = [name for name, kind in fields.items() if not _is_choice(kind)]
            return replace(value, **{name: _changed(getattr(value, name), change) for name in free})
        case str():
            return change(value)
        case tuple():
            return tuple(_changed(one, change) for one in value)
        case dict():
            return {key: _changed(one, change) for key, one in value.items()}
    return value


def _is_choice(kind):
    match kind:
        case inspect.UnionType():
            return any(_is_choice(one) for one in kind.types)
        case inspect.DictType():
            return _is_choice(kind.value_type)
        case inspect.VarTupleType():
            return _is_choice(kind.item_type)
    return isinstance(kind, inspect.LiteralType)
