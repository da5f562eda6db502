"""Read a target file, over the preset that it names, into one checked description."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from overheard.adapters.http.model import TargetFile
from overheard.adapters.http.problems import lacking, problems
from overheard.adapters.http.target import HttpTarget
from overheard.core.errors import UsageError
from overheard.scenario.problems import near

_FOLDER: Final = resources.files(__package__).joinpath("presets")


def load(path: Path, *, shown: str) -> HttpTarget:
    """The target that the file at `path` describes; `shown` is how messages call the file.

    Raises UsageError naming file, key and what is allowed there.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{shown}: this file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown}: this is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{shown}: this is not TOML: {error}") from error
    _reject(shown, problems(data))
    name = data.get("preset")
    whole = data if name is None else merged(preset(name, shown=shown), data)
    # Again, over both: a body in the file and another in the preset are each right, and together wrong.
    _reject(shown, [*problems(whole), *lacking(whole, presets())])
    return HttpTarget(msgspec.convert(whole, TargetFile), shown=shown, folder=path.parent)


def presets() -> list[str]:
    """The names of the presets that come with the package, in alphabetical order."""
    return sorted(
        each.name.removesuffix(".toml") for each in _FOLDER.iterdir() if each.name.endswith(".toml")
    )


def preset_text(name: str) -> str:
    """The file of one preset, comments and all. `name` is one of `presets()`."""
    return _FOLDER.joinpath(f"{name}.toml").read_text(encoding="utf-8")


def preset(name: str, *, shown: str) -> dict[str, Any]:
    """The values of one preset. Raises UsageError if there is none of that name."""
    if name not in presets():
        raise UsageError(f"{shown}: preset: there is no {name!r}; {near(name, presets())}")
    return tomllib.loads(preset_text(name))


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` over it: tables are merged key by key, at any depth; anything else is replaced.

    So are the conditions of `events`: two that must both hold are not what a file that says one means.
    """
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        if not (isinstance(below, dict) and isinstance(value, dict)):
            result[key] = value
        else:
            result[key] = {**below, **value} if key == "events" else merged(below, value)
    return result


def _reject(shown: str, found: list[str]) -> None:
    if found:
        raise UsageError("\n".join(f"{shown}: {sentence}" for sentence in found))
