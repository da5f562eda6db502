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
blind to base64 whose end is cut off), one `re` alternation of all needles (a fifteenth), and one for all
escapes, whose first character is then any of three (source code at a fifth).
"""

from __future__ import annotations

import binascii
import codecs
import html
import re
import unicodedata
from base64 import b64encode
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

from overheard.core.canary import campaign_digits, find_canaries, valid
from overheard.core.damage import find_damaged

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

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

# One pattern for each character that escapes begin with: by a first character that is certain they are found
# at the speed of a search for it.
_CONTROL: Final = re.compile(r"\\[abfnrtv]")
_BACKSLASH: Final = re.compile(
    r"\\(?:(?P<utf16>u[0-9A-Fa-f]{4}(?:\\u[0-9A-Fa-f]{4})*)"
    r"|x(?P<x>[0-9A-Fa-f]{2})|u\{(?P<u>[0-9A-Fa-f]{1,6})\}|U(?P<U>[0-9A-Fa-f]{8}))"
)
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*")
# Lengths are bounded because Python refuses to read a number of thousands of digits (ValueError).
_HTML: Final = re.compile(r"&(?:#[0-9]{1,12}|#[xX][0-9A-Fa-f]{1,10}|[A-Za-z][A-Za-z0-9]{1,31});?")

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
    text: str, campaign: int | None = None, *, plain: Sequence[str] | None = None
) -> list[tuple[str, str]]:
    """Every fact and echo in `text` that does not stand there plainly: (canonical token, disguise).

    Each token once, and none that `find_canaries` finds in the same text. The disguises are `other
    case`, `separated` (by anything but letters and digits), `other case, separated`, `look-alikes` (any
    mixture with confusable, full-width or mathematical characters, or with O, I, L for digits),
    `reversed`, `hex`, `base64`, and `escaped` (percent, JSON, HTML), alone or in front of another.

    Of `campaign`, if it is given, also those that are `truncated` or have a `typo` (see `damage`).

    `plain` is what `find_canaries` finds in `text`, repetitions included, for those who have looked already.

    Time and memory are linear in the text, whatever it holds. Lone surrogates and control characters are
    text like any other. Nothing is raised.
    """
    plain = find_canaries(text) if plain is None else plain
    plainly = frozenset(plain)
    found: dict[str, str] = {}
    for layer in range(_LAYERS + 1):
        for token, disguise in _views(text, () if layer else plain, campaign):
            if token not in plainly and token not in found:
                found[token] = ", ".join(filter(None, ("escaped" if layer else "", disguise)))
        unescaped = _unescape(text)
        if unescaped == text:
            break
        text = unescaped
    return list(found.items())


def _views(text: str, plain: Sequence[str], campaign: int | None) -> Iterator[tuple[str, str]]:
    raw = _ascii(text)
    folded = raw.translate(_FOLD, _NOT_ALNUM)
    # What stands there plainly stands in the folded text, too, prefix for prefix; mostly there is no more.
    more = folded.count(b"0VH1") > len(plain)
    plainly = frozenset(plain) if more else frozenset()
    standing = _read_folded(folded, plainly) if more else Counter(plain)
    tokens = [token for token in standing if token not in plainly] if more else []
    if tokens:
        dress = _Dress(text)
        yield from ((token, dress.of(token)) for token in tokens)
    if b"1HV0" in folded:
        yield from ((token, "reversed") for token in _read_folded(folded[::-1], ()))
    if b"4F564831" in folded or b"6F766831" in folded:
        yield from ((token, "hex") for token in _read_hex(folded))
    if any(needle.folded in folded for needle in _BASE64):
        yield from ((token, "base64") for token in _read_base64(raw))
    if campaign is not None:
        yield from _damaged(text, folded, standing, campaign)


def _damaged(
    text: str, folded: bytes, standing: Mapping[str, int], campaign: int
) -> Iterator[tuple[str, str]]:
    """The damaged canaries of a text, in which those of `standing` are whole, so often each."""
    digits = campaign_digits(campaign)
    ours = sum(times for token, times in standing.items() if token.startswith(digits, 4))
    # Nearly always everything is whole, and what is counted need not be looked at.
    if folded.count(b"0VH1") == sum(standing.values()) and folded.count(digits.encode("ascii")) == ours:
        return
    # With everything in its place: in the squeezed text a letter that was replaced by a sign is a letter too
    # few, and what stands behind it was taken for other fields: once in thirty thousand times that checked.
    yield from find_damaged(text.encode("ascii", "replace").translate(_FOLD), campaign)


def _ascii(text: str) -> bytes:
    """The text in ASCII: look-alikes as what they are taken for, everything else beyond ASCII left out."""
    if text.isascii():
        return text.encode("ascii")
    # No line is mapped by what stands in another, and prompts hold line for line what those before them held.
    return b"\n".join(
        [_remembered(line) if len(line) <= _SHORT else _mapped(line) for line in text.split("\n")]
    )


def _mapped(text: str) -> bytes:
    if text.isascii():
        return text.encode("ascii")
    if _compatible(text):
        text = _COMPATIBLE.sub(lambda run: unicodedata.normalize("NFKD", run.group()), text)
    return codecs.charmap_encode(text, "ignore", _CHARMAP)[0].translate(_TAKEN_FOR)


_SHORT: Final = 1_024
"""Characters of a line that is remembered: with their number, what bounds the memory that this takes."""
_remembered = lru_cache(maxsize=1 << 11)(_mapped)


def _compatible(text: str) -> bool:
    """Whether any compatibility character may be in a text that is not all ASCII.

    To look for one costs more, for each character of the text, than all other folding together. So it is
    only looked for in what is not ASCII, where that is the smaller part: in most languages a few accents.
    """
    rest = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    return 2 * len(rest) > len(text) or _COMPATIBLE.search(rest.decode("utf-8", "surrogatepass")) is not None


def _read_folded(folded: bytes, known: Container[str]) -> dict[str, int]:
    """The tokens that stand in `folded`, and how often; of those in `known`, validity is not asked again.

    Each is looked at once: where there are many, a prompt that recites one conversation again and again has
    few.
    """
    tails = Counter(_FOLDED.findall(folded))
    tokens = (("OVH1" + tail.decode("ascii"), times) for tail, times in tails.items())
    return {token: times for token, times in tokens if token in known or valid(token)}


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
    if "\\" in text:
        text = _BACKSLASH.sub(_of_backslash, _CONTROL.sub(" ", text))
    if "%" in text:
        text = _PERCENT.sub(lambda run: unquote(run.group()), text)
    if "&" in text:
        text = _HTML.sub(lambda entity: html.unescape(entity.group()), text)
    return text


def _of_backslash(match: re.Match[str]) -> str:
    if match.lastgroup == "utf16":
        return bytes.fromhex(match.group().replace("\\u", "")).decode("utf-16-be", "replace")
    return chr(min(int(match.group(match.lastindex or 0), 16), 0x10FFFF))
