"""The counterexample as a picture: lanes, the steps in them, and the arrow from what was told to who saw it.

Geometry and words only, as data: `html` draws it. Time runs downward, because a page is narrow and a
conversation is long; steps that overlap stand side by side in a band of their own, in the order in which they
were started and their model calls answered, where the plan records one. Without a minimal plan the picture
shows the two ends of the witness.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final, Literal, NamedTuple, TypeAlias

from overheard.check.result import Finding, Party
from overheard.core.ids import Id, missing_kind
from overheard.core.operation import FACT_MARK, NONCE_MARK, SENDING, Operation, Plan
from overheard.core.outcome import Channel
from overheard.core.schedule import Action
from overheard.report.escape import clip, visible
from overheard.report.order import made
from overheard.report.program import Names
from overheard.report.words import CHANNELS, breach, seconds, story

Part: TypeAlias = Literal["owner", "observer", "missed", "other"]
_Who: TypeAlias = tuple[str, str, str]
"""Resource, thread and caller, as they are called here."""

STEPS_LIMIT: Final = 24
"""Steps drawn at most: both ends, and those nearest to the last."""
LANES_LIMIT: Final = 8

_HEAD: Final = 64
_BOX: Final = 30
_GAP: Final = 24
_NOTE: Final = 20
"""Height of the words under a box, and of those above a band."""
_ROW: Final = 24
"""Height of one decision of a schedule."""
_FOOT: Final = 14
_WIDTHS: Final = {1: 220, 2: 165}
_WIDTH: Final = 110
"""Of a lane: three of them fit between the margins of a telephone."""
_MARGIN: Final = 12
"""Between a box and the edge of its lane: there an arrow passes and crosses nothing."""
_BEND: Final = 8
_LETTER: Final = 6.4
"""Width of a letter, about."""
_QUOTE: Final = 240

_ACTS: Final = {
    "told by": "tells it",
    "began at": "begins it",
    "seen at": "shows it",
    "asked by": "asks",
    "seen by": "sees it",
    "missed by": "misses it",
    "shown its id": "is shown its id",
    "answered": "is answered",
    "answered to": "is answered",
    "lost by": "takes it away",
}
_MARKS: Final[Mapping[Action, str]] = {
    "release": "model answers",
    "cancel": "is cancelled",
    "start": "starts",
}
_NOTES: Final = {"missing": "did not come", "answered": "not refused"}
_NEVER_CAME: Final = ("missing", "lost")
_GONE: Final = "not any more"
_SHORT: Final[Mapping[Channel, str]] = {
    "reply": "in the reply",
    "chunk": "in a chunk",
    "prompt": "in a prompt",
    "tool": "in a tool call",
    "listing": "in a listing",
    "error": "in an error",
    "header": "in a header",
}
"""Channels, in words that fit under a box."""
_REFERENCE: Final = re.compile(rf" ?(?:\({NONCE_MARK}\)|\[{NONCE_MARK}\]|Ref: {NONCE_MARK}\.|#{NONCE_MARK})")


class Lane(NamedTuple):
    """One resource in one thread, as one caller: names short enough for its head, and where it stands."""

    resource: str
    thread: str
    caller: str
    middle: int


class Mark(NamedTuple):
    """What happened to a call while it was going on, and where in its box that stands."""

    words: str
    top: int


class Step(NamedTuple):
    """One call: its number in the program, what it is for the story, and its box.

    `act` stands in the box and `note` under it: what is done, and through which channel it was seen. In
    words, `verb` is what the caller did, `text` what it said, and `outcome` what came of it; `at` is when.
    """

    number: int
    part: Part
    lane: Lane
    act: str
    note: str
    verb: str
    text: str
    outcome: str
    at: str
    left: int
    top: int
    width: int
    height: int
    marks: tuple[Mark, ...] = ()


class Band(NamedTuple):
    """Behind steps that were started together."""

    top: int
    height: int


class Arrow(NamedTuple):
    """From told to seen: an SVG path, the corners of its head, and whether it arrived."""

    path: str
    head: str
    arrived: bool


class Timeline(NamedTuple):
    """Everything that is drawn. `omitted` steps are in the program and not in the picture."""

    width: int
    height: int
    lanes: tuple[Lane, ...]
    bands: tuple[Band, ...]
    steps: tuple[Step, ...]
    arrow: Arrow | None
    omitted: int


class _Act(NamedTuple):
    """A step before it has a place. `operation` is its number in the plan, `number` in the program."""

    operation: int
    number: int
    round: int
    who: _Who
    part: Part
    act: str
    note: str = ""
    verb: str = ""
    text: str = ""
    outcome: str = ""
    at: str = ""


def timeline(finding: Finding) -> Timeline:
    """The picture of a finding: of its minimal plan, or else of its witness alone."""
    plan = finding.minimal
    if plan is None or not plan.operations:
        acts, order = _witnessed(finding), []
    else:
        acts, order = _planned(finding, plan), _order(plan)
    shown = _shown(acts)
    return _drawn(shown, order, arrived=breach(finding) not in _NEVER_CAME, omitted=len(acts) - len(shown))


# What happened


def _witnessed(finding: Finding) -> list[_Act]:
    told, seen = _ends(finding)
    at = seconds(finding.told_at), seconds(finding.seen_at)
    how = _how(finding)
    acts = [
        _Act(0, 0, 0, _party(finding.owner), "owner", told, verb=told, at=at[0]),
        _Act(1, 1, 1, _party(finding.observer), "observer", seen, _note(finding), f"{seen}, {how}", at=at[1]),
    ]
    if finding.missed is None:
        return acts
    misses = _ACTS["missed by"]
    verb = f"{misses}, {_came(finding)}"
    missed = _Act(2, 2, 2, _party(finding.missed), "missed", misses, _GONE, verb=verb, at=at[1])
    return [acts[0], acts[1]._replace(at=""), missed]


def _planned(finding: Finding, plan: Plan) -> list[_Act]:
    names, secrets = Names(plan), _Secrets(plan)
    told, seen = _ends(finding)
    how = _how(finding)
    acts = []
    for number, operation in enumerate(plan.operations):
        who = (
            _named("resource", operation.resource, names.resources),
            _named("thread", operation.thread, names.threads),
            operation.caller,
        )
        verb = _verb(operation)
        place = operation.number, number, operation.round
        act = _Act(*place, who, "other", verb, verb=verb, text=secrets.said(operation))
        if operation.number == finding.minimal_observer:
            outcome = f"{secrets.meant(seen, finding.minimal_owner)}, {how}"
            act = act._replace(part="observer", act=seen, note=_note(finding), outcome=outcome)
        elif operation.number == finding.minimal_missed:
            misses = _ACTS["missed by"]
            outcome = f"{secrets.meant(misses, finding.minimal_owner)}, {_came(finding)}"
            act = act._replace(part="missed", act=misses, note=_GONE, outcome=outcome)
        elif operation.number == finding.minimal_owner:
            act = act._replace(part="owner", act=told)
        acts.append(act)
    return acts


def _order(plan: Plan) -> list[tuple[int, Action]]:
    """What was done with which operation, one after the other, where the plan records it."""
    return [(step.decision.operation, step.decision.action) for step in made(plan)]


def _ends(finding: Finding) -> tuple[str, str]:
    """What the two ends do, in the active voice."""
    (told, _), (seen, _), *_ = story(finding)
    return _ACTS.get(told, told), _ACTS.get(seen, seen)


def _note(finding: Finding) -> str:
    if finding.missed is not None:
        return finding.surface.replace("_", " ")
    return _NOTES.get(breach(finding), _SHORT[finding.channel])


def _how(finding: Finding) -> str:
    if finding.missed is not None:
        return f"by {finding.surface}"
    return _NOTES.get(breach(finding), CHANNELS[finding.channel])


def _came(finding: Finding) -> str:
    """What became of something lost where it was looked for."""
    return f"not {CHANNELS[finding.channel]} any more"


def _verb(operation: Operation) -> str:
    if operation.surface not in SENDING:
        return operation.surface.replace("_", " ")
    return "tells" if operation.tells else "asks" if operation.asks else "says"


def _named(kind: str, value: Id, names: dict[str, str]) -> str:
    return names[value] if isinstance(value, str) else f"{kind} {missing_kind(value)}"


def _party(party: Party) -> _Who:
    return party.resource, party.thread, party.caller


class _Secrets:
    """What the secrets of a plan are called: by numbers, where there are several."""

    def __init__(self, plan: Plan) -> None:
        told = [operation.number for operation in plan.operations if FACT_MARK in operation.text]
        nth = (f" {place}" if len(told) > 1 else "" for place in range(1, len(told) + 1))
        self._names = {number: f"\u2039secret{which}\u203a" for number, which in zip(told, nth, strict=True)}

    def said(self, operation: Operation) -> str:
        """A message as it is read: without its reference number, its secret by name."""
        text = _REFERENCE.sub("", operation.text).replace(NONCE_MARK, "")
        return clip(" ".join(text.replace(FACT_MARK, self._names.get(operation.number, "")).split()), _QUOTE)

    def meant(self, act: str, owner: int | None) -> str:
        """`sees it`, with the name of what is seen."""
        secret = self._names.get(-1 if owner is None else owner, "it")
        return f"{act.removesuffix(' it')} {secret}" if act.endswith(" it") else act


def _shown(acts: list[_Act]) -> list[_Act]:
    """The acts that fit into a picture, in few enough lanes: both ends, then those nearest to the last."""
    ends = [place for place, act in enumerate(acts) if act.part != "other"]
    lanes = {acts[place].who for place in ends}
    kept = set(ends)
    for place in reversed(range(len(acts))):
        if len(kept) < STEPS_LIMIT and len(lanes | {acts[place].who}) <= LANES_LIMIT:
            kept.add(place)
            lanes.add(acts[place].who)
    return [act for place, act in enumerate(acts) if place in kept]


# Where it stands


def _drawn(acts: list[_Act], order: list[tuple[int, Action]], *, arrived: bool, omitted: int) -> Timeline:
    lanes = _lanes(acts)
    width = _width(len(lanes))
    steps: list[Step] = []
    bands: list[Band] = []
    top = _HEAD
    for _, together in groupby(acts, key=lambda act: act.round):
        row = list(together)
        begin = top
        top += _NOTE if len(row) > 1 else 0
        drawn = _scheduled(row, order, lanes, top) or _side_by_side(row, lanes, top)
        steps += drawn
        top = max(step.top + step.height for step in drawn) + (_NOTE if any(act.note for act in row) else 0)
        if len(row) > 1:
            bands.append(Band(begin, top - begin + _BEND))
        top += _GAP
    return Timeline(
        width=len(lanes) * width,
        height=top - _GAP + _FOOT,
        lanes=tuple(lanes.values()),
        bands=tuple(bands),
        steps=tuple(steps),
        arrow=_arrow(steps, arrived=arrived),
        omitted=omitted,
    )


def _side_by_side(row: list[_Act], lanes: Mapping[_Who, Lane], top: int) -> list[Step]:
    """Steps of a round without an order of their own."""
    steps = []
    taken: set[Lane] = set()
    for act in row:
        lane = lanes[act.who]
        if lane in taken:
            # One caller, twice at once in one conversation: the second stands below the first.
            top += _BOX + _GAP
            taken.clear()
        taken.add(lane)
        steps.append(_step(act, lane, top, _width(len(lanes))))
    return steps


def _scheduled(
    row: list[_Act], order: list[tuple[int, Action]], lanes: Mapping[_Who, Lane], top: int
) -> list[Step]:
    """Steps of a round whose order is recorded: each as long as it lasted, one line for each decision.

    None where that would not be true, because the order lacks one of them, or could not be drawn, because
    two of them are in one lane. (A round of one step has no order.)
    """
    members = {act.operation for act in row}
    decided = [(operation, action) for operation, action in order if operation in members]
    if len(row) < 2 or len({act.who for act in row}) < len(row):
        return []
    if members != {operation for operation, action in decided if action == "start"}:
        return []
    steps = []
    for act in row:
        lines = [place for place, (operation, _) in enumerate(decided) if operation == act.operation]
        begin = top + lines[0] * _ROW
        marks = tuple(Mark(_MARKS[decided[line][1]], top + line * _ROW) for line in lines[1:])
        step = _step(act, lanes[act.who], begin, _width(len(lanes)))
        steps.append(step._replace(height=(lines[-1] - lines[0]) * _ROW + _BOX, marks=marks))
    return steps


def _width(lanes: int) -> int:
    return _WIDTHS.get(lanes, _WIDTH)


def _lanes(acts: Iterable[_Act]) -> dict[_Who, Lane]:
    """Whoever told it first and whoever saw it beside: then nothing is between the ends of the arrow."""
    rank: dict[Part, int] = {"owner": 0, "observer": 1, "missed": 1, "other": 2}
    keys = list(dict.fromkeys(act.who for act in sorted(acts, key=lambda act: rank[act.part])))
    width = _width(len(keys))
    room = int((width - 8) / _LETTER)
    return {
        (resource, thread, caller): Lane(
            resource=_fitted(resource, room),
            thread=_fitted(thread, room),
            caller=_fitted(f"as {caller}", room),
            middle=place * width + width // 2,
        )
        for place, (resource, thread, caller) in enumerate(keys)
    }


def _fitted(words: str, room: int) -> str:
    """Words that fit into a lane's head. Ids differ at either end, so it is the middle that is left out."""
    shown = visible(clip(words, 4 * room))
    if len(shown) <= room:
        return shown
    head = (room - 1) // 2
    return f"{shown[:head]}…{shown[head + 1 - room :]}"


def _step(act: _Act, lane: Lane, top: int, width: int) -> Step:
    return Step(
        number=act.number,
        part=act.part,
        lane=lane,
        act=_fitted(act.act, int((width - 4 * _MARGIN) / _LETTER)),
        note=act.note,
        verb=act.verb,
        text=act.text,
        outcome=act.outcome,
        at=act.at,
        left=lane.middle - width // 2 + _MARGIN,
        top=top,
        width=width - 2 * _MARGIN,
        height=_BOX,
    )


def _arrow(steps: Iterable[Step], *, arrived: bool) -> Arrow | None:
    """From the right side of what was told, down beside its lane, to whoever saw it, or missed it."""
    ends = {step.part: step for step in steps}
    if "owner" not in ends or "observer" not in ends:
        return None
    told, seen = ends["owner"], ends.get("missed", ends["observer"])
    x, y = told.left + told.width, told.top + _BOX // 2
    beside = x + _MARGIN - 2
    if seen.lane == told.lane or seen.top < told.top + told.height:
        # In one lane, or side by side: into the box from the side, where it ends.
        side = -1 if seen.lane == told.lane else 1
        edge, level = seen.lane.middle - side * seen.width // 2, seen.top + seen.height - _BOX // 2
        path = f"M{x},{y} H{beside} V{level} H{edge - 6 * side}"
        return Arrow(path, _head(edge, level, across=side), arrived)
    end, turn = seen.lane.middle, seen.top - _NOTE
    path = (
        f"M{x},{y} H{beside - _BEND} Q{beside},{y} {beside},{y + _BEND} V{turn - _BEND} "
        f"Q{beside},{turn} {beside + _BEND},{turn} H{end - _BEND} Q{end},{turn} {end},{turn + _BEND} "
        f"V{seen.top - 6}"
    )
    return Arrow(path, _head(end, seen.top, across=0), arrived)


def _head(x: int, y: int, *, across: int) -> str:
    """The triangle whose tip is at (x, y); it points right, left, or down."""
    if across:
        return f"{x},{y} {x - 9 * across},{y - 5} {x - 9 * across},{y + 5}"
    return f"{x},{y} {x - 5},{y - 9} {x + 5},{y - 9}"
