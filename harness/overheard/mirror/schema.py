"""JSON schemas as data: following references, putting two together, telling whether a document fits."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote


class BadSchema(Exception):  # noqa: N818 - named as the request error it becomes
    """A schema that is none; the message says why."""


def target(root: Any, reference: str) -> Any:
    """What a reference within the document `root` leads to; anything goes (`{}`) if it leads nowhere."""
    pointer = reference.partition("#")[2]
    found = root
    for step in pointer.split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            return {}
    return found


@contextmanager
def blamed(schema: Any) -> Iterator[None]:
    """Raise BadSchema, saying what is wrong, if reading a schema fails because it is none."""
    try:
        yield
    except RecursionError:
        raise BadSchema("it refers to itself without end") from None
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        if why := fault(schema):
            raise BadSchema(why) from error
        raise  # the schema is fine, so the mistake is ours


class Heights:
    """How deep the smallest document of each part of a schema is."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[str, float] = {}

    def of(self, schema: Any) -> float:
        """How deep the smallest document of `schema` is; infinite if it needs itself.

        References are measured together, again and again until no height changes: following them one
        inside the other takes n! steps on n types that all contain each other (a syntax tree).
        """
        while True:
            before = dict(self._known)
            height = self._measure(schema)
            for name in list(self._known):
                self._known[name] = self._measure(target(self._root, name))
            if self._known == before:
                return height

    def _measure(self, schema: Any) -> float:
        if schema is False:
            return math.inf
        if not isinstance(schema, Mapping) or "const" in schema or "enum" in schema:
            return 0
        heights = [self._measure(part) for part in schema.get("allOf") or ()]
        if (name := reference(schema)) is not None:
            heights.append(self._known.setdefault(name, math.inf))
        for options in filter(None, (schema.get("anyOf"), schema.get("oneOf"))):
            heights += [min(map(self._measure, options))]
        properties = mapping(schema.get("properties"))
        heights += [1 + self._measure(properties.get(each, {})) for each in required(schema)]
        if schema.get("minItems"):
            heights.append(1 + self._measure(schema.get("items", {})))
        return max(heights, default=0)


def reference(schema: Any) -> str | None:
    """Where `$ref` points, if the schema has one."""
    name = schema.get("$ref") if isinstance(schema, Mapping) else None
    return name if isinstance(name, str) else None


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def required(schema: Mapping[str, Any]) -> list[str]:
    """Names of the properties an object must have."""
    names = schema.get("required")
    return [str(each) for each in names] if isinstance(names, list) else []


def without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The schema less one keyword."""
    return {each: value for each, value in schema.items() if each != key}


def rooted(schema: Mapping[str, Any], root: Any) -> dict[str, Any]:
    """`schema` with the definitions of the document it comes from, so that its references still lead."""
    homes = ("$defs", "definitions")
    return {**{key: root[key] for key in homes if isinstance(root, Mapping) and key in root}, **schema}


def merge(one: Any, other: Any) -> Any:
    """Both schemas at once, keyword by keyword: the tighter bound, all properties, the common types."""
    if one is False or other is False:
        return False
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one if isinstance(one, Mapping) else (other if isinstance(other, Mapping) else {})
    merged: dict[str, Any] = dict(one)
    for key, value in other.items():
        merged[key] = _both(key, merged[key], value) if key in merged else value
    return merged


def _both(key: str, one: Any, other: Any) -> Any:
    if key == "properties":
        both = dict(mapping(one))
        for name, inner in mapping(other).items():
            both[name] = {"allOf": [both[name], inner]} if name in both else inner
        return both
    if key == "required":
        return list(dict.fromkeys([*one, *other]))
    if key in ("minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum"):
        return max(one, other)
    if key in ("maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum"):
        return min(one, other)
    if key == "type":
        return _common_type(one, other)
    if key == "enum":
        return [option for option in one if option in other] or other
    if key in ("anyOf", "oneOf"):
        return [{"allOf": [{key: one}, option]} for option in other]
    if key == "items":
        return {"allOf": [one, other]}
    return other


def _common_type(one: Any, other: Any) -> Any:
    ones, others = ([each] if isinstance(each, str) else list(each) for each in (one, other))
    common = [kind for kind in ones if kind in others]
    if "integer" in (*ones, *others) and "number" in (*ones, *others) and not common:
        common = ["integer"]
    return common[0] if len(common) == 1 else (common or other)


def beyond(schema: Any) -> bool:
    """Whether a schema uses keywords that are met by luck only, so that the document must be checked."""
    if isinstance(schema, Mapping):
        hard = ("not", "if", "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas",
                "dependencies", "maxProperties", "maxContains", "unevaluatedProperties")  # fmt: skip
        return any(key in schema for key in hard) or any(map(beyond, schema.values()))
    return isinstance(schema, list) and any(map(beyond, schema))


def kinds(value: Any) -> set[str]:
    """The JSON schema types that a value has."""
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int | float):
        return {"number", "integer"} if value == int(value) else {"number"}
    names: list[tuple[type, str]] = [(str, "string"), (list, "array"), (dict, "object")]
    return {next((name for kind, name in names if isinstance(value, kind)), "null")}


def fault(schema: Any) -> str | None:
    """What is wrong with a schema as such, or None."""
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - heavy, rarely needed

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{error.message} (at {error.json_path})"
    return None


def valid(schema: Any, value: Any) -> bool:
    """Whether the document meets the schema; a schema that cannot be checked is given the benefit."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - heavy, and only some schemas need it
    from jsonschema.exceptions import UnknownType  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    try:
        # An empty registry: the default one would fetch references from the network.
        return bool(Draft202012Validator(schema, registry=Registry()).is_valid(value))
    except (Unresolvable, UnknownType, re.error):
        return True
