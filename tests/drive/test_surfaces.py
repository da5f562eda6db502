"""Driving surfaces beyond sending: what is seen in a listing, and whose ids."""

import pytest

from overheard import Refused
from overheard.core.canary import FactKey, mint_fact
from overheard.core.errors import UsageError
from overheard.core.ids import bind_id
from overheard.core.operation import thread_secrets
from overheard.history.events import Completed, Failed, Injection, Sight, Unknown
from overheard.history.sight import IDS_KEPT, WINDOW, scan_ids

FACT = mint_fact(FactKey(7, 3, 0, 0))
THREAD = "<<uuid:a>>"
SECRET = bind_id(THREAD, 7, 3)


class Library:
    def __init__(self, shown=()):
        self.shown = shown
        self.queries = []

    async def send(self, message, *, thread, resource):
        return "ok"

    async def list_threads(self, *, resource):
        if isinstance(self.shown, Exception):
            raise self.shown
        return self.shown

    async def search(self, query, *, resource, filters=None):
        self.queries.append((query, filters))
        return self.shown


def ends(events):
    return [event for event in events if isinstance(event, Completed | Failed | Unknown)]


def looks(op, surface="list_threads", **fields):
    return (
        op(0, 0, caller="r0", thread=THREAD, text="it is <<fact>> <<ref>>", tells="x"),
        op(1, 1, caller="r1", thread="<<uuid:b>>", surface=surface, asks=(0,), **{"text": "", **fields}),
    )


def test_what_a_listing_shows_is_seen_as_a_listing(driven, op, plan_of):
    target = Library([{"thread": SECRET, "begins": FACT}])
    events = driven(target, plan_of(*looks(op)))
    (_, shown) = ends(events)
    assert shown.sights == (Sight(FACT, "listing"), Sight(SECRET, "listing"))
    assert FACT in shown.text


def test_a_refusal_and_an_error_are_looked_through_for_ids_too(driven, op, plan_of):
    for error, kind in ((Refused(f"see {SECRET}"), Failed), (RuntimeError(f"at {SECRET}"), Unknown)):
        end = ends(driven(Library(error), plan_of(*looks(op))))[-1]
        assert isinstance(end, kind)
        assert end.sights == (Sight(SECRET, "error"),)


def test_what_is_no_listing_is_recorded_as_invalid(driven, op, plan_of):
    end = ends(driven(Library(object()), plan_of(*looks(op))))[-1]
    assert (end.reason, end.sights) == ("invalid", ())


def test_a_search_is_asked_in_words_and_its_filters_are_bound(driven, op, plan_of):
    target = Library([])
    driven(target, plan_of(*looks(op, "search", text="locker code", filters={"thread": THREAD})))
    assert target.queries == [("locker code", {"thread": SECRET})]


def test_a_leak_can_be_put_into_a_listing_and_in_place_of_a_refusal(driven, op, plan_of, recording):
    for shown in ([], Refused("no")):
        injection = Injection(
            injector="listing", invariant="no-cross-resource-leakage", channel="listing", fact=0, into=1
        )
        events = driven(Library(shown), plan_of(*looks(op)), phase="prove", injection=injection)
        (_, end) = ends(events[-6:])
        assert Sight(FACT, "listing") in end.sights


def test_a_surface_that_the_target_does_not_have_is_an_error_of_the_plan(driven, op, plan_of):
    with pytest.raises(UsageError, match="uses the surface 'read_messages'"):
        driven(Library(), plan_of(*looks(op, "read_messages")))


def test_only_ids_that_nobody_can_guess_are_secrets(op, plan_of):
    plan = plan_of(
        op(0, 0, caller="r0", thread=THREAD),
        op(1, 0, caller="r1", thread="7-<<ns>>"),
        op(2, 0, caller="r2", thread="sess_<<hex:b>>"),
        op(3, 0, caller="r3", thread=THREAD, intrudes=True),
        op(4, 0, caller="r4", thread=None),
    )
    assert thread_secrets(plan, 7, 3) == {SECRET: "r0", bind_id("sess_<<hex:b>>", 7, 3): "r2"}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (SECRET, True),
        (f'{{"thread":"{SECRET}"}}', True),
        (f"/threads/{SECRET}/messages", True),
        (f"{SECRET}0", False),
        (f"x-{SECRET}", False),
        (SECRET[:-1], False),
        (f"{SECRET}0 and {SECRET}", True),
    ],
)
def test_ids_are_seen_whole_or_not_at_all(text, seen):
    assert bool(scan_ids(text, "reply", [SECRET])) == seen


def test_no_more_ids_are_kept_of_one_text_than_anybody_reads():
    secrets = [f"{number:032x}" for number in range(200)]
    assert len(scan_ids(" ".join(secrets), "listing", secrets)) == IDS_KEPT


@pytest.mark.parametrize("place", [0, WINDOW - 40, WINDOW - 36, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW])
@pytest.mark.parametrize(("before", "seen"), [(" ", True), ("0", False)])
def test_ids_are_seen_anywhere_in_a_long_text(place, before, seen):
    text = "." * (place - 1) + before * (place > 0) + SECRET + "." * (3 * WINDOW - place)
    assert bool(scan_ids(text, "reply", [SECRET])) == (seen or place == 0)


def test_a_callers_own_ids_come_first(driven, op, plan_of):
    """An unfiltered list of everybody's threads must still show that the caller's own are in it."""
    many = [op(number, number, caller=f"r{number}", thread=f"<<uuid:{number}>>") for number in range(90)]
    secrets = [bind_id(one.thread, 7, 3) for one in many]
    look = op(90, 90, caller="r89", thread="<<uuid:89>>", surface="list_threads", text="")
    end = ends(driven(Library(secrets), plan_of(*many, look)))[-1]
    assert len(end.sights) == IDS_KEPT
    assert end.sights[0] == Sight(secrets[89], "listing")
