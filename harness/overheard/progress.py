"""What is shown on standard error while a campaign runs. One more consumer of its events.

On a terminal a live line; elsewhere (a log, a pipe) a few plain lines, because nobody wants ten thousand
of them in a build log. Observing an event costs an addition: the line is drawn by a thread of its own.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from overheard.history.events import (
    AnyEvent,
    CampaignEnded,
    Completed,
    ExampleEnded,
    ExampleStarted,
    Failed,
    Reduced,
    Stalled,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from overheard.core.operation import Phase

_PHASES: dict[Phase, str] = {
    "explore": "exploring",
    "prove": "proving that a leak would be seen",
    "differential": "comparing",
    "reduce": "making the counterexample smaller",
    "regression": "trying earlier failures first",
}

_SILENCE = 20.0
"""Seconds after which a log gets a line, so that nobody kills a run that works."""


class Tally:
    """Counts of what has happened so far. Written by the driving thread, read by the drawing one."""

    def __init__(self) -> None:
        self.examples = 0
        self.operations = 0
        self.refused = 0
        self.unknown = 0
        self.stalls = 0
        self.reduced = 0
        self.scenario = ""
        self.phase: Phase = "explore"

    def observe(self, event: AnyEvent) -> None:
        match event:
            case Completed():
                self.operations += 1
            case Failed():
                self.operations += 1
                self.refused += 1
            case Unknown():
                self.operations += 1
                self.unknown += 1
            case ExampleStarted():
                self.scenario, self.phase = event.plan.scenario, event.phase
            case ExampleEnded():
                self.examples += 1
            case Stalled():
                self.stalls += 1
            case Reduced():
                self.reduced += 1
            case _:
                pass

    def line(self) -> str:
        """What has happened, in one line."""
        parts = [f"{self.examples} examples", f"{self.operations} operations"]
        parts += [f"{self.refused} refused"] if self.refused else []
        parts += [f"{self.unknown} unclear"] if self.unknown else []
        parts += [f"{self.stalls} stalls"] if self.stalls else []
        return ", ".join(parts)

    def doing(self) -> str:
        """The phase, in words."""
        return _PHASES[self.phase] if self.scenario else "building the target"


@contextlib.contextmanager
def shown(*, live: bool, budget: float, say: Callable[[str], None]) -> Iterator[Callable[[AnyEvent], None]]:
    """Yield the observer of a campaign. `budget` is in seconds; `say` takes a plain line."""
    tally = Tally()
    if live:
        with _live(tally, budget):
            yield tally.observe
    else:
        yield _plain(tally, say)


def _plain(tally: Tally, say: Callable[[str], None]) -> Callable[[AnyEvent], None]:
    """A line when another phase begins, one now and then within a long one, and one at the end."""
    said, last = "", time.monotonic()

    def observe(event: AnyEvent) -> None:
        nonlocal said, last
        tally.observe(event)
        if isinstance(event, CampaignEnded):
            say(f"done: {tally.line()}")
        elif isinstance(event, ExampleStarted):
            doing, now = tally.doing(), time.monotonic()
            if doing != said:
                say(doing)
                said, last = doing, now
            elif now - last > _SILENCE:
                say(f"{doing}: {tally.line()}")
                last = now

    return observe


@contextlib.contextmanager
def _live(tally: Tally, budget: float) -> Iterator[None]:
    from rich.console import Console  # noqa: PLC0415 - heavy, and only for a terminal
    from rich.live import Live  # noqa: PLC0415
    from rich.spinner import Spinner  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    started = time.monotonic()
    spinner = Spinner("dots")

    def draw() -> Any:
        # Text, not markup: the name of a user's scenario may have brackets in it.
        elapsed = time.monotonic() - started
        spinner.update(
            text=Text(f"{tally.doing()}: {tally.scenario} ({tally.line()}; {elapsed:.0f} of {budget:.0f} s)")
        )
        return spinner

    with Live(get_renderable=draw, console=Console(stderr=True), transient=True, refresh_per_second=8):
        yield
