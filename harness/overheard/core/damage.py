"""Canaries of which not everything is there: cut off behind, or with one character replaced by another.

What is left of the check cannot tell a damaged canary from noise, but its campaign can: the prefix and the
campaign's six characters are fifty bits that stand at the beginning of every canary of a campaign and nowhere
else. So a damaged one is looked for only where the campaign is known, and by literals.

======= ==================================================================================================
reading what has to be there
======= ==================================================================================================
typo    everything but one character, wherever it stands; the check says which it was
cut off prefix and campaign, example, operation and variant: 18 characters of a fact, 25 of an echo
======= ==================================================================================================
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from overheard.core.canary import ALPHABET, CANARY, campaign_digits, check, checksum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TYPO: Final = "typo"
TRUNCATED: Final = "truncated"
DAMAGES: Final = (TYPO, TRUNCATED)

_FACT: Final = 22
_ECHO: Final = 29
_CHECK: Final = 4
_PREFIX: Final = b"0VH1"
"""As it stands in a folded view, in which the letter O is a zero."""
_ALPHABET: Final = frozenset(ALPHABET.encode("ascii"))
_VALUES: Final = bytes(max(ALPHABET.find(chr(byte)), 0) for byte in range(256))


def find_damaged(view: bytes, campaign: int) -> Iterator[tuple[str, str]]:
    """Every damaged fact or echo of `campaign` in a folded view of a text: (canonical token, reading).

    The view is upper case with O, I and L as digits, as `disguise` makes it. A canary that is whole is none
    of them. Where two readings are as good as each other there is none: a doubtful one is no evidence.
    """
    anchor = _PREFIX + campaign_digits(campaign).encode("ascii")
    for start in sorted(_places(view, anchor)):
        reading = _read(view[start : start + _ECHO], anchor)
        if reading is not None:
            yield reading


def _places(view: bytes, anchor: bytes) -> set[int]:
    """Where a token may begin: the prefix is there, or the campaign four characters on."""
    places = set()
    for literal, before in ((_PREFIX, 0), (anchor[4:], 4)):
        at = view.find(literal)
        while at >= 0:
            places.add(at - before)
            at = view.find(literal, at + 1)
    return {place for place in places if place >= 0}


def _read(window: bytes, anchor: bytes) -> tuple[str, str] | None:
    """What stands in `window`, or None if that is nothing, or whole."""
    if len(window) < _FACT - _CHECK:
        return None
    wrong = sum(map(int.__ne__, window, anchor))
    if wrong > 1:
        return None
    # The one wrong character is in the prefix or the campaign: the rest has to be in order. In the canonical
    # token the prefix begins with a letter.
    token = b"O" + anchor[1:] + window[10:]
    if wrong:
        return next(((whole, TYPO) for whole in _whole(token)), None)
    if next(_whole(token), None) is not None:
        return None
    mended = {each for width in (_FACT, _ECHO) for each in _mended(token[:width], width)}
    if mended:
        return (mended.pop(), TYPO) if len(mended) == 1 else None
    return _completed(token)


def _whole(token: bytes) -> Iterator[str]:
    """The canary that `token` begins with, if it is one."""
    for width in (_FACT, _ECHO):
        text = token[:width].decode("latin-1")
        if CANARY.fullmatch(text) and check(text[:-_CHECK]) == text[-_CHECK:]:
            yield text


def _completed(token: bytes) -> tuple[str, str] | None:
    """The canary whose check is gone."""
    for width in (_FACT, _ECHO):
        body = token[: width - _CHECK].decode("latin-1")
        if len(body) == width - _CHECK and body.isascii():
            text = body + check(body)
            if CANARY.fullmatch(text):
                return text, TRUNCATED
    return None


def _mended(token: bytes, width: int) -> Iterator[str]:
    """Every canary of `width` characters from which `token` differs in one character, behind the campaign."""
    if len(token) < width:
        return
    body, rest = token[:-_CHECK], token[-_CHECK:]
    right = check(body.decode("latin-1")).encode("ascii") if body.isascii() else b""
    texts = []
    if right and sum(map(int.__ne__, rest, right)) == 1:
        texts.append(body + right)
    # If the body is wrong, the check is right: what is behind a cut is rarely made of the alphabet alone.
    syndrome = checksum(body) ^ _number(rest) if all(byte in _ALPHABET for byte in rest) else 0
    for place, difference in _substitutions(len(body)).get(syndrome, ()) if syndrome else ():
        mended = bytearray(token)
        mended[place] ^= difference
        texts.append(bytes(mended))
    for text in (each.decode("latin-1") for each in texts):
        if CANARY.fullmatch(text) and check(text[:-_CHECK]) == text[-_CHECK:]:
            yield text


def _number(digits: bytes) -> int:
    """The value of check characters."""
    value = 0
    for digit in digits:
        value = value << 5 | _VALUES[digit]
    return value


@cache
def _substitutions(width: int) -> Mapping[int, tuple[tuple[int, int], ...]]:
    """How the check of a body of `width` bytes changes with one byte: change to (place, difference) pairs.

    The check is linear (see `canary.checksum`), so the change does not depend on the rest of the body, and
    a typo is put right by one look-up instead of trying every character in every place.
    """
    nothing = checksum(bytes(width))
    changes: dict[int, tuple[tuple[int, int], ...]] = {}
    for place in range(10, width):
        for difference in range(1, 256):
            change = nothing ^ checksum(bytes(place) + bytes((difference,)) + bytes(width - place - 1))
            changes[change] = (*changes.get(change, ()), (place, difference))
    return changes
