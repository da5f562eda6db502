"""Plans executed one after the other against one target, for what takes the time of that, or counts them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from overheard.adapters.adapted import Adapted
from overheard.adapters.enter import enter
from overheard.campaign import fresh_numbers
from overheard.core.contract import declare
from overheard.core.operation import Plan
from overheard.drive.driver import drive
from overheard.drive.patience import Patience
from overheard.environment import environment
from overheard.history.writer import Recorder
from overheard.mirror.server import Mirror


class Executing:
    """A target that has been entered, with the mirror beside it and nothing written to any file."""

    def __init__(self, adapted: Adapted, mirror: Mirror, recorder: Recorder, events: list[Any]) -> None:
        self.adapted = adapted
        self.contract = declare(("target", adapted.settings)).contract
        self.campaign = fresh_numbers()[1]
        self._mirror, self._recorder, self._events = mirror, recorder, events
        self._numbers = count()

    async def __call__(self, plan: Plan, patience: Patience) -> list[Any]:
        """Drive a plan as the next example; all that was recorded of it."""
        self._events.clear()
        await drive(
            plan,
            example=next(self._numbers),
            phase="explore",
            adapted=self.adapted,
            recorder=self._recorder,
            mirror=self._mirror,
            campaign=self.campaign,
            contract=self.contract,
            timeout=30.0,
            patience=patience,
        )
        return list(self._events)


@asynccontextmanager
async def executing(
    build: Callable[[], Any], *, name: str, prepare: Callable[[Mirror], None] | None = None
) -> AsyncIterator[Executing]:
    """Enter what `build` makes once the mirror is up, and the environment says so; `prepare` is for the mirror."""
    events: list[Any] = []
    begin = time.perf_counter_ns()
    recorder = Recorder(None, clock=lambda: (time.perf_counter_ns() - begin) // 1_000, observe=events.append)
    with Mirror(recorder) as mirror, environment(mirror.environment()):
        if prepare is not None:
            prepare(mirror)
        async with enter(build(), name=name) as adapted:
            yield Executing(adapted, mirror, recorder, events)
