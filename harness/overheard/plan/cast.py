"""Who takes part in a plan: resources with their ids, tenants and persons, and the places they speak from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from overheard.core.contract import Contract
from overheard.core.ids import Id
from overheard.core.offers import Offers
from overheard.core.operation import Proof
from overheard.plan.choose import Chooser
from overheard.plan.identifiers import resource_id, tenant_id, thread_id
from overheard.plan.offered import IDENTITY
from overheard.plan.personas import LOCALES, PERSONAS, Persona, persona
from overheard.scenario.model import Identifiers, Scenario

if TYPE_CHECKING:
    from overheard.plan.steps import Step


@dataclass(slots=True, eq=False)
class Actor:
    """A resource of the plan. `label` is its name as a caller."""

    label: str
    number: int
    strategy: Identifiers
    resource: str
    tenant: str | None
    persona: Persona
    opened: int = 0
    """How many threads it has had."""
    homes: list[Place] = field(default_factory=list)
    """The threads in which it converses in this episode."""

    def open(self) -> Place:
        """A thread of its own that nobody has used yet."""
        thread = thread_id(self.strategy, self.resource, self.number, self.opened)
        self.opened += 1
        return Place(self, thread, self.resource)


@dataclass(slots=True, eq=False)
class Place:
    """An actor with the ids it presents: its own, or (`intrudes`) somebody else's, or less than both.

    `credentials` are what it proves itself with, where callers do. `last` is the step most recently taken
    from here. Steps of one place keep their order.
    """

    actor: Actor
    thread: Id
    resource: Id
    intrudes: bool = False
    credentials: Proof = "own"
    last: Step | None = None


class Casting:
    """Finds the cast of one episode after another; numbers, and so labels and ids, never come twice."""

    def __init__(self, choose: Chooser, scenario: Scenario, contract: Contract, offers: Offers) -> None:
        self._choose = choose
        self._scenario = scenario
        self._several_threads = "thread" in offers.accepts
        self._alone = not self._several_threads and IDENTITY.isdisjoint(offers.accepts)
        self._with_tenants = "tenant" in offers.accepts
        self._tenants_apart = self._with_tenants and contract.scope == "tenant"
        # Told a tenant and nothing else, a target cannot keep two resources of it apart: what one of them
        # heard of the other would be a leak of our own making. So each is a tenant of its own.
        self._each_a_tenant = self._with_tenants and not {"thread", "resource", "caller"} & set(
            offers.accepts
        )
        self._numbers = 0
        self._tenants = 0
        self._only: list[Actor] = []

    def cast(self) -> list[Actor]:
        """Resources that have not been heard of in this plan.

        A target that takes no id at all has one conversation with one resource, which then never leaves:
        what it told would be there for anybody who came after it.
        """
        if self._alone and self._only:
            return self._only
        people = self._scenario.population
        size = 1 if self._alone else self._choose.integer(*people.resources)
        if self._tenants_apart:
            # Two of one tenant, who may hear each other, and one of another, who may not.
            size = max(size, 3)
        tenants = self._draw_tenants(size)
        strategy = None if self._choose.chance(0.3) else self._draw_strategy()
        actors = [self._actor(strategy or self._draw_strategy(), tenant) for tenant in tenants]
        self.settle(actors)
        self._only = actors
        return actors

    def settle(self, actors: list[Actor]) -> None:
        """Give every actor new threads for an episode."""
        for actor in actors:
            if self._several_threads:
                count = self._choose.integer(*self._scenario.population.threads)
                actor.homes = [actor.open() for _ in range(count)]
            elif not actor.homes:
                actor.homes = [actor.open()]

    def _draw_strategy(self) -> Identifiers:
        return self._choose.pick(self._scenario.identifiers)

    def _draw_tenants(self, size: int) -> list[str | None]:
        if not self._with_tenants:
            return [None] * size
        count = self._choose.integer(*self._scenario.population.tenants)
        if self._tenants_apart:
            count = max(count, 2)
        if self._each_a_tenant:
            count = size
        first = self._tenants
        self._tenants += count
        strategy = self._draw_strategy()
        ids = [tenant_id(strategy, first + number) for number in range(count)]
        if self._each_a_tenant:
            return list(ids)
        drawn = [ids[0], ids[0], ids[-1], *(self._choose.pick(ids) for _ in range(size))]
        return list(drawn[:size])

    def _actor(self, strategy: Identifiers, tenant: str | None) -> Actor:
        number = self._numbers
        self._numbers += 1
        locale = self._choose.pick(LOCALES) if self._choose.chance(0.6) else "en_US"
        who = persona(locale, self._choose.integer(0, PERSONAS - 1))
        return Actor(f"r{number}", number, strategy, resource_id(strategy, number), tenant, who)
