import asyncio
from types import MappingProxyType
from unittest.mock import MagicMock

import pytest

import overheard
from overheard.adapters.declare import DEFAULT_REFUSALS, declaration_of, settings_of
from overheard.core.contract import declare
from overheard.core.errors import UsageError


@overheard.contract(thread_ids="bearer", missing_ids__blank="refuse", refusals=KeyError)
def function(message): ...


def test_the_decorator_only_marks():
    assert function("x") is None
    assert settings_of(function) == {"thread_ids": "bearer", "missing_ids.blank": "refuse"}
    assert declaration_of(function).refusals == (KeyError,)


def test_what_is_declared_is_what_the_contract_takes():
    contract = declare(("target", settings_of(function))).contract
    assert contract.thread_ids == "bearer"
    assert contract.missing_ids["blank"] == "refuse"


def test_decorators_add_up_and_the_outer_one_wins():
    @overheard.contract(scope="resource", refusals=(LookupError,))
    @overheard.contract(scope="tenant", recall=4)
    class Agent: ...

    assert settings_of(Agent) == {"scope": "resource", "recall": 4}
    assert settings_of(Agent()) == settings_of(Agent)
    assert declaration_of(Agent).refusals == (LookupError,)


def test_a_subclass_adds_to_its_base_without_changing_it():
    @overheard.contract(scope="resource")
    class Base: ...

    @overheard.contract(recall=4)
    class Sub(Base): ...

    assert settings_of(Sub) == {"scope": "resource", "recall": 4}
    assert settings_of(Base) == {"scope": "resource"}


def test_an_attribute_declares_without_an_import():
    class Agent:
        overheard_contract = MappingProxyType(
            {"thread_ids": "bearer", "missing_ids__null": "refuse", "refusals": [ValueError]}
        )

    assert settings_of(Agent()) == {"thread_ids": "bearer", "missing_ids.null": "refuse"}
    assert declaration_of(Agent()).refusals == (ValueError,)


def test_what_says_nothing_declares_nothing():
    for silent in (object(), lambda message: None, MagicMock(), 3):
        assert settings_of(silent) == {}
        assert declaration_of(silent).refusals is None
    assert (PermissionError, LookupError) == DEFAULT_REFUSALS


@pytest.mark.parametrize(
    ("misuse", "taught"),
    [
        (lambda: overheard.contract(function), r"write @overheard\.contract\(\.\.\.\)"),
        (lambda: overheard.contract(recall=1)(3), "cannot mark a int"),
        (lambda: overheard.contract(refusals="no"), "takes exception classes"),
        (lambda: overheard.contract(refusals=(ValueError("x"),)), "takes exception classes"),
        (
            lambda: settings_of(type("A", (), {"overheard_contract": "bearer"})()),
            "is a mapping of contract keys",
        ),
    ],
)
def test_misuse_is_taught(misuse, taught):
    with pytest.raises(UsageError, match=taught):
        misuse()


def test_the_entered_object_adds_to_its_factory_and_wins(talk):
    @overheard.contract(scope="resource", recall=2)
    class Agent:
        def send(self, message):
            raise ValueError("no")

    @overheard.contract(scope="tenant", settle=9, refusals=ValueError)
    async def build():
        await asyncio.sleep(0)
        return Agent()

    talked = talk(build, ("m", None, None))
    assert talked.adapted.settings == {"scope": "resource", "recall": 2, "settle": 9}
    assert isinstance(talked.said[0], overheard.Refused)
