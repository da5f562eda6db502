"""What was asked for under pytest: flag over environment over declaration over ini setting over file.

The names are those of the command line, and so is the checking: one `Settings` comes out of both doors.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from msgspec.structs import replace

from overheard.campaign import PROFILES
from overheard.core.contract import parse_settings
from overheard.core.errors import UsageError
from overheard.settings import DEFAULT_TIMEOUT, SEED_LIMIT, Request, Settings, check_contract, resolve
from overheard.testing.declare import Declaration

_T = TypeVar("_T")

_YES: Final = ("1", "true", "yes", "on", "t", "y")
_NO: Final = ("0", "false", "no", "off", "f", "n", "")


def target_of(config: pytest.Config) -> str | None:
    """The target that is tested without a test file, if there is one."""
    return config.getoption("overheard", None) or config.getini("overheard") or None


def settings_of(
    config: pytest.Config, *, seed: int, target: str, declaration: Declaration | None = None
) -> Settings:
    """Everything that was asked for, for one target. `seed` is that of a session which names none.

    With a `declaration` the target is a declared test, else it is `target_of(config)`. Raises UsageError
    naming the flag, variable, setting or file.
    """
    asked = _Asked(config)
    here = config.invocation_params.dir
    home = config.inipath.parent if config.inipath else config.rootpath
    given = declaration or Declaration()
    ini_output, ini_baseline, ini_regressions = map(asked.ini, ("output", "baseline", "regressions"))
    baseline, regressions = asked.flag("baseline", Path), asked.flag("regressions", Path)
    request = Request(
        target=target,
        profile=asked.flag("profile", str) or given.profile or asked.ini("profile") or None,
        scenarios=tuple(asked.words("scenario") or given.scenarios or asked.ini("scenario")),
        seed=_first(
            asked.flag("seed", _seed),
            None if given.seed is None else _seed(str(given.seed), "seed= of the declared test"),
            asked.ini("seed", _seed),
        ),
        timeout=_first(
            asked.flag("timeout", _seconds),
            None if given.timeout is None else _seconds(str(given.timeout), "timeout= of the declared test"),
            asked.ini("timeout", _seconds),
        ),
        output=asked.flag("output", Path) or (home / ini_output if ini_output else None),
        contract=tuple(config.getoption("overheard_contract") or ()),
        prove=bool(asked.switch("prove") or given.prove or asked.ini("prove")),
        baseline=baseline or (home / ini_baseline if ini_baseline else None),
        regressions=regressions or (home / ini_regressions if ini_regressions else None),
        plugins=tuple(asked.words("plugin") or asked.ini("plugin")),
    )
    settings = resolve(
        request, cwd=here, environ=os.environ, profiles=PROFILES, fresh=lambda: seed, home=home
    )
    named_by_flag = declaration is not None or config.getoption("overheard", None)
    return replace(
        settings,
        baseline_named=baseline,
        regressions_named=regressions,
        plugins_named=tuple(asked.words("plugin")),
        base=here if named_by_flag else home,
        layers=(
            *_layer("target", given.contract or {}, "contract= of the declared test"),
            *(layer for layer in settings.layers if layer[0] == "file"),
            *_layer("file", parse_settings(asked.ini("contract")), "ini setting overheard_contract"),
            *(layer for layer in settings.layers if layer[0] != "file"),
        ),
    )


def shows_evidence(config: pytest.Config) -> bool:
    """Whether evidence is shown as it was."""
    asked = _Asked(config)
    return bool(asked.switch("show-evidence") or asked.ini("show-evidence"))


def command_of(config: pytest.Config, settings: Settings, owner: str) -> str:
    """The line that repeats the checks of a declared test, whose fixtures only pytest can make.

    What the test itself declares need not be said again.
    """
    words = ["pytest", owner.partition("[")[0], "--overheard-seed", str(settings.seed)]
    words += ["--overheard-profile", settings.profile]
    for name in _Asked(config).words("scenario"):
        words += ["--overheard-scenario", name]
    for origin, layer in settings.layers:
        if origin in ("flag", "environment"):
            for key, value in layer.items():
                words += ["--overheard-contract", f"{key}={value}"]
    if settings.timeout != DEFAULT_TIMEOUT:
        words += ["--overheard-timeout", f"{settings.timeout:g}"]
    for plugin in settings.plugins_named:
        words += ["--overheard-plugin", plugin]
    for name in ("baseline", "regressions"):
        named = getattr(settings, f"{name}_named")
        words += [] if named is None else [f"--overheard-{name}", str(named)]
    return shlex.join([*words, *(["--overheard-prove"] if settings.prove else [])])


class _Asked:
    """One place where an option can be: a flag or a variable; and its ini setting."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def flag(self, name: str, kind: Callable[[str, str], _T] | type[_T]) -> _T | None:
        value = self._config.getoption(f"overheard_{_plain(name)}")
        where = f"--overheard-{name}"
        if value is None:
            where = _variable(name)
            value = os.environ.get(where)
        return None if value is None or value == "" else _made(kind, value, where)

    def words(self, name: str) -> list[str]:
        given: list[str] | None = self._config.getoption(f"overheard_{_plain(name)}")
        if given:
            return given
        return [word.strip() for word in os.environ.get(_variable(name), "").split(",") if word.strip()]

    def switch(self, name: str) -> bool:
        if self._config.getoption(f"overheard_{_plain(name)}"):
            return True
        said = os.environ.get(_variable(name), "")
        if said.strip().lower() not in (*_YES, *_NO):
            raise UsageError(f"{_variable(name)} is {said!r}; it takes 1 or 0")
        return said.strip().lower() in _YES

    def ini(self, name: str, kind: Callable[[str, str], Any] | None = None) -> Any:
        value = self._config.getini(f"overheard_{_plain(name)}")
        if kind is None:
            return value
        return None if value in ("", None) else _made(kind, str(value), f"ini setting overheard_{name}")


def _made(kind: Any, value: str, where: str) -> Any:
    return kind(value) if isinstance(kind, type) else kind(value, where)


def _plain(name: str) -> str:
    return name.replace("-", "_")


def _variable(name: str) -> str:
    return f"OVERHEARD_{_plain(name).upper()}"


def _layer(origin: Any, settings: Mapping[str, Any], where: str) -> list[tuple[Any, Mapping[str, Any]]]:
    return [(origin, check_contract(origin, settings, where))] if settings else []


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _seed(value: str, where: str) -> int:
    # isdecimal: `int` takes "1_000" and digits of other scripts, which no other tool would take again.
    if not (value.isascii() and value.isdecimal() and int(value) < SEED_LIMIT):
        raise UsageError(f"{where} is {value!r}; it takes a whole number from 0 up")
    return int(value)


def _seconds(value: str, where: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"{where} is {value!r}; it takes seconds, more than 0")
    return seconds
