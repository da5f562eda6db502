"""Moves: each holds what it is there for, inside brackets, and no more operations than plans reckon with."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overheard.core.contract import Contract
from overheard.core.ids import OMITTED
from overheard.core.offers import Offers, Takes
from overheard.core.operation import CHANGING, DELETING, DESTRUCTIVE, READING
from overheard.plan.cast import Casting
from overheard.plan.changing import ATTEMPTS
from overheard.plan.changing import CELLS as LESS
from overheard.plan.choose import SeedChooser
from overheard.plan.missing import CELLS
from overheard.plan.moves import MAKES, WANTED
from overheard.plan.offered import attempts, cell_table, cells, changing_cells, move_unavailable
from overheard.plan.order import rounds
from overheard.plan.steps import Loom
from overheard.plan.weave import largest_move
from overheard.scenario.model import MOVES, Missing, Population, Scenario

LIVELY = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
CALLERS = Offers(accepts=("thread", "resource", "caller"))
TENANTS = Offers(accepts=("thread", "resource", "tenant"))


def scenario(**changes):
    return Scenario(
        **{
            "name": "made",
            "title": "made",
            "shows": "made",
            "invariants": ("recall-within-thread",),
            "weights": dict.fromkeys(MOVES, 1.0),
            "population": Population(resources=(2, 4), threads=(2, 3), facts=(1, 2)),
            **changes,
        }
    )


def loom_of(seed=1, contract=None, offers=None, **changes):
    contract, offers = contract or Contract(), offers or Offers()
    made = scenario(**changes)
    choose = SeedChooser(seed)
    loom = Loom(choose, made, contract, offers)
    loom.actors = Casting(choose, made, contract, offers).cast()
    return loom


def woven(move, **kwargs):
    loom = loom_of(**kwargs)
    MAKES[move](loom)
    return loom


def before(step):
    """Everything that is over when `step` starts."""
    found, todo = set(), list(step.after)
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo.extend(one.after)
    return found


def at_home(step):
    return (
        not step.place.intrudes
        and isinstance(step.place.thread, str)
        and isinstance(step.place.resource, str)
    )


def probes(loom):
    """Pairs of (probe, fact) in which somebody asks elsewhere for what was told with ids."""
    return [
        (step, fact)
        for step in loom.steps
        for fact in step.asks
        if fact.place is not step.place and at_home(fact) and fact.place.thread and fact.place.resource
    ]


def asked_alike(loom, fact, probe):
    """Where the owner asks for the fact by the surface by which it was probed for."""
    return [step for step in asked_at_home(loom, fact) if step.surface == probe.surface]


def asked_at_home(loom, fact):
    return [step for step in loom.steps if fact in step.asks and step.place is fact.place]


def test_there_is_a_way_to_make_every_move():
    assert set(MAKES) == set(MOVES)


@pytest.mark.parametrize("move", MOVES)
@LIVELY
@given(data=st.data())
def test_no_move_is_larger_than_plans_reckon_with(move, data, drawn):
    contract, offers = data.draw(drawn.contracts), data.draw(drawn.offers)
    made = scenario(
        population=Population(
            resources=tuple(sorted((data.draw(st.integers(2, 24)), data.draw(st.integers(2, 24))))),
            threads=tuple(sorted((data.draw(st.integers(2, 16)), data.draw(st.integers(2, 16))))),
            facts=(1, 3),
        ),
        weights=dict.fromkeys(MOVES, 1.0) | {"chat": 1000.0},
    )
    if move_unavailable(move, made, contract, offers) is not None:
        return
    choose = SeedChooser(data.draw(st.integers(0, 2**32)))
    loom = Loom(choose, made, contract, offers)
    loom.actors = Casting(choose, made, contract, offers).cast()
    MAKES[move](loom)
    assert 1 <= len(loom.steps) <= largest_move(made)


UNBRACKETED = ("recall", "chat", "same-text", "forget", "collide")
"""Moves without probes, whose probes are for what nobody is to be told any more, or that are looked at apart."""


@pytest.mark.parametrize("move", [move for move in MOVES if move not in UNBRACKETED])
@pytest.mark.parametrize("contract", [Contract(), Contract(recall=2), Contract(recall_kind="ranked")])
def test_every_probe_stands_in_a_bracket_of_one_who_was_served(move, contract, library):
    for seed in range(40):
        loom = woven(move, seed=seed, contract=contract, offers=library)
        found = probes(loom)
        assert found
        for probe, fact in found:
            earlier, asked = before(probe), asked_alike(loom, fact, probe)
            assert any(step in earlier for step in asked), "the owner was answered before"
            assert any(probe in before(step) for step in asked), "and is asked to once more after"
            served = [
                step
                for step in earlier
                if step.asks
                and step.place.actor is probe.place.actor
                and step.surface == probe.surface
                and at_home(step)
                and all(one.place is step.place for one in step.asks)
            ]
            assert served, "silence towards somebody who is never answered proves nothing"


@pytest.mark.parametrize("move", ["siblings", "crosswise", "intrude"])
def test_a_move_makes_enough_pairs(move):
    for seed in range(40):
        assert len(probes(woven(move, seed=seed))) >= WANTED


def test_recall_asks_at_once_after_one_turn_and_after_many():
    distances = set()
    for seed in range(60):
        loom = woven("recall", seed=seed)
        for step in loom.steps:
            for fact in step.asks:
                places = [one for one in loom.steps if one.place is fact.place]
                distances.add(places.index(step) - places.index(fact) - 1)
        newest = loom.steps[0]
        assert newest.tells
        assert loom.steps[1].asks == (newest,), "no turn passes: the recall that every memory promises"
    assert {0, 1} <= distances
    assert max(distances) >= 3


@pytest.mark.parametrize(("window", "turns"), [(1, 0), (2, 0), (3, 1), (4, 1), (9, 4)])
def test_recall_stays_within_the_window(window, turns):
    """A window of n messages holds the answer to a fact and (n - 1) / 2 turns of two messages."""
    for seed in range(60):
        loom = woven("recall", seed=seed, contract=Contract(recall=window))
        told = None
        for step in loom.steps:
            if step.tells:
                told, passed = step, 0
            elif told is not None and told in step.asks:
                assert passed <= turns
                told = None
            else:
                passed += 1


@pytest.mark.parametrize("window", [1, 2, 5])
def test_brackets_stay_within_the_window(window):
    """In a bracket's own place: facts, their question, at most `room` turns more, and the last question."""
    for seed in range(40):
        for move in ("crosswise", "siblings"):
            loom = woven(move, seed=seed, contract=Contract(recall=window))
            room = (window - 1) // 2
            for fact in [step for step in loom.steps if step.tells]:
                here = [step for step in loom.steps if step.place is fact.place]
                last = max(here.index(step) for step in asked_at_home(loom, fact))
                # The fact's own first question is the turn that every memory promises; room holds from there.
                assert last - here.index(fact) - 1 <= room + 1


def test_siblings_are_threads_of_one_resource():
    for seed in range(40):
        loom = woven("siblings", seed=seed)
        assert len({step.place.actor for step in loom.steps}) == 1
        for probe, fact in probes(loom):
            assert probe.place.thread != fact.place.thread


def test_crosswise_is_between_resources():
    for seed in range(40):
        for probe, fact in probes(woven("crosswise", seed=seed)):
            assert probe.place.actor is not fact.place.actor
            assert probe.place.thread != fact.place.thread


def test_a_stranger_presents_the_thread_of_another_and_its_own_resource():
    for seed in range(40):
        found = probes(woven("intrude", seed=seed))
        for probe, fact in found:
            assert probe.place.intrudes
            assert probe.place.thread == fact.place.thread
            assert probe.place.resource == probe.place.actor.resource != fact.place.resource


def test_where_callers_prove_who_they_are_a_stranger_also_names_the_owner():
    named = [
        probe.place.resource == fact.place.resource
        for seed in range(30)
        for probe, fact in probes(
            woven("intrude", seed=seed, contract=Contract(authentication="caller"), offers=CALLERS)
        )
    ]
    assert 0.1 < sum(named) / len(named) < 0.6


def test_a_take_over_writes_settles_and_reads_before_the_owner_speaks_again():
    for seed in range(40):
        loom = woven("take-over", seed=seed)
        written = next(step for step in loom.steps if step.tells and step.place.intrudes)
        reads = [
            step
            for step in loom.steps
            if step.place is written.place and written in before(step) and step.asks
        ]
        reads = [
            step for step in reads if any(fact.place.actor is not written.place.actor for fact in step.asks)
        ]
        assert reads
        for read in reads:
            between = before(read) - before(written) - {written}
            owner = reads[0].asks[0].place.actor
            assert any(not step.asks and not step.tells for step in between), "it settles"
            assert not any(step.place.actor is owner for step in between), "the owner has not spoken"


def test_what_a_stranger_wrote_is_asked_for_by_the_owner_inside_the_strangers_own_recall():
    for seed in range(40):
        loom = woven("take-over", seed=seed)
        written = next(step for step in loom.steps if step.tells and step.place.intrudes)
        heard = [step for step in loom.steps if written in step.asks and not step.place.intrudes]
        own = [step for step in loom.steps if written in step.asks and step.place is written.place]
        assert len(heard) == 1
        assert any(step in before(heard[0]) for step in own)
        assert any(heard[0] in before(step) for step in own)


def test_two_resources_tell_their_own_under_one_thread_id():
    for seed in range(40):
        loom = woven("shared-thread", seed=seed)
        by_thread = {}
        for step in loom.steps:
            if step.tells:
                by_thread.setdefault(step.place.thread, set()).add(step.place.actor)
        assert any(len(actors) > 1 for actors in by_thread.values())
        for step in loom.steps:
            if step.place.intrudes:
                assert step.place.resource == step.place.actor.resource


def test_everybody_asks_in_the_very_same_words_about_one_attribute():
    for seed in range(40):
        loom = woven("same-text", seed=seed)
        twins = [step for step in loom.steps if step.twins]
        for group in {step.twins for step in twins}:
            members = [step for step in twins if step.twins == group]
            assert len(members) >= 2
            assert len({step.text for step in members}) == 1
            assert len({step.place.actor for step in members}) == len(members)
            assert len({step.asks[0].tells for step in members}) == 1
            assert len({step.asks[0] for step in members}) == len(members)


def test_ranked_memories_are_asked_for_one_fact_at_a_time():
    for move in ("recall", "siblings", "crosswise", "intrude", "take-over", "shared-thread"):
        for seed in range(20):
            loom = woven(move, seed=seed, contract=Contract(recall_kind="ranked"))
            assert max(len(step.asks) for step in loom.steps) == 1


def attempts_in(loom):
    """Changes of what is somebody else's: by its thread, or by its message."""
    return [
        step
        for step in loom.steps
        if step.surface in CHANGING
        and (step.place.intrudes or (step.message and step.message.place.actor is not step.place.actor))
        and isinstance(step.place.resource, str)
        and isinstance(step.place.thread, str)
    ]


def test_every_attempt_lies_between_two_looks_of_its_owner_and_as_many_of_the_stranger(library):
    for seed in range(30):
        loom = woven("change", seed=seed, offers=library)
        tried = attempts_in(loom)
        assert len(tried) >= ATTEMPTS
        for step in tried:
            (owner,) = {
                one.place
                for one in loom.steps
                if one.place.thread == step.place.thread and not one.place.intrudes
            } or {step.message.place}
            fact = next(
                one for one in loom.steps if one.tells and one.place is owner and one.surface == "send"
            )
            asked = asked_at_home(loom, fact)
            assert {one.surface for one in asked if one in before(step)} >= {
                "send",
                "read_messages",
                "list_threads",
            }
            after = [one for one in asked if step in before(one)]
            assert {one.surface for one in after} >= {"send", "read_messages", "list_threads"}
            first = min(after, key=loom.steps.index)
            others = [one for one in attempts_in(loom) if step in before(one) and one in before(first)]
            assert not others, "one attempt at a time"


def test_every_surface_that_changes_something_has_its_turn_within_two_moves(library):
    for index in range(8):
        tried = set()
        for turn in range(2):
            loom = loom_of(seed=index, offers=library)
            loom.attempt = index + turn
            MAKES["change"](loom)
            tried |= {step.surface for step in attempts_in(loom)}
        assert tried == set(CHANGING) - {"delete_resource"}
    proving = Takes(accepts=("resource", "caller"))
    offers = msgspec.structs.replace(
        library, accepts=(*library.accepts, "caller"), beyond={**library.beyond, "delete_resource": proving}
    )
    assert "delete_resource" in attempts(Contract(authentication="caller"), offers)
    assert "delete_resource" not in attempts(Contract(), offers)


def test_changes_that_name_nobody_are_made_in_every_way(library):
    table = changing_cells(scenario(), Contract(), library)
    assert {surface for surface, _ in table} == set(DESTRUCTIVE)
    reached = set()
    for index in range(-(-len(table) // LESS)):
        loom = loom_of(seed=index, offers=library)
        loom.cell = index
        MAKES["change"](loom)
        reached |= {(step.surface, way_of(step)) for step in loom.steps if way_of(step)}
    assert reached == {(surface, str(cell)) for surface, cell in table}


def test_a_target_that_names_its_threads_itself_has_none_created_by_name(library):
    minting = {**library.beyond, "create_thread": Takes(accepts=("resource",))}
    offers = msgspec.structs.replace(library, beyond=minting)
    for seed in range(10):
        assert not [
            s for s in woven("change", seed=seed, offers=offers).steps if s.surface == "create_thread"
        ]


def deletion_in(loom):
    (step,) = [one for one in loom.steps if one.surface in DELETING]
    return step


@pytest.mark.parametrize("index", range(3))
def test_what_is_deleted_is_shown_before_by_every_surface_and_looked_for_after(index, library):
    for seed in range(15):
        loom = loom_of(seed=seed, offers=library)
        loom.deletion = index
        MAKES["forget"](loom)
        done = deletion_in(loom)
        assert done.surface == DELETING[index]
        gone = next(one for one in loom.steps if one.tells and one.place is done.place)
        everything = {"send", *READING}
        by = {one.surface for one in asked_at_home(loom, gone) if one in before(done)}
        assert by == everything
        again = next(
            one
            for one in loom.steps
            if done in before(one) and one.place is done.place and one.surface == "send"
        )
        untouched = [
            one for one in loom.steps if gone in one.asks and done in before(one) and one in before(again)
        ]
        assert {one.surface for one in untouched} == everything, "also by a message in another thread"
        assert all(one.place is not done.place for one in untouched if one.surface == "send")
        later = [one for one in loom.steps if gone in one.asks and again in before(one)]
        assert {one.surface for one in later} == everything, "and once its thread is in use again"


def test_what_is_not_deleted_is_shown_before_and_after(library):
    for seed in range(30):
        loom = loom_of(seed=seed, offers=library)
        loom.deletion = seed
        MAKES["forget"](loom)
        done = deletion_in(loom)
        spared = [
            one
            for one in loom.steps
            if one.tells
            and one.surface == "send"
            and one in before(done)
            and one.place is not done.place
            and not (done.surface == "delete_resource" and one.place.actor is done.place.actor)
        ]
        assert spared
        for fact in spared:
            looks = asked_at_home(loom, fact)
            for surface in ("send", "read_messages", "list_threads"):
                assert [one for one in looks if one.surface == surface and one in before(done)]
                assert [one for one in looks if one.surface == surface and done in before(one)]


def test_a_deleted_message_has_a_neighbour_that_stays(library):
    loom = loom_of(offers=library)
    loom.deletion = DELETING.index("delete_message")
    MAKES["forget"](loom)
    done = deletion_in(loom)
    told = [one for one in loom.steps if one.tells and one.place is done.place and one in before(done)]
    assert told[0] is done.message
    assert len(told) == 2
    assert any(told[1] in one.asks and done in before(one) for one in loom.steps)


@pytest.mark.parametrize("offers", [Offers(), Offers(required=("thread",)), CALLERS])
def test_each_way_of_leaving_out_ids_has_its_turn(offers):
    table = cells(scenario(), Contract(), offers)
    reached = set()
    for index in range(-(-len(table) // CELLS)):
        loom = loom_of(seed=index, offers=offers)
        loom.cell = index
        MAKES["missing"](loom)
        reached |= {way_of(step) for step in loom.steps}
    assert reached - {None} == {str(cell) for cell in table}


def way_of(step):
    contract = Contract()
    thread, resource = contract.missing(step.place.thread), contract.missing(step.place.resource)
    if thread is None and resource is None:
        return None
    ids = "both" if thread and resource else "thread" if thread else "resource"
    return f"{ids} {thread or resource}"


def test_without_an_id_both_doors_are_tried():
    """What was told with ids is asked for without, and what was told without by another, the same way."""
    for index in range(6):
        loom = loom_of(seed=index)
        loom.cell = index
        MAKES["missing"](loom)
        lacking = [step for step in loom.steps if way_of(step)]
        opened = {way_of(step) for step in lacking for fact in step.asks if not way_of(fact)}
        shared = {
            way_of(step)
            for step in lacking
            for fact in step.asks
            if way_of(fact) == way_of(step) and fact.place.actor is not step.place.actor
        }
        assert opened == shared == {way_of(step) for step in lacking}


def test_a_required_keyword_is_never_left_out():
    offers = Offers(required=("thread", "resource"))
    for index in range(6):
        loom = loom_of(seed=index, offers=offers)
        loom.cell = index
        MAKES["missing"](loom)
        assert all(OMITTED not in (step.place.thread, step.place.resource) for step in loom.steps)


@pytest.mark.parametrize(
    ("move", "contract", "offers", "status", "words"),
    [
        ("intrude", Contract(thread_ids="bearer"), Offers(), "not promised", "thread_ids=bearer"),
        ("take-over", Contract(thread_ids="bearer"), Offers(), "not promised", "thread_ids=bearer"),
        ("intrude", Contract(), Offers(accepts=("resource",)), "not offered", "takes no thread id"),
        ("intrude", Contract(), Offers(accepts=("thread",)), "not offered", "not told who calls"),
        ("siblings", Contract(), Offers(accepts=("resource",)), "not offered", "one conversation"),
        ("crosswise", Contract(), Offers(accepts=()), "not offered", "no id of any kind"),
        ("same-text", Contract(), Offers(accepts=()), "not offered", "no id of any kind"),
        ("missing", Contract(), Offers(accepts=()), "not offered", "takes no thread id"),
        ("missing", Contract(thread_ids="bearer"), Offers(accepts=("resource",)), "not promised", "bearer"),
        ("change", Contract(thread_ids="bearer"), Offers(beyond={"clone_thread": Takes(accepts=("thread",))}), "not promised", "thread_ids=bearer"),
        ("change", Contract(), Offers(accepts=("resource",)), "not offered", "takes no thread id"),
        ("change", Contract(), Offers(), "not offered", "has none of create_thread, clone_thread"),
        ("change", Contract(), Offers(withheld=("delete_thread",)), "not offered", "withheld without --allow-destructive: delete_thread"),
        ("forget", Contract(), Offers(), "not offered", "has none of delete_message, delete_thread"),
        ("forget", Contract(), Offers(accepts=()), "not offered", "no id of any kind"),
    ],
)  # fmt: skip
def test_why_a_move_cannot_be_made(move, contract, offers, status, words):
    why = move_unavailable(move, scenario(), contract, offers)
    assert why is not None
    assert why.status == status
    assert words in why.reason


@pytest.mark.parametrize("move", ["recall", "chat"])
@pytest.mark.parametrize("offers", [Offers(accepts=()), Offers(accepts=("thread",)), Offers()])
def test_some_moves_can_always_be_made(move, offers):
    assert move_unavailable(move, scenario(), Contract(), offers) is None


def test_every_way_of_leaving_out_ids_has_its_reason_or_none():
    made = scenario(missing=Missing(kinds=("omitted", "null", "blank"), ids=("thread", "both")))
    table = cell_table(made, Contract(), Offers(required=("thread",)))
    told = {str(cell): why and (why.status, why.reason.split(":")[0]) for cell, why in table.items()}
    required = ("not offered", "the target cannot be called without thread")
    blank = ("not promised", "missing_ids.blank=ordinary")
    assert told == {
        "thread omitted": required,
        "both omitted": required,
        "thread null": None,
        "both null": None,
        "thread blank": blank,
        "both blank": blank,
    }


@LIVELY
@given(
    seed=st.integers(0, 2**32),
    moves=st.lists(st.sampled_from(MOVES), min_size=1, max_size=4),
    mode=st.sampled_from(("sequential", "interleaved", "concurrent")),
    width=st.integers(2, 6),
)
def test_any_order_keeps_what_must_come_before(library, seed, moves, mode, width):
    loom = loom_of(seed=seed, offers=library)
    for move in moves:
        MAKES[move](loom)
        loom.block += 1
    ordered = [list(group) for group in rounds(loom.steps, mode, loom.choose, width)]
    flat = [step for group in ordered for step in group]
    assert len(flat) == len(set(flat)) == len(loom.steps)
    turn = {step: number for number, group in enumerate(ordered) for step in group}
    for step in flat:
        assert all(turn[one] < turn[step] for one in step.after)
    for group in ordered:
        # Who follows on one that is cancelled comes in its round, in every mode.
        followers = [step.follower for step in group if step.follower is not None]
        assert len(group) <= (width if mode == "concurrent" else 1 + len(followers))
        assert len(followers) <= 1
        assert followers == group[-1:] or not followers
        assert len({step.place.actor for step in group}) == len(group)


def test_tenants_two_of_one_and_one_of_another_where_the_scope_is_the_tenant():
    for seed in range(40):
        loom = loom_of(seed=seed, contract=Contract(scope="tenant"), offers=TENANTS)
        tenants = [actor.tenant for actor in loom.actors]
        assert len(tenants) >= 3
        assert 1 < len(set(tenants)) < len(tenants)


def test_told_a_tenant_alone_every_resource_is_one():
    for scope in ("thread", "resource", "tenant"):
        loom = loom_of(contract=Contract(scope=scope), offers=Offers(accepts=("tenant",)))
        assert len({actor.tenant for actor in loom.actors}) == len(loom.actors)


def test_a_second_move_goes_on_where_the_first_stopped():
    """Within one example too: a long plan must not leave out the same ids in the same ways for ever."""
    loom = loom_of()
    reached = []
    for _ in range(2):
        start = len(loom.steps)
        MAKES["missing"](loom)
        reached.append({way_of(step) for step in loom.steps[start:]} - {None})
    assert len(reached[0]) == len(reached[1]) == CELLS
    assert not reached[0] & reached[1]
