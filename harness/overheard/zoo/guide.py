"""`docs/zoo.md`, written from the catalogue: `python -m overheard.zoo.guide > docs/zoo.md`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from tabulate import tabulate

from overheard.zoo.catalogue import CATALOGUE, Specimen

_HEAD = """\
# The zoo

Agents of known truth, small enough to read. Whoever changes how `overheard` judges runs it over all of
them: a leaky agent must be found out, with its own diagnosis and no other; its twin, which is the same code
with the flaw mended, must be held; a vacuous agent must never be called isolated.

They live in `harness/overheard/zoo/`: one root cause a file under `leaky/`, written once over the `Host`
protocol of `hosts.py` and run in memory and in SQLite. `catalogue.py` holds the truth below, and from it
this page is written (`python -m overheard.zoo.guide > docs/zoo.md`).
"""

_LEAKY = """\
## Leaky agents

Each exists as `NAME-memory` and `NAME-sqlite`, its twin as `NAME-memory-twin` and `NAME-sqlite-twin`.
"May break" are promises that a plan may see broken besides: an owner who is handed somebody else's reply is
not told its own fact. Exit code 1; that of the twins is 0.
"""

_CORRECT = """\
## Correct agents

They refuse a missing id (`None` or empty; white space is an ordinary id) and another owner's thread. Held,
exit code 0. `plain.py` adds two correct functions without a model: `dictionary`, an ordinary function, and
`never_suspends`, a coroutine function whose calls cannot interleave.
"""

_VACUOUS = """\
## Vacuous agents

They leak nothing because they do nothing worth trusting. With exit code 1 recall is violated and isolation
inconclusive; with exit code 3 everything is inconclusive, for a reason of its own.
"""


def guide() -> str:
    """The whole page."""
    leaky = [s for s in _of("leaky") if s.host == "memory"]
    return "\n".join(
        [
            _HEAD,
            _LEAKY,
            _table(
                leaky,
                {
                    "name": lambda s: f"`{s.name.removesuffix('-memory')}`",
                    "what is wrong": lambda s: s.story,
                    "scope": lambda s: s.settings["scope"],
                    "breaks": lambda s: _names(s.invariants),
                    "may break": lambda s: _names(s.also),
                    "diagnosis": lambda s: s.diagnosis or "",
                },
            ),
            _CORRECT,
            _table(
                _of("correct"),
                {
                    "name": lambda s: f"`{s.name}`",
                    "what it does": lambda s: s.story,
                    "scope": lambda s: s.settings["scope"],
                },
            ),
            _VACUOUS,
            _table(
                _of("vacuous"),
                {
                    "name": lambda s: f"`{s.name}`",
                    "what it does": lambda s: s.story,
                    "breaks": lambda s: _names(s.invariants),
                    "diagnosis": lambda s: s.diagnosis or "",
                    "exit code": lambda s: str(s.exit_code),
                },
            ),
        ]
    )


def _of(kind: str) -> list[Specimen]:
    return [specimen for specimen in CATALOGUE.values() if specimen.kind == kind]


def _names(invariants: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(invariants))


def _table(specimens: Sequence[Specimen], columns: dict[str, Callable[[Specimen], str]]) -> str:
    rows = [[cell(specimen) for cell in columns.values()] for specimen in specimens]
    return tabulate(rows, headers=list(columns), tablefmt="github", disable_numparse=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(guide())
