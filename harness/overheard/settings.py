"""Configuration: what was asked for, by flag, environment and file, in that order.

A configuration file is `overheard.toml`, or the table `[tool.overheard]` of a `pyproject.toml`, whichever
is nearest above the current folder. The target's own declaration comes last, and is read when the target
is built. Everything is checked here, before anything is driven, and every message says which file, flag
or variable it is about.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from overheard.core.contract import Origin, contract_keys, declare, parse_settings
from overheard.core.errors import UsageError
from overheard.core.ids import MISSING_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

DEFAULT_OUTPUT: Final = Path("reports", "overheard")
DEFAULT_PROFILE: Final = "standard"
DEFAULT_BASELINE: Final = "overheard-baseline.toml"
DEFAULT_REGRESSIONS: Final = Path("tests", "overheard_regressions")
DEFAULT_TIMEOUT: Final = 30.0
"""Seconds that one call of the target may take."""

SEED_LIMIT: Final = 1 << 63
CONTRACT_VARIABLE: Final = "OVERHEARD_CONTRACT"

OWN_FILE: Final = "overheard.toml"
SHARED_FILE: Final = "pyproject.toml"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for by flag (or by an environment variable of the same name). None: not asked for."""

    target: str | None = None
    profile: str | None = None
    scenarios: tuple[str, ...] = ()
    seed: int | None = None
    timeout: float | None = None
    output: Path | None = None
    contract: tuple[str, ...] = ()
    prove: bool = False
    serve: str | None = None
    allow_remote: bool = False
    baseline: Path | None = None
    regressions: Path | None = None
    plugins: tuple[str, ...] = ()
    allow_destructive: bool = False
    rate: float | None = None
    config: Path | None = None


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration file: checked values, the table they stood in, and what to tell the user about it."""

    path: Path
    values: Mapping[str, Any] = {}
    contract: Mapping[str, Any] = {}
    notes: tuple[str, ...] = ()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run needs to know before the target is looked at.

    `base`    folder in which the target is looked for: that of the file that named it, else the current.
    `layers`  contract settings above the target's own, weakest first.
    `serve`   command that starts the target; `allow_remote` says that it may be on another machine,
              `allow_destructive` that something may be deleted there although it was not started here.
    `rate`    calls a second at most; None for as many as there are.
    `home`    folder of the configuration file, else the current: the user's own scenarios lie beside it.
    `baseline` the file of known findings, if there is one; `baseline_named` says that a flag or variable did.
    `regressions`  the folder of earlier failures; `keeps` says that it was named, so that it may be made.
    `plugins` modules and files to load beside those of installed packages; `plugins_named` are those of them
              that a flag or variable named.
    `named`   whether the target was named by argument; `config` the file that was asked for, if one was.
    """

    target: str
    base: Path
    profile: str
    scenarios: tuple[str, ...]
    seed: int
    timeout: float
    output: Path
    layers: tuple[tuple[Origin, Mapping[str, Any]], ...]
    prove: bool
    serve: str | None
    allow_remote: bool
    allow_destructive: bool
    rate: float | None
    home: Path
    notes: tuple[str, ...]
    named: bool = True
    config: Path | None = None
    baseline: Path | None = None
    baseline_named: Path | None = None
    regressions: Path | None = None
    regressions_named: Path | None = None
    keeps: bool = False
    plugins: tuple[str, ...] = ()
    plugins_named: tuple[str, ...] = ()

    def driving(self) -> dict[str, Any]:
        """The fields of `campaign.Options` that say what is driven, and how it is to be treated."""
        return {
            "target": self.target,
            "base": self.base,
            "seed": self.seed,
            "layers": self.layers,
            "timeout": self.timeout,
            "serve": self.serve,
            "allow_remote": self.allow_remote,
            "allow_destructive": self.allow_destructive,
            "rate": self.rate,
        }

    @property
    def command(self) -> str:
        """The line that does the same again, from the folder it was done in."""
        # A target that a file names is looked for beside that file, which no argument can say.
        words = ["overheard", "run", *([self.target] if self.named else [])]
        words += ["--seed", str(self.seed), "--profile", self.profile]
        for name in self.scenarios:
            words += ["--scenario", name]
        words += self._said_of_target()
        words += ["--prove"] if self.prove else []
        named = ("--baseline", self.baseline_named), ("--regressions", self.regressions_named)
        for flag, path in named:
            words += [] if path is None else [flag, str(path)]
        return shlex.join([*words, *self._config()])

    def replay(self, file: Path, *, times: int, numbers: Sequence[int] = ()) -> str:
        """The line that replays the plans of `file` as often, from the folder it was done in."""
        words = ["overheard", "replay", str(file), *([self.target] if self.named else [])]
        words += ["--times", str(times)]
        for number in numbers:
            words += ["--finding", str(number)]
        return shlex.join([*words, *self._said_of_target(), *self._config()])

    def _config(self) -> list[str]:
        return [] if self.config is None else ["--config", str(self.config)]

    def _said_of_target(self) -> list[str]:
        """How the target is to be treated, and by which contract it is judged."""
        words: list[str] = []
        for key, value in {k: v for _, layer in self.layers for k, v in layer.items()}.items():
            words += ["--contract", f"{key}={value}"]
        if self.timeout != DEFAULT_TIMEOUT:
            words += ["--timeout", f"{self.timeout:g}"]
        words += self._manners()
        for name in self.plugins_named:
            words += ["--plugin", name]
        return words

    def _manners(self) -> list[str]:
        """What is said of the target on the command line."""
        words = [] if self.serve is None else ["--serve", self.serve]
        words += ["--allow-remote"] if self.allow_remote else []
        words += ["--allow-destructive"] if self.allow_destructive else []
        return [*words, *([] if self.rate is None else ["--rate", f"{self.rate:g}"])]


def resolve(
    request: Request,
    *,
    cwd: Path,
    environ: Mapping[str, str],
    profiles: Collection[str],
    fresh: Callable[[], int],
    home: Path | None = None,
) -> Settings:
    """Merge flags, environment and file into one object.

    `home` is where the user's own things are if there is no configuration file; None: in `cwd`. `profiles`
    are the names that exist, `fresh` yields the seed of a run that names none. Raises UsageError naming the
    flag, variable or file, the key, and what is allowed.
    """
    file = read(request.config) if request.config else find(cwd)
    values = file.values if file else {}
    home = file.path.parent if file else home or cwd
    kept = values.get("regressions")
    target = request.target or values.get("target")
    if not target:
        raise UsageError(
            "no target was named: write `overheard run module:attribute`, path/file.py or path/file.toml, "
            f'or put `target = "module:attribute"` into {OWN_FILE}'
        )
    seed = _first(request.seed, values.get("seed"))
    return Settings(
        target=target,
        base=cwd if request.target else home,
        profile=_profile(request.profile, file, profiles),
        scenarios=request.scenarios or tuple(values.get("scenarios", ())),
        seed=fresh() if seed is None else seed,
        timeout=_first(request.timeout, values.get("timeout"), DEFAULT_TIMEOUT),
        output=_output(request.output, values.get("output"), cwd=cwd, home=home),
        layers=_layers(request, file, environ),
        prove=request.prove,
        serve=_first(request.serve, values.get("serve")),
        allow_remote=request.allow_remote or values.get("allow_remote", False),
        allow_destructive=request.allow_destructive or values.get("allow_destructive", False),
        rate=_first(request.rate, values.get("rate")),
        home=home,
        notes=file.notes if file else (),
        named=request.target is not None,
        config=request.config,
        baseline=_baseline(request.baseline, values.get("baseline"), cwd=cwd, home=home),
        baseline_named=request.baseline,
        regressions=cwd / request.regressions
        if request.regressions
        else home / (kept or DEFAULT_REGRESSIONS),
        regressions_named=request.regressions,
        keeps=bool(request.regressions or kept),
        plugins=plugins_of(file, request.plugins, cwd=cwd),
        plugins_named=request.plugins,
    )


def output_of(cwd: Path) -> Path:
    """The folder that a run in `cwd` writes to if no flag says otherwise."""
    file = find(cwd)
    return _output(
        None, file.values.get("output") if file else None, cwd=cwd, home=file.path.parent if file else cwd
    )


def plugins_here(
    more: Sequence[str], *, cwd: Path, config: Path | None = None
) -> tuple[tuple[str, ...], Path]:
    """The plugins of a command without other settings, and the folder that modules are looked for in."""
    file = read(config) if config else find(cwd)
    return plugins_of(file, more, cwd=cwd), file.path.parent if file else cwd


def plugins_of(file: File | None, more: Sequence[str] = (), *, cwd: Path) -> tuple[str, ...]:
    """The plugins that a file names, meant from beside it, and those named besides, meant from `cwd`."""
    in_file = file.values.get("plugins", ()) if file else ()
    folder = file.path.parent if file else cwd
    absolute = (str(folder.absolute() / name) if name.endswith(".py") else name for name in in_file)
    return tuple(dict.fromkeys((*absolute, *more)))


def baseline_of(cwd: Path, *, config: Path | None = None) -> Path:
    """The file of known findings that a run in `cwd` reads if no flag says otherwise, there or not."""
    file = read(config) if config else find(cwd)
    home = file.path.parent if file else cwd
    return home / (file.values.get("baseline", DEFAULT_BASELINE) if file else DEFAULT_BASELINE)


def find(start: Path) -> File | None:
    """The nearest configuration file at or above `start`, or None."""
    for folder in (start, *start.parents):
        own, shared = folder / OWN_FILE, folder / SHARED_FILE
        in_shared = shared.is_file() and _table(shared) is not None
        if own.is_file():
            file = read(own)
            note = f"{own} is used; [tool.overheard] of the {SHARED_FILE} beside it is not read"
            return msgspec.structs.replace(file, notes=(note,)) if in_shared else file
        if in_shared:
            return read(shared)
    return None


def read(path: Path) -> File:
    """Read and check one configuration file, or raise UsageError naming file, key and what is allowed."""
    table = _table(path)
    if table is None:
        raise UsageError(f"{path} has no table [tool.overheard]")
    for key in table:
        if key not in _CHECKS:
            raise UsageError(f"{path}: {unknown('key', key, list(_CHECKS))}")
    values = {key: _CHECKS[key](path, key, value) for key, value in table.items()}
    contract = values.pop("contract", {})
    check_contract("file", contract, str(path))
    return File(path=path, values=values, contract=contract)


def unknown(what: str, name: str, allowed: Collection[str]) -> str:
    """One sentence about a name that does not exist: the nearest that does, and all there are."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    near = difflib.get_close_matches(name, allowed, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    return f"there is no {what} {name!r}{hint} There are: {', '.join(allowed)}"


def _table(path: Path) -> Mapping[str, Any] | None:
    """The settings of a file, or None if a `pyproject.toml` has none for us."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    if path.name != SHARED_FILE:
        return document
    tools = document.get("tool")
    table = tools.get("overheard") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{path}: tool.overheard must be a table, written [tool.overheard]")
    return table


def _text(path: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{path}: {key} is {value!r}; it takes a text that is not empty")
    return value


def _names(path: Path, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise UsageError(f"{path}: {key} is {value!r}; it takes a list of names")
    return tuple(value)


def _seed(path: Path, key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < SEED_LIMIT:
        raise UsageError(f"{path}: {key} is {value!r}; it takes a whole number from 0 up")
    return value


def _yes(path: Path, key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{path}: {key} is {value!r}; it takes true or false")
    return value


def _rate(path: Path, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise UsageError(f"{path}: {key} is {value!r}; it takes calls a second, more than 0")
    return value


def _seconds(path: Path, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise UsageError(f"{path}: {key} is {value!r}; it takes seconds, more than 0")
    return float(value)


def _contract(path: Path, key: str, value: Any) -> Mapping[str, str | int]:
    """Flatten the table: `missing_ids.blank = "refuse"` and `"scope.search" = "resource"` mean the same kind
    of thing, but TOML nests the first."""  # noqa: D209
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {key} is {value!r}; it takes a table, written [{key}]")
    flat: dict[str, str | int] = {}
    for name, setting in value.items():
        inner = setting if isinstance(setting, dict) else {"": setting}
        for part, leaf in inner.items():
            if not isinstance(leaf, str | int):
                raise UsageError(f"{path}: contract key {name} is {leaf!r}; it takes a text or a number")
            flat[f"{name}.{part}" if part else name] = leaf
    return flat


_CHECKS: Final[Mapping[str, Callable[[Path, str, Any], Any]]] = {
    "target": _text,
    "profile": _text,
    "scenarios": _names,
    "seed": _seed,
    "timeout": _seconds,
    "output": _text,
    "baseline": _text,
    "plugins": _names,
    "regressions": _text,
    "serve": _text,
    "allow_remote": _yes,
    "allow_destructive": _yes,
    "rate": _rate,
    "contract": _contract,
}


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _profile(flag: str | None, file: File | None, profiles: Collection[str]) -> str:
    in_file = file.values.get("profile") if file else None
    name: str = _first(flag, in_file, DEFAULT_PROFILE)
    if name not in profiles:
        where = f"{file.path}: " if file and flag is None else ""
        raise UsageError(where + unknown("profile", name, list(profiles)))
    return name


def _output(flag: Path | None, in_file: str | None, *, cwd: Path, home: Path) -> Path:
    """A path is meant from where it is written: a flag from the current folder, a setting from its file's."""
    if flag is not None:
        return cwd / flag
    return cwd / DEFAULT_OUTPUT if in_file is None else home / in_file


def _baseline(flag: Path | None, in_file: str | None, *, cwd: Path, home: Path) -> Path | None:
    """What was named must be there; the file of the usual name is read if it is."""
    if flag is not None:
        return cwd / flag
    usual = home / DEFAULT_BASELINE
    return home / in_file if in_file is not None else usual if usual.is_file() else None


def _layers(
    request: Request, file: File | None, environ: Mapping[str, str]
) -> tuple[tuple[Origin, Mapping[str, Any]], ...]:
    layers: list[tuple[Origin, Mapping[str, Any]]] = []
    if file and file.contract:
        layers.append(("file", file.contract))
    words = [word for word in environ.get(CONTRACT_VARIABLE, "").split(",") if word.strip()]
    if words:
        said = check_contract("environment", parse_settings(words), CONTRACT_VARIABLE)
        layers.append(("environment", said))
    if request.contract:
        layers.append(("flag", check_contract("flag", parse_settings(list(request.contract)), "--contract")))
    return tuple(layers)


def check_contract(origin: Origin, settings: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Raise UsageError, with `where` in front, for a key or a value that no contract has."""
    for key in settings:
        field, _, part = key.partition(".")
        known = key in contract_keys() or (field == "scope" and bool(part))
        if not known:
            allowed = [name for name in contract_keys() if not part or name.startswith(f"{field}.")]
            if field == "missing_ids":
                allowed = [f"missing_ids.{kind}" for kind in MISSING_KINDS]
            raise UsageError(f"{where}: {unknown('contract key', key, allowed or contract_keys())}")
    try:
        declare((origin, settings))
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    return settings
