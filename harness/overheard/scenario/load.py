"""Read scenarios: the built-in ones, and a user's own from beside their configuration."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from overheard.core.errors import ScenarioError
from overheard.scenario.model import Scenario
from overheard.scenario.problems import contradictions, near, problems

FOLDER: Final = "scenarios"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PACKAGE = Path(__file__).parent.parent

_Files = dict[str, tuple[Path, dict[str, Any]]]


def builtin() -> dict[str, Scenario]:
    """The scenarios that come with the package, by name, in alphabetical order."""
    return _build(_read(_builtin_folder()), {})


def load(directory: Path | None, *, more: Sequence[Path] = ()) -> dict[str, Scenario]:
    """The built-in scenarios, those of plugins, and those in the folder `scenarios/` of `directory`, by name.

    `more` are the folders of plugins. `directory` is where the user's configuration lies; None, or no such
    folder: it has none.
    A file that names itself like another scenario, or that says `extends = "NAME"`, starts from that
    scenario's values: tables are merged key by key, anything else is replaced.
    Raises ScenarioError naming file, key and what is allowed there.
    """
    shipped = _read(_builtin_folder())
    for theirs in more:
        shipped |= _apart(shipped, _read(theirs))
    folder = None if directory is None else directory / FOLDER
    if folder is None or not folder.is_dir() or folder.resolve() == _builtin_folder().resolve():
        return _build(shipped, {})
    return _build(shipped, _read(folder))


def _apart(there: _Files, more: _Files) -> _Files:
    for name, (path, _) in more.items():
        if name in there:
            raise ScenarioError(
                f"{path}: there is a scenario {name!r} in {there[name][0]}; give the file another name"
            )
    return more


def select(scenarios: Mapping[str, Scenario], names: Sequence[str]) -> dict[str, Scenario]:
    """Those of `scenarios` that are named, in the order of the names; all of them if none is.

    Raises ScenarioError for a name that there is not.
    """
    for name in names:
        if name not in scenarios:
            raise ScenarioError(f"there is no scenario {name!r}; {near(name, scenarios)}")
    return {name: scenarios[name] for name in names} if names else dict(scenarios)


def _builtin_folder() -> Path:
    # An editable install has no packaged copy: there the repository's own folder stands in.
    return folder if (folder := _PACKAGE / FOLDER).is_dir() else _PACKAGE.parent.parent / FOLDER


def _read(folder: Path) -> _Files:
    return {path.stem: (path, _parse(path)) for path in sorted(folder.glob("*.toml"))}


def _parse(path: Path) -> dict[str, Any]:
    if not _NAME.fullmatch(path.stem):
        raise ScenarioError(
            f"{path}: a scenario is named after its file, and {path.stem!r} is no name for one; "
            "allowed: lower case letters and digits, in words joined by hyphens"
        )
    try:
        # Editors on Windows put a byte order mark first, which tomllib takes for a statement.
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: this is not TOML: {error}") from error
    except RecursionError as error:
        raise ScenarioError(
            f"{path}: this is nested too deeply; no key takes more than two levels"
        ) from error
    except UnicodeDecodeError as error:
        raise ScenarioError(
            f"{path}: this is not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error
    except OSError as error:
        raise ScenarioError(f"{path}: this file cannot be read: {error.strerror}") from error
    _reject(path, problems(data))
    return data


def _reject(path: Path, found: list[str]) -> None:
    if found:
        raise ScenarioError("\n".join(f"{path}: {sentence}" for sentence in found))


def _build(shipped: _Files, own: _Files) -> dict[str, Scenario]:
    for name, (path, data) in own.items():
        if name in shipped and data.get("extends") != name:
            raise ScenarioError(
                f'{path}: there is a built-in scenario {name!r}; write extends = "{name}" to change it, '
                "or give the file another name"
            )
    built: dict[str, Scenario] = {}
    for name, (path, _) in sorted((shipped | own).items()):
        values = _merged(name, shipped, own, ())
        values.pop("extends", None)
        # Not strict: 18.0 is a whole number to TOML's tools and to JSON Schema, which has passed it.
        built[name] = msgspec.convert({"name": name, **values}, Scenario, strict=False)
        _reject(path, list(contradictions(built[name])))
    return built


def _merged(name: str, shipped: _Files, own: _Files, below: tuple[str, ...]) -> dict[str, Any]:
    """The values of scenario `name` over those that it extends. `below` are the names that led here."""
    path, data = (own if name in own else shipped)[name]
    base = data.get("extends")
    if base is None:
        return data
    if base == name and name in own and name in shipped:
        return _over(_merged(name, shipped, {}, ()), data)
    if base in (*below, name):
        circle = " -> ".join([*below, name, base])
        raise ScenarioError(f"{path}: extends goes round in a circle: {circle}")
    if base not in own and base not in shipped:
        others = [other for other in sorted(shipped | own) if other != name]
        raise ScenarioError(f"{path}: extends: there is no scenario {base!r}; {near(base, others)}")
    return _over(_merged(base, shipped, own, (*below, name)), data)


def _over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    return merged
