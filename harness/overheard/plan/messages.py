"""Messages of realistic shape: short and long, in several languages, with markup, emoji and quotes.

Every message carries the nonce `<<ref>>` after its first sentence (a memory layer that cuts a message to
its first sentence keeps the fact, one that takes titles from it shows no nonce). A message that asks names
attributes only: whoever probes must never utter the canary it looks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from overheard.core.operation import FACT_MARK, NONCE_MARK
from overheard.plan.choose import Chooser
from overheard.plan.personas import PARAGRAPHS, Persona, prose
from overheard.plan.phrases import AND, ASK, CHAT, CLOSING, LONG, MARKUP, TELL

CANARY_LENGTH: Final = 22
"""Characters of a fact's canary."""
EARLY: Final = 60
"""A canary lies within so many characters from the beginning."""
LONGEST: Final = 4_000
"""About how many characters the longest message has."""

_REFERENCES = ("({})", "[{}]", "Ref: {}.", "#{}")


def tell(choose: Chooser, who: Persona, attribute: str, *, plain: bool) -> str:
    """Tell the fact about `attribute`. A `plain` message has no long tail, for memories that rank."""
    first = choose.pick(_tell_frames(choose, who)).format(a=attribute)
    if first.index(FACT_MARK) + CANARY_LENGTH > EARLY:
        first = choose.pick(LONG).format(a=attribute)
    tail = ""
    if choose.chance(0.5):
        tail = choose.pick(CLOSING)
    elif not plain and choose.chance(0.1):
        tail = _prose(choose, who, 1_500)
    return _join(choose, first, tail)


def ask(choose: Chooser, who: Persona, attributes: Sequence[str]) -> str:
    """Ask for what was said about `attributes` (at least one)."""
    language = _language(choose, who)
    named = AND[language].join(attributes)
    tail = choose.pick(CLOSING) if choose.chance(0.1) else ""
    return _join(choose, choose.pick(ASK[language]).format(a=named), tail)


def title(attribute: str) -> str:
    """What a thread is called: a fact, and no nonce, for nobody answers a title."""
    return f"{FACT_MARK} ({attribute})"


def chat(choose: Chooser, who: Persona) -> str:
    """Say something that neither tells nor asks."""
    frame = choose.pick(CHAT[_language(choose, who)])
    first = frame.format(name=who.name, city=who.city, job=who.job)
    if choose.chance(0.4):
        return _join(choose, first, "")
    tail = _prose(choose, who, LONGEST if choose.chance(0.1) else 400)
    if choose.chance(0.2):
        tail = choose.pick(("```\n{}\n```", "> {}", "<blockquote>{}</blockquote>", "“{}”")).format(tail)
    return _join(choose, first, tail)


def _tell_frames(choose: Chooser, who: Persona) -> Sequence[str]:
    return MARKUP if choose.chance(0.2) else TELL[_language(choose, who)]


def _language(choose: Chooser, who: Persona) -> str:
    """The persona's own language in a third of cases, else English."""
    return who.locale[:2] if who.locale != "en_US" and choose.chance(0.33) else "en"


def _prose(choose: Chooser, who: Persona, longest: int) -> str:
    start = choose.integer(0, PARAGRAPHS - 1)
    return prose(who.locale, start, choose.integer(40, longest))


def _join(choose: Chooser, first: str, tail: str) -> str:
    reference = choose.pick(_REFERENCES).format(NONCE_MARK)
    return f"{first} {reference} {tail}".rstrip()
