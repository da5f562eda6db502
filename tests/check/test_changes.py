"""Conversations changed and deleted, by their owners and by others, through surfaces beyond sending."""

from __future__ import annotations

import pytest

from overheard.core.offers import Offers, Takes
from overheard.core.operation import CHANGING

OWNED = ("thread", "resource")
OFFERS = Offers(
    surfaces=("send", "list_threads", "read_messages", "search", "read_message", *CHANGING),
    beyond={
        "list_threads": Takes(accepts=("resource",)),
        "read_messages": Takes(accepts=OWNED),
        "search": Takes(accepts=("resource", "filters")),
        "read_message": Takes(accepts=("resource", "message_id")),
        "create_thread": Takes(accepts=(*OWNED, "title")),
        "clone_thread": Takes(accepts=(*OWNED, "new_thread")),
        "update_thread": Takes(accepts=(*OWNED, "title")),
        "transfer_thread": Takes(accepts=(*OWNED, "new_resource")),
        "delete_message": Takes(accepts=("resource", "message_id")),
        "delete_thread": Takes(accepts=OWNED),
        "delete_resource": Takes(accepts=("resource",)),
    },
)
WIDE = {f"scope.{name}": "resource" for name in ("list_threads", "search", "read_message")}
TOLD = "r0 a !x\nr0 a ?x =x\nr1 b !y\nr1 b ?y =y\n"
STILL = "r0 a ?x =x\nr1 b ?y =y\n"
UNCHECKED = "ownership unchecked on "


def of(judgement, name):
    return next(one for one in judgement.invariants if one.name == name)


def stories(judgement):
    return sorted({(one.invariant, one.diagnosis) for one in judgement.findings})


@pytest.fixture
def changed(judged):
    """changed(text, ...): the judgement of a history of a scenario that changes, and one that forgets."""

    def judge(text, move="change", **options):
        invariants = ("recall-within-thread", "thread-ownership", "ids-required")
        options.setdefault("weights", {move: 1, "chat": 1})
        options.setdefault("missing", {"kinds": ["null"], "ids": ["thread"]})
        options["contract"] = WIDE | options.get("contract", {})
        options.setdefault("invariants", invariants if move == "change" else (FORGET, *invariants[:1]))
        return judged(text, offers=options.pop("offers", OFFERS), **options)

    return judge


FORGET = "forgotten-stays-forgotten"


# -- strangers who change what is not theirs ------------------------------------------------------------------


def test_a_refused_change_that_changed_nothing_is_a_controlled_chance(changed):
    result = changed(f"{TOLD}r1 a via:delete_thread no\n{STILL}")
    assert not result.findings
    assert of(result, "thread-ownership").exposures == 1
    cells = {cell.surface: cell.state for cell in result.coverage if cell.relation == "thread-ownership"}
    assert cells["delete_thread"] == "controlled"
    assert cells["transfer_thread"] == "not reached"
    assert cells["delete_resource"] == "not offered"


@pytest.mark.parametrize("outcome", ["", " no", " err"])
@pytest.mark.parametrize("missed", ["r0 a ?x", "r0 a ?x no"])
@pytest.mark.parametrize(
    ("change", "diagnosis"),
    [
        ("a via:delete_thread", "delete"),
        ("b via:delete_message of:x", "delete"),
        ("a via:transfer_thread gives:r1", "transfer"),
        ("a via:update_thread", "update"),
        ("a via:create_thread", "create"),
        ("a via:clone_thread to:n", "clone"),
    ],
)
def test_what_the_owner_misses_afterwards_was_destroyed_or_taken(changed, change, diagnosis, missed, outcome):
    """Refused or not: what counts is what became of it."""
    shown = "r0 a ?x via:read_messages\n" if "of:x" in change else ""
    result = changed(f"{TOLD}{shown}r1 {change}{outcome}\n{missed}\nr1 b ?y =y\n")
    assert stories(result) == [("thread-ownership", UNCHECKED + diagnosis)]
    (finding,) = result.findings
    assert (finding.owner.caller, finding.observer.caller) == ("r0", "r1")
    assert finding.surface == change.split("via:")[1].split()[0]
    assert finding.missed is not None
    assert finding.missed.caller == "r0"
    assert of(result, "recall-within-thread").verdict == "held"


def test_a_memory_that_lost_more_is_no_proof_of_a_theft(changed):
    lost = f"{TOLD}r1 a via:delete_thread no\nr0 a ?x\n"
    assert not changed(f"{lost}r1 b ?y\n").findings, "nothing is remembered any more"
    assert not changed(lost).findings, "nobody else has looked"
    # r1 asks in its next turn but one, r0 three turns later: no wonder, if memory reaches back two turns.
    late = lost.replace("r0 a ?x\n", "r0 a\nr0 a\nr0 a ?x\n")
    assert not changed(f"{late}r1 b ?y =y\n").findings
    assert changed(f"{late}r1 b\nr1 b\nr1 b ?y =y\n").findings


def test_a_loss_without_anybody_in_between_is_nobodys_doing(changed):
    assert not changed(f"{TOLD}r0 a\nr0 a ?x\nr1 b ?y =y\n").findings
    assert not changed(f"{TOLD}r1 a via:delete_thread no\nr0 a ?x =x\nr0 a ?x\nr1 b ?y =y\n").findings


def test_what_its_owner_did_itself_is_no_loss(changed):
    for own in ("via:delete_thread", "via:transfer_thread gives:r1"):
        text = f"{TOLD}r1 a via:delete_thread no\nr0 a {own}\nr0 a ?x no\nr1 b ?y =y\n"
        assert not changed(text).findings, own


def test_an_error_of_the_owner_is_no_loss(changed):
    assert not changed(f"{TOLD}r1 a via:delete_thread no\nr0 a ?x err\nr1 b ?y =y\n").findings


def test_a_ranked_memory_may_find_something_better(changed):
    text = f"{TOLD}r1 a via:delete_thread no\nr0 a ?x\nr1 b ?y =y\n"
    assert not changed(text, contract={"recall_kind": "ranked"}).findings


def test_what_a_list_of_messages_does_not_show_any_more_is_lost(changed):
    look = "r0 a ?x via:read_messages{0}\nr1 b ?y via:read_messages{1}\n"
    before = look.format(" =x", " =y")
    lost = f"{TOLD}{before}r1 a via:delete_thread no\n{look.format('', ' =y')}"
    assert stories(changed(lost)) == [("thread-ownership", UNCHECKED + "delete")]
    assert not changed(f"{TOLD}{before}r1 a via:delete_thread no\n{look.format(' =x', ' =y')}").findings


def test_a_thread_that_is_listed_no_more_is_lost(changed):
    look = "r0 a ?x via:list_threads{0}\nr1 b ?y via:list_threads{1}\n"
    before = look.format(" @a", " @b")
    lost = f"{TOLD}{before}r1 a via:delete_thread no\n{look.format('', ' @b')}"
    assert stories(changed(lost)) == [("thread-ownership", UNCHECKED + "delete")]
    # Another preview of it is not the same as its being gone.
    kept = f"{TOLD}{look.format(' @a =x', ' @b')}r1 a via:update_thread no\n{look.format(' @a', ' @b')}"
    assert not changed(kept).findings


def test_a_stranger_who_is_shown_what_it_had_changed_has_taken_it(changed):
    for change, verb in (
        ("via:transfer_thread gives:r1", "transfer"),
        ("via:create_thread", "create"),
        ("via:update_thread", "update"),
    ):
        for look in ("r1 a ?x =x", "r1 b ?x via:search =x", "r1 a ?x via:read_messages =x", "r1 b ?x =x"):
            result = changed(f"{TOLD}r1 a ?x no\nr1 a {change}\n{look}\n{STILL}")
            assert stories(result) == [("thread-ownership", UNCHECKED + verb)], (change, look)


def test_who_reads_without_having_changed_anything_needs_no_change(changed):
    text = f"{TOLD}r1 a ?x =x\nr1 a via:create_thread\nr1 a ?x =x\n{STILL}"
    assert stories(changed(text)) == [("thread-ownership", "thread id is the only key")]


def test_a_copy_is_the_conversation_that_it_was_made_of(changed):
    own = f"{TOLD}r0 a via:clone_thread to:n\nr0 n ?x =x\n{STILL}"
    assert not changed(own).findings, "an owner's own copy"
    later = f"{TOLD}r0 a via:clone_thread to:n\nr0 a !z\nr0 n ?z =z\n{STILL}"
    assert stories(changed(later)) == [("no-cross-thread-recall", "thread id ignored")]
    foreign = f"{TOLD}r1 a via:clone_thread to:n\nr1 n ?x =x\n{STILL}"
    assert stories(changed(foreign)) == [("thread-ownership", UNCHECKED + "clone")]
    shown = f"{TOLD}r1 a via:clone_thread to:n =x\n{STILL}"
    assert stories(changed(shown)) == [("thread-ownership", UNCHECKED + "clone")]
    refused = f"{TOLD}r1 a via:clone_thread to:n no\nr1 n ?x =x\n{STILL}"
    assert [invariant for invariant, _ in stories(changed(refused))] == ["no-cross-resource-leakage"]
    stolen = f"{TOLD}r0 a via:clone_thread to:n\nr1 n ?x =x\n{STILL}"
    assert stories(changed(stolen)) == [("thread-ownership", "thread id is the only key")]


def test_what_was_given_away_is_the_receivers(changed):
    given = f"{TOLD}r0 a via:transfer_thread gives:r1\nr1 a ?x =x\nr1 b ?x via:search =x\nr1 b ?y =y\n"
    assert not changed(given).findings
    third = f"{given}r2 a ?x =x\n"
    assert stories(changed(third)) == [("thread-ownership", "thread id is the only key")]
    assert changed(f"{TOLD}r1 a via:transfer_thread gives:r1\nr1 a ?x =x\n{STILL}").findings


def test_a_title_by_a_stranger_is_a_write(changed):
    for look in (
        "r0 a ?x via:list_threads @a =w",
        "r0 c ?x via:list_threads =w",
        "r0 a ?x via:read_messages =w",
    ):
        result = changed(f"{TOLD}r1 a via:update_thread !w\n{look}\n{STILL}")
        assert stories(result) == [("thread-ownership", UNCHECKED + "update")], look
    created = changed(f"{TOLD}r1 a via:create_thread !w no\nr0 a ?x via:list_threads @a =w\n{STILL}")
    assert stories(created) == [("thread-ownership", UNCHECKED + "create")]
    own = changed(f"{TOLD}r0 a via:update_thread !w\nr0 a ?x via:list_threads @a =w\n{STILL}")
    assert not own.findings


def test_a_title_is_nobody_elses_either(changed):
    result = changed(f"{TOLD}r0 a via:update_thread !w\nr1 b ?w via:list_threads =w\n{STILL}")
    assert stories(result) == [("no-cross-resource-leakage", "threads listed without a filter")]


def test_a_refusal_to_change_may_not_tell_either(changed):
    result = changed(f"{TOLD}r1 a via:delete_thread no:x\n{STILL}")
    assert stories(result) == [("thread-ownership", "the refusal tells it")]


def test_a_message_belongs_to_who_sent_it(changed):
    look = "r0 a ?x via:read_messages =x\n"
    assert not changed(f"{TOLD}{look}r0 c ?x via:read_message of:x =x\n{STILL}").findings
    read = changed(f"{TOLD}{look}r1 b ?x via:read_message of:x =x\n{STILL}")
    assert stories(read) == [("thread-ownership", "messages read without asking whose")]


def test_under_bearer_whoever_holds_the_id_may_do_as_it_likes(changed):
    text = f"{TOLD}r1 a via:clone_thread to:n\nr1 n ?x =x\nr1 a via:delete_thread\nr0 a ?x\nr1 b ?y =y\n"
    assert not changed(text, contract={"thread_ids": "bearer"}).findings


def test_a_change_without_an_id_may_not_reach_anybody(changed):
    kept = f"{TOLD}r1 null via:delete_thread no\n{STILL}"
    result = changed(kept)
    assert not result.findings
    assert of(result, "ids-required").exposures == 2, "both facts were watched"
    gone = f"{TOLD}r2 d !w\nr2 d ?w =w\nr1 null via:delete_thread\nr0 a ?x\nr2 d ?w =w\n"
    assert stories(changed(gone)) == [("ids-required", "a missing id drops the filter")]


def test_a_message_by_a_stranger_after_which_the_owner_is_refused_took_the_thread(changed):
    text = f"{TOLD}r1 a !z\nr0 a ?x no\nr1 b ?y =y\n"
    assert stories(changed(text)) == [("thread-ownership", "taken over by write")]
    assert not changed(text.replace(" no", "")).findings, "it may have fallen out of memory"
    other = f"{TOLD}r1 b !z\nr0 a ?x no\nr1 b ?z =z\n"
    assert not changed(other).findings


def test_whose_resource_was_named_is_believed(changed):
    text = f"{TOLD}r1@r0 a via:delete_thread\nr0 a ?x\nr1 b ?y =y\n"
    result = changed(text, contract={"authentication": "caller"})
    assert stories(result) == [("thread-ownership", "client-supplied resource believed")]


def test_who_changes_something_without_proving_who_it_is(changed):
    text = f"{TOLD}r1@r0 a via:delete_thread proof:none\nr0 a ?x\nr1 b ?y =y\n"
    result = changed(text, contract={"authentication": "caller"})
    assert stories(result) == [("thread-ownership", "credentials are not checked")]


# -- forgetting ----------------------------------------------------------------------------------------------

BEFORE = """
r0 a !x
r0 a ?x =x
r0 c !z
r0 c ?z =z
r1 b !y
r1 b ?y =y
r0 a ?x via:read_messages =x
r0 c ?z via:read_messages =z
r0 c ?z via:search =z
r0 a ?x via:search =x
r0 a ?x via:list_threads @a @c
"""
AFTER = """
r0 a ?x via:read_messages no
r0 a ?x via:search
r0 a ?x via:list_threads @c
r0 c ?z =z
r0 c ?z via:search =z
r1 b ?y =y
r0 a ?x
r0 c ?z =z
r0 c ?z via:read_messages =z
r0 c ?z via:search =z
"""
GONE = f"{BEFORE}r0 a via:delete_thread\n{AFTER}"


def test_what_is_deleted_is_gone_and_that_is_controlled(changed):
    result = changed(GONE, "forget")
    assert not result.findings, stories(result)
    forgotten = of(result, FORGET)
    # x by read_messages, search, list_threads, send; and z and y were watched while it was deleted.
    assert forgotten.exposures == 6
    cells = {cell.surface: cell.state for cell in result.coverage if cell.relation == FORGET}
    assert {name for name, state in cells.items() if state == "controlled"} == {
        "send", "read_messages", "search", "list_threads", "delete_thread"
    }  # fmt: skip
    assert of(result, "recall-within-thread").verdict == "held"


@pytest.mark.parametrize(
    ("line", "leaky"),
    [
        ("r0 a ?x via:read_messages no", "r0 a ?x via:read_messages =x"),
        ("r0 a ?x via:search\n", "r0 a ?x via:search =x\n"),
        ("r0 a ?x via:list_threads @c", "r0 a ?x via:list_threads @c @a"),
        ("r0 c ?z via:search =z\nr1", "r0 c ?z via:search =z =x\nr1"),
        ("r0 c ?z =z\n", "r0 c ?z =z ~x\n"),
        ("r1 b ?y =y\n", "r1 b ?y =y ~x\n"),
    ],
)  # fmt: skip
def test_a_copy_that_stays_is_found_wherever_it_is_shown(changed, line, leaky):
    after = AFTER.replace(line, leaky, 1)
    assert after != AFTER
    result = changed(f"{BEFORE}r0 a via:delete_thread\n{after}", "forget")
    assert stories(result) == [(FORGET, "deletion not propagated")]
    assert result.findings[0].owner.caller == "r0"


def test_what_comes_back_with_its_id_was_only_hidden(changed):
    back = AFTER.replace("r0 a ?x\n", "r0 a ?x =x\n")
    result = changed(f"{BEFORE}r0 a via:delete_thread\n{back}", "forget")
    assert stories(result) == [(FORGET, "deleted data comes back")]
    listed = AFTER.replace("r0 a ?x\n", "r0 a ?x\nr0 a ?x via:read_messages =x\n")
    result = changed(f"{BEFORE}r0 a via:delete_thread\n{listed}", "forget")
    assert stories(result) == [(FORGET, "deleted data comes back")]
    # If it was there all the time, nothing came back.
    stayed = back.replace("r0 a ?x via:search\n", "r0 a ?x via:search =x\n")
    result = changed(f"{BEFORE}r0 a via:delete_thread\n{stayed}", "forget")
    assert stories(result) == [(FORGET, "deletion not propagated")]


def test_a_thread_that_is_used_again_is_listed_by_right(changed):
    again = f"{AFTER}r0 a ?x via:list_threads @a @c\n"
    assert not changed(f"{BEFORE}r0 a via:delete_thread\n{again}", "forget").findings


@pytest.mark.parametrize("outcome", ["no", "err"])
def test_what_was_not_deleted_may_be_there(changed, outcome):
    text = f"{BEFORE}r0 a via:delete_thread {outcome}\n{AFTER}".replace("r0 a ?x\n", "r0 a ?x =x\n")
    assert not changed(text, "forget").findings


def test_a_stranger_deletes_nothing_of_anybodys(changed):
    text = f"{BEFORE}r1 a via:delete_thread\n{AFTER}".replace("r0 a ?x\n", "r0 a ?x =x\n")
    kept = text.replace("read_messages no", "read_messages =x").replace(
        "list_threads @c", "list_threads @a @c"
    )
    assert FORGET not in {invariant for invariant, _ in stories(changed(kept, "forget"))}


@pytest.mark.parametrize("line", ["r0 c ?z =z\n", "r1 b ?y =y\n", "r0 c ?z via:read_messages =z\n"])
def test_what_else_is_gone_was_deleted_too_much(changed, line):
    lost = line.replace(f" ={line.split('?')[1][0]}", "")
    still = "r2 d ?w =w\nr2 d ?w =w\nr2 d ?w via:read_messages =w\n"
    before = f"r2 d !w\nr2 d ?w =w\nr2 d ?w via:read_messages =w\n{BEFORE}"
    result = changed(f"{before}r0 a via:delete_thread\n{AFTER.replace(line, lost, 1)}{still}", "forget")
    assert stories(result) == [(FORGET, "over-broad deletion")]
    (finding,) = result.findings
    assert finding.surface == "delete_thread"
    assert finding.observer.caller == "r0"


def test_a_deleted_message_leaves_its_neighbours_alone(changed):
    text = """
    r0 a !x
    r0 a !z
    r0 a ?xz =x =z
    r0 a ?xz via:read_messages =x =z
    r0 a via:delete_message of:x
    r0 a ?xz via:read_messages{x} =z
    r0 a ?xz{x} =z
    """.replace("\n    ", "\n")
    assert not changed(text.replace("{x}", ""), "forget").findings
    assert stories(changed(text.replace("{x}", " =x", 1).replace("{x}", ""), "forget")) == [
        (FORGET, "deletion not propagated")
    ]


def test_a_recital_is_another_message_than_the_one_that_was_deleted(changed):
    text = f"{BEFORE}r0 a via:delete_message of:x\nr0 a ?x {{0}}\nr0 c ?z =z\nr0 c ?z via:search =z\n"
    assert not changed(text.format("`x@1"), "forget").findings, "an echo from before"
    assert changed(text.format("=x"), "forget").findings
    # An agent that repeats things word for word has stored its own words, which nobody deleted.
    repeats = text.replace("r0 a ?x =x\n", 'r0 a ?x "x\n', 1)
    assert not changed(repeats.format('"x'), "forget").findings
    whole = repeats.replace("via:delete_message of:x", "via:delete_thread")
    assert changed(whole.format('"x'), "forget").findings


def test_what_lives_on_in_a_copy_was_not_forgotten(changed):
    text = f"{BEFORE}r0 a via:clone_thread to:n\nr0 a via:delete_thread\n{AFTER}r0 n ?x =x\nr0 c ?x via:search =x\n"
    assert not changed(text, "forget").findings


def test_all_of_a_resource_is_gone_with_it(changed):
    after = AFTER.replace("r0 c ?z =z\n", "r0 c ?z\n").replace("read_messages =z", "read_messages no")
    after = after.replace("search =z", "search").replace("@c", "@a")
    result = changed(f"{BEFORE}r0 a via:delete_resource\n{after}", "forget")
    assert not result.findings, stories(result)
    stays = after.replace("r0 a ?x via:search\n", "r0 a ?x via:search =x\n")
    assert stories(changed(f"{BEFORE}r0 a via:delete_resource\n{stays}", "forget")) == [
        (FORGET, "deletion not propagated")
    ]


def test_what_nobody_else_is_shown_any_more_is_no_proof_of_forgetting(changed):
    """Without a sibling that is still there, an empty answer may be an empty memory."""
    empty = "r0 a ?x\nr0 a ?x via:search\n"
    assert of(changed(f"{BEFORE}r0 a via:delete_thread\n{empty}", "forget"), FORGET).exposures == 0
    sibling = f"{empty}r0 c ?z =z\n"
    assert of(changed(f"{BEFORE}r0 a via:delete_thread\n{sibling}", "forget"), FORGET).exposures == 2


def test_a_conversation_may_be_all_that_is_deleted(changed):
    learnt = AFTER.replace("r0 a ?x\n", "r0 a ?x =x\n").replace("via:search\n", "via:search =x\n", 1)
    text = f"{BEFORE}r0 a via:delete_thread\n{learnt}"
    assert changed(text, "forget").findings
    contract = {"deletion": "conversation", "scope": "resource"}
    assert not changed(text, "forget", contract=contract).findings
    listed = text.replace("read_messages no", "read_messages =x")
    assert stories(changed(listed, "forget", contract=contract)) == [(FORGET, "deletion not propagated")]


def test_a_target_without_deletion_is_not_offered_it(changed):
    offers = Offers(surfaces=("send", "list_threads"), beyond={"list_threads": OFFERS.takes("list_threads")})
    result = changed(
        GONE.replace("r0 a via:delete_thread\n", ""),
        "forget",
        offers=offers,
        contract={"scope.search": "thread"},
    )
    assert of(result, FORGET).status == "not offered"


def test_without_an_id_of_a_message_there_is_nothing_to_present_and_that_is_said(changed):
    never = f"{TOLD}r1 a via:delete_thread no\n{STILL}r1 a via:delete_message of:x never\n"
    reasons = of(changed(never), "thread-ownership").reasons
    assert any(
        reason.startswith("delete_message, interleaved: the target shows no ids of messages")
        for reason in reasons
    )


def test_under_bearer_a_change_that_names_nobody_is_judged_all_the_same(changed):
    text = f"{TOLD}r1 null via:delete_thread no\n{STILL}"
    result = changed(text, contract={"thread_ids": "bearer"})
    assert of(result, "thread-ownership").status == "not promised"
    assert of(result, "ids-required").exposures == 2
