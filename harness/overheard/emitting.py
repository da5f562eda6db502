"""`--emit-test`: what was found, as test files in a folder of the user's, none of which is ever changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from overheard.baseline import seen_from
from overheard.check.result import Judgement
from overheard.core.errors import UsageError
from overheard.core.regression import Regression
from overheard.regressions import document, of
from overheard.report.emitted import file_name, to_test
from overheard.report.words import title
from overheard.settings import DEFAULT_TIMEOUT, Settings


def ready(folder: Path | None) -> None:
    """Raise UsageError if test files cannot be written into `folder`: before driving, not after."""
    if folder is None:
        return
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise UsageError(f"--emit-test: {there} is a file; name a folder for the tests")
    if not os.access(there, os.W_OK):
        raise UsageError(f"--emit-test: {there} cannot be written; name another folder for the tests")


def found(judgement: Judgement) -> tuple[list[Regression], list[str]]:
    """The findings of a run that a test can show again; and of the others, but for known ones, why not."""
    plans, notes = [], []
    for number, finding in enumerate(judgement.findings, 1):
        one = of(finding)
        if finding.known:
            continue
        if one is None:
            notes.append(f"no test of finding {number} ({title(finding)}): it was not made small")
        elif not finding.replayed:
            notes.append(f"no test of finding {number} ({title(finding)}): its plan did not show it again")
        else:
            plans.append(one)
    return plans, notes


def emit(
    folder: Path, plans: Iterable[Regression], settings: Settings, *, times: int
) -> tuple[list[Path], list[str]]:
    """Write a test for each of `plans` into `folder`: the paths written, and what to say of the others.

    A file that is there is left alone. Raises UsageError if the folder cannot be written.
    """
    written: list[Path] = []
    notes: list[str] = []
    base = settings.base.resolve()
    # An absolute path would be that of one machine.
    target = seen_from(base, settings.target, base)
    for one in plans:
        path = folder / file_name(document(one), target=target)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            root = Path(os.path.relpath(base, folder.resolve())).as_posix()
            source = to_test(document(one), target=target, root=root, asked=_asked(settings), times=times)
            if _is_there(path, source, notes):
                continue
            with path.open("x", encoding="utf-8") as file:
                file.write(source)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
        written.append(path)
    return written, notes


def _is_there(path: Path, source: str, notes: list[str]) -> bool:
    if not path.exists():
        return False
    same = path.is_file() and path.read_bytes() == source.encode()
    notes.append(f"{path} is there already" + ("" if same else ", and differs: it was left as it is"))
    return True


def _asked(settings: Settings) -> dict[str, Any]:
    """What was said on the command line, which a test that is run without it has to say itself."""
    said: Sequence[tuple[str, Any, Any]] = (
        ("contract", _contract(settings), {}),
        ("timeout", settings.timeout, DEFAULT_TIMEOUT),
        ("serve", settings.serve, None),
        ("allow_remote", settings.allow_remote, False),
        ("allow_destructive", settings.allow_destructive, False),
        ("rate", settings.rate, None),
    )
    return {name: value for name, value, usual in said if value != usual}


def _contract(settings: Settings) -> dict[str, Any]:
    layers = (layer for origin, layer in settings.layers if origin in ("flag", "environment"))
    return {key: value for layer in layers for key, value in layer.items()}
