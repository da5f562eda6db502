"""Documents that satisfy a JSON schema, with what the user said in the fields that are meant for it.

Extraction pipelines ask a model for documents: facts to store, arguments for a memory tool, a structured
answer. A random valid document would store nothing; so content goes where a schema has room for it and
labels (see `words`) stay neutral. Everything else is the smallest valid thing.

Understood: type, enum, const, properties, required, additionalProperties, minProperties, items,
prefixItems, contains, minItems, maxItems, uniqueItems, minLength, maxLength, pattern, format, minimum,
maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, anyOf, oneOf, allOf, $ref within the document,
and any JSON schema keyword whose demand such a document happens to meet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from overheard.core.canary import CANARY, NONCE
from overheard.mirror import words

NEUTRAL: Final = "note"
SHORT: Final = 40
"""Strings that may not be longer than this have no room for a message: they are labels."""

_OPTIONAL_DEPTH: Final = 4
_DEPTH: Final = 32
_BUDGET: Final = 5_000
"""Values written before only what is required is written: schemas can fan out."""

_LONGEST: Final = 1 << 20
"""Characters to which a string is padded at most, whatever a schema demands."""

_FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "PT1H",
    "email": "note@example.com",
    "idn-email": "note@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/note",
    "uri-reference": "/note",
    "iri": "https://example.com/note",
    "iri-reference": "/note",
    "uri-template": "/note",
    "url": "https://example.com/note",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/note",
    "relative-json-pointer": "0",
    "regex": "note",
    "byte": "bm90ZQ==",
    "binary": "note",
    "decimal": "1",
}


def _of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WELCOME: Final = _of("add create insert new save store remember append user")
_YES: Final = _of(
    """
    accept complete contain done finish has important memorable persist relevant remember save should store
    success sufficient useful valid worth
    """
)
_KEYWORDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class BadSchema(Exception):  # noqa: N818 - named as the request error it becomes
    """A schema that is none; the message says why."""


class Material(NamedTuple):
    """What may be written into free text.

    `told`     what the user said, word for word.
    `answer`   the answer in prose.
    `answers`  whether the document is an answer to somebody (a final-answer tool, or a question was asked):
               then its own texts are the answer, while lists of facts still take what was told.
    `optional` whether content is written into fields that are not required.
    """

    told: str
    answer: str
    answers: bool = False
    optional: bool = True


def document(schema: Any, material: Material, *, name: str = "") -> Any:
    """A document valid against `schema`; the best attempt if there is none (`False`, contradictions).

    `name` is what the whole document is called, for a schema that is no object.
    """
    try:
        return _document(schema, material, name)
    except RecursionError:
        raise BadSchema("the schema refers to itself without end") from None
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        if fault := _fault(schema):
            raise BadSchema(fault) from error
        raise  # the schema is fine, so the mistake is ours


def carries_content(schema: Any) -> bool:
    """Whether a document of this schema has a place for what somebody said. Raises BadSchema."""
    try:
        return _Writer(schema, Material("", "")).carries(schema, "", set())
    except RecursionError:
        raise BadSchema("the schema refers to itself without end") from None
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        if fault := _fault(schema):
            raise BadSchema(fault) from error
        raise


def _document(schema: Any, material: Material, name: str) -> Any:
    rich = _Writer(schema, material).value(schema, _Place(name=name))
    if not _beyond(schema) or _valid(schema, rich):
        return rich
    plain = _Writer(schema, material._replace(optional=False)).value(schema, _Place(name=name))
    return plain if _valid(schema, plain) else rich


class _Place(NamedTuple):
    """Where in the document a value stands.

    `name` of the field (of the array, for its items), `depth`, `nth` of the items of an array, whether it is
    `listed` (anywhere below an array), and the references followed to get here.
    """

    name: str = ""
    depth: int = 0
    nth: int = 0
    listed: bool = False
    refs: tuple[str, ...] = ()


class _Writer:
    def __init__(self, root: Any, material: Material) -> None:
        self._root = root
        self._material = material
        self._left = _BUDGET
        self._heights: dict[str, float] = {}

    def value(self, schema: Any, at: _Place) -> Any:
        self._left -= 1
        schema, at = self._resolve(schema, at)
        if schema is False or at.depth > _DEPTH:
            return None
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._pick(schema, at)
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self._branch(schema, key, at)
        kind = self._kind(schema, at)
        if kind == "object":
            return self._object(schema, at)
        if kind == "array":
            return self._array(schema, at)
        if kind == "string":
            return self._string(schema, at)
        if kind in ("number", "integer"):
            return _number(schema, at, whole=kind == "integer")
        return None if kind == "null" else _flag(at)

    # -- references and branches ---------------------------------------------------------------------------

    def _resolve(self, schema: Any, at: _Place) -> tuple[Any, _Place]:
        """Follow `$ref` and merge `allOf`, so that one flat mapping is left (or False)."""
        for _ in range(_DEPTH):
            if isinstance(schema, bool) or not isinstance(schema, Mapping):
                return (schema is not False) and {}, at
            if isinstance(reference := schema.get("$ref"), str):
                at = at._replace(refs=(*at.refs, reference))
                schema = _merge(_without(schema, "$ref"), self._target(reference))
            elif parts := schema.get("allOf"):
                schema = _without(schema, "allOf")
                for part in parts:
                    schema = _merge(schema, self._resolve(part, at)[0])
            else:
                return schema, at
        return False, at

    def _target(self, reference: str) -> Any:
        pointer = reference.partition("#")[2]
        found = self._root
        for step in pointer.split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, Mapping) and key in found:
                found = found[key]
            else:
                return {}
        return found

    def _branch(self, schema: Mapping[str, Any], key: str, at: _Place) -> Any:
        base = _without(schema, key)
        options = []
        for raw in schema[key]:
            option, there = self._resolve(raw, at)
            merged = _merge(base, option)
            if merged is not False:
                options.append((raw, merged, there, _reference(raw) in at.refs))
        if at.depth >= _OPTIONAL_DEPTH or any(again for *_, again in options):
            options.sort(key=lambda option: self._height(option[0]))
        else:
            # A label that may be null is null; anything else prefers to say something.
            last = not words.is_label(at.name)
            options.sort(key=lambda option: (option[1].get("type") == "null") == last)
        made = [self.value(merged, there) for _, merged, there, _ in options[: 1 if key == "anyOf" else None]]
        if key == "anyOf" or len(made) < 2:
            return made[0] if made else None
        whole = _rooted(schema, self._root)
        return next((each for each in made if _valid(whole, each)), made[0])

    def _height(self, schema: Any) -> float:
        """How deep the smallest document of `schema` is; infinite if it needs itself.

        References are measured together, again and again until no height changes: following them one
        inside the other takes n! steps on n types that all contain each other (a syntax tree).
        """
        while True:
            before = dict(self._heights)
            height = self._measure(schema)
            for reference in list(self._heights):
                self._heights[reference] = self._measure(self._target(reference))
            if self._heights == before:
                return height

    def _measure(self, schema: Any) -> float:
        if schema is False:
            return math.inf
        if not isinstance(schema, Mapping) or "const" in schema or "enum" in schema:
            return 0
        heights = [self._measure(part) for part in schema.get("allOf") or ()]
        if (reference := _reference(schema)) is not None:
            heights.append(self._heights.setdefault(reference, math.inf))
        for options in filter(None, (schema.get("anyOf"), schema.get("oneOf"))):
            heights += [min(map(self._measure, options))]
        properties = _mapping(schema.get("properties"))
        heights += [1 + self._measure(properties.get(each, {})) for each in _required(schema)]
        if schema.get("minItems"):
            heights.append(1 + self._measure(schema.get("items", {})))
        return max(heights, default=0)

    def _kind(self, schema: Mapping[str, Any], at: _Place) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, str):
            return kinds
        if isinstance(kinds, list) and kinds:
            if "null" in kinds and (words.is_label(at.name) or at.depth >= _OPTIONAL_DEPTH):
                return "null"
            return str(
                next((kind for kind in ("string", *kinds) if kind in kinds and kind != "null"), "null")
            )
        for kind, keywords in _KEYWORDS_OF.items():
            if any(keyword in schema for keyword in keywords):
                return kind
        return "string"

    def _pick(self, schema: Mapping[str, Any], at: _Place) -> Any:
        kinds = schema.get("type")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        options = [option for option in schema["enum"] if not kinds or _kinds(option) & set(kinds)]
        options = options or list(schema["enum"]) or [None]
        if at.nth:
            return options[at.nth % len(options)]
        if "default" in schema and schema["default"] in options:
            return schema["default"]
        welcome = (each for each in options if isinstance(each, str) and each.lower() in _WELCOME)
        return next(welcome, next((each for each in options if each is not None), None))

    # -- containers ----------------------------------------------------------------------------------------

    def carries(self, schema: Any, name: str, seen: set[str]) -> bool:
        """Whether `schema` has room for a message, by names and kinds, outside the references `seen`."""
        if words.is_label(name) or _reference(schema) in seen:
            return False
        schema, at = self._resolve(schema, _Place())
        seen.update(at.refs)
        if schema is False or "const" in schema or "enum" in schema:
            return False
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return any(self.carries(option, name, seen) for option in schema[key])
        kind = self._kind(schema, _Place())
        if kind == "object":
            properties = _mapping(schema.get("properties"))
            return any(self.carries(inner, key, seen) for key, inner in properties.items())
        if kind == "array":
            return self.carries(schema.get("items", {}), name, seen)
        return kind == "string" and _roomy(schema)

    def _object(self, schema: Mapping[str, Any], at: _Place) -> dict[str, Any]:
        properties = _mapping(schema.get("properties"))
        names = dict.fromkeys(_required(schema))
        if self._material.optional and at.depth < _OPTIONAL_DEPTH and self._left > 0:
            wanted = (key for key, inner in properties.items() if self.carries(inner, key, set(at.refs)))
            names |= dict.fromkeys(wanted)
        least = int(schema.get("minProperties") or 0)
        for key in properties:
            if len(names) >= least:
                break
            names.setdefault(key)
        extra = schema.get("additionalProperties", True)
        while len(names) < min(least, _BUDGET) and extra is not False:
            names.setdefault(f"{NEUTRAL}{len(names)}")
        below = at._replace(depth=at.depth + 1)
        # A schema's own order, so that a document reads as its author meant it.
        order = [key for key in properties if key in names] + [key for key in names if key not in properties]
        return {key: self.value(properties.get(key, extra), below._replace(name=key)) for key in order}

    def _array(self, schema: Mapping[str, Any], at: _Place) -> list[Any]:
        prefix = schema.get("prefixItems") or []
        items = schema.get("items", {})
        if isinstance(items, list):  # draft 7 and before
            prefix, items = items, schema.get("additionalItems", {})
        least, most = int(schema.get("minItems") or 0), schema.get("maxItems", math.inf)
        inner = schema.get("contains")
        if inner is not None:
            least = max(least, int(schema.get("minContains", 1)))
            items = _merge(items if isinstance(items, Mapping) else {}, self._resolve(inner, at)[0])
        room = at.depth < _OPTIONAL_DEPTH and self._left > 0 and self._material.optional
        if room and not prefix and self.carries(items, at.name, set(at.refs)):
            least = max(least, 1)
        below = at._replace(depth=at.depth + 1, listed=True)
        return [
            self.value(prefix[index] if index < len(prefix) else items, below._replace(nth=at.nth + index))
            for index in range(int(min(least, most, _BUDGET)))
        ]

    # -- scalars -------------------------------------------------------------------------------------------

    def _string(self, schema: Mapping[str, Any], at: _Place) -> str:
        least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
        pattern = schema.get("pattern")
        if isinstance(known := _FORMATS.get(str(schema.get("format"))), str):
            made = _numbered(known, at.nth, str(schema["format"]))
            if (pattern is None or _matches(pattern, made)) and _length_fits(made, least, most):
                return made
        text = self._content(schema, at)
        if text is not None:
            text = _fit(text, least, most)
            if pattern is None or _matches(pattern, text):
                return text
        made = _fit(NEUTRAL + (str(at.nth + 1) if at.nth else ""), least, most)
        if pattern is None or _matches(pattern, made):
            return made
        return _from_pattern(str(pattern), least, most, at.nth)

    def _content(self, schema: Mapping[str, Any], at: _Place) -> str | None:
        """What is said in this place, or None where nothing may be said."""
        # The first item of a list says it; saying it again would only store it twice.
        if at.nth or words.is_label(at.name) or not _roomy(schema):
            return None
        material = self._material
        if words.is_extract(at.name) or not at.name:
            return material.told
        if words.is_answer(at.name):
            return material.answer
        if material.answers and not at.listed:
            return material.answer
        return material.told


def _roomy(schema: Mapping[str, Any]) -> bool:
    return int(schema.get("maxLength", SHORT + 1)) > SHORT and schema.get("format") not in _FORMATS


def _number(schema: Mapping[str, Any], at: _Place, *, whole: bool) -> int | float:
    """The number nearest to 1 (0 for an id or index) that the bounds allow; the index tells items apart."""
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is True or below is True:  # draft 4: a flag beside the bound
        above, below = (low if above else None), (high if below else None)
    step = schema.get("multipleOf")

    def allowed(value: float) -> bool:
        if not (low <= value <= high) or (whole and value != int(value)):
            return False
        if (above is not None and value <= above) or (below is not None and value >= below):
            return False
        return not step or int(value / step) == value / step

    bottom = max((bound for bound in (low, above) if bound is not None), default=-math.inf)
    top = min((bound for bound in (high, below) if bound is not None), default=math.inf)
    unit = step or 1
    near = math.ceil((0 if words.is_label(at.name) else 1) / unit) * unit
    runs = [(near, unit)]
    runs += [(math.ceil(bottom / unit) * unit, unit)] if math.isfinite(bottom) else []
    runs += [(math.floor(top / unit) * unit, -unit)] if math.isfinite(top) else []
    candidates: list[float] = [
        start + stride * place for start, stride in runs for place in range(at.nth + 4)
    ]
    if math.isfinite(bottom) and math.isfinite(top):
        candidates += [bottom + (top - bottom) / (place + 2) for place in range(at.nth + 2)]
        candidates += [bottom, top]
    found = [value for value in dict.fromkeys([*candidates, 0]) if allowed(value)] or [near]
    value = found[min(at.nth, len(found) - 1)]
    return int(value) if value == int(value) else value


def _flag(at: _Place) -> bool:
    """Yes to what keeps or finishes (`should_save`, `is_complete`), no to the rest (`needs_more`)."""
    yes = any(word in _YES for word in words.split(at.name))
    return yes if at.nth % 2 == 0 else not yes


def _fit(text: str, least: int, most: Any) -> str:
    """Cut or padded to length, never through a canary or nonce: half a token is a disguise, not content."""
    if isinstance(most, int | float) and len(text) > most:
        cut = int(most)
        for pattern in (CANARY, NONCE):
            for found in pattern.finditer(text):
                if found.start() < cut < found.end():
                    cut = found.start()
        text = text[:cut]
    return text.ljust(min(least, _LONGEST), ".")


def _length_fits(text: str, least: int, most: Any) -> bool:
    return len(text) >= least and (most is None or len(text) <= most)


def _numbered(known: str, index: int, form: str) -> str:
    """A well-known example of a format, different for each item of a list."""
    if not index:
        return known
    if form == "uuid":
        return f"{index:08x}{known[8:]}"
    if form in ("date-time", "date"):
        return f"{2000 + index % 8000:04d}{known[4:]}"
    if form in ("email", "idn-email", "hostname", "idn-hostname"):
        return f"n{index}.{known}" if "@" not in known else f"note{index}@example.com"
    if form == "time":
        return f"{index % 24:02d}{known[2:]}"
    if form == "ipv4":
        return f"192.0.2.{1 + index % 254}"
    if form == "ipv6":
        return f"2001:db8::{1 + index:x}"
    if form == "duration":
        return f"PT{1 + index}H"
    return f"{known}{index}"


def _matches(pattern: Any, text: str) -> bool:
    try:
        return re.search(str(pattern), text) is not None
    except re.error:
        return True


@lru_cache(maxsize=256)
def _from_pattern(pattern: str, least: int, most: int | None, index: int) -> str:
    """The string number `index` of those that Hypothesis finds for a regular expression."""
    from hypothesis import HealthCheck, Phase, find, settings  # noqa: PLC0415 - heavy, and rarely needed
    from hypothesis.errors import HypothesisException  # noqa: PLC0415
    from hypothesis.strategies import characters, from_regex  # noqa: PLC0415

    seen: dict[str, None] = {}

    def fits(text: str) -> bool:
        if _length_fits(text, least, most) and not text.endswith("\n"):
            seen.setdefault(text)
        return len(seen) > index

    calm = settings(
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=500,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    with suppress(HypothesisException, re.error):
        find(from_regex(pattern, alphabet=characters(codec="ascii")), fits, settings=calm)
    return list(seen)[min(index, len(seen) - 1)] if seen else _fit(NEUTRAL, least, most)


# -- schemas as data -----------------------------------------------------------------------------------------


def _reference(schema: Any) -> str | None:
    reference = schema.get("$ref") if isinstance(schema, Mapping) else None
    return reference if isinstance(reference, str) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _required(schema: Mapping[str, Any]) -> Iterable[str]:
    required = schema.get("required")
    return [str(each) for each in required] if isinstance(required, list) else []


def _without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {each: value for each, value in schema.items() if each != key}


def _rooted(schema: Mapping[str, Any], root: Any) -> dict[str, Any]:
    """`schema` with the definitions of the document it comes from, so that its references still lead."""
    homes = ("$defs", "definitions")
    return {**{key: root[key] for key in homes if isinstance(root, Mapping) and key in root}, **schema}


def _merge(one: Any, other: Any) -> Any:
    """Both schemas at once, keyword by keyword: the tighter bound, all properties, the common types."""
    if one is False or other is False:
        return False
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one if isinstance(one, Mapping) else (other if isinstance(other, Mapping) else {})
    merged = dict(one)
    for key, value in other.items():
        merged[key] = _both(key, merged[key], value) if key in merged else value
    return merged


def _both(key: str, one: Any, other: Any) -> Any:
    if key == "properties":
        both = dict(_mapping(one))
        for name, inner in _mapping(other).items():
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


def _beyond(schema: Any) -> bool:
    """Whether a schema uses keywords that are met by luck only, so that the document must be checked."""
    if isinstance(schema, Mapping):
        hard = ("not", "if", "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas",
                "dependencies", "maxProperties", "maxContains", "unevaluatedProperties")  # fmt: skip
        return any(key in schema for key in hard) or any(map(_beyond, schema.values()))
    return isinstance(schema, list) and any(map(_beyond, schema))


def _kinds(value: Any) -> set[str]:
    """The JSON schema types that a value has."""
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int | float):
        return {"number", "integer"} if value == int(value) else {"number"}
    names: list[tuple[type, str]] = [(str, "string"), (list, "array"), (dict, "object")]
    return {next((name for kind, name in names if isinstance(value, kind)), "null")}


def _fault(schema: Any) -> str | None:
    """What is wrong with a schema as such, or None."""
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - heavy, rarely needed

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{error.message} (at {error.json_path})"
    return None


def _valid(schema: Any, value: Any) -> bool:
    """Whether the document meets the schema; a schema that cannot be checked is given the benefit."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - heavy, and only some schemas need it
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    try:
        # An empty registry: the default one would fetch references from the network.
        return bool(Draft202012Validator(schema, registry=Registry()).is_valid(value))
    except (Unresolvable, re.error):
        return True
