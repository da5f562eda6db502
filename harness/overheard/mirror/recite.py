"""Which operation an answer belongs to, and what it says.

Every message of a plan carries a nonce. The newest user message that carries one names the operation;
what stands after it (tool results, a framework's own "now summarise") changes nothing about that. Asked,
the mirror recites every fact it was shown as an *echo*, never as the fact itself: a stored recital would
otherwise outlive windows and deletions and pass for what was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from overheard.core.canary import (
    ASKS,
    FactKey,
    Nonce,
    decode_canary,
    decode_nonce,
    find_canaries,
    mint_echo,
    tokens_in,
)
from overheard.mirror.request import ChatRequest

LONG: Final = 4_000
"""Characters from which a user message is taken for a prompt that quotes what was said."""


class Told(NamedTuple):
    """What the answer is about.

    `text`    what the user said: the whole message, or the line of it that matters if it quotes others.
    `nonce`   the operation that said it, None if no message carries one; `token` is the nonce as written.
    `tells`   whether it tells a fact; `asks` whether it asks for something said before.
    `place`   its place among the request's messages; -1 if there is no user message.
    """

    text: str = ""
    nonce: Nonce | None = None
    token: str = ""
    tells: bool = False
    asks: bool = False
    place: int = -1

    @property
    def keeps(self) -> bool:
        """Whether what was said is worth remembering: a mere question is not."""
        return self.tells or not self.asks


def told(request: ChatRequest) -> Told:
    """Find the message that the answer belongs to."""
    newest = -1
    for index in range(len(request.messages) - 1, -1, -1):
        message = request.messages[index]
        if message.role == "user":
            newest = max(newest, index)
            if tokens := tokens_in(message.text).nonces:
                return _told(message.text, tokens, index)
    text = request.messages[newest].text if newest >= 0 else ""
    # Some frameworks write the conversation into a system message: the nonce is still the operation's.
    for message in reversed(request.messages):
        if tokens := tokens_in(message.text).nonces:
            return _told(message.text, tokens, newest)
    return Told(text=text, tells=_has_fact(text), place=newest)


def prose(request: ChatRequest, about: Told) -> str:
    """The answer in words. It never holds a fact canary."""
    mark = f" (re {about.token})" if about.token else ""
    if not about.asks or about.nonce is None:
        return f"Noted.{mark}"
    example, operation = about.nonce.example, about.nonce.operation
    echoes = [mint_echo(key, example=example, operation=operation) for key in _facts(request)]
    if not echoes:
        return f"I have nothing about that.{mark}"
    return f"You told me: {', '.join(echoes)}.{mark}"


def _told(text: str, tokens: Sequence[str], index: int) -> Told:
    token = _latest(tokens)
    nonce = decode_nonce(token)
    if len(set(tokens)) > 1 or len(text) > LONG:
        text, tells = _line(text, token, nonce)
    else:
        tells = _has_fact(text)
    return Told(text, nonce, token, tells, bool(nonce.flags & ASKS), index)


def _latest(tokens: Sequence[str]) -> str:
    """The nonce of the operation that was planned last.

    Not the one written last: a prompt template that puts remembered messages *behind* the question would
    have every question answered in the name of an old message, and recall would fail.
    """
    if len(tokens) == 1:
        return tokens[0]
    campaign = decode_nonce(tokens[-1]).campaign
    ours = [token for token in tokens if decode_nonce(token).campaign == campaign]
    return max(ours, key=lambda token: decode_nonce(token)[1:3])


def _line(text: str, token: str, nonce: Nonce) -> tuple[str, bool]:
    """The line of a quoting prompt that says what operation `nonce` said, and whether that tells a fact.

    Memory layers hand the model whole transcripts, old memories included, in one user message; repeating
    all of it would merge old facts into every new memory.
    """
    lines = text.splitlines()
    for line in reversed(lines):
        keys = (decode_canary(found).fact for found in find_canaries(line))
        if any((key.campaign, key.example, key.operation) == nonce[:3] for key in keys):
            return line.strip(), True
    return next((line.strip() for line in reversed(lines) if token in line), text), False


def _facts(request: ChatRequest) -> Iterable[FactKey]:
    """Every fact shown anywhere in the request, once each, oldest first."""
    seen: dict[FactKey, None] = {}
    for message in request.messages:
        for text in (message.text, *message.more):
            seen |= dict.fromkeys(tokens_in(text).facts)
    for text in request.shown:
        seen |= dict.fromkeys(tokens_in(text).facts)
    return seen


def _has_fact(text: str) -> bool:
    return bool(tokens_in(text).facts)
