"""An earlier failure as a test file for pytest, to be read, run and kept.

The source text is made of fixed words and of the `repr` of values, as that of counterexample programs is:
nothing from a plan, and nothing that an agent said, can end its literal and become code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_STEP: Final = "    "
_WIDTH: Final = 96
_LONGEST: Final = 120

_HEAD: Final = """\
# It fails while that shows in the agent, passes when it does not any more, and is an error where
# nothing was proved. <<...>> is filled in anew in every run, so that nothing of an earlier run can
# pass for a leak: <<fact>> is the secret that is told, <<ref>> names the message, the others make ids
# unique.

from pathlib import Path

import pytest

from overheard.testing import target
"""

_FIXTURE: Final = '''\
@pytest.fixture
def agent():
    """Makes the agent, while overheard's own model server is up. Make yours in any other way."""
    return lambda: target(TARGET, root=ROOT)
'''


def to_test(
    failure: Mapping[str, Any], *, target: str, root: str, asked: Mapping[str, Any], times: int
) -> str:
    """The source of a test that drives an earlier failure (as its file holds it, decoded) against `target`.

    `target` is looked for from `root`, which is seen from the folder of the test file. `asked` are further
    arguments of the fixture `overheard_replay`, plain values; `times` is how often the plan is driven.
    """
    title = repr(
        f"{failure['invariant']}: {failure['diagnosis']}. Found, made small and written by overheard."
    )
    arguments = ["PLAN", "agent", f"times={times!r}", *(f"{name}={value!r}" for name, value in asked.items())]
    lines = [
        title,
        "",
        _HEAD,
        f"TARGET = {target!r}",
        f"ROOT = Path(__file__).parent / {root!r}",
        "",
        *_plan(failure),
        "",
        "",
        _FIXTURE,
        "",
        "@pytest.fixture",
        "def replay(agent, overheard_replay):",
        f"{_STEP}# Driven before the test is called: what proves nothing is an error, not a failure.",
        *_call("return overheard_replay(", arguments),
        "",
        "",
        f"def test_{_identifier(failure)}(replay):",
        f"{_STEP}assert not replay.shown, replay.report",
    ]
    return "\n".join(lines) + "\n"


def file_name(failure: Mapping[str, Any], *, target: str) -> str:
    """The name of the test's file: the same for the same finding in the same target, whatever its plan."""
    place, _, attribute = target.partition(":")
    stem = f"{place.removesuffix('.py').removesuffix('.toml')} {attribute}"
    return f"test_{_plain(f'{stem} {_identifier(failure)}')}.py"


def _identifier(failure: Mapping[str, Any]) -> str:
    return _plain(f"{failure['invariant']} {failure['diagnosis']}")


def _plain(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:_LONGEST]


def _plan(failure: Mapping[str, Any]) -> list[str]:
    plan = failure["plan"]
    lines = ["PLAN = {"]
    lines += [f"{_STEP}{key!r}: {value!r}," for key, value in failure.items() if key != "plan"]
    lines.append(f"{_STEP}'plan': {{")
    for key, value in plan.items():
        if key != "operations":
            lines += _laid_out(f"{key!r}: ", value, 2 * _STEP)
    lines.append(f"{2 * _STEP}'operations': [")
    for place, operation in enumerate(plan["operations"]):
        if place == failure["told_by"]:
            lines.append(f"{3 * _STEP}# Here it is told.")
        if place == failure["seen_by"]:
            lines.append(f"{3 * _STEP}# Here the promise was broken.")
        lines += _laid_out("", operation, 3 * _STEP)
    return [*lines, f"{2 * _STEP}],", f"{_STEP}}},", "}"]


def _laid_out(name: str, value: Any, margin: str) -> list[str]:
    """A value on one line if it fits, else each of its parts on lines of their own."""
    line = f"{margin}{name}{value!r},"
    if len(line) <= _WIDTH or not value or not isinstance(value, dict | list):
        return [line]
    if isinstance(value, dict):
        parts = [_laid_out(f"{key!r}: ", part, margin + _STEP) for key, part in value.items()]
    else:
        parts = [_laid_out("", part, margin + _STEP) for part in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return [f"{margin}{name}{start}", *(line for part in parts for line in part), f"{margin}{end},"]


def _call(start: str, arguments: Sequence[str]) -> list[str]:
    line = f"{_STEP}{start}{', '.join(arguments)})"
    if len(line) <= _WIDTH:
        return [line]
    return [f"{_STEP}{start}", *(f"{2 * _STEP}{argument}," for argument in arguments), f"{_STEP})"]
