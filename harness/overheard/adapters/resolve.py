"""From the words a user typed to the object they name."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from overheard.adapters.blame import describe
from overheard.adapters.forms import form_of
from overheard.core.errors import TargetBuildError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

OBVIOUS: Final = ("agent", "target", "build", "app", "graph")
"""Names that need not be written after a file: the attribute with one of these is the target."""

_FORMS: Final = "write it as module:attribute, path/file.py:attribute, path/file.py, or path/file.toml"
_SHOWN: Final = 12
_MISSING: Final = object()
_PREFIX: Final = "overheard_target_"


def load(target: str, *, base: Path) -> Any:
    """The object that `target` names: `module:attribute`, `path/file.py:attribute` or `path/file.py`; or the
    description of a target behind HTTP, `path/file.toml`.

    The attribute may be dotted. Paths are taken from `base`, which also goes on `sys.path` for modules; a
    file's own folder does, as when Python runs the file.

    Raises UsageError, with what is like it and what exists, if there is no such module, file or attribute;
    TargetBuildError, in one sentence and with file and line, if the target's own code fails while it is
    imported.
    """
    if target.endswith(".toml") and "\0" not in target:
        return _load_description(target, base)
    place, attribute = _split(target)
    module = _load_file(target, place, base) if place.endswith(".py") else _load_module(target, place, base)
    if attribute is None:
        return _obvious(target, module)
    return _attribute(target, module, attribute)


def _load_description(target: str, base: Path) -> Any:
    from overheard.adapters.http.load import load as load_http  # noqa: PLC0415 - only where it is in use

    path = (base / target).absolute()
    if not path.is_file():
        raise UsageError(f"target {target!r}: {_no_file(path)}")
    return load_http(path, shown=target)


def _split(target: str) -> tuple[str, str | None]:
    place, colon, attribute = target.rpartition(":")
    if not colon:
        place, attribute = target, ""
    if not place or "\0" in target or (colon and not attribute):
        raise UsageError(f"target {target!r} names nothing; {_FORMS}")
    if not colon and not place.endswith(".py"):
        raise UsageError(f"target {target!r} names no attribute; {_FORMS}")
    return place, attribute if colon else None


def _load_file(target: str, place: str, base: Path) -> ModuleType:
    path = (base / place).absolute()
    if not path.is_file():
        raise UsageError(f"target {target!r}: {_no_file(path)}")
    if (path.parent / "__init__.py").is_file():
        # A file of a package may import relatively, which only works under its full name.
        root, parts = _package(path)
        return _load_module(target, ".".join(parts), root)
    # As when Python runs the file: it may import its neighbours, now or when it is called.
    _on_path(path.parent)
    # A name of its own, because `agent.py` may lie in many folders, and a module of that name elsewhere.
    name = f"{_PREFIX}{path.stem}_{hashlib.blake2b(str(path).encode(), digest_size=4).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:  # a `.py` file always has a loader
        raise UsageError(f"target {target!r}: {place} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses and pickles look their module up by name
    try:
        with _blaming(target):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _package(path: Path) -> tuple[Path, list[str]]:
    """The folder that holds the outermost package around `path`, and the file's dotted name in parts."""
    parts = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, parts


def _load_module(target: str, place: str, base: Path) -> ModuleType:
    if "/" in place or not all(part.isidentifier() for part in place.split(".")):
        raise UsageError(f"target {target!r}: {place!r} is neither a module nor a .py file; {_FORMS}")
    _on_path(base.absolute())
    importlib.invalidate_caches()
    # One part after the other: only so can a module that does not exist be told from one that does, and
    # in turn imports something that does not.
    parts = place.split(".")
    module: ModuleType | None = None
    for count in range(1, len(parts) + 1):
        module = _import_part(target, ".".join(parts[:count]), module, base)
    assert module is not None  # noqa: S101 - a split string has at least one part
    return module


def _import_part(target: str, name: str, parent: ModuleType | None, base: Path) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    if parent is not None and not hasattr(parent, "__path__"):
        raise UsageError(
            f"target {target!r}: {parent.__name__} is a module and has no modules in it; {_FORMS}"
        )
    with _blaming(target):
        if importlib.util.find_spec(name) is not None:
            return importlib.import_module(name)
    where = [str(base)] if parent is None else list(parent.__path__)
    last = name.rpartition(".")[2]
    found = sorted({module.name for module in pkgutil.iter_modules(where)})
    raise UsageError(
        f"target {target!r}: there is no module {name}{_near(last, found)}"
        f"{_there('modules', found, where[0])}"
    )


def _attribute(target: str, module: ModuleType, attribute: str) -> Any:
    found: Any = module
    owner = _name(module)
    for part in attribute.split("."):
        with _blaming(target):  # a module's __getattr__ or a property is the target's own code too
            inner = getattr(found, part, _MISSING)
        if inner is _MISSING:
            names = _public(found)
            raise UsageError(
                f"target {target!r}: {owner} has no {part!r}{_near(part, names)}"
                f"{_there('names', names, owner)}"
            )
        found, owner = inner, part
    return found


def _obvious(target: str, module: ModuleType) -> Any:
    named = [name for name in OBVIOUS if hasattr(module, name)]
    fitting = named or [name for name in _public(module) if _fits(getattr(module, name), module)]
    if len(fitting) == 1:
        return getattr(module, fitting[0])
    if fitting:
        raise UsageError(
            f"target {target!r} could be any of {', '.join(fitting)}; say which: {target}:{fitting[0]}"
        )
    raise UsageError(
        f"target {target!r}: nothing in it is an agent{_there('names', _public(module), _name(module))}; "
        f"name one {', '.join(OBVIOUS[:-1])} or {OBVIOUS[-1]}, or say which: {target}:NAME"
    )


def _fits(value: Any, module: ModuleType) -> bool:
    """Whether a public object of `module` is likely meant: what it imported from elsewhere is not."""
    if inspect.ismodule(value) or form_of(value) is None:
        return False
    if isinstance(value, type):
        return value.__module__ == module.__name__ and callable(getattr(value, "send", None))
    return not inspect.isroutine(value) or value.__module__ == module.__name__


def _public(owner: Any) -> list[str]:
    return sorted(name for name in dir(owner) if not name.startswith("_"))


def _no_file(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder; {_FORMS}"
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    found = sorted(each.name for each in folder.glob(f"*{path.suffix}"))
    return f"there is no file {path.name}{_near(path.name, found)}{_there('files', found, str(folder))}"


def _near(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _there(what: str, known: list[str], where: str) -> str:
    if not known:
        return f" ({where} has none)"
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f" ({what} in {where}: {', '.join(known[:_SHOWN])}{more})"


def _name(module: ModuleType) -> str:
    if module.__name__.startswith(_PREFIX) and module.__file__:
        return Path(module.__file__).name
    return module.__name__


def _on_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@contextmanager
def _blaming(target: str) -> Iterator[None]:
    """Turn whatever the target's own code raises into one sentence; Ctrl-C passes."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise TargetBuildError(f"target {target!r} cannot be imported: {describe(error)}") from error
