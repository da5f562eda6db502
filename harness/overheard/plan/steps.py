"""Steps: operations that have not found their place yet. They know what must come before them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from overheard.core.contract import Contract
from overheard.core.ids import OMITTED, Id
from overheard.core.offers import Offers
from overheard.core.operation import Cancel
from overheard.plan import messages
from overheard.plan.attributes import Deck
from overheard.plan.cast import Actor, Place
from overheard.plan.choose import Chooser
from overheard.scenario.model import Scenario

_T = TypeVar("_T")

_FIRST_GUEST = 50_000
"""Numbers of guests: beyond those of a cast, and of as many digits as ids are made for."""


@dataclass(slots=True, eq=False)
class Step:
    """One operation to be. `after` are steps that must have ended before it starts.

    `block` counts the moves of a plan and `episode` its episodes; `twins` numbers, from 1, the rounds in
    which everybody sends the same text (0: no such round). `filters` are those of a search; `message` is the
    step whose message is meant, `new_thread` and `new_resource` what a change is to make of a thread.
    `cancel` is where it is cancelled; `follower` the step that comes at once then, in the same round.
    """

    place: Place
    text: str
    episode: int
    block: int
    after: list[Step] = field(repr=False)
    tells: str | None = None
    asks: tuple[Step, ...] = field(default=(), repr=False)
    twins: int = 0
    surface: str = "send"
    filters: Mapping[str, str] = field(default_factory=dict)
    message: Step | None = field(default=None, repr=False)
    new_thread: Id = OMITTED
    new_resource: Id = OMITTED
    cancel: Cancel | None = None
    follower: Step | None = field(default=None, repr=False)


@dataclass(slots=True, eq=False)
class Bracket:
    """Facts told and asked for in one place, and the steps that must be over before they are asked again.

    `room` is how many more turns may be taken in its place before the memory may have let the facts go.
    """

    place: Place
    facts: list[Step]
    before: Step
    room: int
    within: list[Step] = field(default_factory=list)

    def lend(self) -> Place | None:
        """Its place for one more turn, or None if there is no room for it."""
        if self.room < 1:
            return None
        self.room -= 1
        return self.place


class Loom:
    """Holds a plan while it is woven: the steps so far, and what moves need to add more of them."""

    def __init__(self, choose: Chooser, scenario: Scenario, contract: Contract, offers: Offers) -> None:
        self.choose = choose
        self.scenario = scenario
        self.contract = contract
        self.offers = offers
        self.steps: list[Step] = []
        self.actors: list[Actor] = []
        self.episode = 0
        self.block = 0
        self.cell = 0
        """Where the rotation through the ways of leaving out ids stands."""
        self.turn = 0
        """Where the rotation through the moves that do not lead stands."""
        self.attempt = 0
        """Where the rotation through the surfaces stands by which strangers try to change something."""
        self.deletion = 0
        """Where the rotation through the surfaces that delete stands."""
        self._deck = Deck(choose)
        self._twins = 0
        self._visits = 0
        self._guests = 0
        self._used: set[tuple[str, str]] = set()
        self._ranked = contract.recall_kind == "ranked"
        chat = scenario.weights.get("chat", 0)
        self._chattiness = min(1.0, chat / max(sum(scenario.weights.values()), 1))

    @property
    def at_once(self) -> int:
        """How many facts one question may ask for: a memory that ranks need not find three at once."""
        return 1 if self._ranked else 3

    @property
    def room(self) -> int:
        """Turns that may pass between a fact and the last question for it. A window of n messages holds
        the answer to the fact and (n - 1) / 2 turns; undeclared, six are little enough for any memory.
        """
        return (self.contract.recall - 1) // 2 if self.contract.recall else 6

    def attribute(self) -> str:
        return self._deck.deal()

    def visit(self) -> int:
        """A number that no other visit of this plan to a kind of ids has."""
        self._visits += 1
        return self._visits

    def first_use(self, kind: str, value: str) -> bool:
        """Whether nobody in this plan has had `value` for an id of this kind; from now on somebody has."""
        before = len(self._used)
        self._used.add((kind, value))
        return len(self._used) > before

    def guest(self, like: Actor, resource: str) -> Actor:
        """Somebody of the tenant of `like` whose resource id was made for a purpose."""
        self._guests += 1
        number = _FIRST_GUEST + self._guests
        return Actor(f"r{number}", number, "existing", resource, like.tenant, like.persona)

    def tell(self, place: Place, *, about: str | None = None, after: Iterable[Step] = ()) -> Step:
        """Tell a fact."""
        attribute = about or self.attribute()
        text = messages.tell(self.choose, place.actor.persona, attribute, plain=self._ranked)
        return self._add(place, text, after, tells=attribute)

    def ask(self, place: Place, facts: Sequence[Step], *, after: Iterable[Step] = ()) -> Step:
        """Ask for facts told before."""
        text = messages.ask(self.choose, place.actor.persona, _attributes(facts))
        return self._add(place, text, [*facts, *after], asks=tuple(facts))

    def chat(self, place: Place, *, after: Iterable[Step] = ()) -> Step:
        """Neither tell nor ask."""
        return self._add(place, messages.chat(self.choose, place.actor.persona), after)

    def look(
        self,
        place: Place,
        surface: str,
        facts: Sequence[Step],
        *,
        after: Iterable[Step] = (),
        filters: Mapping[str, str] | None = None,
    ) -> list[Step]:
        """Look for facts by a surface that shows what is stored: at all of them at once, by a search for each
        in words of its attribute, or at each by the id of its message.
        """
        singly = surface in ("search", "read_message")
        wanted = [(fact,) for fact in facts] if singly else [tuple(facts)]
        steps = []
        for some in wanted:
            text = " ".join(_attributes(some)) if surface == "search" else ""
            step = self._add(place, text, [*some, *after], asks=some)
            step.surface, step.filters = surface, filters or {}
            step.message = some[0] if surface == "read_message" else None
            steps.append(step)
        return steps

    def change(
        self,
        place: Place,
        surface: str,
        *,
        titled: bool = False,
        message: Step | None = None,
        ids: Mapping[str, Id] | None = None,
        after: Iterable[Step] = (),
    ) -> Step:
        """Use a surface that changes what is stored. A title tells a fact; `ids` are those of `Step`."""
        tells = self.attribute() if titled else None
        text = messages.title(tells) if tells is not None else ""
        step = self._add(place, text, after, tells=tells)
        step.surface, step.message = surface, message
        step.new_thread = (ids or {}).get("new_thread", OMITTED)
        step.new_resource = (ids or {}).get("new_resource", OMITTED)
        return step

    def ask_alike(self, brackets: Sequence[Bracket]) -> None:
        """Let the owners of brackets about one attribute ask for it in the very same words."""
        self._twins += 1
        befores = [bracket.before for bracket in brackets]
        who = self.choose.pick(brackets).place.actor.persona
        text = messages.ask(self.choose, who, _attributes(brackets[0].facts[:1]))
        for bracket in brackets:
            facts = bracket.facts[:1]
            step = self._add(bracket.place, text, [*facts, *befores], asks=tuple(facts))
            step.twins = self._twins
            bracket.within.append(step)

    def bracket(
        self, place: Place, count: int | None = None, *, about: str | None = None, after: Sequence[Step] = ()
    ) -> Bracket:
        """Tell facts in a place, and ask for them there in the next turn."""
        wanted = count or self.choose.integer(*self.scenario.population.facts)
        wanted = max(1, min(wanted, self.at_once, self.room))
        facts = [self.tell(place, about=about, after=after) for _ in range(wanted)]
        bracket = Bracket(place, facts, self.ask(place, facts), self.room - wanted)
        if self.choose.chance(self._chattiness) and bracket.lend():
            self.chat(place)
        return bracket

    def close(self, bracket: Bracket) -> Step:
        """Let the owner ask for the facts of a bracket again, after all that it must enclose."""
        return self.ask(bracket.place, bracket.facts, after=bracket.within)

    def probe(
        self,
        place: Place,
        targets: Sequence[tuple[Bracket, Step]],
        *,
        served: Bracket,
        own: Sequence[Step] = (),
        after: Iterable[Step] = (),
    ) -> Step:
        """Ask from `place` for facts told elsewhere, between their owners' two questions for them, after
        the prober was served in a place of its own. `own` are facts of the prober to ask for as well.
        """
        brackets = list(dict.fromkeys(bracket for bracket, _ in targets))
        befores = [served.before, *(bracket.before for bracket in brackets), *after]
        step = self.ask(place, [*(fact for _, fact in targets), *own], after=befores)
        for bracket in brackets:
            bracket.within.append(step)
        return step

    def forbidden(self, actor: Actor, fact: Step, *, surface: str = "send") -> bool:
        """Whether `actor`, in another thread than the fact's, must not hear it through `surface`."""
        return self.apart(actor, fact.place.actor, surface=surface)

    def apart(self, actor: Actor, owner: Actor, *, surface: str = "send") -> bool:
        """Whether `actor`, in another thread, must not hear through `surface` what `owner` tells."""
        scope = self.contract.scope_of(surface)
        if scope == "thread":
            return True
        if scope == "tenant" and actor.tenant is not None:
            return actor.tenant != owner.tenant
        return actor is not owner

    def _add(
        self,
        place: Place,
        text: str,
        after: Iterable[Step],
        *,
        tells: str | None = None,
        asks: tuple[Step, ...] = (),
    ) -> Step:
        before = [place.last, *after] if place.last is not None else list(after)
        step = Step(place, text, self.episode, self.block, list(dict.fromkeys(before)), tells, asks)
        place.last = step
        self.steps.append(step)
        return step


def in_turn(table: Sequence[_T], turn: int, most: int) -> list[_T]:
    """The next entries of a table, `most` at a time, on the visit of that number.

    The rotation goes on from example to example, so that every entry has its turn with certainty.
    """
    count = min(most, len(table))
    return [table[(turn * count + number) % len(table)] for number in range(count)]


def _attributes(facts: Sequence[Step]) -> list[str]:
    return [fact.tells for fact in facts if fact.tells is not None]
