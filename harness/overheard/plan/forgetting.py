"""The move in which owners delete something of their own, and everybody looks what is left.

Gone is only what cannot be found by any surface: not in the list, not in the index, not in what memory made
of it, and not when the same id is used again. Everything else has to be there still: the owner's other
threads, and what others have told. So it is all shown before, deleted, looked for without touching the
deleted thread, and then looked for again once it is in use again.
"""

from __future__ import annotations

from typing import Final

from overheard.plan.cast import Actor
from overheard.plan.offered import deletions
from overheard.plan.steps import Bracket, Loom, Step, in_turn
from overheard.plan.story import Story

MOST: Final = 3
"""Resources that take part: one deletes, the others are bystanders."""

LARGEST: Final = 80
"""Operations of one such move, or more."""


def forget(loom: Loom) -> None:
    """Tell, show, delete, look; use the id again, and look again."""
    (surface,) = in_turn(deletions(loom.offers), loom.deletion, 1)
    loom.deletion += 1
    owner, *others = loom.choose.shuffle(loom.actors)[:MOST]
    _Forgetting(loom, surface, owner, others).play()


class _Forgetting:
    """One deletion. `deleted` are the brackets that it reaches, `spared` those that it must not reach."""

    def __init__(self, loom: Loom, surface: str, owner: Actor, others: list[Actor]) -> None:
        self._loom = loom
        self._surface = surface
        self._story = story = Story(loom)
        several = "thread" in loom.offers.accepts
        place = owner.open() if several else owner.homes[0]
        # A message that is deleted has a neighbour, which stays.
        facts = 2 if surface == "delete_message" and loom.at_once > 1 else 1
        self._first = story.bracket(place, facts)
        sibling = [story.bracket(owner.open())] if several else []
        bystanders = [story.bracket(actor.homes[0]) for actor in others]
        whole = surface == "delete_resource"
        self._deleted = [self._first, *(sibling if whole else [])]
        self._spared = [*([] if whole else sibling), *bystanders]

    def play(self) -> None:
        """The whole of it."""
        for bracket in (*self._deleted, *self._spared):
            self._story.show(bracket.place, bracket.facts)
        message = self._first.facts[0] if self._surface == "delete_message" else None
        self._story.change(self._first.place, self._surface, message=message)
        self._look_without_touching()
        self._use_again()
        for bracket in self._spared:
            self._story.ask(bracket.place, bracket.facts)

    def _gone(self, bracket: Bracket) -> list[Step]:
        return bracket.facts[:1]

    def _look_without_touching(self) -> None:
        """Look for what is gone, and at what is not, without a word in a thread that was deleted."""
        story = self._story
        for bracket in self._deleted:
            story.show(bracket.place, self._gone(bracket))
        for bracket in self._spared:
            story.show(bracket.place, bracket.facts)
            story.ask(bracket.place, bracket.facts)
            # Asked for both at once, a memory that answers from a copy would have to choose.
            story.ask(bracket.place, self._gone(self._first))

    def _use_again(self) -> None:
        """Ask in the thread again, tell something new there, and look for the old once more."""
        story, place = self._story, self._first.place
        if self._loom.choose.chance(0.5):
            story.create(place)
        for fact in self._first.facts:
            story.ask(place, [fact])
        new = story.tell(place)
        story.ask(place, [new])
        story.show(place, [*self._gone(self._first), new])
        story.ask(place, self._gone(self._first))
        story.ask(place, [new])
        for bracket in self._deleted[1:]:
            story.ask(bracket.place, self._gone(bracket))
        for bracket in self._spared[:1]:
            story.show(bracket.place, bracket.facts)
