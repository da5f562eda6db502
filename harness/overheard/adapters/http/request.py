"""A request described in a file: compiled once, filled in for every call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import quote, urlencode

import msgspec
from yarl import URL

from overheard.adapters.http import model
from overheard.adapters.http.template import MINTED, Template, Values, fill_json
from overheard.core.ids import OMITTED, MissingKind
from overheard.core.outcome import TargetError

Parse: TypeAlias = Callable[[str, str], Template]
"""(key, text) to a template; raises UsageError naming the key."""

IDS: Final = ("thread", "resource")
_OWN: Final = "/?#[]@!$&'()*+,;=:%-._~"
"""Characters of a path that are left as the file has them; all else in it is quoted."""

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_PLAIN: Final = "text/plain; charset=utf-8"


class Filled(NamedTuple):
    """A request, ready to go."""

    method: str
    url: URL
    headers: dict[str, str]
    body: bytes | None


class Compiled(NamedTuple):
    """A request whose places are still open. `names` are all names in it; `fixed` is its address, if that has
    no places."""  # noqa: D209

    method: str
    base: str
    path: Template
    query: Mapping[str, Template]
    headers: Mapping[str, Template]
    json: Any
    form: Mapping[str, Template] | None
    text: Template | None
    names: frozenset[str]
    fixed: URL | None

    def fill(self, values: Values) -> Filled:
        """The request for one call.

        Raises TargetError if it cannot be written: without a value in its path or text, with a line break
        in a header, or with half a character.
        """
        try:
            return self._fill(values)
        except UnicodeEncodeError as error:
            raise TargetError(f"the request cannot be written in UTF-8: {error.reason}") from error

    def _fill(self, values: Values) -> Filled:
        headers = {}
        for name, template in self.headers.items():
            if isinstance(value := template.fill(values), str):
                headers[name] = _header(name, value)
        body, content_type = self._body(values)
        if content_type is not None and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = content_type
        if self.fixed is not None:
            return Filled(self.method, self.fixed, headers, body)
        return Filled(self.method, self.address(values), headers, body)

    def address(self, values: Values) -> URL:
        """Where the request goes. Raises as `fill`."""
        text = self.base + _path(self.path, values)
        if query := _pairs(self.query, values):
            text += "?" + urlencode(query, quote_via=quote, safe="", errors="strict")
        return URL(text, encoded=True)

    def _body(self, values: Values) -> tuple[bytes | None, str | None]:
        if self.json is not None:
            return msgspec.json.encode(fill_json(self.json, values)), _JSON
        if self.form is not None:
            return urlencode(_pairs(self.form, values), errors="strict").encode(), _FORM
        if self.text is None:
            return None, None
        text = self.text.fill(values)
        if not isinstance(text, str):
            raise TargetError("the request has no body without the id that is missing here")
        return text.encode(), _PLAIN


def compile_request(
    key: str, request: model.Request, *, base: str, headers: Mapping[str, str], parse: Parse
) -> Compiled:
    """Compile the request that stands under `key` in a file. Raises what `parse` raises."""

    def table(name: str, templates: Mapping[str, str]) -> dict[str, Template]:
        return {field: parse(f"{name}.{field}", text) for field, text in templates.items()}

    common = {field: text for field, text in headers.items() if not _has(request.headers, field)}
    path = parse(f"{key}.path", request.path)
    query = table(f"{key}.query", request.query)
    fields = {**table("headers", common), **table(f"{key}.headers", request.headers)}
    json = None if request.json is msgspec.UNSET else _compile_json(f"{key}.json", request.json, parse)
    form = None if request.form is msgspec.UNSET else table(f"{key}.form", request.form)
    text = None if request.text is msgspec.UNSET else parse(f"{key}.text", request.text)
    every = [path, *query.values(), *fields.values(), *_templates(json), *(form or {}).values()]
    if text is not None:
        every.append(text)
    names = frozenset(name for template in every for name in template.names)
    draft = Compiled(request.method, base, path, query, fields, json, form, text, names, None)
    if any(template.names for template in (path, *query.values())):
        return draft
    return draft._replace(fixed=draft.address({}))


def presents(compiled: Collection[Compiled], name: str) -> bool:
    """Whether an id goes into any of these requests, itself or as what was minted for it."""
    return any(_is(each, name) for request in compiled for each in request.names)


def impossible(request: Compiled, name: str) -> Iterator[MissingKind]:
    """The ways in which the id `name` (`thread` or `resource`) cannot be missing from this request.

    A path, or a body of plain text, has a place for it that cannot be left out; and only JSON knows null.
    """
    fixed = [request.path, *([request.text] if request.text is not None else [])]
    if any(_in(template, name) for template in fixed):
        yield "omitted"
    elsewhere = [*fixed, *request.query.values(), *request.headers.values(), *(request.form or {}).values()]
    in_json = [template for template in _templates(request.json) if _in(template, name)]
    places = [template for template in elsewhere if _in(template, name)] + in_json
    fixed_place = any(_in(template, name) for template in fixed)
    if places and (fixed_place or not any(template.whole is not None for template in in_json)):
        yield "null"
    # White space at the ends of a header is not part of its value.
    if places and all(template in request.headers.values() for template in places):
        yield "blank"


def _in(template: Template, name: str) -> bool:
    return any(_is(each, name) for each in template.names)


def _is(name: str, wanted: str) -> bool:
    return name == wanted or (wanted == "thread" and name.startswith(MINTED))


def _has(headers: Mapping[str, str], field: str) -> bool:
    return field.lower() in {name.lower() for name in headers}


def _templates(node: Any) -> Iterator[Template]:
    if isinstance(node, Template):
        yield node
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from _templates(inner)


def _compile_json(key: str, node: Any, parse: Parse) -> Any:
    if isinstance(node, str):
        return parse(key, node)
    if isinstance(node, dict):
        return {name: _compile_json(f"{key}.{name}", inner, parse) for name, inner in node.items()}
    if isinstance(node, list):
        return [_compile_json(f"{key}[{place}]", inner, parse) for place, inner in enumerate(node)]
    return node


def _path(template: Template, values: Values) -> str:
    pieces = []
    for part in template.parts:
        if isinstance(part, str):
            pieces.append(quote(part, safe=_OWN, errors="strict"))
            continue
        value = values[part.name]
        if not isinstance(value, str):
            missing = "omitted" if value is OMITTED else "None"
            raise TargetError(f"the path of the request needs {{{part.name}}}, which is {missing} here")
        pieces.append(_quoted(value))
    return "".join(pieces)


def _quoted(value: str) -> str:
    """One part of a path, quoted so completely that it stays one part: `a/b` names no folder."""
    # `.` and `..` are what they are even when the path is put together by somebody else.
    return quote(value, safe="", errors="strict") if value.strip(".") else value.replace(".", "%2E")


def _header(name: str, value: str) -> str:
    if any(character in value for character in "\r\n\0"):
        raise TargetError(f"the header {name} of the request cannot hold a line break, and its value has one")
    return value


def _pairs(templates: Mapping[str, Template], values: Values) -> list[tuple[str, str]]:
    filled = ((name, template.fill(values)) for name, template in templates.items())
    return [(name, value) for name, value in filled if isinstance(value, str)]
