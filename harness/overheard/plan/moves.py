"""The moves that plans are woven from. Each found real leaks where random traffic had not.

A leak can only be certified against a fact that was surely there, so every probe stands in a *bracket*:
the owner tells, asks for it and is answered; others probe; the owner asks again. And whoever probes has
been served before, in a place of its own: silence towards somebody who is never answered proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from typing import Final, TypeAlias

from overheard.plan.cancelling import cancel
from overheard.plan.cast import Place
from overheard.plan.changing import change
from overheard.plan.colliding import collide
from overheard.plan.forgetting import forget
from overheard.plan.intruding import intruder
from overheard.plan.looking import look
from overheard.plan.missing import missing
from overheard.plan.steps import Bracket, Loom, Step
from overheard.scenario.model import Move

WANTED: Final = 10
"""Forbidden pairs of (probe, fact) in one move: eight examples have some eighty, where fifty are asked."""

MANY: Final = (2, 5)
"""Turns that count as many."""

_Target: TypeAlias = tuple[Bracket, Step]


def recall(loom: Loom) -> None:
    """Tell; 0, 1 or many turns; ask. Then ask for all of it once more."""
    place = loom.choose.pick(loom.choose.pick(loom.actors).homes)
    told: list[Step] = []
    for distance in _distances(loom):
        told.append(loom.tell(place))
        for _ in range(distance):
            loom.chat(place)
        # The newest fact is always asked for; at no distance that is the one recall every memory promises.
        others = loom.choose.shuffle(told[:-1])[: loom.choose.integer(0, loom.at_once - 1)]
        loom.ask(place, [told[-1], *others])
    if len(told) > 1 and loom.choose.chance(0.5):
        loom.ask(place, loom.choose.shuffle(told)[: loom.at_once])


def _distances(loom: Loom) -> list[int]:
    far = min(loom.choose.integer(*MANY), loom.room)
    some = (0, 0, 0, min(1, loom.room), far)
    return [0, *(loom.choose.pick(some) for _ in range(loom.choose.integer(1, 3)))]


def siblings(loom: Loom) -> None:
    """One resource, several threads: told in each first, then asked for crosswise."""
    actor = loom.choose.pick([actor for actor in loom.actors if len(actor.homes) > 1])
    brackets = [loom.bracket(place) for place in actor.homes]
    own = {bracket.place: bracket for bracket in brackets}
    places = list(own)
    if loom.choose.chance(0.5):
        # A thread in which nothing was ever told: what is heard there was never said there.
        places.append(actor.open())
    pairs = 0
    for probes, place in enumerate(cycle(loom.choose.shuffle(places)), start=1):
        targets = [
            (bracket, fact) for bracket in brackets if bracket.place is not place for fact in bracket.facts
        ]
        chosen = _some(loom, targets)
        bracket = own.get(place)
        # Where the thread's own facts would be out of the window afterwards, a new thread asks instead.
        asker = place if bracket is None else bracket.lend() or actor.open()
        loom.probe(asker, chosen, served=loom.choose.pick(brackets))
        pairs += len(chosen)
        if pairs >= WANTED or probes >= WANTED:
            break
    _close(loom, brackets)


def crosswise(loom: Loom) -> None:
    """Several resources, each asking for what the others told."""
    brackets = [loom.bracket(loom.choose.pick(actor.homes)) for actor in loom.choose.shuffle(loom.actors)]
    probe_crosswise(loom, brackets)
    _close(loom, brackets)


def probe_crosswise(loom: Loom, brackets: Sequence[Bracket]) -> None:
    """Let the owner of each bracket probe the others', from its own thread or a new one, turn by turn."""
    pairs = 0
    for probes, own in enumerate(cycle(brackets), start=1):
        actor = own.place.actor
        chosen = _choose_targets(loom, own, brackets)
        elsewhere = _may_open(loom) and (loom.choose.chance(0.4) or not own.lend())
        loom.probe(actor.open() if elsewhere else own.place, chosen, served=own)
        pairs += sum(loom.forbidden(actor, fact) for _, fact in chosen)
        if probes >= len(brackets) and (pairs >= WANTED or probes >= 2 * WANTED):
            return


def _choose_targets(loom: Loom, own: Bracket, brackets: Sequence[Bracket]) -> list[_Target]:
    """Facts that the owner of `own` must not hear; now and then one that it may, to tell the two apart."""
    actor = own.place.actor
    others = [(bracket, fact) for bracket in brackets if bracket is not own for fact in bracket.facts]
    forbidden = [target for target in others if loom.forbidden(actor, target[1])]
    allowed = [target for target in others if not loom.forbidden(actor, target[1])]
    if not forbidden or (allowed and loom.choose.chance(0.2)):
        return _some(loom, allowed)
    return _some(loom, forbidden)


def intrude(loom: Loom) -> None:
    """Strangers present the thread ids of others and ask for what was told there."""
    brackets = [loom.bracket(loom.choose.pick(actor.homes)) for actor in loom.choose.shuffle(loom.actors)]
    pairs = 0
    for probes, (own, target) in enumerate(cycle(_strangers(loom, brackets)), start=1):
        facts = [(target, fact) for fact in target.facts]
        chosen = facts[: loom.at_once] if loom.choose.chance(0.8) else _some(loom, facts)
        loom.probe(intruder(loom, own.place.actor, target.place), chosen, served=own)
        pairs += len(chosen)
        if pairs >= WANTED or probes >= WANTED:
            break
    _close(loom, brackets)


def _strangers(loom: Loom, brackets: Sequence[Bracket]) -> list[tuple[Bracket, Bracket]]:
    """Pairs of (stranger's own bracket, owner's bracket); of one tenant only if there are no others."""
    pairs = [(own, target) for own in brackets for target in brackets if own is not target]
    strict = [(own, other) for own, other in pairs if loom.forbidden(own.place.actor, other.facts[0])]
    return loom.choose.shuffle(strict or pairs)


def take_over(loom: Loom) -> None:
    """A stranger writes into another's thread, lets it settle, and reads before the owner speaks again."""
    brackets = [loom.bracket(actor.homes[0]) for actor in loom.choose.shuffle(loom.actors)[:3]]
    own, target = _strangers(loom, brackets)[0]
    place = intruder(loom, own.place.actor, target.place, tells=True)
    assert target.place.last is not None  # noqa: S101 - a bracket's place has spoken
    written = loom.tell(place, after=[target.place.last, own.before])
    target.within.append(written)
    elsewhere = own.place.actor.open()
    settled = written
    for _ in range(loom.choose.integer(1, 2)):
        settled = loom.chat(elsewhere, after=[settled])
    chosen = _some(loom, [(target, fact) for fact in target.facts])
    also = [written] if loom.at_once > len(chosen) else []
    for _ in range(loom.choose.integer(1, 2)):
        loom.probe(place, chosen, served=own, own=also, after=[settled])
    _close(loom, brackets)
    # The other direction: does what the stranger wrote reach the owner? The stranger asks for it before and
    # after, in case it was given an empty thread of its own under that id.
    before = loom.ask(place, [written])
    heard = loom.ask(target.place, [written], after=[before])
    loom.ask(place, [written], after=[heard])


def shared_thread(loom: Loom) -> None:
    """Pairs of resources that use one thread id, each as if it were theirs alone."""
    own = [loom.bracket(loom.choose.pick(actor.homes)) for actor in loom.choose.shuffle(loom.actors)]
    second: dict[int, Bracket] = {}
    pairs = _strangers(loom, own)
    wanted = min(len(pairs), 2)
    for index, (stranger, owner) in enumerate(islice(pairs, wanted)):
        place = Place(stranger.place.actor, owner.place.thread, stranger.place.actor.resource, intrudes=True)
        second[index] = loom.bracket(place, 1, after=[owner.before, stranger.before])
    count = 0
    for probes, index in enumerate(cycle(second), start=1):
        stranger, owner = pairs[index]
        chosen = [(owner, fact) for fact in owner.facts][: loom.at_once]
        loom.probe(second[index].place, chosen, served=stranger)
        count += len(chosen)
        if probes >= wanted and (count >= WANTED or probes >= WANTED):
            break
    for index, bracket in second.items():
        owner = pairs[index][1]
        loom.probe(owner.place, [(bracket, bracket.facts[0])], served=owner)
    _close(loom, [*own, *second.values()])


def same_text(loom: Loom) -> None:
    """Everybody has a fact about one same attribute, and sends the very same question; once or twice."""
    actors = loom.choose.shuffle(loom.actors)[:4]
    about = loom.attribute()
    brackets = [loom.bracket(loom.choose.pick(actor.homes), 1, about=about) for actor in actors]
    loom.ask_alike(brackets)
    if loom.choose.chance(0.5) and min(bracket.room for bracket in brackets) > 1:
        loom.ask_alike(brackets)
    _close(loom, brackets)


def chat(loom: Loom) -> None:
    """A turn or two of somebody's small talk."""
    place = loom.choose.pick(loom.choose.pick(loom.actors).homes)
    for _ in range(loom.choose.integer(1, 2)):
        loom.chat(place)


MAKES: Final[Mapping[Move, Callable[[Loom], None]]] = {
    "recall": recall,
    "siblings": siblings,
    "crosswise": crosswise,
    "intrude": intrude,
    "take-over": take_over,
    "shared-thread": shared_thread,
    "same-text": same_text,
    "missing": missing,
    "look": look,
    "change": change,
    "forget": forget,
    "collide": collide,
    "cancel": cancel,
    "chat": chat,
}


def _may_open(loom: Loom) -> bool:
    return "thread" in loom.offers.accepts


def _some(loom: Loom, targets: Sequence[_Target]) -> list[_Target]:
    """One to three of the targets, rather more than fewer."""
    most = min(len(targets), loom.at_once)
    return loom.choose.shuffle(targets)[: loom.choose.integer(min(2, most), most)]


def _close(loom: Loom, brackets: Sequence[Bracket]) -> None:
    for bracket in brackets:
        loom.close(bracket)
