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

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from overheard.mirror import schema as schemas
from overheard.mirror import words
from overheard.mirror.scalars import NEUTRAL, flag, number, roomy, string

_OPTIONAL_DEPTH: Final = 4
_DEPTH: Final = 32
_BUDGET: Final = 5_000
"""Values written before only what is required is written: schemas can fan out."""

_WELCOME: Final = words.of("add create insert new save store remember append user")


def _nothing(_name: str) -> str | None:
    return None


class Material(NamedTuple):
    """What may be written into free text.

    `told`     what the user said, word for word.
    `answer`   the answer in prose.
    `answers`  whether the document is an answer to somebody (a final-answer tool, or a question was asked):
               then its own texts are the answer, while lists of facts still take what was told.
    `optional` whether content is written into fields that are not required.
    `keeps`    whether there is anything to keep: a question belongs into no list of facts, where it would
               outrank the fact it asks for ever after.
    `stated`   the value of an identity (`user_id`) that the instructions give, by name; None if none.
    """

    told: str
    answer: str
    answers: bool = False
    optional: bool = True
    keeps: bool = True
    stated: Callable[[str], str | None] = _nothing


def document(schema: Any, material: Material, *, name: str = "") -> Any:
    """A document valid against `schema`; the best attempt if there is none (`False`, contradictions).

    `name` is what the whole document is called, for a schema that is no object. Raises BadSchema.
    """
    with schemas.blamed(schema):
        rich = _Writer(schema, material).value(schema, _Place(name=name))
        if not schemas.beyond(schema) or schemas.valid(schema, rich):
            return rich
        plain = _Writer(schema, material._replace(optional=False)).value(schema, _Place(name=name))
        return plain if schemas.valid(schema, plain) else rich


def carries_content(schema: Any) -> bool:
    """Whether a document of this schema has a place for what somebody said. Raises BadSchema."""
    with schemas.blamed(schema):
        return _Writer(schema, Material("", "")).carries(schema, "", set())


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


_KEYWORDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class _Writer:
    def __init__(self, root: Any, material: Material) -> None:
        self._root = root
        self._material = material
        self._left = _BUDGET
        self._heights = schemas.Heights(root)

    def value(self, schema: Any, at: _Place) -> Any:
        self._left -= 1
        schema, at = self._resolve(schema, at)
        if schema is False or at.depth > _DEPTH or self._left < -_BUDGET:
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
        if kind in ("number", "integer"):
            return number(schema, at.name, at.nth, whole=kind == "integer")
        if kind in ("null", "boolean"):
            return None if kind == "null" else flag(at.name, at.nth)
        # A kind that JSON schema does not know ("any", "date") is most often a string by another name.
        return string(schema, at.nth, self._content(schema, at))

    # -- references and branches ---------------------------------------------------------------------------

    def _resolve(self, schema: Any, at: _Place) -> tuple[Any, _Place]:
        """Follow `$ref` and merge `allOf`, so that one flat mapping is left (or False)."""
        for _ in range(_DEPTH):
            if isinstance(schema, bool) or not isinstance(schema, Mapping):
                return (schema is not False) and {}, at
            if isinstance(reference := schema.get("$ref"), str):
                at = at._replace(refs=(*at.refs, reference))
                schema = schemas.merge(schemas.without(schema, "$ref"), schemas.target(self._root, reference))
            elif parts := schema.get("allOf"):
                schema = schemas.without(schema, "allOf")
                for part in parts:
                    schema = schemas.merge(schema, self._resolve(part, at)[0])
            else:
                return schema, at
        return False, at

    def _branch(self, schema: Mapping[str, Any], key: str, at: _Place) -> Any:
        base = schemas.without(schema, key)
        options = []
        for raw in schema[key]:
            option, there = self._resolve(raw, at)
            merged = schemas.merge(base, option)
            if merged is not False:
                options.append((raw, merged, there, schemas.reference(raw) in at.refs))
        if at.depth >= _OPTIONAL_DEPTH or any(again for *_, again in options):
            options.sort(key=lambda option: self._heights.of(option[0]))
        else:
            options.sort(key=lambda option: self._rank(option[0], option[1], at))
        made = (self.value(merged, there) for _, merged, there, _ in options)
        first = next(made, None)
        if key == "anyOf" or len(options) < 2:
            return first
        whole = schemas.rooted(schema, self._root)
        fits = (each for each in itertools.chain([first], made) if schemas.valid(whole, each))
        return next(fits, first)

    def _rank(self, raw: Any, option: Mapping[str, Any], at: _Place) -> tuple[bool, bool]:
        """A label that may be null is null; anything else prefers to say something."""
        null = option.get("type") == "null"
        return null != words.is_label(at.name), not self.carries(raw, at.name, set(at.refs))

    def _kind(self, schema: Mapping[str, Any], at: _Place) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, str):
            return kinds
        if isinstance(kinds, list) and kinds:
            if "null" in kinds and (words.is_label(at.name) or at.depth >= _OPTIONAL_DEPTH):
                return "null"
            likely = ("string", *kinds)
            return next((str(kind) for kind in likely if kind in kinds and kind != "null"), "null")
        for kind, keywords in _KEYWORDS_OF.items():
            if any(keyword in schema for keyword in keywords):
                return kind
        return "string"

    def _pick(self, schema: Mapping[str, Any], at: _Place) -> Any:
        kinds = schema.get("type")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        options = [option for option in schema["enum"] if not kinds or schemas.kinds(option) & set(kinds)]
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
        if words.is_label(name) or schemas.reference(schema) in seen:
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
            properties = schemas.mapping(schema.get("properties"))
            return any(self.carries(inner, key, seen) for key, inner in properties.items())
        if kind == "array":
            return self.carries(schema.get("items", {}), name, seen)
        return kind == "string" and roomy(schema)

    def _object(self, schema: Mapping[str, Any], at: _Place) -> dict[str, Any]:
        properties = schemas.mapping(schema.get("properties"))
        names = dict.fromkeys(schemas.required(schema))
        if self._material.optional and at.depth < _OPTIONAL_DEPTH and self._left > 0:
            wanted = (key for key, inner in properties.items() if self.carries(inner, key, set(at.refs)))
            names |= dict.fromkeys(wanted)
        names |= {key: None for key in properties if self._material.stated(key) is not None}
        least = int(schema.get("minProperties") or 0)
        for key in properties:
            if len(names) >= least:
                break
            names.setdefault(key)
        extra = schema.get("additionalProperties", True)
        if extra is not False:
            spare = (f"{NEUTRAL}{number}" for number in itertools.count(1))
            while len(names) < min(least, _BUDGET):
                names.setdefault(next(spare))
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
            items = schemas.merge(items if isinstance(items, Mapping) else {}, self._resolve(inner, at)[0])
        room = at.depth < _OPTIONAL_DEPTH and self._left > 0 and self._material.optional
        empty = words.is_extract(at.name) and not self._material.keeps
        if room and not prefix and not empty and self.carries(items, at.name, set(at.refs)):
            least = max(least, 1)
        below = at._replace(depth=at.depth + 1, listed=True)
        return [
            self.value(prefix[index] if index < len(prefix) else items, below._replace(nth=at.nth + index))
            for index in range(int(min(least, most, _BUDGET)))
        ]

    # -- scalars -------------------------------------------------------------------------------------------

    def _content(self, schema: Mapping[str, Any], at: _Place) -> str | None:
        """What is said in this place, or None where nothing may be said."""
        # The first item of a list says it; saying it again would only store it twice.
        material = self._material
        if (stated := material.stated(at.name)) is not None:
            return stated
        if at.nth or words.is_label(at.name) or not roomy(schema):
            return None
        if not at.name or words.is_extract(at.name) or words.is_request(at.name):
            return material.told
        if words.is_answer(at.name):
            return material.answer
        if material.answers and not at.listed:
            return material.answer
        return material.told
