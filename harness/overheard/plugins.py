"""What others add: scenarios, promises, adapters, reports; by four functions of a plugin.

A plugin is a module (or object) with any of the functions named in `Hooks`. It is found by the entry point
group `overheard` of an installed package, by `--plugin`, or, under pytest, as a pytest plugin or the first
`conftest.py`. Everything that it gives is looked at when it is loaded, before anything is driven, and each
message says which plugin it is about. A plugin that cannot be loaded ends the run: what it would have judged
would otherwise pass without a word.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import pluggy

from overheard.check.extension import Breach, Invariant, Ruling
from overheard.check.relation import INVARIANTS
from overheard.check.result import Judgement
from overheard.core.errors import PluginError
from overheard.core.extension import Adapter
from overheard.report.formats import FORMATS, Format
from overheard.report.json import to_json
from overheard.report.write import RESERVED

__all__ = ["GROUP", "Adapter", "Breach", "Hooks", "Invariant", "Plugins", "Report", "Ruling", "load"]

GROUP: Final = "overheard"
"""The entry point group, and the prefix of the hooks."""

NO_PLUGINS: Final = "OVERHEARD_NO_PLUGINS"
"""Environment variable that leaves out the plugins of installed packages."""

_PREFIX: Final = f"{GROUP}_"
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_spec: Final = pluggy.HookspecMarker(GROUP)


class Report(NamedTuple):
    """A further format: `overheard report --format NAME`, and a `file` in the folder of every run.

    `render` makes the file out of what `report.json` says, as `json.loads` gives it: a pure function. In it
    evidence is redacted, and what an agent said is written out, as in the file itself.
    """

    name: str
    file: str
    render: Callable[[dict[str, Any]], str | bytes]


class Hooks:
    """The functions that a plugin may have. None of them takes an argument; each gives a list."""

    @_spec
    def overheard_scenarios(self) -> Iterable[Path]:  # type: ignore[empty-body]  # a specification
        """Folders with scenario files, which then are as the built-in ones are."""

    @_spec
    def overheard_invariants(self) -> Iterable[Invariant]:  # type: ignore[empty-body]  # as above
        """Promises to be judged besides: pure functions of what was driven."""

    @_spec
    def overheard_adapters(self) -> Iterable[Adapter]:  # type: ignore[empty-body]  # as above
        """Ways to make a target of the objects of some framework."""

    @_spec
    def overheard_reports(self) -> Iterable[Report]:  # type: ignore[empty-body]  # as above
        """Further formats in which every run is written."""


HOOKS: Final = tuple(name for name in vars(Hooks) if name.startswith(_PREFIX))


class Plugins(NamedTuple):
    """Everything that all plugins give. `names` are theirs, with the versions of installed ones."""

    names: Mapping[str, str] = {}
    scenarios: tuple[Path, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    adapters: tuple[Adapter, ...] = ()
    reports: Mapping[str, Format] = {}

    @property
    def versions(self) -> dict[str, str]:
        """As a history records them: what has a say in a judgement."""
        return {f"plugin {name}": version for name, version in self.names.items()}

    def asked_by(self, scenarios: Iterable[str]) -> tuple[Invariant, ...]:
        """The promises that any of these scenarios puts to the test."""
        names = list(scenarios)
        return tuple(one for one in self.invariants if any(map(one.asked_by, names)))


class _Manager(pluggy.PluginManager):
    """Takes every function whose name begins as a hook's does: a plugin need not mark its own."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
        if name not in HOOKS or not callable(getattr(plugin, name)):
            return None
        return {
            "wrapper": False, "hookwrapper": False, "optionalhook": False, "tryfirst": False,
            "trylast": False, "specname": None,
        }  # fmt: skip


def load(
    named: Sequence[str] = (),
    *,
    base: Path,
    environ: Mapping[str, str],
    beside: Iterable[tuple[str, Any]] = (),
) -> Plugins:
    """Load the plugins of installed packages, those `named` (`module` or `path/file.py`, seen from `base`),
    and the modules `beside`, which are there already.

    Raises PluginError in one sentence that names the plugin.
    """
    manager = _Manager(GROUP)
    manager.add_hookspecs(Hooks)
    names: dict[str, str] = {}
    sources: list[Iterable[tuple[str, str, Any]]] = []
    if environ.get(NO_PLUGINS, "").strip().lower() in ("", "0", "no", "false", "off"):
        sources.append(_installed())
    # A history says by which plugins it was judged, and not where on a machine they lay.
    sources.append((Path(name).name, "", _imported(name, base)) for name in named)
    for name, version, plugin in (one for source in sources for one in source):
        _only_hooks(name, plugin)
        _register(manager, name, plugin)
        names[name] = version
    for name, plugin in beside:
        _only_hooks(name, plugin, alike=0.9)
        if any(_is_hook(plugin, each) for each in HOOKS) and not manager.is_registered(plugin):
            _register(manager, name, plugin)
            names[name] = ""
    return _gathered(manager, names)


def _installed() -> Iterator[tuple[str, str, Any]]:
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda each: each.name):
        package = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        try:
            plugin = point.load()
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"the plugin {point.name} ({package}) cannot be loaded: {type(error).__name__}: {error}; "
                f"{NO_PLUGINS}=1 leaves it out"
            ) from error
        yield point.name, point.dist.version if point.dist else "", plugin


def _imported(name: str, base: Path) -> Any:
    folder = str(base.absolute())
    path = (base / name).absolute()
    if name.endswith(".py") and not path.is_file():
        raise PluginError(f"the plugin {name}: there is no file {path}")
    sys.path.insert(0, folder)
    try:
        return _executed(path) if name.endswith(".py") else importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise PluginError(f"the plugin {name} cannot be loaded: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(folder)


def _executed(path: Path) -> ModuleType:
    """The module of a file, under its usual name: a target that imports it must get the same classes."""
    there = sys.modules.get(path.stem)
    if there is not None and Path(getattr(there, "__file__", None) or "").resolve() == path.resolve():
        return there
    name = path.stem if there is None else f"overheard_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # noqa: S101 - the file is there, and its name ends in .py
    assert spec.loader is not None  # noqa: S101 - as above
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _register(manager: _Manager, name: str, plugin: Any) -> None:
    for hook in HOOKS:
        function = getattr(plugin, hook, None)
        if function is not None and not callable(function):
            raise PluginError(f"the plugin {name}: {hook} is {type(function).__name__}, and no function")
    try:
        manager.register(plugin, name)
    except pluggy.PluginValidationError:
        wrong = next(hook for hook in HOOKS if _is_hook(plugin, hook) and _parameters(getattr(plugin, hook)))
        taken = ", ".join(_parameters(getattr(plugin, wrong)))
        raise PluginError(
            f"the plugin {name}: {wrong} takes no argument, and this one takes {taken}"
        ) from None
    except ValueError as error:
        raise PluginError(f"the plugin {name} is there twice: {error}") from error


def _parameters(function: Any) -> list[str]:
    return [
        each.name for each in inspect.signature(function).parameters.values() if each.default is each.empty
    ]


def _is_hook(plugin: Any, name: str) -> bool:
    return callable(getattr(plugin, name, None))


def _only_hooks(name: str, plugin: Any, *, alike: float = 0.0) -> None:
    """Raise PluginError for a function that is named as a hook and is none: it would never be called.

    In a module that is no plugin of ours alone, such as a conftest, only one that is much `alike`.
    """
    for each in dir(plugin):
        if each.startswith(_PREFIX) and each not in HOOKS and isinstance(getattr(plugin, each), FunctionType):
            near = get_close_matches(each, HOOKS, n=1, cutoff=alike or 0.6)
            if near or not alike:
                hint = f"; did you mean {near[0]}?" if near else "."
                raise PluginError(
                    f"the plugin {name}: there is no hook {each}{hint} There are: {', '.join(HOOKS)}"
                )


# What they give


def _gathered(manager: _Manager, names: Mapping[str, str]) -> Plugins:
    reports: dict[str, Format] = {}
    for plugin, one in _given(manager, "overheard_reports", Report):
        reports[one.name] = _report(plugin, one, reports)
    invariants: dict[str, Invariant] = {}
    for plugin, promise in _given(manager, "overheard_invariants", Invariant):
        _check_invariant(plugin, promise, invariants)
        invariants[promise.name] = promise
    adapters = []
    for plugin, adapter in _given(manager, "overheard_adapters", Adapter):
        if not callable(adapter.matches) or not callable(adapter.adapt):
            raise PluginError(
                f"the plugin {plugin}: adapter {adapter.name!r} needs two functions, matches and adapt"
            )
        adapters.append(adapter)
    folders = []
    for plugin, folder in _given(manager, "overheard_scenarios", Path):
        if not folder.is_dir():
            raise PluginError(f"the plugin {plugin}: overheard_scenarios names {folder}, which is no folder")
        folders.append(folder)
    return Plugins(names, tuple(folders), tuple(invariants.values()), tuple(adapters), reports)


def _given(manager: _Manager, hook: str, kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """What every plugin gives, each with the plugin's name, in the order in which they were loaded."""
    for function in getattr(manager.hook, hook).get_hookimpls():
        plugin = function.plugin_name
        try:
            given = list(function.function())
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"the plugin {plugin}: {hook} failed: {type(error).__name__}: {error}"
            ) from error
        for one in given:
            if not isinstance(one, kind):
                what = f"gave {type(one).__name__}, and not a list of {kind.__name__}"
                raise PluginError(f"the plugin {plugin}: {hook} {what}")
            yield plugin, one


def _check_invariant(plugin: str, one: Any, others: Collection[str]) -> None:
    where = f"the plugin {plugin}: invariant {one.name!r}"
    if not isinstance(one.name, str) or not _NAME.fullmatch(one.name):
        raise PluginError(
            f"{where} has no name for one: lower case letters and digits, words joined by hyphens"
        )
    if one.name in INVARIANTS or one.name in others:
        raise PluginError(f"{where} is there already; give it another name")
    if not isinstance(one.title, str) or not one.title.strip():
        raise PluginError(f"{where} has no title: the promise in one sentence")
    if not callable(one.check):
        raise PluginError(f"{where} has no function to check it")
    if isinstance(one.scenarios, str) or not all(isinstance(name, str) for name in one.scenarios):
        raise PluginError(f"{where}: scenarios is {one.scenarios!r}; it takes a tuple of names")


def _report(plugin: str, one: Any, others: Mapping[str, Format]) -> Format:
    where = f"the plugin {plugin}: report {one.name!r}"
    if not isinstance(one.name, str) or not _NAME.fullmatch(one.name):
        raise PluginError(
            f"{where} has no name for one: lower case letters and digits, words joined by hyphens"
        )
    if one.name in FORMATS or one.name in others or one.name == "terminal":
        raise PluginError(f"{where} is there already; give it another name")
    taken = {each.file for each in (*FORMATS.values(), *others.values())} | RESERVED
    if not isinstance(one.file, str) or not _FILE.fullmatch(one.file) or one.file in taken:
        raise PluginError(
            f"{where} cannot be written to {one.file!r}; name a file of its own, without a folder"
        )
    if not callable(one.render):
        raise PluginError(f"{where} has no function to render it")

    def render(judgement: Judgement, show: bool) -> bytes:
        try:
            made = one.render(json.loads(to_json(judgement, show=show)))
        except (Exception, SystemExit) as error:
            raise PluginError(f"{where} failed: {type(error).__name__}: {error}") from error
        if isinstance(made, str):
            return made.encode("utf-8", "backslashreplace")
        if isinstance(made, bytes):
            return made
        raise PluginError(f"{where} gave {type(made).__name__}, and no text")

    return Format(one.file, render)
