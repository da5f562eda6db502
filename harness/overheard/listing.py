"""The scenarios that there are, as text and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from overheard.report.escape import visible
from overheard.scenario import load
from overheard.scenario.schema import schema as scenario_schema
from overheard.settings import find as find_file
from overheard.settings import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from overheard.scenario.model import Scenario


def find(
    name: str | None, *, config: Path | None, cwd: Path, more: Sequence[Path] = ()
) -> Mapping[str, Scenario]:
    """The scenario of that name, or all of them: the built-in ones, those beside the configuration, and those
    in the folders `more`.

    Raises ScenarioError for a name that there is not, UsageError for a configuration that is wrong.
    """
    file = read(config) if config else find_file(cwd)
    found = load.load(file.path.parent if file else cwd, more=more)
    return load.select(found, [name] if name else [])


def schema() -> str:
    """The JSON Schema of scenario files."""
    return json.dumps(scenario_schema(), indent=2)


def to_json(found: Mapping[str, Scenario]) -> str:
    """All of `found`, whole, by name."""
    return json.dumps({name: msgspec.to_builtins(one) for name, one in found.items()}, indent=2)


def to_terminal(found: Mapping[str, Scenario], *, whole: bool) -> str:
    """A table, or each scenario with everything that is set in it."""
    if whole:
        return "\n\n".join(_page(one) for one in found.values())
    from tabulate import tabulate  # noqa: PLC0415 - only the table needs it

    rows = [
        (one.name, one.mode, visible(one.title), ", ".join(one.invariants)) for one in found.values()
    ]  # fmt: skip
    return tabulate(
        rows,
        headers=("name", "mode", "title", "judges"),
        tablefmt="simple",
        maxcolwidths=[None, None, 34, 44],
    )


def _page(one: Scenario) -> str:
    """One scenario as its file could be written, every default spelt out."""
    values = msgspec.to_builtins(one)
    plain = [f"# {one.name}.toml", ""]
    plain += [
        f"{key} = {_toml(value)}"
        for key, value in values.items()
        if key != "name" and not isinstance(value, dict)
    ]
    for key, table in values.items():
        if isinstance(table, dict):
            plain += ["", f"[{key}]", *(f"{name} = {_toml(value)}" for name, value in table.items())]
    return "\n".join(plain)


def _toml(value: Any) -> str:
    """Text, numbers and lists of them are written in TOML as they are in JSON, control characters too."""
    if isinstance(value, str):
        return json.dumps(visible(value), ensure_ascii=False)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return json.dumps(value)
