"""Embeddings without a model: hashed bags of words (feature hashing, Weinberger et al. 2009).

A question about an attribute must rank the message that told it first. So only words that say *what* is
talked about count: nonces and canaries (unique to each message), punctuation, case, and the words any
message may hold are ignored. The sentence that holds a canary or asks a question weighs more than the
small talk around it.

No two texts get the very same vector, as with a real model: each leans a little in a direction of its own.
When all that held no word that counts ("Noted.") lay in one point, an approximate index of nearest neighbours
was led astray by hundreds of equal vectors, and passed over a fact that matched the question by 0.96.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import sqrt
from typing import Final

from overheard.core.canary import CANARY, NONCE
from overheard.mirror.words import of

DIMENSIONS: Final = 64
DIMENSIONS_LIMIT: Final = 8192
_KNOWN: Final = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}


_SLOTS: Final = 8
"""Dimensions one word is spread over: with a single one, two words share it once in 64 pairs."""
_EMPHASIS: Final = 4.0
_LEANING: Final = 0.1
"""How far a vector leans in its text's own direction; the same words in other texts still match by 0.99."""

_TOKEN: Final = re.compile(f"{CANARY.pattern}|{NONCE.pattern}")
_SENTENCE: Final = re.compile(r"(?<=[.!?;\n\u3002\uff01\uff1f\uff1b])")
_WORD: Final = re.compile(r"[^\W_]+")
_UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts written without spaces between words: pairs of characters stand in for words."""

_STOP: Final = of(
    """
    a about above after again all also am an and any anything are as ask asked asking assistant at be been
    before but by can conversation could did do does done down earlier else for from give given good had has
    have he hello help her here hey hi him his how i if in into is it its just kindly know known let like
    made make may me mention mentioned message might mine more my no not note noted nothing now of off ok
    okay on once only or other our out over own please question quick re really recall record ref regarding
    remember remembered remind reminder said same say says she should so some something still such sure
    system tell telling than thank thanks that the their them then there these they thing this those though
    to today told too under up us use used user very was we well were what whats when where which while who
    whom whose why will with would yes yet you your yours
    ll s t ve d m
    """
)


def dimensions_of(model: str) -> int:
    """How long a vector of this model is when nobody says.

    OpenAI's own models have their own lengths, which vector stores are configured with; any other gets 64.
    """
    return _KNOWN.get(model.rpartition("/")[2], DIMENSIONS)


def embed(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A vector of length one. That of a text without a word that counts is near no other."""
    return _vector(_weights(text), dimensions, text)


def embed_tokens(tokens: Sequence[int], dimensions: int = DIMENSIONS) -> list[float]:
    """As `embed`, for a text that a client has already cut into token ids.

    Which words they stand for only the client's vocabulary knows, so all of them count.
    """
    weights: dict[str, float] = {}
    for token in tokens:
        weights[f"#{token}"] = 1.0
    return _vector(weights, dimensions, repr(tokens))


def pack(vector: Sequence[float]) -> bytes:
    """A vector as OpenAI's base64 form holds it: little-endian 32-bit floats."""
    return struct.pack(f"<{len(vector)}f", *vector)


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for sentence in _SENTENCE.split(text):
        matters = bool(CANARY.search(sentence)) or sentence.rstrip().endswith(("?", "\uff1f"))
        weight = _EMPHASIS if matters else 1.0
        for word in _words(_TOKEN.sub(" ", sentence)):
            weights[word] = max(weights.get(word, 0.0), weight)
    return weights


def _words(sentence: str) -> Iterator[str]:
    for raw in _WORD.findall(sentence.casefold()):
        if _UNSPACED.search(raw):
            yield from (raw[place : place + 2] for place in range(max(1, len(raw) - 1)))
        elif raw not in _STOP:
            yield raw[:-1] if len(raw) > 3 and raw.endswith("s") and not raw.endswith("ss") else raw


def _vector(weights: dict[str, float], dimensions: int, text: str) -> list[float]:
    about = _of_length_one(
        _sum([(_known_slots(word), weight) for word, weight in weights.items()], dimensions)
    )
    own = _of_length_one(_sum([(_slots(text), 1.0)], dimensions))
    vector = _of_length_one([value + _LEANING * lean for value, lean in zip(about, own, strict=True)])
    # Zero has no direction: a store that compares by cosine would divide by it.
    return vector if any(vector) else [1.0, *vector[1:]]


def _sum(parts: Sequence[tuple[tuple[int, ...], float]], dimensions: int) -> list[float]:
    vector = [0.0] * dimensions
    for slots, weight in parts:
        for slot in slots:
            vector[slot % dimensions] += weight if slot & 1 << 31 else -weight
    return vector


def _of_length_one(vector: list[float]) -> list[float]:
    length = sqrt(sum(value * value for value in vector))
    return [value / length for value in vector] if length else vector


def _slots(word: str) -> tuple[int, ...]:
    digest = blake2b(word.encode("utf-8", "replace"), digest_size=4 * _SLOTS).digest()
    return struct.unpack(f"<{_SLOTS}I", digest)


_known_slots = lru_cache(maxsize=1 << 15)(_slots)
"""For words, of which there are few; whole texts are never seen again."""
