"""Who speaks, and what they chatter about: people and paragraphs in several languages, from Faker.

Both are pure functions of a locale and a number, and remembered, so that long plans cost little. They are
colour: nothing in them is unique, and nothing is judged by them.
"""

from __future__ import annotations

import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from faker import Faker

LOCALES: Final = ("en_US", "de_DE", "fr_FR", "es_ES", "pl_PL", "ru_RU", "ja_JP", "zh_CN", "ar_AA")
PERSONAS: Final = 1000
"""Numbers of personas in a locale: 0 to 999."""
PARAGRAPHS: Final = 200
"""Numbers of paragraphs in a locale: 0 to 199."""

_PROVIDERS = ("person", "address", "job", "lorem")
_LOCK = threading.Lock()
# Seeding an instance and using it are two steps: plans are woven in more than one thread, and without the
# lock one thread's seed would decide another's persona.


class Persona(NamedTuple):
    """A resource as a person."""

    locale: str
    name: str
    city: str
    job: str


@cache
def _faker(locale: str) -> Faker:
    from faker import Faker  # noqa: PLC0415 - 150 ms that only weaving must pay

    return Faker(locale, providers=[f"faker.providers.{name}" for name in _PROVIDERS])


@lru_cache(maxsize=len(LOCALES) * PERSONAS)
def persona(locale: str, number: int) -> Persona:
    """Person `number` of a locale."""
    with _LOCK:
        fake = _faker(locale)
        fake.seed_instance(number)
        return Persona(locale, fake.name(), fake.city(), fake.job())


@lru_cache(maxsize=len(LOCALES) * PARAGRAPHS)
def paragraph(locale: str, number: int) -> str:
    """Paragraph `number` of a locale: a few sentences, 50 to 300 characters."""
    with _LOCK:
        fake = _faker(locale)
        fake.seed_instance(number)
        return str(fake.paragraph(nb_sentences=6))


def prose(locale: str, start: int, length: int) -> str:
    """About `length` characters of prose, from paragraph `start` on."""
    parts: list[str] = []
    size = 0
    while size < length:
        part = paragraph(locale, (start + len(parts)) % PARAGRAPHS)
        parts.append(part)
        size += len(part) + 2
    return "\n\n".join(parts)[:length]
