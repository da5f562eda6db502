"""Plans as data: what is going to be done, by whom, with which ids, in which order.

A plan is frozen and serialisable and names nothing that exists only at run time: ids and texts are
templates (see `ids.bind_id` and `bind_text`), so the same plan can be driven in any example of any
campaign, and a minimal plan can be kept in a file for years.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from overheard.core.canary import ASKS, FactKey, mint_fact, mint_nonce
from overheard.core.ids import Id, bind_id, missing_kind, unguessable
from overheard.core.schedule import Schedule

Surface: TypeAlias = str
"""`send`, `stream`, or the name of a surface beyond sending (`search`, `list_threads`, …)."""

SENDING: Final = ("send", "stream")
"""Surfaces that take a message and answer it."""

READING: Final = ("list_threads", "read_messages", "read_message", "search")
"""Surfaces that show what is stored and change nothing."""

DELETING: Final = ("delete_message", "delete_thread", "delete_resource")
"""Surfaces that delete a message, a thread, or all that a resource has."""

CHANGING: Final = ("create_thread", "clone_thread", "update_thread", "transfer_thread", *DELETING)
"""Surfaces that change what is stored."""

DESTRUCTIVE: Final = ("update_thread", "transfer_thread", *DELETING)
"""Surfaces by which something can be lost for good."""

BEYOND: Final = (*READING, *CHANGING)
"""Every surface beyond sending that can be driven."""

FURTHER: Final[Mapping[str, tuple[str, ...]]] = {
    "search": ("filters",),
    "read_message": ("message_id",),
    "create_thread": ("title",),
    "clone_thread": ("new_thread", "new_resource"),
    "update_thread": ("title", "new_resource"),
    "transfer_thread": ("new_resource",),
    "delete_message": ("message_id",),
}
"""What surfaces beyond sending may take besides the ids of whoever uses them."""

TITLED: Final = tuple(surface for surface, names in FURTHER.items() if "title" in names)
"""Surfaces that may take a title, which is the text of the operation."""

BY_MESSAGE: Final = tuple(surface for surface, names in FURTHER.items() if "message_id" in names)
"""Surfaces that are about one message, by its id."""

Proof: TypeAlias = Literal["own", "none", "invalid"]
"""What a caller proves itself with: its own credentials, none, or some that nobody has."""

Mode: TypeAlias = Literal["sequential", "interleaved", "concurrent"]
"""How an example is driven: one conversation after the other; woven, one call at a time; overlapping."""

Condition: TypeAlias = Literal["sequential", "interleaved", "concurrent", "cancelled"]
"""What was going on around an operation: one at a time, woven, in flight together with another resource's; or
right after a call of another resource was cancelled."""

Phase: TypeAlias = Literal["explore", "prove", "differential", "reduce", "regression"]

FACT_MARK: Final = "<<fact>>"
NONCE_MARK: Final = "<<ref>>"


class Cancel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Where an operation is cancelled, on purpose: its caller goes away.

    When so many of its model calls (`calls`) have been answered; then after so many `steps` of the driver's
    loop or `milliseconds`, or, with neither, when its next model call is held. One that has ended before is
    not cancelled.
    """

    calls: int = 0
    steps: int = 0
    milliseconds: int = 0


class Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One step of a plan: a caller uses a surface with a thread id, a resource id and a text.

    `number`    its place in the plan, from 0; canaries and nonces name it.
    `round`     operations of one round start together, a round starts when the one before has ended;
                in sequential and interleaved plans every operation has a round of its own.
    `caller`    who really makes the call (a name such as `r0`), whatever ids it presents.
    `tenant`    the caller's tenant, where the plan has tenants.
    `resource`, `thread`   templates of the ids presented; `OMITTED` is not passed at all.
    `text`      message template: `<<fact>>` stands for the canary told, `<<ref>>` for the nonce. A search
                has words of the attribute for a query and a thread that is created or updated its title,
                both without a nonce; other surfaces beyond sending have no text.
    `filters`   structured filters of a search: a field and the template of the id it must have.
    `message`   number of the operation whose message is meant, by the id that the target gave it.
    `new_thread`, `new_resource`   templates of the thread that a clone becomes, and of whose a thread is to
                be from now on.
    `tells`     the attribute this message tells ("locker code"), if it tells one.
    `asks`      numbers of the operations whose facts it asks about (by attribute, never by canary).
    `same_text_as`  number of the operation whose text, nonce included, this one repeats word for word.
    `intrudes`  the caller presents an id that the plan gave to somebody else.
    `credentials`  what it proves itself with, where callers do: `none` and `invalid` prove nobody.
    `cancel`    where it is cancelled, if it is: those that follow it in its round start when it has ended,
                the first of them with no pause.
    """

    number: int
    round: int
    caller: str
    tenant: str | None = None
    surface: Surface = "send"
    resource: Id = msgspec.UNSET
    thread: Id = msgspec.UNSET
    text: str = ""
    filters: Mapping[str, str] = msgspec.field(default_factory=dict)
    message: int | None = None
    new_thread: Id = msgspec.UNSET
    new_resource: Id = msgspec.UNSET
    tells: str | None = None
    asks: tuple[int, ...] = ()
    same_text_as: int | None = None
    intrudes: bool = False
    credentials: Proof = "own"
    cancel: Cancel | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frozen, serialisable program: what one example executes.

    `scenario`  the scenario it was woven from.
    `source`    `seed` (expanded from `seed`; independent of all others, so it may count towards a bound),
                `hypothesis` (drawn by the engine, which favours the extreme), `reduced`, or `file`.
    `latency`   milliseconds for which the mirror keeps a model call of this plan before it answers.
    `schedule`  in which order what overlaps goes on, step by step. None leaves that to chance: operations of
                a round start together, and the mirror lets their model calls meet.
    """

    scenario: str
    mode: Mode
    operations: tuple[Operation, ...]
    source: Literal["seed", "hypothesis", "reduced", "file"] = "seed"
    seed: int | None = None
    latency: int = 0
    schedule: Schedule | None = None


def cancels(plan: Plan) -> bool:
    """Whether an operation of the plan is cancelled on its way."""
    return any(operation.cancel is not None for operation in plan.operations)


def own_resources(plan: Plan) -> dict[str, str]:
    """The template of the resource that each caller of a plan is: the one it names where it is at home, or,
    if it never is, the one it names that is nobody else's.

    A caller that only ever names somebody else's, or none, is not in it.
    """
    own: dict[str, str] = {}
    abroad: dict[str, str] = {}
    for operation in plan.operations:
        named = operation.resource
        if isinstance(named, str) and missing_kind(named) is None:
            (abroad if operation.intrudes else own).setdefault(operation.caller, named)
    taken = set(own.values())
    return {**{caller: named for caller, named in abroad.items() if named not in taken}, **own}


def bind_text(operation: Operation, campaign: int, example: int) -> str:
    """The message really sent: canary and nonce of this example in their places."""
    text = operation.text
    if FACT_MARK in text:
        text = text.replace(FACT_MARK, mint_fact(FactKey(campaign, example, operation.number, 0)))
    return text.replace(NONCE_MARK, bind_nonce(operation, campaign, example))


def bind_nonce(operation: Operation, campaign: int, example: int) -> str:
    """The nonce that an operation's message carries: its own, or that of the one whose text it repeats."""
    number = operation.number if operation.same_text_as is None else operation.same_text_as
    return mint_nonce(campaign, example, number, flags=ASKS if operation.asks else 0)


def bind_ids(operation: Operation, campaign: int, example: int) -> tuple[Id, Id]:
    """The (thread, resource) really presented."""
    return bind_id(operation.thread, campaign, example), bind_id(operation.resource, campaign, example)


def bind_filters(operation: Operation, campaign: int, example: int) -> dict[str, str]:
    """The filters really passed."""
    return {name: str(bind_id(value, campaign, example)) for name, value in operation.filters.items()}


def thread_secrets(plan: Plan, campaign: int, example: int) -> dict[str, str]:
    """The thread ids of a plan that nobody can guess, as they are really presented, each with its owner.

    Whoever is shown one of them and did not bring it was shown something of its owner's.
    """
    owners: dict[str, str] = {}
    for operation in plan.operations:
        thread = operation.thread
        if isinstance(thread, str) and unguessable(thread) and not operation.intrudes:
            owners.setdefault(str(bind_id(thread, campaign, example)), operation.caller)
    return owners
