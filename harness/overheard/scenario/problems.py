"""What is wrong with a scenario file, in sentences that name the key and what is allowed there."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, time
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from overheard.scenario.model import Scenario
from overheard.scenario.schema import REQUIRED, schema

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_CROWD = (
    "crosswise",
    "intrude",
    "take-over",
    "shared-thread",
    "same-text",
    "missing",
    "look",
    "change",
    "forget",
    "collide",
    "cancel",
)
"""Moves that take at least two resources."""

_REACH: Mapping[str, tuple[str, ...]] = {
    "no-cross-thread-recall": ("siblings", "look"),
    "no-cross-resource-leakage": ("crosswise", "look", "cancel"),
    "thread-ownership": ("intrude", "take-over", "shared-thread", "look", "change"),
    "distinct-ids-stay-distinct": ("collide",),
    "ids-required": ("missing", "look", "change"),
    "forgotten-stays-forgotten": ("forget",),
}
"""Moves that make chances to break a promise; recall is asked for by all of them."""


def near(word: object, allowed: Iterable[str]) -> str:
    """`did you mean ...? ` if something allowed looks like `word`, and what is allowed in any case."""
    names = list(allowed)
    close = get_close_matches(str(word), names, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}allowed: {', '.join(names)}"


def problems(data: Mapping[str, Any]) -> list[str]:
    """Everything that the schema finds wrong with the contents of one file."""
    found = sorted(_validator().iter_errors(data), key=lambda error: [str(part) for part in error.path])
    return [sentence for error in found for sentence in _sentences(error)]


def contradictions(scenario: Scenario) -> Iterator[str]:
    """What a schema cannot say: ranges the wrong way round, moves that the population has no room for,
    promises that no move puts to the test.
    """
    people = scenario.population
    ranges = {f"population.{name}": getattr(people, name) for name in people.__struct_fields__}
    ranges |= {"turns": scenario.turns, "width": scenario.width}
    for key, (low, high) in ranges.items():
        if low > high:
            yield f"{key} is [{low}, {high}]; the lowest value comes first"
    for move, weight in scenario.weights.items():
        if math.isnan(weight):
            yield f"weights.{move} is nan; it takes a number from 0 to 1000"
    for kind, weight in scenario.schedules.items():
        if math.isnan(weight):
            yield f"schedules.{kind} is nan; it takes a number from 0 to 1000"
    if not any(weight > 0 for weight in scenario.schedules.values()):
        yield "schedules gives nothing a weight above 0; gather = 1 leaves what overlaps to chance"
    made = [move for move, weight in scenario.weights.items() if weight > 0]
    if set(made) - {"chat"}:
        yield from _untested(scenario.invariants, made)
    else:
        yield "weights gives no move but chat a weight above 0; at least one more is needed"
    yield from _no_room(scenario, made)
    if scenario.mode != "concurrent":
        yield from _one_at_a_time(scenario, made)


def _one_at_a_time(scenario: Scenario, made: Collection[str]) -> Iterator[str]:
    """What takes several calls at once."""
    if "cancel" in made:
        yield (
            "weights gives the move cancel a weight, and the next call must come while the cancelled one is "
            "on its way; say mode = 'concurrent'"
        )
    if "reply-matches-request" in scenario.invariants:
        yield (
            "invariants names reply-matches-request, and answers are mixed up where several are waited for; "
            "say mode = 'concurrent'"
        )


def _untested(invariants: Iterable[str], made: Collection[str]) -> Iterator[str]:
    """Such a scenario could only ever be inconclusive, and would say so long after it was written."""
    for invariant in invariants:
        reach = _REACH.get(invariant, made)
        if not set(reach) & set(made):
            yield (
                f"invariants names {invariant}, and no move of weights puts it to the test; "
                f"give a weight to {' or '.join(reach)}"
            )


def _no_room(scenario: Scenario, made: Collection[str]) -> Iterator[str]:
    people = scenario.population
    crowd = [move for move in made if move in _CROWD]
    if crowd and people.resources[0] < 2:
        yield f"population.resources starts at {people.resources[0]}; the move {crowd[0]} needs 2 or more"
    if "siblings" in made and people.threads[0] < 2:
        yield f"population.threads starts at {people.threads[0]}; the move siblings needs 2 or more"
    if scenario.mode == "concurrent" and people.resources[0] < 2:
        yield (
            f"population.resources starts at {people.resources[0]}; "
            "operations of one round are those of different resources, so mode concurrent needs 2 or more"
        )


@lru_cache(maxsize=1)
def _validator() -> Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 40 ms that `--help` must not pay

    return Draft202012Validator(schema())


def _sentences(error: ValidationError) -> Iterator[str]:
    key = _key(error.absolute_path)
    where = f"{key}: " if key else ""
    rule = str(error.validator)
    value: Any = error.instance
    allowed: Any = error.validator_value
    table: Any = error.schema
    if rule == "additionalProperties":
        known = table["properties"]
        unknown = [name for name in value if name not in known]
        yield from (f"{where}there is no key {_short(name)}; {near(name, known)}" for name in unknown)
    elif rule == "enum":
        yield f"{where}{_short(value)} is not known; {near(value, allowed)}"
    elif rule == "anyOf":
        lacking = [name for name in REQUIRED if name not in value]
        yield f"without {', '.join(lacking)}, which a scenario must have unless it extends another"
    elif rule in ("minItems", "maxItems"):
        takes = "two whole numbers, lowest and highest" if table.get("maxItems") == 2 else "at least one"
        yield f"{where}has {len(value)} values; it takes {takes}"
    else:
        says = _SAYS.get(rule, "{message}")
        allowed = _TYPES.get(str(allowed), allowed)
        yield where + says.format(value=_short(value), allowed=allowed, message=error.message)


def _short(value: object) -> str:
    """A value as it can be shown in a line, whatever stands in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return value.isoformat()
    return _SHORTENER.repr(value)


_SHORTENER = reprlib.Repr()
_SHORTENER.maxstring = _SHORTENER.maxother = _SHORTENER.maxlong = 60

_TYPES: Mapping[str, str] = {
    "object": "a table",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
}

_SAYS: Mapping[str, str] = {
    "type": "is {value}; it takes {allowed}",
    "minimum": "is {value}; the least is {allowed}",
    "maximum": "is {value}; the most is {allowed}",
    "minLength": "is empty; it takes some words",
    "uniqueItems": "names something twice in {value}",
}


def _key(path: Iterable[str | int]) -> str:
    key = ""
    for part in path:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key
