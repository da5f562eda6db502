"""Weave plans: frozen data, drawn before anything is driven.

A plan is a function of its scenario, of the contract, of what the target offers, and of the choices made;
choices come from a seed (`expand`) or from Hypothesis (`overheard.plan.draw`). Seed-expanded examples are
independent of each other, which is what lets a bound be computed from them; drawn ones favour extremes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from overheard.core.canary import OPERATION_LIMIT
from overheard.core.contract import Contract
from overheard.core.errors import UsageError
from overheard.core.offers import Offers
from overheard.core.operation import Operation, Plan
from overheard.plan.cast import Casting
from overheard.plan.changing import LARGEST as LARGEST_CHANGE
from overheard.plan.choose import Chooser, SeedChooser, example_seed
from overheard.plan.colliding import LARGEST as LARGEST_CLASH
from overheard.plan.forgetting import LARGEST as LARGEST_FORGET
from overheard.plan.looking import LARGEST as LARGEST_LOOK
from overheard.plan.moves import MAKES
from overheard.plan.offered import move_unavailable, unavailable
from overheard.plan.order import rounds
from overheard.plan.schedules import kind_of, schedule
from overheard.plan.steps import Loom, Step
from overheard.scenario.model import MOVES, Move, Scenario

EPISODES_TOGETHER = 4
"""A cast stays for so many episodes at most: what one resource ever told is what every one of its prompts
may hold, and it must not grow with the length of the plan."""


def expand(
    scenario: Scenario,
    *,
    seed: int,
    index: int,
    contract: Contract,
    offers: Offers,
    operations: int | None = None,
) -> Plan | None:
    """The plan of example `index` of a scenario, in a campaign with `seed`.

    With `operations`, one long plan of exactly so many (or of its first move, if that is more). None if the
    contract does not promise, or the target does not offer, what the scenario is about: `unavailable` in
    `overheard.plan.offered` says which. Raises UsageError if a plan cannot have so many operations.
    """
    if operations is not None and not 1 <= operations <= OPERATION_LIMIT:
        raise UsageError(f"a plan can have 1 to {OPERATION_LIMIT} operations, not {operations}")
    number = example_seed(seed, scenario.name, index)
    return weave(
        SeedChooser(number), scenario, contract, offers, seed=number, index=index, operations=operations
    )


def weave(
    choose: Chooser,
    scenario: Scenario,
    contract: Contract,
    offers: Offers,
    *,
    source: Literal["seed", "hypothesis"] = "seed",
    seed: int | None = None,
    index: int = 0,
    operations: int | None = None,
) -> Plan | None:
    """The plan that the choices of `choose` lead to, or None as in `expand`.

    `index` is where rotations start (which ids are left out first, which move has its turn); `seed` is only
    recorded.
    """
    if unavailable(scenario, contract, offers) is not None:
        return None
    loom = Loom(choose, scenario, contract, offers)
    loom.cell = loom.turn = loom.attempt = loom.deletion = index
    casting = Casting(choose, scenario, contract, offers)
    if operations is None:
        loom.actors = casting.cast()
        _episode(loom, choose.integer(*scenario.turns))
    else:
        _episodes(loom, casting, operations)
    width = choose.integer(*scenario.width)
    ordered = [list(group) for group in rounds(loom.steps, scenario.mode, choose, width)]
    scheduled = None
    if scenario.mode == "concurrent":
        kind = kind_of(scenario.schedules, index)
        scheduled = schedule(choose, kind, len(loom.steps), len(ordered), width)
    return Plan(
        scenario=scenario.name,
        mode=scenario.mode,
        operations=_operations(ordered),
        source=source,
        seed=seed,
        latency=scenario.latency if scenario.mode == "concurrent" else 0,
        schedule=scheduled,
    )


def largest_move(scenario: Scenario) -> int:
    """As many operations as one move can have, or more; a long plan has room for another episode while so
    many are left. A bracket takes six (three facts, two questions for them, small talk), and there is one
    for each resource, or each thread of one; probes in between are one for each, or twenty.
    """
    brackets = max(scenario.population.resources[1], scenario.population.threads[1], 3)
    largest = 6 * brackets + max(brackets, 20)
    for move, its_largest in _LARGEST.items():
        if scenario.weights.get(move, 0) > 0:
            largest = max(largest, its_largest)
    return largest


_LARGEST: dict[Move, int] = {
    "look": LARGEST_LOOK,
    "change": LARGEST_CHANGE,
    "forget": LARGEST_FORGET,
    "collide": LARGEST_CLASH,
}
"""Those of which the largest is not for the population to say."""


def _episodes(loom: Loom, casting: Casting, operations: int) -> None:
    """A long plan: episode after episode, with new threads in each, and now and then new people."""
    together = 0
    longest = 2 * largest_move(loom.scenario) + loom.scenario.turns[1]
    while not loom.steps or len(loom.steps) + longest <= operations:
        if not together or loom.choose.chance(0.3):
            loom.actors = casting.cast()
            together = EPISODES_TOGETHER
        else:
            casting.settle(loom.actors)
        together -= 1
        _episode(loom, min(len(loom.steps) + loom.choose.integer(*loom.scenario.turns), operations))
        loom.episode += 1
    _fill(loom, operations)


def _episode(loom: Loom, until: int) -> None:
    """The leading move, the one whose turn it is, then some by weight, until there are `until` steps."""
    _make(loom, loom.scenario.leads)
    weights = _weights(loom)
    turn = _whose_turn(loom, weights)
    if turn is not None:
        _make(loom, turn)
    while weights and len(loom.steps) < until:
        move = loom.choose.weighted(weights)
        if len(loom.steps) + _LEAST[move] <= until:
            _make(loom, move)
        else:
            # No room any more for this one, nor for any that is as large.
            weights = {each: weight for each, weight in weights.items() if _LEAST[each] < _LEAST[move]}
    _fill(loom, until)


def _whose_turn(loom: Loom, weights: Mapping[Move, float]) -> Move | None:
    """Which of the moves that do not lead is made for certain; in one example of each rotation, none.

    By weight alone a sixth of the short runs held no move that the scenario says it shows: eight examples
    of `stranger` without any take-over, and a target that falls to it was held.
    """
    others = [move for move in weights if move not in (loom.scenario.leads, "chat")]
    place = loom.turn % (len(others) + 1)
    loom.turn += 1
    return others[place - 1] if place else None


def _make(loom: Loom, move: Move) -> None:
    MAKES[move](loom)
    loom.block += 1


def _fill(loom: Loom, until: int) -> None:
    """Small talk up to exactly `until` steps."""
    while len(loom.steps) < until:
        loom.chat(loom.choose.pick(loom.choose.pick(loom.actors).homes))


def _weights(loom: Loom) -> dict[Move, float]:
    """The moves that can be made, in a fixed order whatever that of the file."""
    scenario, contract, offers = loom.scenario, loom.contract, loom.offers
    return {
        move: scenario.weights[move]
        for move in MOVES
        if scenario.weights.get(move, 0) > 0 and move_unavailable(move, scenario, contract, offers) is None
    }


_LEAST: dict[Move, int] = {
    "recall": 4,
    "siblings": 10,
    "crosswise": 12,
    "intrude": 12,
    "take-over": 12,
    "shared-thread": 14,
    "same-text": 10,
    "missing": 24,
    "look": 40,
    "change": 50,
    "forget": 40,
    "collide": 30,
    "cancel": 16,
    "chat": 2,
}
"""About how many operations each move takes at least."""


def _operations(ordered: list[list[Step]]) -> tuple[Operation, ...]:
    numbers: dict[Step, int] = {}
    for group in ordered:
        for step in group:
            numbers[step] = len(numbers)
    leaders: dict[int, int] = {}
    operations = []
    for turn, group in enumerate(ordered):
        for step in group:
            number = numbers[step]
            place = step.place
            leader = leaders.setdefault(step.twins, number) if step.twins else number
            operations.append(
                Operation(
                    number=number,
                    round=turn,
                    caller=place.actor.label,
                    tenant=place.actor.tenant,
                    resource=place.resource,
                    thread=place.thread,
                    surface=step.surface,
                    text=step.text,
                    filters=step.filters,
                    message=None if step.message is None else numbers[step.message],
                    new_thread=step.new_thread,
                    new_resource=step.new_resource,
                    tells=step.tells,
                    asks=tuple(numbers[fact] for fact in step.asks),
                    same_text_as=None if leader == number else leader,
                    intrudes=place.intrudes,
                    credentials=place.credentials,
                    cancel=step.cancel,
                )
            )
    return tuple(operations)
