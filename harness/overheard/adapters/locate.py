"""Where a target is written down: for reports that point at a file, and say which state of it was driven."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from overheard.adapters.resolve import OBVIOUS
from overheard.core.source import Source


def locate(target: str, *, base: Path) -> Source | None:
    """The file of a target that was loaded, and the line on which its name is defined.

    `target` as `resolve.load` takes it, or `path/file.py:name` of a test that gives the target. None if it
    names no file that can be read. Never raises: where something stands decides nothing.
    """
    place, _, attribute = target.rpartition(":") if ":" in target else (target, "", "")
    try:
        path = _path(place, base)
        if path is None:
            return None
        content = path.read_bytes()
        return Source(
            file=_shown(path, base),
            line=_line(content, attribute) if path.suffix == ".py" else 1,
            sha256=hashlib.sha256(content).hexdigest(),
        )
    except (OSError, ValueError):
        return None


def _path(place: str, base: Path) -> Path | None:
    if not place.endswith((".py", ".toml")):
        place = getattr(sys.modules.get(place), "__file__", None) or ""
    path = (base / place).resolve()
    return path if path.is_file() else None


def _shown(path: Path, base: Path) -> str:
    """From the repository's root, because that is what whoever reads a path in a report stands in."""
    root = next((folder for folder in path.parents if (folder / ".git").exists()), base.resolve())
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _line(content: bytes, attribute: str) -> int:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 1
    lines = {name: node.lineno for node in reversed(tree.body) for name in _names(node)}
    wanted = [attribute.partition(".")[0].partition("[")[0]] if attribute else OBVIOUS
    return next((lines[name] for name in wanted if name in lines), 1)


def _names(node: ast.stmt) -> Iterable[str]:
    """The names that a statement of a module defines."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [
                each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)
            ]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ImportFrom():
            return [alias.asname or alias.name for alias in node.names]
    return []
