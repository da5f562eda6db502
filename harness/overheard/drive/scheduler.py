"""Letting the operations of one round go on in the order of a schedule, step by step.

The mirror holds the model calls of operations in flight; here it is decided which of them is answered next,
or which operation starts. A decision is made when all is quiet: every operation in flight has a held call or
has ended, or is *blocked*, because the target lets it wait for another. Everything is decided on the driver's
loop; the mirror's thread only says what has happened.

Every wait is bounded. An operation that is neither held nor ended has its time-out, of which the time spent
held is no part; and what a recorded run did that cannot be done, is left out, and said.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from overheard.core.operation import Cancel, Operation, bind_ids
from overheard.core.schedule import Decision, Happening, Schedule
from overheard.drive.choosing import Choosing, Possible
from overheard.drive.ending import end
from overheard.drive.patience import LATER, Patience
from overheard.history.events import Decided

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from overheard.drive.call import Call
    from overheard.history.writer import Recorder
    from overheard.mirror.gate import Gate

FOLLOW_SECONDS: Final = 5.0
"""For how long a replay waits for what had happened before a step. Then it follows no further."""

SETTLED_SECONDS: Final = 0.03
"""How long a replay waits once that has happened: some frameworks write to their stores behind a held call
(a race of LangGraph's was replayed 92 of 100 times without, and 50 of 50 with this)."""


class _Held(NamedTuple):
    call: int
    operation: int
    shape: str
    nth: int


class _Going:
    """One operation of the round, from its start on. `since` is when it last had something to do."""

    def __init__(self, call: Call, task: asyncio.Task[None], now: float) -> None:
        self.call = call
        self.task = task
        self.held = 0
        self.shapes: Counter[str] = Counter()
        self.since = now
        self.spent = 0.0
        self.over = False
        self.cancelled = False
        self.blocked = False
        self.marked = False

    def rest(self, now: float) -> float:
        """It has nothing to do any more; how long it had."""
        took = now - self.since
        self.spent += took
        self.since = now
        return took


class Scheduler:
    """Drives the rounds of one example under its schedule. Belongs to the driver's loop."""

    def __init__(
        self,
        schedule: Schedule,
        *,
        gate: Gate | None,
        recorder: Recorder,
        campaign: int,
        example: int,
        patience: Patience,
        timeout: float,
        grace: float,
    ) -> None:
        self._gate = gate
        self._recorder = recorder
        self._campaign = campaign
        self._example = example
        self._patience = patience
        self._timeout = timeout
        self._grace = grace
        self._choosing = Choosing(schedule)
        self._steps = list(schedule.decisions)
        self._awaited: set[Happening] = set()
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._waiting: list[Call] = []
        self._going: dict[int, _Going] = {}
        self._held: list[_Held] = []
        self._happened: list[Happening] = []
        self._ever: set[Happening] = set()
        self._last_way_free = 0.0
        self._last_sign = 0.0
        self._diverged = False
        self._at_once = False

    async def round(self, calls: Sequence[Call]) -> None:
        """Carry out the operations of one round. Raises as `drive`."""
        self._choosing.begin_round()
        self._waiting, self._going, self._held = list(calls), {}, []
        if self._gate is not None:
            self._gate.close(self)
        try:
            while self._waiting or not all(one.over for one in self._going.values()):
                await self._step()
        except BaseException:
            self._open()
            await end(self._running(), "cancelled", grace=self._grace)
            raise
        finally:
            self._open()

    # What the mirror says, from its own thread.

    def arrived(self, call: int, operation: int, shape: str) -> None:
        """As `Listener`."""
        self._hand_on(self._arrived, call, operation, shape)

    def gone(self, call: int) -> None:
        """As `Listener`."""
        self._hand_on(self._gone, call)

    def _hand_on(self, what: object, *about: object) -> None:
        # Whoever still calls its model when the loop is closed is waited for by nobody.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *about)  # type: ignore[arg-type]

    # What happens, on the driver's loop.

    def _arrived(self, call: int, operation: int, shape: str) -> None:
        one = self._going.get(operation)
        if one is None or one.over:
            if self._gate is not None:
                self._gate.release(call)
            return
        nth = one.shapes[shape]
        one.shapes[shape] += 1
        before, self._last_sign = self._last_sign, self._loop.time()
        if one.held:
            self._patience.beside(self._last_sign - before)
        else:
            self._came_to_rest(one)
        one.held += 1
        self._held.append(_Held(call, operation, shape, nth))
        self._happen(Happening(operation, shape, nth))

    def _gone(self, call: int) -> None:
        for place, held in enumerate(self._held):
            if held.call == call:
                del self._held[place]
                self._let_go_on(self._going[held.operation])
                self._happen(Happening(held.operation, held.shape, held.nth, gone=True))
                return

    def _ended(self, one: _Going) -> None:
        if one.over:
            return
        one.over = True
        number = one.call.operation.number
        if not one.held:
            self._came_to_rest(one)
        # What one that was cancelled has asked stays held, though nobody waits for it any more: a target that
        # does not hear that its caller went away goes on when it is let, and that is a step like any other.
        if not one.cancelled:
            self._held = [held for held in self._held if held.operation != number]
            if self._gate is not None:
                self._gate.end(number)
        # Whoever waited for this one's turn to end may go on now, and is given time to show it.
        for other in self._going.values():
            if other.blocked:
                other.blocked = False
                other.rest(self._loop.time())
        self._last_way_free = self._loop.time()
        self._happen(Happening(number))

    def _happen(self, happening: Happening) -> None:
        self._happened.append(happening)
        self._ever.add(happening)
        self._changed.set()

    def _came_to_rest(self, one: _Going) -> None:
        now = self._loop.time()
        took = one.rest(now)
        if not one.marked:
            self._patience.step(took)
            return
        freed = now - self._last_way_free <= LATER
        self._patience.resolved(by_another=freed)
        if not freed:
            self._patience.step(took)
        one.blocked = one.marked = False

    def _let_go_on(self, one: _Going) -> None:
        one.held -= 1
        if not one.held:
            one.since = self._loop.time()

    # Deciding.

    async def _step(self) -> None:
        self._raise_what_failed()
        if self._at_once:
            self._at_once = False
            await self._do(self._possible(), len(self._held))
            return
        step = self._followed()
        if step is None:
            await self._settle()
            possible = self._possible()
            if possible:
                await self._do(possible, self._choosing.pick(possible))
            return
        await self._follow(step)

    def _followed(self) -> Decision | None:
        """The next step of the run that is followed, if it is one of this round's."""
        here = {call.operation.number for call in self._waiting} | self._going.keys()
        return self._steps[0] if self._steps and self._steps[0].operation in here else None

    async def _follow(self, step: Decision) -> None:
        self._awaited.update(step.after)
        until = self._loop.time() + FOLLOW_SECONDS
        while not self._awaited <= self._ever and self._loop.time() < until:
            await self._sign(until)
        possible = self._possible()
        if len(possible) > 1 or self._patience.together:
            await asyncio.sleep(SETTLED_SECONDS)
            possible = self._possible()
        wanted = (step.action, step.operation, step.shape, step.nth)
        for place, one in enumerate(possible):
            if (one.action, one.operation, one.shape, one.nth) == wanted:
                self._steps.pop(0)
                await self._do(possible, place)
                return
        self._steps.clear()
        self._diverged = True

    def _possible(self) -> list[Possible]:
        waiting = [call.operation for call in self._waiting]
        until = next((place for place, one in enumerate(waiting) if one.cancel is not None), len(waiting))
        return [
            *(Possible("release", one.operation, one.call, one.shape, one.nth) for one in self._held),
            *(Possible("start", one.number) for one in waiting[: until + 1]),
        ]

    async def _do(self, possible: Sequence[Possible], place: int) -> None:
        chosen = possible[place]
        self._record(chosen, place, len(possible))
        if chosen.action == "release":
            self._release(chosen.call)
            return
        call = next(call for call in self._waiting if call.operation.number == chosen.operation)
        await call.turn()
        self._start(call)
        await asyncio.sleep(0)  # It begins, and what never gives way ends.
        if call.operation.cancel is not None:
            await self._cancel(self._going[chosen.operation], call.operation.cancel)

    async def _cancel(self, one: _Going, where: Cancel) -> None:
        """Let an operation go on, alone, to where it is cancelled; when it has ended, the next starts.

        If it waits for another (or for nothing that ever comes), it is cancelled as it waits.
        """
        answered = 0
        while not one.over:
            if answered >= where.calls and (where.steps or where.milliseconds):
                await self._on_its_way(one, where)
                break
            await self._at_rest(one)
            mine = [held for held in self._held if held.operation == one.call.operation.number]
            if not mine or answered >= where.calls:
                break
            held = mine[0]
            self._record(Possible("release", held.operation, held.call, held.shape, held.nth), 0, 1)
            self._release(held.call)
            answered += 1
        if not one.over:
            self._record(Possible("cancel", one.call.operation.number), 0, 1)
            one.cancelled = True
            await end({one.task: one.call}, "cancelled", grace=self._grace)
            self._ended(one)
            self._at_once = bool(self._waiting)
        self._skip(one.call.operation.number)

    async def _on_its_way(self, one: _Going, where: Cancel) -> None:
        for _ in range(where.steps):
            if one.over:
                return
            await asyncio.sleep(0)
        until = self._loop.time() + where.milliseconds / 1_000
        while not one.over and self._loop.time() < until:
            await self._sign(until)

    async def _at_rest(self, one: _Going) -> None:
        until = self._loop.time() + self._patience.seconds
        while not (one.over or one.held) and self._loop.time() < until:
            await self._sign(until)

    def _skip(self, operation: int) -> None:
        """Leave out of a run that is followed what an operation that is cancelled did by itself."""
        while self._steps and self._steps[0].operation == operation and self._steps[0].action != "start":
            self._awaited.update(self._steps.pop(0).after)
        if self._at_once and self._steps and self._steps[0].operation == self._waiting[0].operation.number:
            self._awaited.update(self._steps.pop(0).after)

    def _record(self, chosen: Possible, place: int, possible: int) -> None:
        self._recorder.record(
            Decided(
                example=self._example,
                t=0,
                action=chosen.action,
                operation=chosen.operation,
                shape=chosen.shape,
                nth=chosen.nth,
                call=chosen.call,
                choice=place,
                possible=possible,
                after=tuple(self._happened),
                blocked=tuple(sorted(number for number, one in self._going.items() if one.blocked)),
                diverged=self._diverged,
            )
        )
        self._happened, self._diverged = [], False

    def _start(self, call: Call) -> None:
        operation = call.operation
        self._waiting.remove(call)
        if self._gate is not None:
            thread, resource = bind_ids(operation, self._campaign, self._example)
            message = (self._campaign, self._example, _leader(operation))
            self._gate.begin(operation.number, message=message, thread=thread, resource=resource)
        task = asyncio.create_task(call.run())
        one = self._going[operation.number] = _Going(call, task, self._loop.time())
        task.add_done_callback(lambda _: self._ended(one))

    def _release(self, call: int) -> None:
        place = next(place for place, held in enumerate(self._held) if held.call == call)
        held = self._held.pop(place)
        self._let_go_on(self._going[held.operation])
        self._last_way_free = self._last_sign = self._loop.time()
        if self._gate is not None:
            self._gate.release(call)

    # Waiting.

    async def _settle(self) -> None:
        """Wait until every operation in flight is held, over, or taken for blocked.

        Of a target that asks several things at once, also until nothing has come for a moment: an operation
        with one call held may be about to make another, or be at work on what it was just answered.
        """
        while True:
            self._raise_what_failed()
            restless = list(self._restless())
            if not restless:
                quiet = self._last_sign + self._patience.together
                if self._running() and self._loop.time() < quiet:
                    await self._sign(quiet)
                    continue
                if self._possible() or not self._running():
                    return
                # All that is in flight is blocked, and nothing can be done about it but to wait.
                await self._sign(self._loop.time() + self._timeout)
                continue
            patience = self._patience.seconds
            now = self._loop.time()
            due = [one for one in restless if now - one.since >= patience]
            if due and self._possible():
                for one in due:
                    one.blocked = one.marked = True
                    self._patience.marked()
                continue
            await self._sign(min(one.since for one in restless) + patience if not due else now + patience)

    def _restless(self) -> Iterator[_Going]:
        return (one for one in self._going.values() if not (one.over or one.held or one.blocked))

    async def _sign(self, until: float) -> None:
        """Wait for something to happen, until then at most; end whoever has had its time."""
        busy = [one for one in self._going.values() if not (one.over or one.held)]
        for one in busy:
            until = min(until, one.since + self._timeout - one.spent)
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._changed.wait()
        now = self._loop.time()
        overdue = [one for one in busy if not (one.over or one.held) and self._left(one, now) <= 0]
        if overdue:
            await end({one.task: one.call for one in overdue}, "timeout", grace=self._grace)
            for one in overdue:
                self._ended(one)

    def _left(self, one: _Going, now: float) -> float:
        return self._timeout - one.spent - (now - one.since)

    def _running(self) -> dict[asyncio.Task[None], Call]:
        return {one.task: one.call for one in self._going.values() if not one.over}

    def _raise_what_failed(self) -> None:
        for one in self._going.values():
            task = one.task
            # A call records what the target does wrong; what it raises is ours (a full disk) or Ctrl-C.
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def _open(self) -> None:
        if self._gate is not None:
            self._gate.open()


def _leader(operation: Operation) -> int:
    return operation.number if operation.same_text_as is None else operation.same_text_as
