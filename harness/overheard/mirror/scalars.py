"""Numbers, truth values and strings that a schema allows: the neutral ones, different for each list item.

`nth` is which item of a list a value is for: 0 for the first and for whatever is in no list.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from overheard.core.canary import CANARY, NONCE
from overheard.mirror import words

NEUTRAL: Final = "note"
SHORT: Final = 40
"""Strings that may not be longer than this have no room for a message: they are labels."""

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


_YES: Final = words.of(
    """
    accept complete contain done finish has important memorable persist relevant remember save should store
    success sufficient useful valid worth
    """
)


def roomy(schema: Mapping[str, Any]) -> bool:
    """Whether a string of this schema has room for a message."""
    return int(schema.get("maxLength", SHORT + 1)) > SHORT and schema.get("format") not in _FORMATS


def string(schema: Mapping[str, Any], nth: int, text: str | None) -> str:
    """A string: `text` if there is one and the schema lets it in, else a neutral one."""
    least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
    pattern = schema.get("pattern")
    form = str(schema.get("format"))
    if form in _FORMATS:
        made = _numbered(_FORMATS[form], nth, form)
        if (pattern is None or _matches(pattern, made)) and _length_fits(made, least, most):
            return made
    if text is not None:
        text = _fit(text, least, most)
        if pattern is None or _matches(pattern, text):
            return text
    made = _fit(NEUTRAL + (str(nth + 1) if nth else ""), least, most)
    if pattern is None or _matches(pattern, made):
        return made
    return _from_pattern(str(pattern), least, most, nth)


def number(schema: Mapping[str, Any], name: str, nth: int, *, whole: bool) -> int | float:
    """The number nearest to 1 (0 for an id or index) that the bounds allow; `nth` tells items apart."""
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
        return not step or (math.isfinite(value / step) and int(value / step) == value / step)

    bottom = max((bound for bound in (low, above) if bound is not None), default=-math.inf)
    top = min((bound for bound in (high, below) if bound is not None), default=math.inf)
    unit = step or 1
    near = math.ceil((0 if words.is_label(name) else 1) / unit) * unit
    runs = [(near, unit)]
    runs += [(math.ceil(bottom / unit) * unit, unit)] if math.isfinite(bottom) else []
    runs += [(math.floor(top / unit) * unit, -unit)] if math.isfinite(top) else []
    candidates: list[float] = [start + stride * place for start, stride in runs for place in range(nth + 4)]
    if math.isfinite(bottom) and math.isfinite(top):
        candidates += [bottom + (top - bottom) / (place + 2) for place in range(nth + 2)]
        candidates += [bottom, top]
    found = [value for value in dict.fromkeys([*candidates, 0]) if allowed(value)] or [near]
    value = found[min(nth, len(found) - 1)]
    return int(value) if value == int(value) else value


def flag(name: str, nth: int) -> bool:
    """Yes to what keeps or finishes (`should_save`, `is_complete`), no to the rest (`needs_more`)."""
    yes = any(word in _YES for word in words.split(name))
    return yes if nth % 2 == 0 else not yes


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


def _numbered(known: str, nth: int, form: str) -> str:
    """A well-known example of a format, different for each item of a list."""
    if not nth:
        return known
    if form == "uuid":
        return f"{nth:08x}{known[8:]}"
    if form in ("date-time", "date"):
        return f"{2000 + nth % 8000:04d}{known[4:]}"
    if form in ("email", "idn-email", "hostname", "idn-hostname"):
        return f"n{nth}.{known}" if "@" not in known else f"note{nth}@example.com"
    if form == "time":
        return f"{nth % 24:02d}{known[2:]}"
    if form == "ipv4":
        return f"192.0.2.{1 + nth % 254}"
    if form == "ipv6":
        return f"2001:db8::{1 + nth:x}"
    if form == "duration":
        return f"PT{1 + nth}H"
    return f"{known}{nth}"


def _matches(pattern: Any, text: str) -> bool:
    try:
        return re.search(str(pattern), text) is not None
    except re.error:
        return True


@lru_cache(maxsize=256)
def _from_pattern(pattern: str, least: int, most: int | None, nth: int) -> str:
    """The string number `nth` of those that Hypothesis finds for a regular expression."""
    from hypothesis import HealthCheck, Phase, find, settings  # noqa: PLC0415 - heavy, and rarely needed
    from hypothesis.errors import HypothesisException  # noqa: PLC0415
    from hypothesis.strategies import characters, from_regex  # noqa: PLC0415

    seen: dict[str, None] = {}

    def fits(text: str) -> bool:
        if _length_fits(text, least, most) and not text.endswith("\n"):
            seen.setdefault(text)
        return len(seen) > nth

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
    return list(seen)[min(nth, len(seen) - 1)] if seen else _fit(NEUTRAL, least, most)
