"""Declaring a contract: layers, origins, and errors that name key, origin and what is allowed."""

import msgspec
import pytest

from overheard.core.contract import (
    ORIGINS,
    Contract,
    DeclaredContract,
    contract_keys,
    declare,
    parse_settings,
)
from overheard.core.errors import UsageError
from overheard.core.ids import OMITTED


def message(*layers):
    with pytest.raises(UsageError) as error:
        declare(*layers)
    return str(error.value)


def test_nothing_declared_is_the_default():
    declared = declare()
    assert declared.contract == Contract()
    assert set(declared.origins.values()) == {"default"}
    assert set(declared.origins) == {
        "scope", "thread_ids", "missing_ids", "recall", "recall_kind", "settle", "deletion", "authentication"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        ({"scope": "resource"}, "scope", "resource"),
        ({"thread_ids": "bearer"}, "thread_ids", "bearer"),
        ({"recall": "12"}, "recall", 12),
        ({"recall": 12}, "recall", 12),
        ({"settle": "250"}, "settle", 250),
        ({"recall_kind": "ranked"}, "recall_kind", "ranked"),
        ({"authentication": "caller"}, "authentication", "caller"),
    ],
)
def test_each_key_sets_its_field_and_remembers_its_origin(settings, field, value):
    declared = declare(("file", settings))
    assert getattr(declared.contract, field) == value
    assert declared.origins[field] == "file"
    assert sum(origin == "file" for origin in declared.origins.values()) == 1


def test_later_layers_win_key_by_key():
    declared = declare(
        ("target", {"scope": "tenant", "thread_ids": "bearer", "recall": 2}),
        ("file", {"scope": "resource", "recall": 4}),
        ("environment", {"recall": "6"}),
        ("flag", {"recall": "8"}),
    )
    contract = declared.contract
    assert (contract.scope, contract.thread_ids, contract.recall) == ("resource", "bearer", 8)
    assert declared.origins["scope"] == "file"
    assert declared.origins["thread_ids"] == "target"
    assert declared.origins["recall"] == "flag"
    assert declared.origins["settle"] == "default"


def test_origins_are_listed_weakest_first():
    assert ORIGINS == ("default", "target", "file", "environment", "flag")


def test_a_surface_may_have_a_scope_of_its_own():
    declared = declare(("target", {"scope": "thread", "scope.search": "resource"}))
    assert declared.contract.scope_of("search") == "resource"
    assert declared.contract.scope_of("send") == "thread"
    assert declared.origins["scope.search"] == "target"


@pytest.mark.parametrize("kind", ["omitted", "null", "empty", "blank"])
def test_one_kind_of_missing_id(kind):
    declared = declare(("flag", {f"missing_ids.{kind}": "refuse"}))
    others = {"omitted": "closed", "null": "closed", "empty": "closed", "blank": "ordinary"}
    assert declared.contract.missing_ids == others | {kind: "refuse"}
    assert declared.origins[f"missing_ids.{kind}"] == "flag"


def test_a_sweeping_word_on_missing_ids_does_not_make_blank_a_missing_id():
    contract = declare(("flag", {"missing_ids": "refuse"})).contract
    assert contract.missing_ids == {
        "omitted": "refuse",
        "null": "refuse",
        "empty": "refuse",
        "blank": "ordinary",
    }


def test_the_kind_of_missing_id_depends_on_the_contract():
    contract = declare(("flag", {"missing_ids.null": "ordinary", "missing_ids.blank": "closed"})).contract
    assert contract.missing(None) is None
    assert contract.missing(" ") == "blank"
    assert contract.missing(OMITTED) == "omitted"
    assert contract.missing("") == "empty"
    assert contract.missing("a") is None
    assert Contract().missing(" ") is None


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("target", "declared on the target"),
        ("file", "from the configuration file"),
        ("environment", "from the environment"),
        ("flag", "from the command line"),
    ],
)
@pytest.mark.parametrize("key", ["scpoe", "", "recall.send", "missing_ids.nil", "thread_ids.send", "Scope"])
def test_an_unknown_key_is_named_with_its_origin_and_what_there_is(origin, words, key):
    said = message((origin, {key: "thread"}))
    assert said == f"there is no contract key {key!r} ({words}); there are: {', '.join(contract_keys())}"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("scope", "user", "thread, resource, tenant"),
        ("scope.search", "Thread", "thread, resource, tenant"),
        ("thread_ids", "", "owned, bearer"),
        ("missing_ids", "open", "closed, refuse, ordinary"),
        ("missing_ids.null", None, "closed, refuse, ordinary"),
        ("recall_kind", True, "exact, ranked"),
        ("authentication", "token", "none, caller"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(key, value, allowed):
    said = message(("flag", {key: value}))
    assert said == f"contract key {key} (from the command line) is {value!r}; it can be {allowed}"


@pytest.mark.parametrize("key", ["recall", "settle"])
@pytest.mark.parametrize("value", ["-1", "two", "", None, -3, 2.5, True, [], float("nan"), float("inf")])
def test_a_number_that_is_none_is_named(key, value):
    said = message(("file", {key: value}))
    assert said == (
        f"contract key {key} (from the configuration file) is {value!r}; it takes a whole number from 0 up"
    )


@pytest.mark.parametrize("key", ["scope.", ".search", "missing_ids."])
def test_a_key_that_ends_or_begins_with_its_dot_is_unknown(key):
    assert message(("flag", {key: "thread"})).startswith(f"there is no contract key {key!r}")


def test_every_key_listed_is_a_key():
    values = {
        "recall": 1,
        "settle": 1,
        "thread_ids": "owned",
        "recall_kind": "exact",
        "deletion": "conversation",
        "authentication": "none",
    }
    for key in contract_keys():
        word = values.get(key, "closed" if key.startswith("missing_ids") else "thread")
        assert declare(("flag", {key.replace("SURFACE", "search"): word}))


def test_words_become_settings():
    assert parse_settings(["scope=thread", " recall = 3 ", "scope.search=resource"]) == {
        "scope": "thread",
        "recall": "3",
        "scope.search": "resource",
    }
    assert parse_settings([]) == {}
    assert parse_settings(["a=b=c"]) == {"a": "b=c"}


@pytest.mark.parametrize("word", ["scope", "=thread", "", " =thread"])
def test_a_word_without_key_or_value_is_named(word):
    with pytest.raises(UsageError) as error:
        parse_settings([word])
    assert str(error.value) == f"contract setting {word!r} is not KEY=VALUE, such as thread_ids=bearer"


def test_a_declared_contract_survives_being_written_down():
    declared = declare(("flag", {"scope.search": "tenant", "missing_ids.blank": "refuse", "recall": 3}))
    assert msgspec.json.decode(msgspec.json.encode(declared), type=DeclaredContract) == declared
