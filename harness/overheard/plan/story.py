"""Steps that come strictly one after the other, whoever takes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from overheard.core.ids import Id
from overheard.plan.cast import Place
from overheard.plan.offered import looks
from overheard.plan.steps import Bracket, Loom, Step


class Story:
    """What happens next happens after all that has happened so far."""

    def __init__(self, loom: Loom) -> None:
        self._loom = loom
        self._last: list[Step] = []

    def bracket(self, place: Place, count: int = 1) -> Bracket:
        """Tell facts in a place and ask for them there."""
        bracket = self._loom.bracket(place, count, after=self._last)
        self._next(bracket.before)
        return bracket

    def tell(self, place: Place) -> Step:
        """Tell a fact."""
        return self._next(self._loom.tell(place, after=self._last))

    def ask(self, place: Place, facts: Sequence[Step]) -> None:
        """Ask for facts, as many at once as the memory can be asked for."""
        for start in range(0, len(facts), self._loom.at_once):
            self._next(self._loom.ask(place, facts[start : start + self._loom.at_once], after=self._last))

    def show(self, place: Place, facts: Sequence[Step], by: Collection[str] | None = None) -> None:
        """Look at facts by every surface that shows what is stored, or by those named."""
        for surface in looks(self._loom.offers):
            if by is None or surface in by:
                for step in self._loom.look(place, surface, facts, after=self._last):
                    self._next(step)

    def change(
        self,
        place: Place,
        surface: str,
        *,
        titled: bool = False,
        message: Step | None = None,
        ids: Mapping[str, Id] | None = None,
    ) -> Step:
        """Use a surface that changes what is stored."""
        after = self._last if message is None else [message, *self._last]
        step = self._loom.change(place, surface, titled=titled, message=message, ids=ids, after=after)
        return self._next(step)

    def create(self, place: Place) -> None:
        """Create the thread of a place by its name, where that is how it is done."""
        takes = self._loom.offers.beyond.get("create_thread")
        if takes is not None and "thread" in takes.accepts:
            titled = "title" in takes.accepts and self._loom.choose.chance(0.5)
            self.change(place, "create_thread", titled=titled)

    def _next(self, step: Step) -> Step:
        self._last = [step]
        return step
