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


def excerpt(texts: Sequence[str], sights: Sequence[Sight]) -> str:
    """At most `TEXT_LIMIT` characters of `texts`, which come most telling first (a prompt's newest message).

    It is their beginning; if a canary stands behind it, half of that and then what is around the canaries:
    without it, a fact that memory had put at the end of a long system prompt was reported with two
    thousand characters of text in which it does not occur.
    """
    beginning = _beginning(texts, TEXT_LIMIT)
    if all(sight.token in beginning for sight in sights):
        return beginning
    head = beginning[: TEXT_LIMIT // 2]
    return cut("".join([head, *_surroundings(texts, sights, head)]))


def _beginning(texts: Sequence[str], room: int) -> str:
    pieces: list[str] = []
    for text in texts:
        if room <= 0:
            break
        pieces.append(text[:room])
        room -= len(text) + 1
    return "\n".join(pieces)


def _surroundings(texts: Sequence[str], sights: Iterable[Sight], head: str) -> Iterator[str]:
    shown = head
    for sight in sights:
        if len(shown) >= TEXT_LIMIT:
            return
        if sight.token in shown:
            continue
        for text in texts:
            place = text.find(sight.token)
            if place >= 0:
                piece = text[max(0, place - _AROUND) : place + len(sight.token) + _AROUND]
                shown += piece
                yield _GAP + piece
                break
