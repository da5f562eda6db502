"""Credentials that are nobody's."""

import base64
import json

import pytest

from overheard.adapters.http.forge import forged
from overheard.core.ids import OMITTED

WORD = "0123456789abcdef0123456789abcdef01234567"


def _part(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def test_a_signed_token_says_the_same_and_is_not_signed():
    head, claims = _part({"alg": "HS256"}), _part({"sub": "r0"})
    signature = "A" * 43
    made = forged(f"{head}.{claims}.{signature}", WORD)
    assert made.split(".")[:2] == [head, claims]
    assert len(made.split(".")[2]) == 43
    assert sum(one == other for one, other in zip(made.split(".")[2], signature, strict=True)) < 10
    assert made != forged(f"{head}.{claims}.{signature}", WORD[::-1])


def test_a_long_signature_is_as_long():
    token = f"{_part({'alg': 'RS256'})}.{_part({})}.{'A' * 342}"
    assert len(forged(token, WORD)) == len(token)


def test_a_token_without_a_signature_gets_one():
    assert forged(f"{_part({'alg': 'none'})}.{_part({})}.", WORD).endswith(f".{WORD}")


@pytest.mark.parametrize(
    "credentials",
    ["token of r0", "r0", "a.b.c", f"{_part([1])}.x.y", f"{_part({'sub': 'r0'})}.x.y", OMITTED, ""],
)
def test_of_anything_else_nothing_is_kept(credentials):
    assert forged(credentials, WORD) == WORD
