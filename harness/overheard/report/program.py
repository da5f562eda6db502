"""The counterexample as a program: what happened, step by step, to be read, run and kept.

The source text is made of fixed words, of names that are made here, and of the `repr` of values. Nothing
from a plan is ever put between them, so no id and no text can end its literal and become code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from overheard.check.result import Finding, Judgement
from overheard.core.ids import Id
from overheard.core.operation import Operation, Plan
from overheard.report.escape import clip, visible
from overheard.report.order import choices_by_round, deviations_in_words
from overheard.report.words import breach

_PEOPLE: Final = ("alice", "bob", "carol", "dave", "erin", "frank")
_MARKS: Final = re.compile("<<(ns|dec|uuid|hex|fact|ref)")
_MARKS_EXPLAINED: Final = (
    "# <<...>> is filled in anew in every run, so that nothing of an earlier run can pass for a leak:",
    "# <<fact>> is the secret that is told, <<ref>> names the message, the others make ids unique.",
)
_LINE: Final = 100


def to_program(finding: Finding, judgement: Judgement, *, target: str, number: int = 1) -> str:
    """The source of a Python program that drives the finding's minimal plan against `target`.

    Run, it exits 1 and says so in one line if the promise is broken, 0 if it is not. `number` is that of
    its file name. Raises ValueError if the finding has no minimal plan.
    """
    plan = finding.minimal
    if plan is None:
        raise ValueError("a finding that was not reduced has no plan to print")
    lines = [
        _docstring(finding, number),
        "",
        "import sys",
        "",
        "from overheard.replay import Stage, Verdict, play",
        "",
        f"TARGET = {target!r}",
        "",
        "",
        "async def main(stage: Stage) -> Verdict:",
        *_indented(_body(plan, finding, breach(finding))),
        "",
        "",
        'if __name__ == "__main__":',
        *_indented([f"sys.exit(play({', '.join(_conditions(plan, judgement))}))"]),
    ]
    return "\n".join(lines) + "\n"


def _conditions(plan: Plan, judgement: Judgement) -> list[str]:
    arguments = ["main", "sys.argv", "target=TARGET"]
    arguments += [f"latency={plan.latency!r}"] if plan.latency else []
    arguments += [f"settle={judgement.contract.settle!r}"] if judgement.contract.settle else []
    return arguments


def _docstring(finding: Finding, number: int) -> str:
    what = (
        f"{finding.observer.caller} against {finding.owner.caller}: {finding.invariant}, {finding.diagnosis}"
    )
    words = f"{visible(clip(what, 300))}.  Run: python counterexample-{number}.py [TARGET]"
    # A string expression built by repr is a docstring like any other, and cannot be broken out of.
    return repr(words)


class Names:
    """A name for every id of a plan that is a string: people for resources, `thread` for threads."""

    def __init__(self, plan: Plan) -> None:
        resources = _strings(value for one in plan.operations for value in (one.resource, one.new_resource))
        threads = _strings(value for one in plan.operations for value in (one.thread, one.new_thread))
        self.resources = {
            value: _PEOPLE[index] if index < len(_PEOPLE) else f"resource_{index + 1}"
            for index, value in enumerate(resources)
        }
        self.threads = {
            value: "thread" if len(threads) == 1 else f"thread_{index + 1}"
            for index, value in enumerate(threads)
        }

    def lines(self) -> list[str]:
        return [
            *(f"{name} = {value!r}  # a resource id" for value, name in self.resources.items()),
            *(f"{name} = {value!r}  # a thread id" for value, name in self.threads.items()),
        ]


def _strings(values: Iterable[Id]) -> list[str]:
    return list(dict.fromkeys(value for value in values if isinstance(value, str)))


def _body(plan: Plan, finding: Finding, broken_if: str) -> list[str]:
    names = Names(plan)
    lines = list(_MARKS_EXPLAINED) if _has_marks(plan) else []
    lines += names.lines()
    lines += [""] if lines else []
    # Steps count from 0 in the order of the program, whatever numbers the plan gave its operations.
    places: dict[int | None, int] = {
        operation.number: place for place, operation in reversed(list(enumerate(plan.operations)))
    }
    ends = {places.get(finding.minimal_owner): "told", places.get(finding.minimal_observer): "seen"}
    if finding.missed is not None:
        # What was lost is seen by its owner's looks before and after, and not by whoever took it.
        del ends[places.get(finding.minimal_observer)]
        ends |= {places.get(finding.minimal_before): "before", places.get(finding.minimal_missed): "seen"}
    steps = [
        _Step(
            operation.round,
            ends.get(place, ""),
            _call(operation, names, places),
            cancelled=operation.cancel is not None,
        )
        for place, operation in enumerate(plan.operations)
    ]
    orders = choices_by_round(plan)
    for number, together in groupby(steps, key=lambda step: step.round):
        steps_here = list(together)
        if plan.schedule is None or any(step.cancelled for step in steps_here):
            lines += _round(steps_here, orders.get(number, ()))
        elif number in orders:
            lines += [f"# Out of turn: {words}." for words in deviations_in_words(plan, number)]
            lines += _round(steps_here, orders[number])
        else:
            lines += [line for step in steps_here for line in _round([step])]
    named = {step.result for step in steps}
    arguments = ["told" if "told" in named else "seen" if "seen" in named else "None"]
    arguments.append("seen" if "seen" in named else arguments[0])
    arguments += ["before=before"] if "before" in named else []
    arguments += [f"broken_if={broken_if!r}"] if broken_if != "seen" else []
    return [*lines, "", f"return stage.verdict({', '.join(arguments)})"]


def _has_marks(plan: Plan) -> bool:
    values = [
        value
        for op in plan.operations
        for value in (
            op.resource, op.thread, op.new_resource, op.new_thread, op.text, *op.filters.values()
        )
    ]  # fmt: skip
    return any(isinstance(value, str) and _MARKS.search(value) is not None for value in values)


class _Step(NamedTuple):
    """One call: its round, the name of its result (empty: nobody looks at it), and its arguments."""

    round: int
    result: str
    arguments: list[str]
    cancelled: bool = False


def _round(steps: list[_Step], schedule: tuple[int, ...] = ()) -> list[str]:
    if len(steps) == 1:
        result = f"{steps[0].result} = " if steps[0].result else ""
        return _laid_out(f"{result}await stage.send(", steps[0].arguments, ")")
    results = ", ".join(step.result or "_" for step in steps)
    calls = [line for step in steps for line in _laid_out("stage.send(", step.arguments, "),")]
    calls += [f"schedule={schedule!r},"] if schedule else []
    return [f"{results} = await stage.together(", *_indented(calls), ")"]


def _laid_out(start: str, arguments: list[str], end: str) -> list[str]:
    line = f"{start}{', '.join(arguments)}{end}"
    if len(line) <= _LINE:
        return [line]
    return [start, *_indented([f"{arguments[0]},", f"{', '.join(arguments[1:])},"]), end]


def _call(operation: Operation, names: Names, places: Mapping[int | None, int]) -> list[str]:
    arguments = [repr(operation.text)]
    arguments += _identity("resource", operation.resource, names.resources)
    arguments += _identity("thread", operation.thread, names.threads)
    arguments.append(f"caller={operation.caller!r}")
    if operation.tenant is not None:
        arguments.append(f"tenant={operation.tenant!r}")
    if operation.surface != "send":
        arguments.append(f"surface={operation.surface!r}")
    if operation.filters:
        arguments.append(f"filters={dict(operation.filters)!r}")
    if operation.message in places:
        arguments.append(f"message={places[operation.message]!r}")
    arguments += _identity("new_resource", operation.new_resource, names.resources)
    arguments += _identity("new_thread", operation.new_thread, names.threads)
    if operation.asks:
        arguments.append("asks=True")
    if operation.same_text_as in places:
        arguments.append(f"same_text_as={places[operation.same_text_as]!r}")
    if operation.credentials != "own":
        arguments.append(f"credentials={operation.credentials!r}")
    if operation.cancel is not None:
        where = msgspec.to_builtins(operation.cancel) or {"calls": 0}
        arguments.append(f"cancel={where!r}")
    return arguments


def _identity(keyword: str, value: Id, names: Mapping[str, str]) -> list[str]:
    """The argument for an id. One that is omitted is no argument at all: that is what omitted means."""
    if value is msgspec.UNSET:
        return []
    return [f"{keyword}={names[value]}" if isinstance(value, str) else f"{keyword}=None"]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]
