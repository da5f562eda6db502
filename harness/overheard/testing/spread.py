"""Distribution under pytest-xdist: a scenario runs once, in one worker; everybody else's tests as before.

Imported only where pytest-xdist is in use and there are checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

from overheard.testing.names import parse


class Spread(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Units of work: all checks of one scenario; and of other tests what the user's own choice makes them."""

    def __init__(self, config: pytest.Config, log: Any, chosen: Any) -> None:
        """`chosen` is the scheduler that `--dist` asked for: its way of grouping goes on for other tests."""
        super().__init__(config, log)
        self._others: Callable[[str], str] = getattr(chosen, "_split_scope", lambda nodeid: nodeid)

    def _split_scope(self, nodeid: str) -> str:
        check = parse(nodeid)
        return self._others(nodeid) if check is None else f"{check.owner}::{check.scenario}"

    def remove_node(self, node: Any) -> str | None:
        """Take a worker away, and say which test it died of.

        Its other tests go to other workers, but for the checks of the scenario that it was driving: what
        kills one worker kills the next, and half of a campaign is no evidence. Nor is the test that it
        died of run again.
        """
        workload = self.assigned_work.pop(node)
        died_of: str | None = next(
            (nodeid for unit in workload.values() for nodeid, done in unit.items() if not done), None
        )
        if died_of is None:
            return None
        scope = self._split_scope(died_of)
        if parse(died_of) is not None:
            del workload[scope]
        else:
            workload[scope][died_of] = True
        self.workqueue.update({name: unit for name, unit in workload.items() if not all(unit.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return died_of


def take_over(config: pytest.Config, ids: Iterable[str]) -> bool:
    """Put `Spread` in the place of the scheduler that was chosen, before any test was given out.

    Returns whether that was needed: only if some of `ids` are checks. Raises pytest.UsageError if it cannot
    be done.
    """
    if not any(parse(nodeid) for nodeid in ids):
        return False
    session = config.pluginmanager.getplugin("dsession")
    chosen = getattr(session, "sched", None)
    if isinstance(chosen, Spread):
        return True
    if config.getoption("dist", "") == "each":
        raise pytest.UsageError(
            "overheard: --dist each would drive every scenario in every worker; use --dist load, or deselect "
            "the checks with -m 'not overheard'"
        )
    if chosen is None or not hasattr(chosen, "nodes"):
        raise pytest.UsageError(
            "overheard: this version of pytest-xdist is not known, so checks cannot be given to its workers; "
            "run without -n, or deselect them with -m 'not overheard'"
        )
    spread = Spread(config, getattr(session, "log", None), chosen)
    for node in chosen.nodes:
        spread.add_node(node)
    session.sched = spread
    return True
