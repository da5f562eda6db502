"""Node ids of checks, and back. They hold scenario and invariant only.

overheard::stranger::thread-ownership                              without a test file
overheard::regressions::thread-ownership.race-on-shared-state.1f…  an earlier failure, by its file's name
tests/test_agent.py::test_isolation[stranger::thread-ownership]    a declared test
tests/test_agent.py::test_isolation[v2-stranger::thread-ownership] one that has parameters of its own
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from overheard.scenario.model import INVARIANTS

ROOT: Final = "overheard"
"""Owner of the checks that no test file declares."""

REGRESSIONS: Final = "regressions"
"""Where the name of a scenario stands for others: the checks of earlier failures."""

_DECLARED: Final = re.compile(r"(?P<head>[^\[]+)\[(?P<inner>.*)::(?P<invariant>[A-Za-z0-9._-]+)\]", re.DOTALL)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_LONG: Final = 80


_others: set[str] = set()


def know(invariants: Iterable[str]) -> None:
    """From now on these are invariants as well: those that plugins judge in this session."""
    _others.clear()
    _others.update(invariants)


class Check(NamedTuple):
    """One invariant of one scenario, or one earlier failure, whose name `invariant` is then.

    `owner` is `ROOT` or the node id of the declared test without what follows.
    """

    owner: str
    scenario: str
    invariant: str


def parse(nodeid: str, scenarios: Iterable[str] = ()) -> Check | None:
    """The check that a node id names, or None if it is somebody else's test.

    `scenarios` are the names that there may be: a parameter before the scenario's name is told from it by
    them, and by nothing else.
    """
    parts = nodeid.split("::")
    if parts[0] == ROOT:
        return Check(ROOT, parts[1], parts[2]) if len(parts) == 3 else None
    match = _DECLARED.fullmatch(nodeid)
    if match is None:
        return None
    head, inner = match["head"], match["inner"]
    again = inner == REGRESSIONS or inner.endswith(f"-{REGRESSIONS}")
    if match["invariant"] not in (*INVARIANTS, *_others) and not again:
        return None
    scenarios = (REGRESSIONS,) if again else scenarios
    fitting = [name for name in scenarios if inner == name or inner.endswith(f"-{name}")]
    scenario = max(fitting, key=len, default=inner)
    parameters = inner[: -len(scenario)].removesuffix("-")
    return Check(f"{head}[{parameters}]" if parameters else head, scenario, match["invariant"])


def folder_of(owner: str) -> str:
    """Name of the report folder of a declared test: readable, and another for every test."""
    path, _, test = owner.partition("::")
    stem = path.rpartition("/")[2].removesuffix(".py")
    plain = _UNFIT.sub("-", f"{stem}.{test.replace('::', '.')}").strip("-")[:_LONG]
    return f"{plain}-{hashlib.blake2b(owner.encode(), digest_size=3).hexdigest()}"
