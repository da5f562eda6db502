"""Ending operations that have had their time, and giving up those that do not end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overheard.drive.call import Call, Ending


async def end(tasks: Mapping[asyncio.Task[None], Call], ending: Ending, *, grace: float) -> None:
    """Cancel what still runs and wait for its end, `grace` seconds at most; give up what does not end."""
    # In the order of the plan: a set has that of its members' addresses.
    running = [task for task in tasks if not task.done()]
    for task in running:
        tasks[task].cancel(task, ending)
    if not running:
        return
    await asyncio.wait(running, timeout=grace)
    answered = [task for task in running if not task.done() and tasks[task].answered]
    for task in running:
        if not task.done() and task not in answered:
            tasks[task].give_up()
    if answered:
        # What was said is being scanned. It is bounded work, and giving it up would be not seeing a leak.
        await asyncio.wait(answered)
