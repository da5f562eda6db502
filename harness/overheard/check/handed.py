"""Was somebody handed an answer that was made for somebody else, and how did that come?

What it was once handed is stored in its own thread and stands in its later prompts: such a sight tells the
story of the answer that brought it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final, TypeAlias

from overheard.check.observe import may_see_all
from overheard.check.view import Call, Op, Step, View
from overheard.core.canary import decode_canary, is_canary
from overheard.core.ids import Id
from overheard.core.outcome import Channel

Owner: TypeAlias = tuple[tuple[str | None, Id], Id]
"""Whose conversation, and its thread."""

CACHED: Final = "cached without identity"
SWAPPED: Final = "reply swapped"


def came_with(owner: Step) -> Owner:
    """By what it is known for whose conversation an answer was made: whose it is, and its thread."""
    return owner.owner, owner.thread


def handed(
    view: View, observer: Op, channel: Channel, token: str, reciter: tuple[int, int] | None
) -> str | None:
    """The story of an answer that was handed to somebody else, told of what stood in it."""
    if reciter is None or reciter[0] != view.number:
        return None
    if channel != "prompt":
        return _made_for_another(view, observer, token, reciter[1])
    for op in view.ops.values():
        if (
            op is not observer
            and op.owner == observer.owner
            and op.thread == observer.thread
            and any(sight.token == token for sight in op.sights)
        ):
            return _made_for_another(view, op, token, reciter[1])
    return None


def handed_before(view: View, observer: Op) -> Iterator[tuple[Owner, str]]:
    """Whose answers were handed to the observer's thread before, each with its first story.

    With the answer comes its id, where a model's server keeps conversations and an application knows only
    which response each of them went on from: whoever is handed another's goes on in the other's.
    """
    known: set[Owner] = set()
    for op in view.ops.values():
        if op.owner != observer.owner or op.thread != observer.thread or op.ended >= observer.invoked:
            continue
        for sight in op.sights:
            reciter = decode_canary(sight.token).reciter if is_canary(sight.token) else None
            if reciter is None or reciter[0] != view.number:
                continue
            new = {came_with(other) for other in view.groups.get(reciter[1], ())} - known
            story = _made_for_another(view, op, sight.token, reciter[1]) if new else None
            if story is not None:
                known |= new
                yield from ((one, story) for one in new)


def _made_for_another(view: View, shown: Op, token: str, reciter: int) -> str | None:
    """Why the answer shown to `shown` holds an echo of a fact that its own prompts do not.

    The echo names the operation it was minted for: `reciter`. With the same words, the answer came from a
    cache; in flight together with it, the two answers were swapped.
    """
    fields = token[4:17]
    if any(
        sight.token[4:17] == fields
        for call in shown.calls
        if not _could_be_anothers(call, shown, view)
        for sight in call.event.sights
    ):
        return None
    made_for = [op for op in view.groups.get(reciter, []) if op is not shown]
    if shown.leader == reciter and _answered_together(view, [shown, *made_for]):
        return CACHED
    return SWAPPED if any(op.overlaps(shown) for op in made_for) else None


def _could_be_anothers(call: Call, shown: Op, view: View) -> bool:
    """Whether another operation may have made the call, and may see everything that is in it."""
    return any(
        may_see_all(op, call, view)
        for op in (*call.attributed.candidates, *call.attributed.past)
        if op is not shown
    )


def _answered_together(view: View, alike: list[Op]) -> bool:
    """Whether operations that sent one text were answered with fewer model calls than each takes alone."""
    alone = [len(op.calls) for op in view.ops.values() if op.answered() and len(view.groups[op.leader]) == 1]
    calls = {id(call) for op in alike for call in op.calls}
    answered = sum(op.outcome == "ok" for op in alike)
    return answered > 1 and len(calls) < answered * max(1, round(median(alone)) if alone else 1)
