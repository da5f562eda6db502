"""What was seen in a text: one scan for canaries written plainly, one for canaries in disguise.

Every text an agent produced goes through `scan` whole, before it is cut for evidence: a canary behind the
first two thousand characters is as leaked as one in front of them. A text may be a gigabyte; long ones
are scanned in windows, so that no pass (folding, decoding) ever holds a second copy of the whole, and a
caller with a loop to run can give way between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from overheard.core.canary import find_canaries
from overheard.core.disguise import find_disguised
from overheard.history.events import Sight

if TYPE_CHECKING:
    from collections.abc import Generator

    from overheard.core.outcome import Channel

WINDOW: Final = 1 << 20
"""Characters that are scanned at a time."""

_SHORTEST: Final = 22
"""Characters of the shortest canary. No disguise makes it shorter."""

OVERLAP: Final = 2_048
"""Characters that two windows share. A canary has up to 29 characters; with every one of them an escape of
twelve characters and a separator behind each it still stays under a quarter of this."""


def scan(text: str, channel: Channel) -> tuple[Sight, ...]:
    """The distinct canaries in `text`, plain ones first, each kind in order of first appearance.

    A canary that stands there plainly is not reported in disguise as well.
    """
    windows = scanning(text, channel)
    while True:
        try:
            next(windows)
        except StopIteration as end:
            sights: tuple[Sight, ...] = end.value
            return sights


def scanning(text: str, channel: Channel) -> Generator[None, None, tuple[Sight, ...]]:
    """`scan` in steps: yields between the windows of a long text and returns what `scan` returns."""
    if len(text) < _SHORTEST:
        return ()
    plain: dict[str, None] = {}
    disguised: dict[str, str] = {}
    start = 0
    while True:
        window = text[start : start + WINDOW + OVERLAP] if len(text) > WINDOW else text
        plain |= dict.fromkeys(find_canaries(window))
        for token, disguise in find_disguised(window):
            disguised.setdefault(token, disguise)
        start += WINDOW
        if start >= len(text):
            break
        yield
    return (
        *(Sight(token, channel) for token in plain),
        *(Sight(token, channel, how) for token, how in disguised.items() if token not in plain),
    )
