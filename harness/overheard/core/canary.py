"""Canaries: self-describing tokens that say who was told what, so that detection is one scan.

Three kinds of token share one alphabet (Crockford base 32, five bits a character) and one check:

======== ====== =====================================================================================
kind     prefix fields, in characters
======== ====== =====================================================================================
fact     OVH1   campaign 6, example 4, operation 3, variant 1 (0 to 15), check 4
echo     OVH1   campaign 6, example 4, operation 3, variant 1 (16 to 31), reciter's example 4,
                reciter's operation 3, check 4
nonce    REF1   campaign 6, example 4, operation 3, flags 1, check 4
======== ====== =====================================================================================

A *fact* is what a resource tells in a thread. An *echo* is how the mirror says that it has seen a fact:
the fact's own fields plus who recited it, so that what was told and what was recited stay apart for
ever. A *nonce* is carried by every message and names the operation that sent it.

Nothing has to be registered: any process can tell a canary from noise by its check (a chance hit needs
the prefix and twenty bits), and its cost does not depend on how many canaries exist. The layout has
golden vectors in the tests; a change of it needs a new version character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias
from zlib import crc32

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_INT_DIGITS: Final = bytes.maketrans(ALPHABET.encode("ascii"), b"0123456789ABCDEFGHIJKLMNOPQRSTUV")
_PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)
_C = "[0-9A-HJKMNP-TV-Z]"

CANARY: Final = re.compile(rf"OVH1{_C}{{13}}(?:[0-9A-F]{_C}{{4}}|[GHJKMNP-TV-Z]{_C}{{11}})")
NONCE: Final = re.compile(rf"REF1{_C}{{18}}")

_FACT_LENGTH: Final = 22

CAMPAIGN_LIMIT: Final = 1 << 30
EXAMPLE_LIMIT: Final = 1 << 20
OPERATION_LIMIT: Final = 1 << 15
VARIANT_LIMIT: Final = 1 << 4
ASKS: Final = 1
"""Nonce flag: the message asks for something said before, so the mirror is to recite what it sees."""

Kind: TypeAlias = Literal["fact", "echo"]


class FactKey(NamedTuple):
    """Names one fact of one campaign: the operation that told it, and which of its facts (variant)."""

    campaign: int
    example: int
    operation: int
    variant: int


class Canary(NamedTuple):
    """One decoded canary. `reciter` is (example, operation) for an echo and None for a fact."""

    fact: FactKey
    reciter: tuple[int, int] | None

    @property
    def kind(self) -> Kind:
        return "fact" if self.reciter is None else "echo"


class Nonce(NamedTuple):
    """One decoded nonce: the operation that sent a message, and flags about it."""

    campaign: int
    example: int
    operation: int
    flags: int


def _digits(value: int, width: int) -> str:
    """`value` in base 32, most significant first, two characters at a time."""
    first = ALPHABET[value >> 5 * (width - 1)] if width % 2 else ""
    pairs = [_PAIRS[value >> shift & 1023] for shift in range(width // 2 * 10 - 10, -1, -10)]
    return first + "".join(pairs)


def _number(digits: str) -> int:
    return int(digits.encode("ascii").translate(_TO_INT_DIGITS), 32)


def checksum(body: bytes) -> int:
    """The check of a token's body (everything before its last four characters), as a number of 20 bits.

    A CRC-32 folded to the size of four characters. It is linear: two bodies of one length differ in their
    checks by a function of where they differ. So no single wrong character makes another token of the same
    length (a test tries all of them), and `disguise` can put one right. That the first half of a misspelt
    echo is a fact is left to chance, one in a million.
    """
    crc = crc32(body)
    return crc & 0xFFFFF ^ crc >> 12


def check(body: str) -> str:
    """The four check characters that belong to `body`."""
    return _digits(checksum(body.encode("ascii")), 4)


def _bounded(name: str, value: int, limit: int) -> int:
    if not 0 <= value < limit:
        raise ValueError(f"{name} is {value}; a canary has room for 0 to {limit - 1}")
    return value


def campaign_digits(campaign: int) -> str:
    """The six characters that stand behind the prefix of every token of a campaign."""
    return _digits(_bounded("campaign", campaign, CAMPAIGN_LIMIT), 6)


def _mint(prefix: str, campaign: int, example: int, operation: int, last: int) -> str:
    number = _bounded("campaign", campaign, CAMPAIGN_LIMIT)
    number = number << 20 | _bounded("example", example, EXAMPLE_LIMIT)
    number = number << 15 | _bounded("operation", operation, OPERATION_LIMIT)
    return prefix + _digits(number << 5 | last, 14)


def mint_fact(key: FactKey) -> str:
    """The canary of a fact. Raises ValueError if a field does not fit."""
    variant = _bounded("variant", key.variant, VARIANT_LIMIT)
    body = _mint("OVH1", key.campaign, key.example, key.operation, variant)
    return body + check(body)


def mint_echo(key: FactKey, *, example: int, operation: int) -> str:
    """The token by which operation `operation` of `example` recites the fact `key`."""
    variant = _bounded("variant", key.variant, VARIANT_LIMIT)
    body = _mint("OVH1", key.campaign, key.example, key.operation, 16 + variant)
    body += _digits(_bounded("example", example, EXAMPLE_LIMIT), 4)
    body += _digits(_bounded("operation", operation, OPERATION_LIMIT), 3)
    return body + check(body)


def mint_nonce(campaign: int, example: int, operation: int, *, flags: int = 0) -> str:
    """The nonce of one operation's message. Raises ValueError if a field does not fit."""
    body = _mint("REF1", campaign, example, operation, _bounded("flags", flags, 32))
    return body + check(body)


def _checked(tokens: list[str]) -> list[str]:
    """Those of `tokens`, each matching a pattern of this module, whose check is true.

    This is `check(token[:-4]) == token[-4:]` written out, because it runs for every token of every text, once
    for each that differs: conversations repeat them. A cache would be slower than this as soon as a campaign
    had more canaries than the cache has entries.
    """
    if not tokens:
        return tokens
    pairs = _PAIRS
    untrue = {
        token
        for token in set(tokens)
        if pairs[(fold := (crc := crc32(token[:-4].encode())) & 0xFFFFF ^ crc >> 12) >> 10]
        + pairs[fold & 1023]
        != token[-4:]
    }
    return [token for token in tokens if token not in untrue] if untrue else tokens


def valid(token: str) -> bool:
    """Whether a token that matches a pattern of this module carries a true check."""
    return bool(_checked([token]))


def is_canary(token: str) -> bool:
    """Whether what was seen somewhere is a canary; if not, it is an id or a nonce."""
    return token.startswith("OVH1")


def is_nonce(token: str) -> bool:
    """Whether what was seen somewhere is the nonce of a message."""
    return token.startswith("REF1")


_new = tuple.__new__
"""What `_make` does, without asking how many fields there are."""


# Small caches: an example's few tokens are decoded over and over while it is driven and judged, and no
# longer afterwards.
@lru_cache(maxsize=1 << 12)
def decode_canary(token: str) -> Canary:
    """Decode a fact or echo found by `find_canaries`. Raises ValueError if it is none."""
    if CANARY.fullmatch(token) is None:
        raise ValueError(f"{token!r} is not a canary")
    # All digits at once: judging decodes every canary of a history, and this is most of what it costs.
    number = _number(token[4:])
    if number & 0xFFFFF != checksum(token[:-4].encode("ascii")):
        raise ValueError(f"{token!r} is not a canary")
    number >>= 20
    reciter = None
    if len(token) > _FACT_LENGTH:
        reciter = (number >> 15 & 0xFFFFF, number & 0x7FFF)
        number >>= 35
    fields = (number >> 40, number >> 20 & 0xFFFFF, number >> 5 & 0x7FFF, number & 15)
    return _new(Canary, (_new(FactKey, fields), reciter))


@lru_cache(maxsize=1 << 12)
def decode_nonce(token: str) -> Nonce:
    """Decode a nonce found by `find_nonces`. Raises ValueError if it is none."""
    if not NONCE.fullmatch(token) or not valid(token):
        raise ValueError(f"{token!r} is not a nonce")
    number = _number(token[4:18])
    return Nonce(number >> 40, number >> 20 & 0xFFFFF, number >> 5 & 0x7FFF, number & 31)


def find_canaries(text: str) -> list[str]:
    """Every fact and echo written plainly in `text`, in order, repetitions included."""
    return _checked(CANARY.findall(text))


def find_nonces(text: str) -> list[str]:
    """Every nonce written plainly in `text`, in order, repetitions included."""
    return _checked(NONCE.findall(text))


class Tokens(NamedTuple):
    """What stands plainly in one text, in order, repetitions included.

    `facts` are what those of the `canaries` that are no echoes name; `operations` are those that the `nonces`
    name: (campaign, example, operation).
    """

    canaries: tuple[str, ...]
    facts: tuple[FactKey, ...]
    nonces: tuple[str, ...]
    operations: tuple[tuple[int, int, int], ...]


_REMEMBERED: Final = 1 << 13
_SHORT: Final = 1_024


def tokens_in(text: str) -> Tokens:
    """Every canary and nonce in `text`, found and decoded; of short texts it is remembered.

    For the messages of prompts: each holds what was said before, word for word, so that looking at all of
    it anew takes time with the square of a conversation's length.
    """
    return _remembered(text) if len(text) <= _SHORT else _tokens(text)


def canaries_in(text: str) -> Sequence[str]:
    """As `find_canaries`; of short texts it is remembered, as by `tokens_in`."""
    return _remembered(text).canaries if len(text) <= _SHORT else find_canaries(text)


def _tokens(text: str) -> Tokens:
    canaries, nonces = find_canaries(text), find_nonces(text)
    decoded = map(decode_canary, canaries)
    return Tokens(
        tuple(canaries),
        tuple(canary.fact for canary in decoded if canary.reciter is None),
        tuple(nonces),
        tuple(decode_nonce(nonce)[:3] for nonce in nonces),
    )


_remembered = lru_cache(maxsize=_REMEMBERED)(_tokens)


def operations_named(texts: Iterable[str]) -> tuple[tuple[int, int, int], ...]:
    """The operations whose nonces stand in `texts`, as (campaign, example, operation), each once.

    In the order of the texts, and the last of one text first: agents that flatten a conversation into one
    message put what was said last at its end.
    """
    return tuple(dict.fromkeys(named for text in texts for named in reversed(tokens_in(text).operations)))
