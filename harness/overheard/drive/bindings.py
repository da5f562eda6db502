"""What the names in a plan stand for at this target: threads and messages whose ids the target chooses.

A plan names a thread as if the name were its id, and a message by the operation that sent it. Where the
target takes such names, that is what they are. Where it chooses ids itself, a name is bound to one as soon
as the target shows it: when the thread is created, in a reply, or in a list of messages.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from overheard.core.canary import FactKey, decode_canary, find_canaries
from overheard.core.ids import OMITTED, Id, bind_id, missing_kind
from overheard.core.operation import READING, SENDING, Operation, Plan
from overheard.core.outcome import Caller, Reply, TargetError
from overheard.history.events import Bound

if TYPE_CHECKING:
    from overheard.adapters.adapted import Adapted
    from overheard.adapters.call import CallProbe
    from overheard.history.writer import Recorder

_ID_KEYS: Final = ("id", "message_id", "messageId", "uuid")
_NOT_TOLD: Final = ("assistant", "ai", "system", "tool", "bot")
"""Roles of messages that may repeat a fact and do not tell it."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_TOKEN: Final = re.compile(r"(?=[A-Za-z0-9]*[0-9])(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{16,}")


@dataclass(slots=True)
class Names:
    """What has been bound in an example.

    `threads` by name and `messages` by operation; `secrets` are those ids that nobody can guess, each with
    its owner. `homes` says who first spoke in a thread of a name, and `wanted` whose messages may be
    presented later, besides those of the plan that is being driven.
    """

    threads: dict[str, str] = field(default_factory=dict)
    messages: dict[int, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    wanted: set[int] = field(default_factory=set)


class Bindings:
    """Binds the names of one plan while it is driven, and records what they are bound to."""

    def __init__(
        self,
        names: Names,
        plan: Plan,
        *,
        adapted: Adapted,
        recorder: Recorder,
        campaign: int,
        example: int,
    ) -> None:
        self._names = names
        self._presented = names.wanted | {one.message for one in plan.operations if one.message is not None}
        self._offers = adapted.offers
        self._adapted = adapted
        self._recorder = recorder
        self._campaign = campaign
        self._example = example
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def secrets(self) -> dict[str, str]:
        """Ids chosen by the target that nobody can guess, each with its owner."""
        return self._names.secrets

    def thread(self, name: Id) -> Id:
        """The id that is presented for a thread of this name."""
        return self._names.threads.get(name, name) if isinstance(name, str) else name

    def message(self, operation: int | None) -> Id:
        """The id that is presented for what an operation said; OMITTED if the target never showed one."""
        return OMITTED if operation is None else self._names.messages.get(operation, OMITTED)

    async def opened(
        self, operation: Operation, name: Id, *, resource: Id, caller: Caller, probe: CallProbe
    ) -> Id:
        """The id to present for the thread of this name. Where the target names its threads itself, whoever
        comes first creates it. Raises what that raises, and TargetError if it shows no id.
        """
        creates = self._offers.mints and operation.surface != "create_thread"
        if not creates or not isinstance(name, str) or missing_kind(name) is not None:
            return self.thread(name)
        async with self._opening[name]:
            if name not in self._names.threads:
                self._adapted.pace.spend()
                answer = await self._adapted.use(
                    "create_thread", "", thread=OMITTED, resource=resource, caller=caller, probe=probe
                )
                identifier = answer.reply.ids.get("thread")
                if not identifier:
                    raise TargetError("create_thread takes no thread id and showed none; return the new one")
                self._bind_thread(name, identifier, operation)
        return self.thread(name)

    def learn(self, operation: Operation, reply: Reply) -> None:
        """Bind what an answer shows of ids that the target chose."""
        identifier = reply.ids.get("thread")
        made = self._made(operation) if identifier else OMITTED
        if identifier and isinstance(made, str) and missing_kind(made) is None and made != identifier:
            self._bind_thread(made, identifier, operation)
        if self._presented:
            self._learn_messages(operation, reply)

    def _made(self, operation: Operation) -> Id:
        """The name of the thread whose id an answer may show, if the target chooses it."""
        surface = operation.surface
        name: Id = OMITTED
        if surface == "create_thread" and "thread" not in self._offers.takes(surface).accepts:
            name = operation.thread
        elif surface == "clone_thread" and "new_thread" not in self._offers.takes(surface).accepts:
            name = operation.new_thread
        elif surface in SENDING and self._offers.adapter != "http":
            # Behind HTTP the file says by itself where a minted id goes.
            name = operation.thread
        bound = bind_id(name, self._campaign, self._example)
        if (
            isinstance(bound, str)
            and self._names.homes.setdefault(bound, operation.caller) != operation.caller
        ):
            return OMITTED  # a stranger who is given a conversation of its own under that name
        return bound

    def _bind_thread(self, name: str, identifier: str, by: Operation) -> None:
        self._names.threads[name] = identifier
        if unlikely(identifier):
            self._names.secrets.setdefault(identifier, by.caller)
        self._recorder.record(
            Bound(example=self._example, operation=by.number, t=0, id=identifier, thread=name)
        )

    def _learn_messages(self, operation: Operation, reply: Reply) -> None:
        found: dict[int, str] = {}
        if operation.surface in SENDING and "message" in reply.ids:
            found = {operation.number: reply.ids["message"]}
        elif operation.surface in READING:
            found = messages_in(reply.text, self._presented, self._campaign, self._example)
        for number in sorted(found.keys() & self._presented - self._names.messages.keys()):
            self._names.messages[number] = found[number]
            self._recorder.record(
                Bound(
                    example=self._example, operation=operation.number, t=0, id=found[number], message=number
                )
            )


def unlikely(identifier: str) -> bool:
    """Whether an id that a target chose looks as if nobody could guess it: a random UUID, or a long token."""
    return bool(_UUID.search(identifier) or _TOKEN.search(identifier))


def messages_in(shown: str, wanted: Collection[int], campaign: int, example: int) -> dict[int, str]:
    """The ids of messages in a list of them: for each of the operations `wanted`, that of what it said.

    A message is the innermost record that has an id and in which the operation's fact stands as it was
    told. `shown` is a list as the adapter writes it: records of JSON, a line each.
    """
    found: dict[int, str] = {}
    for line in shown.splitlines():
        for operation, identifier in _in_line(line, campaign, example):
            if operation in wanted:
                found.setdefault(operation, identifier)
    return found


def _in_line(line: str, campaign: int, example: int) -> list[tuple[int, str]]:
    if not line.startswith(("{", "[")):
        return []
    try:
        return list(_walk(msgspec.json.decode(line), None, campaign, example))
    except (ValueError, RecursionError):  # it only looked like JSON, or is nested as no list of messages is
        return []


def _walk(node: Any, identifier: str | None, campaign: int, example: int) -> Iterator[tuple[int, str]]:
    if isinstance(node, str):
        for fact in _told_in(node) if identifier is not None else ():
            if fact[:2] == (campaign, example):
                yield fact.operation, identifier or ""
    elif isinstance(node, dict):
        if str(node.get("role", "")).lower() in _NOT_TOLD:
            return
        mine = next((node[key] for key in _ID_KEYS if isinstance(node.get(key), str | int)), None)
        for inner in node.values():
            yield from _walk(inner, identifier if mine is None else str(mine), campaign, example)
    elif isinstance(node, list):
        for inner in node:
            yield from _walk(inner, identifier, campaign, example)


def _told_in(text: str) -> Iterator[FactKey]:
    return (canary.fact for canary in map(decode_canary, find_canaries(text)) if canary.reciter is None)
