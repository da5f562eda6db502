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
import zlib
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE: Final = {character: value for value, character in enumerate(ALPHABET)}
_PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)
_C = "[0-9A-HJKMNP-TV-Z]"

CANARY: Final = re.compile(rf"OVH1{_C}{{13}}(?:[0-9A-F]{_C}{{4}}|[GHJKMNP-TV-Z]{_C}{{11}})")
NONCE: Final = re.compile(rf"REF1{_C}{{18}}")

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
    return "".join(ALPHABET[(value >> (5 * place)) & 31] for place in reversed(range(width)))


def checksum(body: bytes) -> int:
    """The check of a token's body (everything before its last four characters), as a number of 20 bits.

    A CRC-32 folded to the size of four characters. It is linear: two bodies of one length differ in their
    checks by a function of where they differ, which is what lets `disguise` put a typo right.
    """
    crc = zlib.crc32(body)
    return (crc ^ (crc >> 12)) & 0xFFFFF


def check(body: str) -> str:
    """The four check characters that belong to `body`."""
    number = checksum(body.encode("ascii"))
    return _PAIRS[number >> 10] + _PAIRS[number & 1023]


def _number(digits: str) -> int:
    value = 0
    for digit in digits:
        value = (value << 5) | _VALUE[digit]
    return value


def _bounded(name: str, value: int, limit: int) -> int:
    if not 0 <= value < limit:
        raise ValueError(f"{name} is {value}; a canary has room for 0 to {limit - 1}")
    return value


def _head(prefix: str, campaign: int, example: int, operation: int) -> str:
    return (
        prefix
        + _digits(_bounded("campaign", campaign, CAMPAIGN_LIMIT), 6)
        + _digits(_bounded("example", example, EXAMPLE_LIMIT), 4)
        + _digits(_bounded("operation", operation, OPERATION_LIMIT), 3)
    )


def mint_fact(key: FactKey) -> str:
    """The canary of a fact. Raises ValueError if a field does not fit."""
    body = _head("OVH1", key.campaign, key.example, key.operation)
    body += ALPHABET[_bounded("variant", key.variant, VARIANT_LIMIT)]
    return body + check(body)


def mint_echo(key: FactKey, *, example: int, operation: int) -> str:
    """The token by which operation `operation` of `example` recites the fact `key`."""
    body = _head("OVH1", key.campaign, key.example, key.operation)
    body += ALPHABET[16 + _bounded("variant", key.variant, VARIANT_LIMIT)]
    body += _digits(_bounded("example", example, EXAMPLE_LIMIT), 4)
    body += _digits(_bounded("operation", operation, OPERATION_LIMIT), 3)
    return body + check(body)


def mint_nonce(campaign: int, example: int, operation: int, *, flags: int = 0) -> str:
    """The nonce of one operation's message."""
    body = _head("REF1", campaign, example, operation) + ALPHABET[_bounded("flags", flags, 32)]
    return body + check(body)


def valid(token: str) -> bool:
    """Whether a token that matches a pattern of this module carries a true check."""
    return token[-4:] == check(token[:-4])


@lru_cache(maxsize=1 << 16)
def decode_canary(token: str) -> Canary:
    """Decode a fact or echo found by `find_canaries`. Raises ValueError if it is none."""
    if not CANARY.fullmatch(token) or not valid(token):
        raise ValueError(f"{token!r} is not a canary")
    variant = _VALUE[token[17]]
    key = FactKey(_number(token[4:10]), _number(token[10:14]), _number(token[14:17]), variant & 15)
    if variant < 16:
        return Canary(key, None)
    return Canary(key, (_number(token[18:22]), _number(token[22:25])))


@lru_cache(maxsize=1 << 16)
def decode_nonce(token: str) -> Nonce:
    """Decode a nonce found by `find_nonces`. Raises ValueError if it is none."""
    if not NONCE.fullmatch(token) or not valid(token):
        raise ValueError(f"{token!r} is not a nonce")
    return Nonce(_number(token[4:10]), _number(token[10:14]), _number(token[14:17]), _VALUE[token[17]])


def find_canaries(text: str) -> list[str]:
    """Every fact and echo written plainly in `text`, in order, repetitions included."""
    return [token for token in CANARY.findall(text) if valid(token)]


def find_nonces(text: str) -> list[str]:
    """Every nonce written plainly in `text`, in order, repetitions included."""
    return [token for token in NONCE.findall(text) if valid(token)]
