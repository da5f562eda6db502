"""The picture of a counterexample: where everything stands, and that nothing crosses."""

import re
from typing import get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.core.operation import CHANGING, Operation, Plan
from overheard.core.outcome import Channel
from overheard.core.schedule import Decision, Happening, Schedule
from overheard.report.timeline import LANES_LIMIT, STEPS_LIMIT, timeline

CALLERS = [("r0", "user-a", "t-1"), ("r1", "user-b", "t-1"), ("r0", "user-a", "t-2"), ("r2", "user-c", None)]


@st.composite
def small_plans(draw):
    """Plans as reductions leave them: a few rounds, in each of them one operation or several."""
    rounds = draw(
        st.lists(st.lists(st.sampled_from(CALLERS), min_size=1, max_size=4), min_size=1, max_size=5)
    )
    placed = [(number, who) for number, row in enumerate(rounds) for who in row]
    operations = tuple(
        Operation(
            number=3 * place,
            round=number,
            caller=caller,
            resource=resource,
            thread=thread,
            text="It is <<fact>>. (<<ref>>)" if place % 2 == 0 else "What is it? [<<ref>>]",
            tells="locker code" if place % 2 == 0 else None,
        )
        for place, (number, (caller, resource, thread)) in enumerate(placed)
    )
    ends = draw(st.permutations(range(len(operations))))
    owner, observer = sorted((ends[0], ends[-1]))
    schedule = Schedule(decisions=draw(orders(rounds))) if draw(st.booleans()) else None
    plan = Plan(scenario="any", mode="concurrent", operations=operations, schedule=schedule)
    return plan, 3 * owner, 3 * observer


@st.composite
def orders(draw, rounds):
    """An order in which the operations of each round, three apart, are started and their calls answered."""
    decisions = []
    first = 0
    for row in rounds:
        left = {3 * (first + place): draw(st.integers(0, 3)) for place in range(len(row))}
        turns = draw(st.permutations([number for number, calls in left.items() for _ in range(calls + 1)]))
        done = dict.fromkeys(left, -1)
        after = ()
        for number in turns:
            nth = done[number]
            more = {"action": "start"} if nth < 0 else {"action": "release", "shape": "chat", "nth": nth}
            decisions.append(Decision(operation=number, after=after, **more))
            done[number] += 1
            over = done[number] == left[number]
            after = (Happening(number) if over else Happening(number, "chat", done[number]),)
        first += len(row)
    return tuple(decisions)


def segments(path):
    """The straight lines of a path between its corners, as pairs of points."""
    x = y = 0.0
    drawn = []
    for command, numbers in re.findall(r"([MHVQ])([\d ,.-]*)", path):
        values = [float(value) for value in re.findall(r"-?[\d.]+", numbers)]
        to = {"M": values, "H": [values[0], y], "V": [x, values[0]], "Q": values[-2:]}[command]
        if command != "M":
            drawn.append(((x, y), tuple(to)))
        x, y = to
    return drawn


def crosses(segment, step):
    (x1, y1), (x2, y2) = segment
    return (
        max(min(x1, x2), step.left) < min(max(x1, x2), step.left + step.width)
        and max(min(y1, y2), step.top) <= min(max(y1, y2), step.top + step.height)
    ) or (
        max(min(y1, y2), step.top) < min(max(y1, y2), step.top + step.height)
        and step.left < x1 < step.left + step.width
    )


@settings(deadline=None, max_examples=150)
@given(small=small_plans())
def test_nothing_lies_over_anything_else(finding, small):
    plan, owner, observer = small
    drawn = timeline(replace(finding, minimal=plan, minimal_owner=owner, minimal_observer=observer))
    assert drawn.omitted == 0
    assert len(drawn.steps) == len(plan.operations)
    assert [step.number for step in drawn.steps] == list(range(len(drawn.steps)))
    for step in drawn.steps:
        assert step.left >= 0
        assert step.left + step.width <= drawn.width
        assert step.top > 0
        assert step.top + step.height < drawn.height
        assert step.lane in drawn.lanes
    boxes = [(step.left, step.top) for step in drawn.steps]
    assert len(set(boxes)) == len(boxes)
    # Whoever told it is in the first lane, whoever saw it in the same or the next.
    ends = {step.part: step for step in drawn.steps}
    if owner != observer:
        assert drawn.lanes.index(ends["owner"].lane) == 0
        assert drawn.lanes.index(ends["observer"].lane) <= 1
        assert drawn.arrow is not None
        for step in drawn.steps:
            for segment in segments(drawn.arrow.path):
                assert not crosses(segment, step), (segment, step)


@settings(deadline=None, max_examples=60)
@given(small=small_plans())
def test_time_runs_downward_and_what_is_together_stands_in_one_band(finding, small):
    plan, owner, observer = small
    drawn = timeline(replace(finding, minimal=plan, minimal_owner=owner, minimal_observer=observer))
    rounds = [operation.round for operation in plan.operations]
    for one, first in zip(rounds, drawn.steps, strict=True):
        for other, second in zip(rounds, drawn.steps, strict=True):
            assert other <= one or second.top >= first.top + first.height
    crowded = [number for number in dict.fromkeys(rounds) if rounds.count(number) > 1]
    assert len(drawn.bands) == len(crowded)
    for number, band in zip(crowded, drawn.bands, strict=True):
        within = [step for step, at in zip(drawn.steps, rounds, strict=True) if at == number]
        assert all(band.top < step.top < step.top + step.height <= band.top + band.height for step in within)


@settings(deadline=None, max_examples=60)
@given(small=small_plans())
def test_what_was_started_and_answered_stands_in_that_order(finding, small):
    plan, owner, observer = small
    drawn = timeline(replace(finding, minimal=plan, minimal_owner=owner, minimal_observer=observer))
    decisions = plan.schedule.decisions if plan.schedule else ()
    steps = {operation.number: step for operation, step in zip(plan.operations, drawn.steps, strict=True)}
    places = {operation.number: operation.round for operation in plan.operations}
    for number in dict.fromkeys(places.values()):
        members = [one for one in places if places[one] == number]
        if len(members) == 1 or len({steps[one].lane for one in members}) < len(members) or not decisions:
            assert all(steps[one].marks == () for one in members)
            continue
        told = [one for one in decisions if one.operation in members]
        seen = [(steps[one].top, one, "start") for one in members]
        seen += [(mark.top, one, "release") for one in members for mark in steps[one].marks]
        assert [(one, action) for _, one, action in sorted(seen)] == [
            (one.operation, one.action) for one in told
        ]
        for one in members:
            last = max([steps[one].top, *(mark.top for mark in steps[one].marks)])
            assert last < steps[one].top + steps[one].height


def test_the_words_beside_the_picture(finding):
    told, asked, seen = timeline(finding).steps
    assert (told.lane.resource, told.lane.thread, told.lane.caller) == ("alice", "thread", "as r0")
    assert (told.part, told.act, told.verb) == ("owner", "tells it", "tells")
    assert told.text == "My locker code is ‹secret›."
    assert (asked.part, asked.act, asked.outcome) == ("other", "asks", "")
    assert (seen.part, seen.act, seen.note) == ("observer", "sees it", "in the reply")
    assert (seen.text, seen.outcome) == ("What is my locker code?", "sees ‹secret›, in the reply")


def test_several_secrets_are_told_apart(finding):
    first, second, third = finding.minimal.operations
    both = replace(finding.minimal, operations=(first, replace(second, text="and <<fact>>, too"), third))
    steps = timeline(replace(finding, minimal=both)).steps
    assert [step.text for step in steps][:2] == ["My locker code is ‹secret 1›.", "and ‹secret 2›, too"]
    assert steps[2].outcome == "sees ‹secret 1›, in the reply"


def test_a_witness_without_a_program_is_drawn_with_its_times(finding):
    drawn = timeline(replace(finding, minimal=None))
    told, seen = drawn.steps
    assert (told.lane.resource, told.at) == ("'user-3fa9'", "1.204 s")
    assert (seen.lane.resource, seen.at) == ("OMITTED", "1.310 s")
    assert drawn.arrow.arrived


def test_what_did_not_come_does_not_arrive(finding):
    drawn = timeline(replace(finding, invariant="recall-within-thread", token=""))
    assert not drawn.arrow.arrived
    assert drawn.steps[-1].note == "did not come"


@pytest.mark.parametrize("channel", get_args(Channel))
def test_words_under_a_box_fit_into_the_narrowest_lane(finding, channel):
    note = timeline(replace(finding, channel=channel)).steps[-1].note
    assert note.startswith("in ")
    assert len(note) <= 16


@pytest.mark.parametrize("surface", CHANGING)
def test_what_was_lost_does_not_arrive_with_who_misses_it(finding, surface):
    told, _, seen = finding.minimal.operations
    plan = replace(
        finding.minimal,
        operations=(
            told,
            replace(seen, round=1, surface=surface, text="", asks=()),
            replace(told, number=7, round=2, text="What is it? (<<ref>>)", tells=None, asks=(0,)),
        ),
    )
    lost = replace(
        finding,
        missed=finding.owner,
        surface=surface,
        minimal=plan,
        minimal_missed=7,
        minimal_before=2,
    )
    drawn = timeline(lost)
    assert not drawn.arrow.arrived
    assert [(step.part, step.act, step.note) for step in drawn.steps] == [
        ("owner", "tells it", ""),
        ("observer", "takes it away", surface.replace("_", " ")),
        ("missed", "misses it", "not any more"),
    ]
    assert max(len(step.note) for step in drawn.steps) <= 16
    assert drawn.steps[2].outcome == "misses \u2039secret\u203a, not in the reply any more"
    bare = timeline(replace(lost, minimal=None))
    assert [(step.part, step.act, step.note) for step in bare.steps] == [
        (step.part, step.act, step.note) for step in drawn.steps
    ]


@pytest.mark.parametrize("value", [None, "", "   ", "x" * 5_000])
def test_any_id_has_a_name_that_fits(finding, value):
    odd = replace(
        finding,
        owner=replace(finding.owner, resource=repr(value)),
        minimal=None,
    )
    for one in (odd, finding):
        drawn = timeline(one)
        assert all(len(lane.resource) <= 34 for lane in drawn.lanes)


def test_a_plan_that_was_not_made_small_is_cut_and_keeps_both_ends(finding):
    operations = tuple(
        Operation(
            number=n, round=n, caller=f"r{n % 40}", resource=f"user-{n % 40}", thread=f"t-{n}", text="-"
        )
        for n in range(500)
    )
    plan = Plan(scenario="any", mode="sequential", operations=operations)
    drawn = timeline(replace(finding, minimal=plan, minimal_owner=3, minimal_observer=250))
    assert len(drawn.steps) <= STEPS_LIMIT
    assert len(drawn.lanes) <= LANES_LIMIT
    assert drawn.omitted == 500 - len(drawn.steps)
    assert {step.part for step in drawn.steps} == {"owner", "observer", "other"}
    assert drawn.arrow is not None


# Not shrunk: a whole judgement takes minutes of it, and says no more afterwards.
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_any_finding_can_be_drawn(judgements, data):
    for finding in data.draw(judgements).findings:
        drawn = timeline(finding)
        assert drawn == timeline(finding)
        assert 1 <= len(drawn.steps) <= STEPS_LIMIT
        for step in drawn.steps:
            assert 0 <= step.left < step.left + step.width <= drawn.width
            assert step.top + step.height <= drawn.height
