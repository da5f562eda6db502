"""What is wrong with a target file, in sentences that name the key and what is allowed there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from overheard.adapters.http.model import NEVER_REFUSED
from overheard.adapters.http.path import parse as parse_path
from overheard.adapters.http.schema import schema
from overheard.core.operation import BEYOND, BY_MESSAGE
from overheard.scenario.problems import near

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_REQUESTS: Final = ("login", "mint", "send", "stream", *BEYOND)
_BODIES: Final = ("json", "form", "text")
_TYPES: Final = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a table",
    "array": "a list",
}


def problems(data: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with the contents of one file, whatever preset it builds on."""
    found = sorted(_validator().iter_errors(data), key=lambda error: [str(part) for part in error.path])
    if found:
        return [sentence for error in found for sentence in _sentences(error)]
    return [*_contradictions(data)]


def lacking(data: Mapping[str, Any], presets: Iterable[str]) -> Iterator[str]:
    """What a file and its preset together still have to say."""
    if "url" not in data:
        yield 'without url, such as url = "http://127.0.0.1:8000"'
    if "send" not in data:
        yield (
            "without the table [send], which says how a message is sent; or name a preset: "
            f"{', '.join(presets)}"
        )
    for key in _REQUESTS:
        if key in data and "path" not in data[key]:
            yield f"{key}: without path"
    for key, needed in (("mint", "ids"), ("login", "credentials"), ("stream", "events")):
        if key in data and not data[key].get(needed):
            yield f"{key}: without {needed}"
    if "login" in data and "credentials" in data:
        yield "credentials and [login] are two ways to the same thing; keep one"
    yield from _lacking_beyond(data)


def _lacking_beyond(data: Mapping[str, Any]) -> Iterator[str]:
    """The same of the surfaces beyond sending."""
    for name in BY_MESSAGE:
        if name in data and "{message_id}" not in str(data[name]):
            yield f"{name}: without {{message_id}}, which says which message is meant"
    for name in data.get("surfaces", ()):
        if name not in data:
            yield f"surfaces: names {name}, and there is no table [{name}]"
    if "mint" in data and "create_thread" in data and "{thread}" not in str(data["create_thread"]):
        yield (
            "create_thread and [mint] are two ways to the same thing; keep one, or write {thread} in "
            "create_thread"
        )


def _contradictions(data: Mapping[str, Any]) -> Iterator[str]:
    """What the schema cannot say."""
    for key in _REQUESTS:
        request = data.get(key, {})
        bodies = [name for name in _BODIES if name in request]
        if len(bodies) > 1:
            yield f"{key}: {' and '.join(bodies)} are each a whole body; a request has one"
        if "?" in request.get("path", ""):
            yield f"{key}.path: what follows the ? is written under [{key}.query]"
        yield from _headers(f"{key}.headers", request.get("headers", {}))
        yield from _paths(key, request)
    yield from _headers("headers", data.get("headers", {}))
    for status in data.get("refused", {}).get("status", ()):
        if status in NEVER_REFUSED:
            yield f"refused.status: {status} says `not now`, which proves nothing about whose thread it is"
    for place, conditions in enumerate(data.get("refused", {}).get("when", ())):
        if not conditions:
            yield f"refused.when[{place}]: is empty, so that every answer would be a refusal"
        yield from _are_paths(f"refused.when[{place}]", conditions)


def _headers(key: str, headers: Mapping[str, str]) -> Iterator[str]:
    for name in headers:
        if not _TOKEN.fullmatch(name):
            yield f"{key}: {name!r} is no name that a header can have"


def _paths(key: str, request: Mapping[str, Any]) -> Iterator[str]:
    single = {
        f"{key}.{name}": request[name] for name in ("answer", "error", "credentials") if name in request
    }
    single |= {f"{key}.ids.{name}": path for name, path in request.get("ids", {}).items()}
    events = request.get("events", {})
    if "text" in events:
        single[f"{key}.events.text"] = events["text"]
    for name, path in single.items():
        yield from _is_path(name, path)
    for name in ("when", "done_when", "failed"):
        yield from _are_paths(f"{key}.events.{name}", events.get(name, {}))


def _are_paths(key: str, conditions: Mapping[str, Any]) -> Iterator[str]:
    for path in conditions:
        yield from _is_path(key, path)


def _is_path(key: str, path: str) -> Iterator[str]:
    try:
        parse_path(path)
    except ValueError as error:
        yield f"{key}: {path!r} is no path: {error}; a path is written choices.0.message.content"


@lru_cache(maxsize=1)
def _validator() -> Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 40 ms that a target in Python must not pay

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
        yield from (f"{where}there is no key {name!r}; {near(name, known)}" for name in unknown)
    elif rule == "enum":
        yield f"{where}{value!r} is not known; {near(value, allowed)}"
    elif rule == "anyOf":
        kinds = ", ".join(_TYPES.get(str(each.get("type")), "a value") for each in allowed)
        yield f"{where}is {value!r}; it takes one of: {kinds}"
    elif rule == "pattern":
        yield f"{where}is {value!r}; it starts with a slash"
    else:
        says = _SAYS.get(rule, "{message}")
        kind = _TYPES.get(str(allowed), str(allowed))
        yield where + says.format(value=value, allowed=allowed, kind=kind, message=error.message)


_SAYS: Final[Mapping[str, str]] = {
    "type": "is {value!r}; it takes {kind}",
    "minimum": "is {value}; the least is {allowed}",
    "maximum": "is {value}; the most is {allowed}",
    "exclusiveMinimum": "is {value}; it has to be more than {allowed}",
    "minLength": "is empty; it takes some words",
}


def _key(path: Iterable[str | int]) -> str:
    key = ""
    for part in path:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key
