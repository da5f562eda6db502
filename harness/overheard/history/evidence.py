"""What is kept of a text: enough to show a person what was seen, never the whole of a gigabyte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from overheard.history.events import TEXT_LIMIT, Sight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_AROUND: Final = 80
"""Characters kept on either side of a canary that stands outside of what is kept anyway."""

_GAP: Final = " … "


def cut(text: str) -> str:
    """The first `TEXT_LIMIT` characters of `text`."""
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT]


def excerpt(texts: Sequence[str], sights: Iterable[Sight]) -> str:
    """At most `TEXT_LIMIT` characters of a prompt, whose `texts` come newest message first.

    A short prompt is kept whole. Of a long one half is the newest messages and the rest is what stands
    around the canaries: without that, a fact that memory had put into a long system prompt was
    reported with two thousand characters of text in which it does not occur.
    """
    if sum(map(len, texts)) + len(texts) <= TEXT_LIMIT:
        return "\n".join(texts)
    pieces: list[str] = []
    room = TEXT_LIMIT // 2
    for text in texts:
        pieces.append(text[:room])
        room -= len(text) + 1
        if room <= 0:
            break
    head = "\n".join(pieces)
    return cut("".join([head, *_surroundings(texts, sights, head)]))


def _surroundings(texts: Sequence[str], sights: Iterable[Sight], head: str) -> Iterator[str]:
    shown = head
    for sight in sights:
        if sight.token in shown:
            continue
        for text in texts:
            place = text.find(sight.token)
            if place >= 0:
                piece = text[max(0, place - _AROUND) : place + len(sight.token) + _AROUND]
                shown += piece
                yield _GAP + piece
                break
