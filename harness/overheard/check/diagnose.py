"""From leaks to the smallest story that explains them, and what to change.

Diagnosis reads the history and the contract and nothing else: not the target's name, not its code. It
asks of every leak which key was used where another should have been, in the light of what did *not*
leak: an agent that leaks only under overlap shares state in flight, one that leaks siblings and strangers
alike uses no ids at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from overheard.check.handed import CACHED, SWAPPED
from overheard.check.kept import End, Kept, Missing
from overheard.check.observe import LISTS_THREADS
from overheard.check.relation import (
    CROSS_RESOURCE,
    CROSS_THREAD,
    DISTINCT,
    FORGOTTEN,
    IDS,
    MATCHES,
    OWNERSHIP,
    RECALL,
    missing_of,
    without_likeness,
)
from overheard.check.suspect import ADVICE as COLLISION_ADVICE
from overheard.check.suspect import Suspects, story
from overheard.check.tally import Tally, collisions_of
from overheard.core.canary import is_canary
from overheard.core.collision import RESERVED, Collision
from overheard.core.contract import Contract
from overheard.core.operation import cancels
from overheard.core.schedule import deviations
from overheard.history.events import Reduced

REMEMBERS_NOTHING: Final = "remembers nothing"
FORGETS: Final = "forgets what it was told"
NARROWER: Final = "recalls less than it declares"
NO_IDS: Final = "ids ignored or hardcoded"
RESOURCE_IGNORED: Final = "resource ignored"
TENANT_IGNORED: Final = "tenant ignored"
THREAD_IGNORED: Final = "thread id ignored"
THREAD_ONLY: Final = "thread id is the only key"
BUCKET: Final = "missing ids share a bucket"
FALLS_BACK: Final = "a missing id falls back to the last conversation"
NOT_REFUSED: Final = "missing ids are not refused"
RACE: Final = "race on shared state"
TAKEN_OVER: Final = "taken over by write"
REFUSAL_TELLS: Final = "the refusal tells it"
ERROR_TELLS: Final = "the error tells it"
MIXED: Final = "mixed prompt"
BELIEVED: Final = "client-supplied resource believed"
LISTED: Final = "threads listed without a filter"
READ: Final = "messages read without asking whose"
SEARCHED: Final = "search over everybody"
UNFILTERED: Final = "a missing id drops the filter"
UNPROVED: Final = "credentials are not checked"
IDS_SHOWN: Final = "ids of others are shown"
CREATED: Final = "ownership unchecked on create"
CLONED: Final = "ownership unchecked on clone"
UPDATED: Final = "ownership unchecked on update"
TRANSFERRED: Final = "ownership unchecked on transfer"
DELETED: Final = "ownership unchecked on delete"
COPY_STAYS: Final = "deletion not propagated"
COMES_BACK: Final = "deleted data comes back"
TOO_MUCH: Final = "over-broad deletion"
LEFT_BEHIND: Final = "left behind by a cancelled call"

_SHOWN_BY: Final = {"list_threads": LISTED, "read_messages": READ, "read_message": READ, "search": SEARCHED}
"""What is wrong with a surface that shows more than the agent recalls."""

_CHANGED_BY: Final = {
    "create_thread": CREATED,
    "clone_thread": CLONED,
    "update_thread": UPDATED,
    "transfer_thread": TRANSFERRED,
    "delete_message": DELETED,
    "delete_thread": DELETED,
    "delete_resource": DELETED,
}
"""What is wrong with a surface by which a stranger changes what is not its own."""

ADVICE: Final = {
    REMEMBERS_NOTHING: "Check that the agent is given its memory and that thread and resource reach it: "
    "without recall nothing can be said about isolation.",
    FORGETS: "Find out which messages are not stored, or are dropped before the contract's recall window "
    "ends; or declare the window the agent really has.",
    NARROWER: "The contract declares a wider scope than the memory has; declare scope=thread, or widen it.",
    NO_IDS: "Pass the caller's own thread and resource ids into every memory read and write, and let no "
    "default or constant stand in for them.",
    RESOURCE_IGNORED: "Put the resource id into the key (or namespace) of the memory that is shared across "
    "threads, on reads and on writes.",
    TENANT_IGNORED: "Put the tenant into the key of the shared memory, on reads and on writes.",
    THREAD_IGNORED: "Key the memory by thread as well as by resource, or declare scope=resource if a "
    "resource is meant to be remembered across its threads.",
    THREAD_ONLY: "Look threads up by resource and thread together, and refuse a thread that belongs to "
    "somebody else; or declare thread_ids=bearer if the application checks ownership before it calls.",
    BUCKET: "Refuse a missing id, or answer without memory. Never let None, '' or a default stand as a key.",
    FALLS_BACK: "Refuse a missing id, or open a fresh conversation; never continue one that was not named.",
    NOT_REFUSED: "The contract says that missing ids are refused: raise, or declare missing_ids=closed if "
    "an answer without memory is meant.",
    CACHED: "Put resource and thread into the cache's key, or do not cache answers that depend on memory.",
    RACE: "Keep what belongs to one call in local variables or a context variable; an attribute set before "
    "an await may have been overwritten after it.",
    SWAPPED: "Match every answer with its own request by an id; arrival order, shared slots and connections "
    "with an unread answer in them give one caller another's reply.",
    TAKEN_OVER: "Check the owner on writes as on reads, and never re-assign a thread to whoever wrote last.",
    REFUSAL_TELLS: "Refuse with a fixed text: say that the thread is not available and nothing about it.",
    ERROR_TELLS: "Answer a failure with a fixed text; what went wrong, and on whose data, belongs in a log.",
    LISTED: "Filter the listing by the caller's own resource in the query itself, and take that from who is "
    "calling: every list, count and page of it.",
    READ: "Look up whose thread or message it is before showing it, and refuse with a fixed text; that the "
    "agent itself checks does not protect the route beside it.",
    SEARCHED: "Put the caller's resource into every search as a filter that nothing from the request can "
    "replace: filters that callers send are added to it, never merged over it.",
    UNFILTERED: "Refuse what comes without the id that filters it: a listing, a search, a conversation. A "
    "condition that is left out where the id is missing shows everybody's.",
    IDS_SHOWN: "Show a caller no thread ids but its own: not in hints, not in errors, not in what a listing "
    "says about itself. Whoever knows an id presents it.",
    CREATED: "Refuse to create what exists: insert and let the key decide, never insert-or-replace, and "
    "never set the owner of a thread that has one.",
    CLONED: "Look up whose the source is before copying it, and copy into a new thread of the caller's own.",
    UPDATED: "Put the caller's own resource into the condition of the update itself, and let requests set "
    "named fields only: never the owner.",
    TRANSFERRED: "Only the owner gives a thread away: check who calls, and not only to whom it is to go.",
    DELETED: "Put the caller's own resource into the condition of the deletion itself; nothing to delete "
    "and not yours to delete are the same answer.",
    COPY_STAYS: "Delete everything that was made of it, in one place that knows all of it: messages, index "
    "and vectors, summaries and working memory, caches, lists.",
    COMES_BACK: "Delete rows and keys, not only the mark that says they are there: whoever uses the id again "
    "must find it empty.",
    TOO_MUCH: "Delete by the whole key, thread and resource together, and never by resetting what others "
    "keep their data in too.",
    LEFT_BEHIND: "Clean up where a call ends, however it ends, in a `finally`: a connection with an unread "
    "answer in it must be closed and not go back to its pool, a request's number must not be given out "
    "again, and what belongs to one request must be emptied before the next one gets it.",
    MIXED: "Build every prompt, background ones too, from one owner's messages only.",
    UNPROVED: "Verify the credentials of every request before anything else, and refuse where there are none "
    "or invalid ones; take whose data it is from what they prove, and from nothing else in the request.",
    BELIEVED: "Derive the resource from the credentials, and ignore or refuse the one that a request names.",
    **COLLISION_ADVICE,
}


class Diagnosis:
    """Names the story of each leak, given everything the campaign saw."""

    def __init__(self, tally: Tally, contract: Contract, reductions: Iterable[Reduced] = ()) -> None:
        self._contract = contract
        self._tally = tally
        # A smallest plan that has to deviate from first come, first served leaks only where calls overlap:
        # the same operations, one after the other, were tried and did not.
        self._races = {
            one.invariant
            for one in reductions
            if one.replayed and one.plan.schedule is not None and deviations(one.plan.schedule)
        }
        shown_again = [one for one in reductions if one.replayed]
        self._reduced = {one.invariant for one in shown_again}
        self._cancelled = {one.invariant for one in shown_again if cancels(one.plan)}
        # When a prompt that is nobody's in particular was seen, its observer's beginning does not say.
        self._undisturbed = {
            leak.invariant
            for leak in tally.leaks
            if leak.how == "own" and not tally.after_cancelled(leak.observer)
        }
        self._missed_undisturbed = any(not tally.after_cancelled(one.ask) for one in tally.missed)
        # What a surface shows beside the agent's memory says nothing about the keys of that memory.
        self._unaided = {
            (leak.observer.plan.surface, leak.invariant)
            for leak in tally.leaks
            if leak.how == "own" and is_canary(leak.token) and leak.cause is None
        }
        memory = [leak for leak in tally.leaks if leak.how == "own" and self._changed_by(leak) is None]
        own = [
            leak
            for leak in memory
            if leak.mode != "concurrent" and leak.observer.sends and is_canary(leak.token)
        ]
        shown = [leak for leak in memory if not leak.observer.sends and leak.channel != "error"]
        self._residue = any(
            leak.invariant == FORGOTTEN and leak.how == "own" and not leak.used_again for leak in tally.leaks
        )
        self._shown = {(leak.observer.plan.surface, leak.invariant) for leak in shown if not _believed(leak)}
        self._shown_whole = {
            (leak.observer.plan.surface, leak.invariant) for leak in shown if is_canary(leak.token)
        }
        self._unproved = {
            op.plan.surface
            for leak in tally.leaks
            if leak.how != "mixed"
            for op in (leak.observer, leak.cause)
            if op is not None and op.plan.credentials != "own"
        }
        self._quiet = {leak.invariant for leak in own if _plain(leak)}
        self._unnamed = {leak.invariant for leak in own if _plain(leak) and not _believed(leak)}
        met = [leak for leak in own if leak.invariant == DISTINCT and _plain(leak)]
        self._suspects = Suspects(
            (collisions_of(leak.owner, leak.observer) for leak in met), tally.kept_apart
        )
        missing = [leak for leak in own if leak.invariant == IDS]
        self._falls_back = any(map(self._continues, missing))
        self._opens = any(map(self._opened_by_thread, missing))
        self._reply_leaks = {
            leak.invariant
            for leak in tally.leaks
            if leak.channel != "prompt" and leak.observer.sends and leak.lost is None
        }
        # Mixed prompts of an agent that takes messages together for a background task are no race either.
        self._mixed_quiet = {
            leak.invariant for leak in tally.leaks if leak.how == "mixed" and leak.mode != "concurrent"
        }
        self._read_only = any(
            leak.invariant == OWNERSHIP
            and leak.how == "own"
            and leak.observer.sends
            and not leak.wrote_before
            for leak in tally.leaks
        )
        self._told: dict[str, Counter[str]] = {}
        for leak in tally.leaks:
            if leak.how == "own" and leak.observer.sends and is_canary(leak.token):
                self._told.setdefault(leak.invariant, Counter())[self.of(leak)] += 1

    def of(self, leak: Kept) -> str:
        """The diagnosis of one leak.

        A prompt that is not surely one operation's tells no story of its own where there is another that
        explains it: an agent with one history for all mixes its prompts too.
        """
        if self._left_behind(leak):
            return LEFT_BEHIND
        if leak.invariant == MATCHES:
            return _of_answer(leak)
        if leak.lost is not None:
            return self._of_loss(leak)
        if leak.how != "own":
            told = self._told.get(leak.invariant)
            return min(told, key=lambda story: (-told[story], story)) if told else MIXED
        if leak.invariant == FORGOTTEN:
            return COPY_STAYS if self._residue else COMES_BACK
        changed_by = self._changed_by(leak)
        if changed_by is not None:
            named = _named(leak.owner, changed_by)
            return self._of_named(changed_by) if named else _CHANGED_BY[changed_by.plan.surface]
        return self._of_sight(leak)

    def _of_sight(self, leak: Kept) -> str:
        """The story of what somebody was shown, or given to the model, though nobody had changed a thing."""
        if leak.token and not is_canary(leak.token):
            return self._of_id(leak)
        if self._beside_a_clean_prompt(leak) and not self._only_under_overlap(leak):
            return MIXED
        if leak.channel == "error":
            return REFUSAL_TELLS if leak.observer.outcome == "fail" else ERROR_TELLS
        if not leak.observer.sends and leak.invariant not in self._quiet:
            return self._of_shown(leak)
        return leak.borrowed or self._of_memory(leak)

    def _of_loss(self, leak: Kept) -> str:
        """The story of what was lost by somebody else's doing."""
        if leak.invariant == FORGOTTEN:
            return TOO_MUCH
        if leak.invariant == IDS:
            return UNFILTERED
        cause = leak.cause or leak.observer
        if _named(leak.owner, cause):
            return self._of_named(cause)
        return _CHANGED_BY.get(cause.plan.surface, TAKEN_OVER)

    def _of_named(self, op: End) -> str:
        """The story of somebody who named another's resource and was taken for that. Where it takes no valid
        credentials either, those who had some prove nothing more.
        """
        return UNPROVED if op.plan.surface in self._unproved else BELIEVED

    def _changed_by(self, leak: Kept) -> End | None:
        """The change that explains the leak: a stranger made it, and without it nobody is shown as much by
        that surface."""  # noqa: D209
        aided = (leak.observer.plan.surface, leak.invariant) not in self._unaided
        return leak.cause if aided else None

    def _of_memory(self, leak: Kept) -> str:
        """The story of what was recalled for somebody who must not see it."""
        if self._only_under_overlap(leak):
            return RACE
        if leak.invariant == IDS:
            return self._of_missing(leak)
        if _believed(leak) and leak.invariant not in self._unnamed:
            return self._of_named(leak.observer)
        if leak.invariant == CROSS_THREAD:
            return self._shared_by_all() or THREAD_IGNORED
        if leak.invariant == DISTINCT:
            return self._of_collision(leak)
        if leak.invariant == OWNERSHIP:
            return self._shared_by_all() or (TAKEN_OVER if self._after_writing(leak) else THREAD_ONLY)
        return self._shared_by_all() or RESOURCE_IGNORED

    def suspect(self, leak: Kept) -> Collision | None:
        """How the ids of a leak were taken for one, if that is its story."""
        if leak.invariant != DISTINCT:
            return None
        found = self._suspects.of(collisions_of(leak.owner, leak.observer))
        return found if self.of(leak) == story(found) else None

    def _of_collision(self, leak: Kept) -> str:
        """The story where ids collide: an old one, if as much leaks under ids that have nothing in common."""
        whatever = without_likeness(leak.owner, leak.observer, self._contract)
        if whatever is not None and not {whatever, CROSS_RESOURCE}.isdisjoint(self._quiet):
            return self._of_memory(leak._replace(invariant=whatever))
        return story(self._suspects.of(collisions_of(leak.owner, leak.observer)))

    def _of_shown(self, leak: Kept) -> str:
        """The story of a surface that shows what the agent, asked in a message, keeps to itself."""
        surface = leak.observer.plan.surface
        others = {invariant for shown, invariant in self._shown if shown == surface}
        if _believed(leak) and leak.invariant not in others:
            return self._of_named(leak.observer)
        if leak.invariant == IDS and others.isdisjoint((CROSS_RESOURCE, OWNERSHIP)):
            return UNFILTERED
        return _SHOWN_BY[surface]

    def _of_id(self, leak: Kept) -> str:
        """Somebody was shown the id of another's thread. Where the same surface shows what is in the thread
        as well, that is its story; a list of threads is a list of ids.
        """
        surface = leak.observer.plan.surface
        listed = surface == LISTS_THREADS or (surface, leak.invariant) in self._shown_whole
        return self._of_shown(leak) if listed and leak.channel != "error" else IDS_SHOWN

    def _shared_by_all(self) -> str | None:
        """The story where resources leak into each other under ids that have nothing in common."""
        if CROSS_RESOURCE not in self._quiet:
            return None
        if self._contract.scope == "tenant":
            return TENANT_IGNORED
        if self._contract.scope == "resource":
            return RESOURCE_IGNORED
        clean_siblings = self._tally.clean[CROSS_THREAD, False] and CROSS_THREAD not in self._quiet
        return RESOURCE_IGNORED if clean_siblings else NO_IDS

    def _of_missing(self, leak: Kept) -> str:
        shared = self._shared_by_all()
        if shared is not None:
            return shared
        if self._keyed_by_thread(leak):
            return THREAD_ONLY
        if self._keyed_by_resource(leak):
            return THREAD_IGNORED
        if self._falls_back:
            return FALLS_BACK
        return UNFILTERED if self._opens and self._same_thread(leak) else BUCKET

    def _keyed_by_thread(self, leak: Kept) -> bool:
        return self._same_thread(leak) and OWNERSHIP in self._quiet

    def _keyed_by_resource(self, leak: Kept) -> bool:
        told, probed = missing_of(leak.owner, self._contract), missing_of(leak.observer, self._contract)
        same = leak.owner.owner == leak.observer.owner
        return same and not told[1] and not probed[1] and CROSS_THREAD in self._quiet

    def _opened_by_thread(self, leak: Kept) -> bool:
        """Whether a thread that is kept from strangers was opened by its id, on one side without a resource:
        whose it is, is asked only of those who say who they are.
        """
        told, probed = missing_of(leak.owner, self._contract), missing_of(leak.observer, self._contract)
        return self._same_thread(leak) and bool(told[1]) != bool(probed[1])

    def _same_thread(self, leak: Kept) -> bool:
        """Whether told and probed were in one thread, which both named."""
        named = not any(missing_of(op, self._contract)[0] for op in (leak.owner, leak.observer))
        return named and leak.owner.thread == leak.observer.thread

    def _continues(self, leak: Kept) -> bool:
        """Whether a fact with its ids and an operation without them met: no bucket explains that."""
        told, probed = missing_of(leak.owner, self._contract), missing_of(leak.observer, self._contract)
        if self._keyed_by_thread(leak) or self._keyed_by_resource(leak) or self._opened_by_thread(leak):
            return False
        if any(value in RESERVED for op in (leak.owner, leak.observer) for value in op.presented):
            return False  # the bucket has a name that was guessed
        return any(told) != any(probed)

    def _only_under_overlap(self, leak: Kept) -> bool:
        """Whether this promise held in quiet traffic and broke where operations overlapped."""
        invariant = leak.invariant
        return (
            leak.mode == "concurrent"
            and invariant not in self._quiet | self._mixed_quiet
            and (invariant == IDS or invariant in self._races or bool(self._tally.clean[invariant, False]))
        )

    def of_missed(self, missed: Missing) -> str:
        """The diagnosis of a promised recall that did not come."""
        if not self._tally.recall_seen:
            return REMEMBERS_NOTHING
        disturbed = self._tally.after_cancelled(missed.ask)
        if disturbed and not self._missed_undisturbed and self._tally.kept_before[RECALL]:
            return LEFT_BEHIND
        return FORGETS

    def _left_behind(self, leak: Kept) -> bool:
        """Whether this promise was kept until a call was cancelled, and broke afterwards.

        What the smallest plan needs is a better witness than what came before what: one that shows the leak
        with no call cancelled takes the blame from the cancelled ones.
        """
        invariant = leak.invariant
        if (
            leak.how != "own"
            or not self._tally.after_cancelled(leak.observer)
            or invariant in self._undisturbed
        ):
            return False
        if invariant in self._reduced:
            return invariant in self._cancelled
        return bool(self._tally.kept_before[invariant])

    def _beside_a_clean_prompt(self, leak: Kept) -> bool:
        """A leak into one prompt of an operation whose other prompt is clean, and never said to anybody."""
        return leak.beside_clean and leak.invariant not in self._reply_leaks

    def _after_writing(self, leak: Kept) -> bool:
        """Whether strangers who only read were turned away, and this one had written there before."""
        return leak.wrote_before and not self._read_only


def _believed(leak: Kept) -> bool:
    """Whether two callers met because one of them named the other's resource."""
    return _named(leak.owner, leak.observer)


def _named(owner: End, other: End) -> bool:
    """Whether `other`, who proved to be somebody else, named the owner's resource."""
    return owner.caller is not None and owner.caller != other.caller and owner.resource == other.resource


def _of_answer(leak: Kept) -> str:
    """How somebody came to be handed what was made for another request: kept from before, or meanwhile."""
    together = leak.owner_example == leak.example and leak.owner.overlaps(leak.observer)
    return SWAPPED if together or leak.observer.asked_model else CACHED


def _plain(leak: Kept) -> bool:
    """Neither in a refusal nor in a reply that was made for somebody else: a leak of memory itself."""
    return leak.channel != "error" and leak.borrowed is None
