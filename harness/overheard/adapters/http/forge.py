"""Credentials that are nobody's, as a server would have to find out."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

import msgspec

from overheard.core.ids import Id

_PARTS: Final = 3


def forged(credentials: Id, word: str) -> str:
    """Credentials made after `credentials` that are nobody's.

    Of a signed token (a JWT) they say the same, under a signature that was never made: whoever reads tokens
    without verifying them takes it. Of anything else nothing is kept, for what is changed in it a little may
    be somebody else's.
    """
    parts = credentials.split(".") if isinstance(credentials, str) else []
    if len(parts) != _PARTS or not _says_how_it_is_signed(parts[0]):
        return word
    signature = base64.urlsafe_b64encode(hashlib.blake2b(word.encode()).digest()).decode().rstrip("=")
    while len(signature) < len(parts[2]):
        signature += signature
    return ".".join((parts[0], parts[1], signature[: len(parts[2])] or word))


def _says_how_it_is_signed(part: str) -> bool:
    try:
        header: Any = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header
