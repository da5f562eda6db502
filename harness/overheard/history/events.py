"""The events of a history: a whole campaign, as data.

A history is JSON Lines: one header, then events in the order in which the driver saw them, each line one
object tagged by `type`. Verdict and reports are functions of this file alone. `t` is microseconds since
the campaign began, by the driver's monotonic clock; `example` and `operation` number what an event is
about. Nothing here holds a live object, and credentials never enter.

Text that an agent produced is hostile and may be huge: what was seen in it is recorded as *sightings*,
found in the whole text before it was cut to `TEXT_LIMIT` characters for evidence: its beginning, and what is
around the sightings that stand further back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from overheard.core.baseline import Known
from overheard.core.contract import Contract, Origin
from overheard.core.ids import Id
from overheard.core.offers import Offers
from overheard.core.operation import Phase, Plan
from overheard.core.outcome import Channel
from overheard.core.regression import Regression
from overheard.core.schedule import Action, Happening
from overheard.core.source import Source

FORMAT: Final = 1
"""Version of the history format. A reader refuses a newer one."""

TEXT_LIMIT: Final = 2_000


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="type"):
    """Base of all events.

    Nothing in an event can point back to it, so the collector of cycles need not look at the millions that a
    history decodes to (`gc=False`): that was a fifth of the time of judging.
    """


class Header(Event, frozen=True, kw_only=True, omit_defaults=True, tag="header"):
    """The first line: everything a later reader needs that is not an event.

    `campaign`  the 30-bit campaign number all canaries carry; `seed` what all plans were expanded from.
    `scenarios` the scenarios as they were when this ran, as plain data (`scenario.model.Scenario`).
    `offers`    what the target's own signature offers: surfaces, and the keywords that it requires.
    `started`   ISO 8601 time with zone, passed in at the door.
    `source`    where the target is written down, if that is known.
    `regressions`  plans of earlier failures that were to be driven first.
    `invariants`  promises that plugins are to judge, by name.
    `baseline`  the known findings that whoever ran this accepts; `part` says that this is part of a run.
    `replays`   how often each of `regressions` was to be driven where that is all that was asked for; 0 for a
                run, which drives them until they show or prove something.
    """

    format: int = FORMAT
    overheard: str
    versions: Mapping[str, str] = {}
    campaign: int
    seed: int
    target: str
    command: str = ""
    profile: str = ""
    started: str = ""
    contract: Contract
    origins: Mapping[str, Origin] = {}
    scenarios: tuple[Mapping[str, Any], ...] = ()
    offers: Offers
    source: Source | None = None
    regressions: tuple[Regression, ...] = ()
    invariants: tuple[str, ...] = ()
    baseline: tuple[Known, ...] = ()
    part: bool = False
    replays: int = 0


class Sight(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """A canary or foreign id seen in one text: the token, where, and through which disguise if any."""

    token: str
    channel: Channel
    disguise: str = ""


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """A leak put in on purpose, to prove that it would have been seen (phase `prove`).

    The fact told by operation `fact` is handed to operation `into` through `channel` (or, swapped, the answer
    that operation `fact` is given), and `invariant` must be found violated.
    """

    injector: str
    invariant: str
    channel: Channel
    fact: int
    into: int


class ExampleStarted(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="example"):
    """One execution of one plan begins."""

    example: int
    phase: Phase = "explore"
    plan: Plan
    t: int = 0
    injection: Injection | None = None
    reduces: int | None = None
    """In phase `reduce`: the example whose finding is being made smaller."""
    regression: str = ""
    """In phase `regression`: the name of what is driven again."""


class Invoked(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="invoke"):
    """An operation begins. Ids are those really presented; the text follows from the plan."""

    example: int
    operation: int
    t: int
    thread: Id = msgspec.UNSET
    resource: Id = msgspec.UNSET


class Completed(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="ok"):
    """The target answered.

    `nonces` are those in the answer to a message, each an operation (campaign, example, operation): the
    mirror repeats that of the message it answers, so an answer says for which request it was made.
    """

    example: int
    operation: int
    t: int
    text: str = ""
    length: int = 0
    ids: Mapping[str, str] = {}
    sights: tuple[Sight, ...] = ()
    nonces: tuple[tuple[int, int, int], ...] = ()
    suspended: bool = True
    """Whether the operation ever gave way to another between its start and its end."""


class Failed(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="fail"):
    """The target said no."""

    example: int
    operation: int
    t: int
    text: str = ""
    length: int = 0
    sights: tuple[Sight, ...] = ()
    suspended: bool = True


class Unknown(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="info"):
    """Nobody knows whether it happened: error, time-out, cancellation, an answer that is none.

    The operation stays in flight, for attribution and overlap, until its example ends. `nonces` are those in
    what had been streamed until then.
    """

    example: int
    operation: int
    t: int
    reason: Literal["error", "timeout", "cancelled", "invalid"] = "error"
    text: str = ""
    length: int = 0
    sights: tuple[Sight, ...] = ()
    nonces: tuple[tuple[int, int, int], ...] = ()
    suspended: bool = True


class Chunked(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="chunk"):
    """A delta of a streamed answer in which something was seen. (Deltas with nothing in them are not
    recorded; the joined text is scanned as the reply.)
    """

    example: int
    operation: int
    t: int
    text: str = ""
    sights: tuple[Sight, ...] = ()


class Bound(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="bound"):
    """The target chose an id, and showed it to an operation: that of the thread which the plan calls
    `thread`, or of what operation `message` said. Whoever presents either from now on presents this id.
    """

    example: int
    operation: int
    t: int
    id: str
    thread: str | None = None
    message: int | None = None


class ModelCalled(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="call"):
    """The mirror received a request. `example` is the one being driven when it arrived.

    `nonces`     operations named in user-role messages, newest message first: (campaign, example,
                 operation) each.
    `elsewhere`  nonces found anywhere else in the request.
    `thread`, `resource`   ids found in the request's headers, if any.
    `shape`      what kind of call it is, as far as that does not change from run to run.
    """

    example: int
    call: int
    t: int
    kind: Literal["chat", "embedding", "responses"] = "chat"
    nonces: tuple[tuple[int, int, int], ...] = ()
    elsewhere: tuple[tuple[int, int, int], ...] = ()
    thread: str | None = None
    resource: str | None = None
    shape: str = ""
    text: str = ""
    length: int = 0
    sights: tuple[Sight, ...] = ()


class ModelAnswered(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="answer"):
    """The mirror answered a request, or learned that the asker had gone (`closed`)."""

    example: int
    call: int
    t: int
    closed: bool = False


class Decided(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="decide"):
    """Where operations overlap under a schedule: what was done next.

    An operation started, or its `nth` model call of one shape (number `call`) was let go on to be answered.
    That was number `choice` (from 0) of so many that were `possible`. `after` is what had happened since the
    decision before; `blocked` are operations that gave no sign for so long that they were taken to wait for
    another. `diverged` says that here a recorded run could be followed no further.
    """

    example: int
    t: int
    action: Action
    operation: int
    shape: str = ""
    nth: int = 0
    call: int = 0
    choice: int = 0
    possible: int = 1
    after: tuple[Happening, ...] = ()
    blocked: tuple[int, ...] = ()
    diverged: bool = False


class Stalled(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="stall"):
    """The watchdog found the driver's loop blocked, by the target, for `milliseconds`."""

    example: int
    t: int
    milliseconds: int


class ExampleEnded(Event, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="end-example"):
    """The example is over: everything has returned or was given up."""

    example: int
    t: int


class Reduced(Event, frozen=True, kw_only=True, omit_defaults=True, tag="reduced"):
    """A finding's minimal plan. `example` is where it was found; `minimal` the last example that shows it.

    `executions` how many examples the reduction took; `replayed` of `replays` confirmations showed it.
    """

    example: int
    invariant: str
    owner: int
    """Operation, in `minimal`, that told the fact."""
    observer: int
    """Operation, in `minimal`, that saw it; or by which it was lost."""
    channel: Channel
    minimal: int
    plan: Plan
    executions: int
    replays: int = 0
    replayed: int = 0
    before: int | None = None
    missed: int | None = None
    """Of something lost: the operations, in `minimal`, that were shown it before and not any more after."""
    t: int = 0


class Left(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A conversation that stayed in the target: who had it, with the ids as they are written, and why."""

    caller: str
    resource: str
    thread: str
    reason: str


class Cleared(Event, frozen=True, kw_only=True, omit_defaults=True, tag="cleared"):
    """What a campaign left in a target that was there before it: so many conversations were deleted again."""

    t: int
    removed: int
    stayed: tuple[Left, ...] = ()


class CampaignEnded(Event, frozen=True, kw_only=True, omit_defaults=True, tag="end"):
    """The last line of a whole history. A history without one was cut short."""

    t: int
    reason: Literal["completed", "budget", "interrupted", "violated", "error"] = "completed"
    detail: str = ""


AnyEvent: TypeAlias = (
    Header
    | ExampleStarted
    | Invoked
    | Completed
    | Failed
    | Unknown
    | Chunked
    | Bound
    | ModelCalled
    | ModelAnswered
    | Decided
    | Stalled
    | ExampleEnded
    | Reduced
    | Cleared
    | CampaignEnded
)
