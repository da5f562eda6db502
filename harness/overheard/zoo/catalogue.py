"""Every agent of the zoo, and what is known of it: the truth that a harness is measured against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from overheard.zoo import correct, vacuous
from overheard.zoo.agent import Agent
from overheard.zoo.hosts import Host, MemoryHost, SqliteHost
from overheard.zoo.leaky import (
    acknowledgement_swapped,
    batched_prompt,
    cached_by_message,
    cloned_by_anybody,
    created_over_existing,
    default_shared,
    deleted_by_anybody,
    deletion_leaves_index,
    deletion_leaves_notes,
    deletion_only_hides,
    deletion_takes_all,
    filter_overrides,
    ids_hardcoded,
    ids_ignored,
    ids_joined,
    ids_shown,
    kinds_mixed,
    listing_unfiltered,
    message_deleted_by_anybody,
    message_of_anybody,
    messages_of_anybody,
    missing_deletes_all,
    missing_falls_back,
    missing_resource_opens,
    missing_share_bucket,
    missing_unfilters,
    number_given_again,
    prompt_not_emptied,
    race_on_shared_state,
    reading_refusal_tells,
    refusal_tells,
    reply_swapped,
    resource_folded,
    resource_ignored,
    resource_prefix,
    search_over_everybody,
    shared_insights,
    taken_over_by_write,
    thread_a_number,
    thread_a_pattern,
    thread_decoded,
    thread_ignored,
    thread_only_key,
    thread_slugged,
    thread_truncated,
    transferred_by_anybody,
    unread_answer,
    updated_by_anybody,
)

Kind: TypeAlias = Literal["leaky", "twin", "correct", "vacuous"]
Build: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]]

RECALL: Final = "recall-within-thread"
CROSS_THREAD: Final = "no-cross-thread-recall"
CROSS_RESOURCE: Final = "no-cross-resource-leakage"
OWNERSHIP: Final = "thread-ownership"
DISTINCT: Final = "distinct-ids-stay-distinct"
IDS: Final = "ids-required"
FORGOTTEN: Final = "forgotten-stays-forgotten"
MATCHES: Final = "reply-matches-request"


class Specimen(NamedTuple):
    """One agent, how to build it, and what is true of it.

    `host`        where it keeps what was said: `memory`, `sqlite`, or `none`.
    `build`       a fresh agent as an async context manager; it talks to `OPENAI_BASE_URL`.
    `settings`    the contract settings that it declares.
    `story`       what is wrong with it, in one sentence.
    `diagnosis`   the only diagnosis that its findings may have.
    `invariants`  the promises that it must be found to break.
    `also`        promises that break besides if a plan happens to ask at the wrong moment: an owner who is
                  handed somebody else's reply is not told its own fact. No others may break.
    `reasons`     words that must stand in the reasons of an inconclusive verdict.
    `exit_code`   what the command line must exit with.
    `twin`        the leaky agent's mended twin, and the other way round.
    """

    name: str
    kind: Kind
    host: Literal["memory", "sqlite", "none"]
    build: Build
    settings: Mapping[str, str]
    story: str
    diagnosis: str | None = None
    invariants: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()
    exit_code: int = 0
    twin: str | None = None


class _Cause(NamedTuple):
    """A root cause, in whichever host."""

    name: str
    leaky: type[Agent]
    mended: type[Agent]
    diagnosis: str
    invariants: frozenset[str]
    story: str
    also: frozenset[str] = frozenset()


_CAUSES: Final = (
    _Cause(
        "ids-ignored",
        ids_ignored.Leaky,
        ids_ignored.Mended,
        "ids ignored or hardcoded",
        frozenset({CROSS_THREAD, CROSS_RESOURCE, OWNERSHIP, DISTINCT, IDS}),
        "One history for all: ids are taken and never used.",
    ),
    _Cause(
        "ids-hardcoded",
        ids_hardcoded.Leaky,
        ids_hardcoded.Mended,
        "ids ignored or hardcoded",
        frozenset({CROSS_THREAD, CROSS_RESOURCE, OWNERSHIP, DISTINCT, IDS}),
        'Thread and resource are written into the code: "main-thread", "main-resource".',
    ),
    _Cause(
        "thread-only-key",
        thread_only_key.Leaky,
        thread_only_key.Mended,
        "thread id is the only key",
        frozenset({OWNERSHIP, DISTINCT}),
        "Conversations are looked up by thread id alone; nobody asks whose it is.",
    ),
    _Cause(
        "thread-ignored",
        thread_ignored.Leaky,
        thread_ignored.Mended,
        "thread id ignored",
        frozenset({CROSS_THREAD, DISTINCT}),
        "Conversations are looked up by resource alone, although memory is promised per thread.",
    ),
    _Cause(
        "resource-ignored",
        resource_ignored.Leaky,
        resource_ignored.Mended,
        "resource ignored",
        frozenset({CROSS_RESOURCE, DISTINCT}),
        "The namespace of the long-term memory forgets the resource.",
    ),
    _Cause(
        "ids-joined",
        ids_joined.Leaky,
        ids_joined.Mended,
        "ids joined ambiguously",
        frozenset({DISTINCT}),
        "The key is resource and thread with a hyphen between them.",
    ),
    _Cause(
        "resource-folded",
        resource_folded.Leaky,
        resource_folded.Mended,
        "resource ids folded",
        frozenset({DISTINCT}),
        "Memory is kept under the resource id in lower case, stripped.",
    ),
    _Cause(
        "resource-prefix",
        resource_prefix.Leaky,
        resource_prefix.Mended,
        "resource ids matched by prefix",
        frozenset({DISTINCT}),
        "Memory is searched by a prefix, in a `LIKE`.",
    ),
    _Cause(
        "thread-truncated",
        thread_truncated.Leaky,
        thread_truncated.Mended,
        "thread ids truncated",
        frozenset({DISTINCT}),
        "Thread ids are cut off after sixty-four characters.",
    ),
    _Cause(
        "thread-slugged",
        thread_slugged.Leaky,
        thread_slugged.Mended,
        "thread ids normalised",
        frozenset({DISTINCT}),
        "Thread ids are made file names: lower case, a hyphen for all punctuation.",
    ),
    _Cause(
        "thread-decoded",
        thread_decoded.Leaky,
        thread_decoded.Mended,
        "thread ids decoded",
        frozenset({DISTINCT}),
        "Thread ids are decoded once more than they were encoded.",
    ),
    _Cause(
        "thread-a-number",
        thread_a_number.Leaky,
        thread_a_number.Mended,
        "thread ids read as numbers",
        frozenset({DISTINCT}),
        "Thread ids that look like numbers are read as numbers.",
    ),
    _Cause(
        "thread-a-pattern",
        thread_a_pattern.Leaky,
        thread_a_pattern.Mended,
        "thread ids matched as patterns",
        frozenset({DISTINCT}),
        "Thread ids are compared with `LIKE`.",
    ),
    _Cause(
        "kinds-mixed",
        kinds_mixed.Leaky,
        kinds_mixed.Mended,
        "thread ids taken for resource ids",
        frozenset({DISTINCT}),
        "Conversations and what is known of users are kept under their ids, in one place.",
    ),
    _Cause(
        "default-shared",
        default_shared.Leaky,
        default_shared.Mended,
        "reserved resource ids are shared",
        frozenset({DISTINCT}),
        "Who has no memory yet is given that of `default`.",
    ),
    _Cause(
        "missing-share-bucket",
        missing_share_bucket.Leaky,
        missing_share_bucket.Mended,
        "missing ids share a bucket",
        frozenset({IDS}),
        'A missing id becomes "default".',
    ),
    _Cause(
        "missing-falls-back",
        missing_falls_back.Leaky,
        missing_falls_back.Mended,
        "a missing id falls back to the last conversation",
        frozenset({IDS}),
        "A missing id continues the resource's last conversation, or anybody's.",
    ),
    _Cause(
        "missing-resource-opens",
        missing_resource_opens.Leaky,
        missing_resource_opens.Mended,
        "a missing id drops the filter",
        frozenset({IDS}),
        "A thread refuses strangers, and opens to whoever does not say who it is.",
    ),
    _Cause(
        "cached-by-message",
        cached_by_message.Leaky,
        cached_by_message.Mended,
        "cached without identity",
        frozenset({CROSS_RESOURCE}),
        "Replies are cached by the words of the message alone.",
        also=frozenset({RECALL}),
    ),
    _Cause(
        "race-on-shared-state",
        race_on_shared_state.Leaky,
        race_on_shared_state.Mended,
        "race on shared state",
        frozenset({CROSS_RESOURCE}),
        "What belongs to one request is an attribute of the agent, set before an await and used after it.",
    ),
    _Cause(
        "reply-swapped",
        reply_swapped.Leaky,
        reply_swapped.Mended,
        "reply swapped",
        frozenset({CROSS_RESOURCE, MATCHES}),
        "There is one slot for the awaited answer: when several wait, all take the first.",
        also=frozenset({RECALL}),
    ),
    _Cause(
        "acknowledgement-swapped",
        acknowledgement_swapped.Leaky,
        acknowledgement_swapped.Mended,
        "reply swapped",
        frozenset({MATCHES}),
        "The same slot for acknowledgements alone, in which there is no secret.",
    ),
    _Cause(
        "unread-answer",
        unread_answer.Leaky,
        unread_answer.Mended,
        "left behind by a cancelled call",
        frozenset({CROSS_RESOURCE}),
        "A connection goes back to its pool with the unread answer to a call that was cancelled.",
        also=frozenset({RECALL}),
    ),
    _Cause(
        "number-given-again",
        number_given_again.Leaky,
        number_given_again.Mended,
        "left behind by a cancelled call",
        frozenset({CROSS_RESOURCE, MATCHES}),
        "The number of a cancelled request is given to the next one, which then gets its late answer.",
        also=frozenset({RECALL}),
    ),
    _Cause(
        "prompt-not-emptied",
        prompt_not_emptied.Leaky,
        prompt_not_emptied.Mended,
        "left behind by a cancelled call",
        frozenset({CROSS_RESOURCE}),
        "A list that prompts are written into is put back, with what a cancelled call wrote there.",
    ),
    _Cause(
        "taken-over-by-write",
        taken_over_by_write.Leaky,
        taken_over_by_write.Mended,
        "taken over by write",
        frozenset({OWNERSHIP, DISTINCT}),
        "Reading verifies a thread's owner, and every write changes it.",
    ),
    _Cause(
        "refusal-tells",
        refusal_tells.Leaky,
        refusal_tells.Mended,
        "the refusal tells it",
        frozenset({OWNERSHIP, DISTINCT}),
        "Strangers are refused in words that quote what the owner said last.",
    ),
    _Cause(
        "batched-prompt",
        batched_prompt.Leaky,
        batched_prompt.Mended,
        "mixed prompt",
        frozenset({CROSS_RESOURCE}),
        "Messages of several resources are summarised in one prompt; nobody is shown the result.",
        also=frozenset({DISTINCT}),
    ),
    _Cause(
        "shared-insights",
        shared_insights.Leaky,
        shared_insights.Mended,
        "resource ignored",
        frozenset({CROSS_RESOURCE}),
        'A block "what users like you said" stands in everybody\'s prompt.',
        also=frozenset({DISTINCT}),
    ),
    _Cause(
        "ids-shown",
        ids_shown.Leaky,
        ids_shown.Mended,
        "ids of others are shown",
        frozenset({CROSS_RESOURCE}),
        "Strangers are refused with a hint at the conversations that there are, which are everybody's.",
        also=frozenset({DISTINCT}),
    ),
    _Cause(
        "listing-unfiltered",
        listing_unfiltered.Leaky,
        listing_unfiltered.Mended,
        "threads listed without a filter",
        frozenset({CROSS_RESOURCE}),
        "The list of threads is everybody's.",
        also=frozenset({DISTINCT}),
    ),
    _Cause(
        "messages-of-anybody",
        messages_of_anybody.Leaky,
        messages_of_anybody.Mended,
        "messages read without asking whose",
        frozenset({OWNERSHIP}),
        "The route that shows a thread's messages does not ask whose thread it is.",
    ),
    _Cause(
        "search-over-everybody",
        search_over_everybody.Leaky,
        search_over_everybody.Mended,
        "search over everybody",
        frozenset({CROSS_RESOURCE}),
        "A search drops the resource on the way to the index.",
        also=frozenset({DISTINCT}),
    ),
    _Cause(
        "filter-overrides",
        filter_overrides.Leaky,
        filter_overrides.Mended,
        "search over everybody",
        frozenset({CROSS_RESOURCE}),
        "Filters that a caller sends replace the one that keeps it among its own messages.",
        also=frozenset({DISTINCT}),
    ),
    _Cause(
        "missing-unfilters",
        missing_unfilters.Leaky,
        missing_unfilters.Mended,
        "a missing id drops the filter",
        frozenset({IDS}),
        "A list is filtered by resource only where there is a resource id.",
    ),
    _Cause(
        "reading-refusal-tells",
        reading_refusal_tells.Leaky,
        reading_refusal_tells.Mended,
        "the refusal tells it",
        frozenset({OWNERSHIP}),
        "Whoever reads another's messages is refused in words that quote them.",
    ),
    _Cause(
        "created-over-existing",
        created_over_existing.Leaky,
        created_over_existing.Mended,
        "ownership unchecked on create",
        frozenset({OWNERSHIP}),
        "Whoever creates a thread owns it, also if it was there and somebody else's.",
    ),
    _Cause(
        "cloned-by-anybody",
        cloned_by_anybody.Leaky,
        cloned_by_anybody.Mended,
        "ownership unchecked on clone",
        frozenset({OWNERSHIP}),
        "Copying looks up the thread, and not whose it is: the copy is the caller's.",
    ),
    _Cause(
        "updated-by-anybody",
        updated_by_anybody.Leaky,
        updated_by_anybody.Mended,
        "ownership unchecked on update",
        frozenset({OWNERSHIP}),
        "A thread's title can be set by whoever knows its id.",
    ),
    _Cause(
        "transferred-by-anybody",
        transferred_by_anybody.Leaky,
        transferred_by_anybody.Mended,
        "ownership unchecked on transfer",
        frozenset({OWNERSHIP}),
        "Whoever knows a thread's id can give it to itself.",
    ),
    _Cause(
        "deleted-by-anybody",
        deleted_by_anybody.Leaky,
        deleted_by_anybody.Mended,
        "ownership unchecked on delete",
        frozenset({OWNERSHIP}),
        "A thread can be deleted by whoever knows its id.",
    ),
    _Cause(
        "message-deleted-by-anybody",
        message_deleted_by_anybody.Leaky,
        message_deleted_by_anybody.Mended,
        "ownership unchecked on delete",
        frozenset({OWNERSHIP}),
        "A message can be deleted by whoever knows its id.",
    ),
    _Cause(
        "message-of-anybody",
        message_of_anybody.Leaky,
        message_of_anybody.Mended,
        "messages read without asking whose",
        frozenset({OWNERSHIP}),
        "The route that shows one message by its id does not ask whose it is.",
    ),
    _Cause(
        "missing-deletes-all",
        missing_deletes_all.Leaky,
        missing_deletes_all.Mended,
        "a missing id drops the filter",
        frozenset({IDS}),
        "A deletion finds its thread by id only where there is one.",
    ),
    _Cause(
        "deletion-leaves-index",
        deletion_leaves_index.Leaky,
        deletion_leaves_index.Mended,
        "deletion not propagated",
        frozenset({FORGOTTEN}),
        "What is deleted stays in the index that searches are answered from.",
    ),
    _Cause(
        "deletion-leaves-notes",
        deletion_leaves_notes.Leaky,
        deletion_leaves_notes.Mended,
        "deletion not propagated",
        frozenset({FORGOTTEN}),
        "What memory has noted of a conversation stays in every prompt when that is deleted.",
    ),
    _Cause(
        "deletion-only-hides",
        deletion_only_hides.Leaky,
        deletion_only_hides.Mended,
        "deleted data comes back",
        frozenset({FORGOTTEN}),
        "A deleted thread is marked as such, until somebody writes to it again.",
    ),
    _Cause(
        "deletion-takes-all",
        deletion_takes_all.Leaky,
        deletion_takes_all.Mended,
        "over-broad deletion",
        frozenset({FORGOTTEN}),
        "To delete what one resource has, the whole collection is emptied.",
    ),
)

_HOSTS: Final[Mapping[Literal["memory", "sqlite"], Callable[[], Host]]] = {
    "memory": MemoryHost,
    "sqlite": SqliteHost,
}


def _leaky_and_twins() -> Iterator[Specimen]:
    for cause in _CAUSES:
        for host, open_host in _HOSTS.items():
            name = f"{cause.name}-{host}"
            yield Specimen(
                name,
                "leaky",
                host,
                partial(cause.leaky, open_host),
                cause.leaky.overheard_contract,
                cause.story,
                cause.diagnosis,
                cause.invariants,
                cause.also,
                exit_code=1,
                twin=f"{name}-twin",
            )
            yield Specimen(
                f"{name}-twin",
                "twin",
                host,
                partial(cause.mended, open_host),
                cause.mended.overheard_contract,
                "The same, mended.",
                twin=name,
            )


def _correct() -> Iterator[Specimen]:
    for name, agent, story in (
        ("correct-thread", correct.ThreadMemory, "Remembers per thread; threads are owned."),
        ("correct-resource", correct.ResourceMemory, "Remembers per resource; threads are owned."),
        ("correct-tenant", correct.TenantMemory, "Remembers per tenant, which owns its threads."),
    ):
        build = partial(agent, SqliteHost)
        yield Specimen(name, "correct", "sqlite", build, agent.overheard_contract, story)


def _vacuous() -> Iterator[Specimen]:
    def specimen(name: str, build: Build, story: str, **truth: Any) -> Specimen:
        return Specimen(
            name, "vacuous", truth.pop("host", "none"), build, {"scope": "thread"}, story, **truth
        )

    # Recall is broken, so nothing proves that a leak would have been seen.
    forgetful: dict[str, Any] = {
        "diagnosis": "remembers nothing",
        "invariants": frozenset({RECALL}),
        "reasons": ("nothing was remembered",),
        "exit_code": 1,
    }
    yield specimen(
        "amnesic", partial(vacuous.Amnesic, MemoryHost), "Asks the model, and stores nothing.", **forgetful
    )
    yield specimen("constant-reply", vacuous.ConstantReply, "Always says the same.", **forgetful)
    yield specimen("echo-of-input", vacuous.EchoOfInput, "Says what it was just told.", **forgetful)
    yield specimen("ignores-mirror", vacuous.IgnoresMirror, "Canned answers, without a model.", **forgetful)
    yield specimen(
        "always-error", vacuous.AlwaysError, "Breaks on every message.", reasons=("err",), exit_code=3
    )
    yield specimen("empty-answer", vacuous.EmptyAnswer, "Answers nothing.", reasons=("empty",), exit_code=3)
    yield specimen(
        "refuses-everything", vacuous.RefusesEverything, "Says no to all.", reasons=("refus",), exit_code=3
    )
    yield specimen(
        "serialises",
        partial(vacuous.Serialises, MemoryHost),
        "Correct, one call at a time: nothing ever overlaps.",
        host="memory",
        reasons=("overlap",),
        exit_code=3,
    )


CATALOGUE: Final[dict[str, Specimen]] = {
    specimen.name: specimen for specimen in (*_leaky_and_twins(), *_correct(), *_vacuous())
}
"""By name. Every root cause lives in two hosts."""
