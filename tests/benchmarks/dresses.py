"""Every way of writing a canary that detection promises to look through, as a function of the canary."""

from __future__ import annotations

import base64
import html
import json
import random
from collections.abc import Callable
from urllib.parse import quote

from overheard.core.canary import ALPHABET, FactKey, mint_echo, mint_fact

Dress = Callable[[str, random.Random], str]

CYRILLIC = str.maketrans("ABE3KMHOPCTYXG", "АВЕЗКМНОРСТУХԌ")
GREEK = str.maketrans("ABEZHKMNOPTYX", "ΑΒΕΖΗΚΜΝΟΡΤΥΧ")
SMALL = str.maketrans("ABCDEFGHJKMNPRSTVWYZ", "ᴀʙᴄᴅᴇꜰɢʜᴊᴋᴍɴᴘʀꜱᴛᴠᴡʏᴢ")
CIRCLED = {ord("0"): "⓪"}
CIRCLED |= {ord("1") + i: chr(0x2460 + i) for i in range(9)} | {
    ord("A") + i: chr(0x24B6 + i) for i in range(26)
}
BOLD = {ord("0") + i: chr(0x1D7CE + i) for i in range(10)} | {
    ord("A") + i: chr(0x1D400 + i) for i in range(26)
}
SIGNS = "?*_#…· é"


def between(separators: str, every: int = 1) -> Dress:
    def dress(token: str, chance: random.Random) -> str:
        separator = chance.choice(separators.split("|"))
        return separator.join(token[at : at + every] for at in range(0, len(token), every))

    return dress


def mixed_case(token: str, chance: random.Random) -> str:
    return "".join(chance.choice((each.lower(), each.upper())) for each in token)


def full_width(token: str, chance: random.Random) -> str:
    return "".join(chr(ord(each) - 0x21 + 0xFF01) for each in token)


def translated(table: dict[int, str] | dict[int, int]) -> Dress:
    return lambda token, chance: token.translate(table)


def some_alike(token: str, chance: random.Random) -> str:
    return "".join(
        each.translate(chance.choice((CYRILLIC, GREEK, SMALL, BOLD, {}))) if chance.random() < 0.5 else each
        for each in token
    )


def letters_for_digits(token: str, chance: random.Random) -> str:
    return "".join({"0": "O", "1": chance.choice("IlL")}.get(each, each) for each in token)


def in_base64(
    encode: Callable[[bytes], bytes], *, change: Callable[[str], str] = str, wrap: str = ""
) -> Dress:
    def dress(token: str, chance: random.Random) -> str:
        before, behind = chance.randbytes(chance.randrange(40)), chance.randbytes(chance.randrange(40))
        text = encode(before + change(token).encode() + behind).decode()
        if not wrap:
            return text.rstrip("=") if chance.random() < 0.5 else text
        return wrap.join(text[at : at + 76] for at in range(0, len(text), 76))

    return dress


def in_hex(separator: str, *, upper: bool) -> Dress:
    def dress(token: str, chance: random.Random) -> str:
        text = separator.join(f"{each:02x}" for each in token.encode())
        return text.upper() if upper else text

    return dress


def escaped(form: str, *, share: float = 1.0) -> Dress:
    """Each character, or a share of them, as `form` writes its number."""

    def dress(token: str, chance: random.Random) -> str:
        return "".join(form.format(ord(each)) if chance.random() < share else each for each in token)

    return dress


def then(*dresses: Dress) -> Dress:
    def dress(token: str, chance: random.Random) -> str:
        for one in dresses:
            token = one(token, chance)
        return token

    return dress


def cut_off(token: str, chance: random.Random) -> str:
    """Everything but some or all of the check."""
    return token[: len(token) - chance.randint(1, 4)] + chance.choice(("…", "...", " ", "\n", '"', ""))


def one_wrong(token: str, chance: random.Random) -> str:
    at = chance.randrange(len(token))
    others = [each for each in ALPHABET + SIGNS if each != token[at]]
    return token[:at] + chance.choice(others) + token[at + 1 :]


DRESSES: dict[str, Dress] = {
    "lower case": lambda token, chance: token.lower(),
    "mixed case": mixed_case,
    "separated by spaces, line breaks or signs": between(" |\n|.|-|_|, |\t|**| / |:"),
    "in groups of five": between(" |-|\n|.", 5),
    "separated by invisible characters": between("\u200b|\u200d|\u00ad|\u2060|\ufeff|\u00a0"),
    "lower case and separated": then(lambda token, chance: token.lower(), between(" |-|\n|\u200b", 4)),
    "full-width": full_width,
    "mathematical": translated(BOLD),
    "circled": translated(CIRCLED),
    "Cyrillic look-alikes": translated(CYRILLIC),
    "Greek look-alikes": translated(GREEK),
    "small capitals": translated(SMALL),
    "some characters alike": some_alike,
    "O, I and L for digits": letters_for_digits,
    "reversed": lambda token, chance: token[::-1],
    "reversed, lower case, separated": then(lambda token, chance: token[::-1].lower(), between(" |-|.")),
    "base64": in_base64(base64.b64encode),
    "base64, URL-safe": in_base64(base64.urlsafe_b64encode),
    "base64 of lower case": in_base64(base64.b64encode, change=str.lower),
    "base64 in lines": in_base64(base64.b64encode, wrap="\r\n"),
    "hex": in_hex("", upper=True),
    "hex, lower case": in_hex("", upper=False),
    "hex, separated": in_hex(":", upper=False),
    "percent-escapes": escaped("%{:02X}"),
    "some percent-escapes": escaped("%{:02x}", share=0.3),
    "JSON escapes": escaped("\\u{:04x}"),
    "some JSON escapes": escaped("\\u{:04X}", share=0.3),
    "escapes of source code": escaped("\\x{:02x}"),
    "escapes of JavaScript": escaped("\\u{{{:x}}}"),
    "HTML entities": escaped("&#{};"),
    "HTML entities, hex": escaped("&#x{:x};"),
    "JSON in JSON": then(escaped("\\u{:04x}"), lambda token, chance: json.dumps(token)),
    "percent-escapes, twice": then(escaped("%{:02X}"), lambda token, chance: quote(token)),
    "HTML entities in JSON": then(escaped("&#{};"), lambda token, chance: json.dumps(html.escape(token))),
    "full-width in JSON": then(full_width, lambda token, chance: json.dumps(token)),
    "base64 in JSON": then(in_base64(base64.b64encode, wrap="\n"), lambda token, chance: json.dumps(token)),
    "base64 in a URL": then(in_base64(base64.b64encode), lambda token, chance: quote(token, safe="")),
    "cut off": cut_off,
    "one character wrong": one_wrong,
}
"""By the name under which recall is stated."""


def canary(chance: random.Random, campaign: int) -> str:
    """A fact or an echo of a campaign."""
    key = FactKey(campaign, chance.randrange(1 << 20), chance.randrange(1 << 15), 0)
    if chance.random() < 0.5:
        return mint_fact(key)
    return mint_echo(key, example=chance.randrange(1 << 20), operation=chance.randrange(1 << 15))
