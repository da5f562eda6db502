"""Canaries that were not written plainly: other case, separators, look-alikes, encodings, damage.

A leak is a leak in whatever dress, and models change the dress of what they repeat. Every disguise is
undone by a *view* of the text in which the canary stands plainly again, and a token counts only if its
check is true, so a chance hit is as improbable as in plain text.

Nearly all texts hold no disguised canary, so the cost is that of finding this out: the text is folded
once (upper case, letters and digits only, O, I and L as the digits they are taken for), and in the folded
text a handful of short needles is looked for, each the face that the fixed prefix of a canary has in one
view. Only if a needle is there is its view built. Everything is linear in the text: no view is longer
than the text by more than a constant factor, and a candidate costs a constant.

What was tried and given up: decoding every run that looks like base64 or hex (a tenth of the speed, and
blind to base64 whose end is cut off), and one `re` alternation of all needles (a fifteenth).
"""

from __future__ import annotations

import binascii
import codecs
import html
import re
import unicodedata
from base64 import b64encode
from functools import cache
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

from overheard.core.canary import ALPHABET, check, checksum, find_canaries, valid

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_FACT: Final = 22
_ECHO: Final = 29
_LAYERS: Final = 3
"""How often escapes are undone: percent-escapes inside JSON inside JSON occur, deeper nesting does not."""

_ALNUM: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ASCII: Final = bytes(range(128))
_NOT_ALNUM: Final = bytes(byte for byte in range(256) if byte not in _ALNUM)
_NOT_BASE64: Final = bytes(byte for byte in _NOT_ALNUM if byte not in b"+/-_")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")

# Look-alikes, above what each is taken for: Cyrillic, Greek, small capitals. Compatibility characters
# (full-width, mathematical, circled) are not listed here, because Unicode says what they stand for.
_LOOKALIKES: Final = (
    ("АВЕЗІЈКМНОРСЅТУХԌԚԜѴҮӀӏҺ", "ABE31JKMHOPCSTYXGQWVY11H"),
    ("асеһіјорѕухԛԝѵԁкмнтвгпз", "acehijopsyxqwvdkmhtbrn3"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ", "ABEZHIKMNOPTYXC"),  # noqa: RUF001 - ambiguous on purpose
    ("αονριγκχηωεβτϳϲ", "aovpiykxnwebtjc"),
    ("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴠᴡʏᴢɑɡı", "abcdefghijklmnopqrstvwyzagi"),
)

# Characters that stand for ASCII letters and digits (NFKD without any combining mark), by block. Only
# these are normalised, not the text around them: a whole text is slow to normalise for the sake of one
# ellipsis, and time grows with the square of the length of a run of combining marks.
_COMPATIBLE: Final = re.compile(
    "[\u00aa\u00b2\u00b3\u00b9\u00ba\u00bc-\u00be\u0132\u0133\u013f\u0140\u0149\u017f\u01c7-\u01cc\u01f1-\u01f3"
    "\u02b0-\u02b8\u02e0-\u02e4\u1d2c-\u1d6a\u1d9c\u1da0\u1dbb\u1e9a\u2070-\u209c\u20a8\u2100-\u212a\u212c-\u2149\u2150-\u217f\u2189"
    "\u2460-\u24ea\u2c7c\u2c7d\u3250-\u325f\u32b1-\u32bf\u32c0-\u32cf\u3358-\u33ff\ua7f2-\ua7f4\ufb00-\ufb06"
    "\uff10-\uff5a\U000107a5\U0001ccd6-\U0001ccf9\U0001d400-\U0001d7ff\U0001f100-\U0001f1ff\U0001fbf0-\U0001fbf9]+"
)

_ESCAPES: Final = re.compile(
    r"(?P<percent>(?:%[0-9A-Fa-f]{2})+)"
    r"|(?P<utf16>(?:\\u[0-9A-Fa-f]{4})+)"
    r"|\\(?:x(?P<x>[0-9A-Fa-f]{2})|u\{(?P<u>[0-9A-Fa-f]{1,6})\}|U(?P<U>[0-9A-Fa-f]{8})|(?P<control>[abfnrtv]))"
    # Lengths are bounded because Python refuses to read a number of thousands of digits (ValueError).
    r"|(?P<html>&(?:#[0-9]{1,12}|#[xX][0-9A-Fa-f]{1,10}|[A-Za-z][A-Za-z0-9]{1,31});?)"
)


_LOOKALIKE_BYTES: Final = range(128, 128 + sum(len(alike) for alike, _ in _LOOKALIKES))
_CHARMAP: Final = codecs.charmap_build(
    "".join(map(chr, range(128))) + "".join(alike for alike, _ in _LOOKALIKES).ljust(128, "\ufffe")
)
_TAKEN_FOR: Final = bytes.maketrans(
    bytes(_LOOKALIKE_BYTES), "".join(letters for _, letters in _LOOKALIKES).encode("ascii")
)
_FOLD: Final = bytes(range(256)).upper().translate(bytes.maketrans(b"OIL", b"011"))

_DIGIT: Final = "[0-9A-HJKMNP-TV-Z]"
# The tail is looked at and not consumed: a false prefix just before a true one must not swallow it.
_FOLDED: Final = re.compile(
    rf"0VH1(?=({_DIGIT}{{13}}(?:[0-9A-F]{_DIGIT}{{4}}|[GHJKMNP-TV-Z]{_DIGIT}{{11}})))".encode()
)
_PREFIX_START: Final = re.compile(rb"0V(?:H|.1)", re.DOTALL)
_PREFIX_END: Final = re.compile(b"H1")
_ZERO: Final = ord("0")
_V: Final = ord("V")
_VALUES: Final = bytes(max(ALPHABET.find(chr(byte)), 0) for byte in range(256))
_HEX: Final = re.compile(rb"(?:4F564831|6F766831)(?=([0-9A-F]{36,50}))")


class _Needle(NamedTuple):
    """A face of the prefix in base64: `folded` is looked for first, then `exact`, in a view of its own.

    `before` stands in for the characters that also carry bits of what precedes the canary: `skip` bytes.
    """

    folded: bytes
    exact: re.Pattern[bytes]
    before: bytes
    skip: int


def _needle(prefix: bytes, skip: int) -> _Needle:
    encoded = b64encode(bytes(skip) + prefix)
    first, end = -(-8 * skip // 6), 8 * (skip + len(prefix)) // 6
    core = encoded[first:end]
    return _Needle(
        core.translate(_FOLD), re.compile(core + rb"(?=([A-Za-z0-9+/]{24,40}))"), encoded[:end], skip
    )


_BASE64: Final = tuple(_needle(prefix, skip) for prefix in (b"OVH1", b"ovh1") for skip in range(3))


def find_disguised(
    text: str, known: Container[str] | None = None, *, plain: Container[str] | None = None
) -> list[tuple[str, str]]:
    """Every fact and echo in `text` that does not stand there plainly: (canonical token, disguise).

    Each token once, and none that `find_canaries` finds in the same text. The disguises are `other
    case`, `separated` (by anything but letters and digits), `other case, separated`, `look-alikes` (any
    mixture with confusable, full-width or mathematical characters, or with O, I, L for digits),
    `reversed`, `hex`, `base64`, and `escaped` (percent, JSON, HTML), alone or in front of another.

    With `known`, the tokens that exist, also `truncated` (everything but the check is there) and `typo`
    (one character replaced by another). Without it these two are not looked for: what is left of the
    check could not tell a damaged canary from noise.

    `plain` are the tokens that `find_canaries` finds in `text`, for those who have looked already.

    Time and memory are linear in the text, whatever it holds. Lone surrogates and control characters are
    text like any other. Nothing is raised.
    """
    if plain is None:
        plain = frozenset(find_canaries(text))
    found: dict[str, str] = {}
    for layer in range(_LAYERS + 1):
        for token, disguise in _views(text, plain if layer == 0 else frozenset(), known):
            if token not in plain and token not in found:
                found[token] = ", ".join(filter(None, ("escaped" if layer else "", disguise)))
        unescaped = _unescape(text)
        if unescaped == text:
            break
        text = unescaped
    return list(found.items())


def _views(text: str, skip: Container[str], known: Container[str] | None) -> Iterator[tuple[str, str]]:
    raw = _ascii(text)
    folded = raw.translate(_FOLD, _NOT_ALNUM)
    if b"0VH1" in folded:
        tokens = list(_read_folded(folded, skip))
        if tokens:
            dress = _Dress(text)
            yield from ((token, dress.of(token)) for token in tokens)
    if b"1HV0" in folded:
        yield from ((token, "reversed") for token in _read_folded(folded[::-1], ()))
    if b"4F564831" in folded or b"6F766831" in folded:
        yield from ((token, "hex") for token in _read_hex(folded))
    if any(needle.folded in folded for needle in _BASE64):
        yield from ((token, "base64") for token in _read_base64(raw))
    if known is not None:
        yield from _read_damaged(folded, known)
        # Once more with everything in its place: in the squeezed text a letter that was replaced by a
        # sign is a letter too few.
        kept = text.encode("ascii", "replace").translate(_FOLD)
        if len(kept) != len(folded):
            yield from _read_damaged(kept, known)


def _ascii(text: str) -> bytes:
    """The text in ASCII: look-alikes as what they are taken for, everything else beyond ASCII left out."""
    if text.isascii():
        return text.encode("ascii")
    if _compatible(text):
        text = _COMPATIBLE.sub(lambda run: unicodedata.normalize("NFKD", run.group()), text)
    return codecs.charmap_encode(text, "ignore", _CHARMAP)[0].translate(_TAKEN_FOR)


def _compatible(text: str) -> bool:
    """Whether any compatibility character may be in a text that is not all ASCII.

    To look for one costs more, for each character of the text, than all other folding together. So it is
    only looked for in what is not ASCII, where that is the smaller part: in most languages a few accents.
    """
    rest = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    return 2 * len(rest) > len(text) or _COMPATIBLE.search(rest.decode("utf-8", "surrogatepass")) is not None


def _read_folded(folded: bytes, skip: Container[str]) -> Iterator[str]:
    # Each once: where there are many, a prompt that recites one conversation again and again has few.
    for tail in dict.fromkeys(_FOLDED.findall(folded)):
        token = "OVH1" + tail.decode("ascii")
        if token not in skip and valid(token):
            yield token


def _read_hex(folded: bytes) -> Iterator[str]:
    for digits in _HEX.findall(folded):
        yield from _token_at_start(binascii.unhexlify(b"4F564831" + digits[: len(digits) & ~1]))


def _read_base64(raw: bytes) -> Iterator[str]:
    # A canary's own base64 has neither of the two signs, but the character that it shares with what
    # follows can be one, so they are kept and brought to one form.
    base64 = raw.translate(_STANDARD, _NOT_BASE64)
    for needle in _BASE64:
        for rest in needle.exact.findall(base64):
            encoded = needle.before + rest
            encoded += b"A" * (-len(encoded) % 4)
            yield from _token_at_start(binascii.a2b_base64(encoded)[needle.skip :])


def _token_at_start(data: bytes) -> list[str]:
    return find_canaries(data[:_ECHO].decode("latin-1").upper())


class _Dress:
    """Which of the foldings a token needs to stand plainly in a text."""

    def __init__(self, text: str) -> None:
        bare = text.encode("ascii", "ignore").translate(None, _NOT_ALNUM).decode("ascii")
        self._steps = (
            ("", frozenset(find_canaries(text))),
            ("other case", frozenset(find_canaries(text.upper()))),
            ("separated", frozenset(find_canaries(bare))),
            ("other case, separated", frozenset(find_canaries(bare.upper()))),
        )

    def of(self, token: str) -> str:
        return next((name for name, tokens in self._steps if token in tokens), "look-alikes")


def _unescape(text: str) -> str:
    if "%" in text or "\\" in text or "&" in text:
        return _ESCAPES.sub(_unescaped, text)
    return text


def _unescaped(match: re.Match[str]) -> str:
    escape, kind = match.group(), match.lastgroup
    if kind == "percent":
        return unquote(escape)
    if kind == "utf16":
        return bytes.fromhex(escape.replace("\\u", "")).decode("utf-16-be", "replace")
    if kind == "html":
        return html.unescape(escape)
    if kind == "control":
        return " "
    return chr(min(int(match.group(match.lastindex or 0), 16), 0x10FFFF))


def _read_damaged(view: bytes, known: Container[str]) -> Iterator[tuple[str, str]]:
    for start in _near_prefixes(view):
        window = view[start : start + _ECHO]
        for width in (_FACT, _ECHO):
            mended = {token: damage for token, damage in _mend(window, width) if token in known}
            # Two known tokens one character away from what is there: a doubtful reading is no evidence.
            if len(mended) == 1:
                yield from mended.items()


def _near_prefixes(view: bytes) -> Iterator[int]:
    """Where a token may begin: at least three of the four characters of the prefix are in their places."""
    # Merged, not collected: a text of nothing but prefixes must not cost a list of all its positions.
    # "H1" is common in prose ("hi", "hl"), so what comes before it is looked at without a pattern.
    hits = (match.start() - 2 for match in _PREFIX_END.finditer(view))
    near_ends = (at for at in hits if at >= 0 and (view[at] == _ZERO or view[at + 1] == _V))
    near_starts = (match.start() for match in _PREFIX_START.finditer(view))
    return (start for start, _ in groupby(merge(near_ends, near_starts)))


def _mend(window: bytes, width: int) -> Iterator[tuple[str, str]]:
    """What `window` would be as a token of `width` characters: cut off, or with one character replaced."""
    if len(window) < width - 4:
        return
    body, rest = b"OVH1" + window[4 : width - 4], window[width - 4 : width]
    if window[:4] != b"0VH1":
        yield (body + rest).decode("ascii"), "typo"
        return
    text = body.decode("ascii")
    expected = check(text)
    wrong = sum(one != other for one, other in zip(rest.decode("ascii"), expected, strict=False))
    yield text + expected, "typo" if len(rest) == 4 and wrong == 1 else "truncated"
    if wrong and len(rest) == 4:
        change = checksum(body) ^ _number(rest)
        for place, difference in _substitutions(len(body)).get(change, ()):
            mended = bytearray(body + rest)
            mended[place] ^= difference
            yield mended.decode("latin-1"), "typo"


def _number(digits: bytes) -> int:
    """The value of check characters; meaningless, and no canary's, if they are not of the alphabet."""
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
    for place in range(4, width):
        for difference in range(1, 256):
            change = nothing ^ checksum(bytes(place) + bytes((difference,)) + bytes(width - place - 1))
            changes[change] = (*changes.get(change, ()), (place, difference))
    return changes
