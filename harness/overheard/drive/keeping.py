"""What a campaign has left in a target that was there before it, and clearing it away in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from overheard.core.ids import Id, bind_id, missing_kind, show_id
from overheard.core.operation import DELETING, SENDING, Operation, own_resources
from overheard.core.outcome import Caller, Refused
from overheard.drive.callers import caller_of
from overheard.history.events import AnyEvent, Cleared, Completed, ExampleStarted, Invoked, Left, Unknown

if TYPE_CHECKING:
    from overheard.adapters.adapted import Adapted

AT_ONCE: Final = 8
"""How many deletions are in flight together: nobody's database is to be put to the test by tidying."""

_NO_WAY: Final = "it has neither delete_thread nor delete_resource"
_WITHHELD: Final = "nobody said --allow-destructive"
_NO_ID: Final = "it was told without an id, so whether it was kept at all only the target knows"
_NO_TIME: Final = "the time for it was up"
_REFUSED: Final = "the target refused to delete it"
_FAILED: Final = "the target failed to delete it"


_Key: TypeAlias = tuple[Caller, Id, Id]


class Kept(NamedTuple):
    """A conversation that may be there. Not `own` is one in a thread that is somebody else's by its id."""

    caller: Caller
    resource: Id
    thread: Id
    own: bool

    @property
    def key(self) -> _Key:
        """What tells it from others: whose it is, by which ids."""
        return self.caller, self.resource, self.thread


class Leavings:
    """Keeps book of the conversations that a campaign begins, example by example, and deletes them."""

    def __init__(self, campaign: int) -> None:
        self._campaign = campaign
        self._kept: dict[_Key, Kept] = {}
        self._why: dict[_Key, str] = {}

    def add(self, events: Iterable[AnyEvent]) -> None:
        """Note what one example, the events of which these are, has left."""
        started, *rest = events
        if not isinstance(started, ExampleStarted):
            return
        who = _Who(started, self._campaign)
        invoked = {event.operation: event for event in rest if isinstance(event, Invoked)}
        for event in rest:
            if isinstance(event, Completed | Unknown) and event.operation in invoked:
                presented = invoked[event.operation]
                operation = who.operations[event.operation]
                if operation.surface in DELETING:
                    # What a stranger says to have deleted need not be gone, nor what nobody knows the end of.
                    if isinstance(event, Completed) and not operation.intrudes:
                        self._gone(operation.surface, presented)
                else:
                    self._note(who, operation, presented.thread, presented.resource)

    async def clear(self, adapted: Adapted, *, timeout: float, seconds: float) -> Cleared:  # noqa: ASYNC109
        """Delete all of it, by the target's own surfaces, each call `timeout` and all of them `seconds` at
        most. Returns what could not be.
        """
        before = len(self._kept)
        try:
            async with asyncio.timeout(seconds):
                await self._delete(adapted, timeout)
        except TimeoutError:
            for key in self._kept:
                self._why.setdefault(key, _NO_TIME)
        return self.left(adapted, removed=before - len(self._kept))

    def left(self, adapted: Adapted, *, removed: int = 0, why: str = "") -> Cleared:
        """What is there still, each with the reason, or all of it for the reason `why`."""
        if not why and not {"delete_thread", "delete_resource"} & set(adapted.offers.surfaces):
            why = _WITHHELD if adapted.offers.withheld else _NO_WAY
        return Cleared(
            t=0,
            removed=removed,
            stayed=tuple(
                Left(
                    caller=kept.caller.name,
                    resource=show_id(kept.resource),
                    thread=show_id(kept.thread),
                    reason=why or self._why.get(key, _NO_ID),
                )
                for key, kept in self._kept.items()
            ),
        )

    def _note(self, who: _Who, operation: Operation, thread: Id, resource: Id) -> None:
        caller = who.caller(operation.caller)
        surface = operation.surface
        if surface == "clone_thread":
            self._keep(Kept(caller, resource, who.bound(operation.new_thread), own=True))
        elif surface in ("transfer_thread", "update_thread"):
            # It may be refused to who gave it away, from now on.
            taker = who.having(operation.new_resource)
            if taker is not None:
                self._keep(Kept(taker, who.bound(operation.new_resource), thread, own=True))
        elif surface in (*SENDING, "create_thread") and not who.names_another(operation):
            self._keep(Kept(caller, resource, thread, own=not operation.intrudes))

    def _keep(self, kept: Kept) -> None:
        self._kept.setdefault(kept.key, kept)

    def _gone(self, surface: str, presented: Invoked) -> None:
        """Strike off what an owner has deleted: a thread, or all that a resource has."""
        for key, kept in list(self._kept.items()):
            thread = surface == "delete_thread" and kept.thread == presented.thread
            resource = surface == "delete_resource" and kept.resource == presented.resource
            if kept.own and (thread or resource):
                del self._kept[key]

    async def _delete(self, adapted: Adapted, timeout: float) -> None:  # noqa: ASYNC109
        offered = adapted.offers.surfaces
        if "delete_resource" in offered:
            whole = sorted(
                (kept for kept in self._kept.values() if _is_id(kept.resource)),
                key=lambda kept: str(kept[:2]),
            )
            groups = [list(group) for _, group in groupby(whole, key=lambda kept: kept[:2])]
            await _all(self._use(adapted, "delete_resource", group, timeout) for group in groups)
        if "delete_thread" in offered:
            threads = [[kept] for kept in self._kept.values() if _is_id(kept.thread)]
            # The owner's first: then there is nothing left under that id for anybody else.
            for own in (True, False):
                some = [group for group in threads if group[0].own is own]
                await _all(self._use(adapted, "delete_thread", group, timeout) for group in some)

    async def _use(self, adapted: Adapted, surface: str, group: list[Kept], timeout: float) -> None:  # noqa: ASYNC109
        first = group[0]
        await adapted.pace.turn()
        try:
            async with asyncio.timeout(timeout):
                await adapted.use(
                    surface, "", thread=first.thread, resource=first.resource, caller=first.caller
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, it stayed, and what it says is not for reports
            refused = isinstance(error, Refused)
            # In somebody else's thread: what was said there, if anything was, went with the thread.
            if not refused or first.own:
                why = _REFUSED if refused else _FAILED
                self._why |= {kept.key: why for kept in group}
                return
        for kept in group:
            self._kept.pop(kept.key, None)


class _Who:
    """The callers of one example, with the ids that are really theirs."""

    def __init__(self, started: ExampleStarted, campaign: int) -> None:
        self.operations = {operation.number: operation for operation in started.plan.operations}
        self._own = own_resources(started.plan)
        self._names = campaign, started.example
        self._tenants = {one.caller: one.tenant for one in started.plan.operations}

    def bound(self, template: Id) -> Id:
        return bind_id(template, *self._names)

    def caller(self, label: str) -> Caller:
        campaign, example = self._names
        return caller_of(label, self._tenants[label], self._own, campaign=campaign, example=example)

    def having(self, resource: Id) -> Caller | None:
        """Whoever is a resource, if anybody here is."""
        for label, own in self._own.items():
            if own == resource:
                return self.caller(label)
        return None

    def names_another(self, operation: Operation) -> bool:
        """Whether it presents a resource that is not its own: what it wrote is its owner's, if at all."""
        return operation.intrudes and operation.resource != self._own.get(operation.caller)


def _is_id(value: Id) -> bool:
    return isinstance(value, str) and missing_kind(value) is None


async def _all(calls: Iterable[Coroutine[None, None, None]]) -> None:
    """Make all calls, so many at a time."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(call: Coroutine[None, None, None]) -> None:
        async with free:
            await call

    await asyncio.gather(*(one(call) for call in calls))
