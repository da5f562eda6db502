"""The folder of a run: fixed names, never half a report, never over somebody else's files.

The only module of this room with effects. `prepare` comes before the campaign (so that an unwritable
folder is found out before an hour of driving), `write` after it.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from overheard.check.result import LEFT, Judgement
from overheard.core.errors import InternalError, UsageError
from overheard.report.formats import FORMATS, Format
from overheard.report.program import to_program
from overheard.report.words import counterexample_path

MARKER: Final = ".overheard-report"
HISTORY: Final = "history.jsonl"
PREVIOUS: Final = "previous"
PROGRAMS: Final = "counterexamples"
RESERVED: Final = frozenset((MARKER, HISTORY, PREVIOUS, PROGRAMS, "parts"))
"""Names in a report folder that no further format may take."""

_MARKER_TEXT: Final = b"overheard writes this folder and moves what it finds here to previous/\n"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o666


def prepare(folder: Path, *, keep: Path | None = None) -> Path:
    """Make `folder` ready for a new run, and say where its history goes.

    The folder is made if it is not there; what an earlier run left is moved to `previous/N/`, except the
    file `keep`: a history that is judged again into its own folder must not move away under its reader.
    Raises UsageError if the folder cannot be written or holds files of somebody else, InternalError if the
    disk is full.
    """
    with _told(folder):
        _claim(folder)
        _rotate(folder, keep)
    return folder / HISTORY


def claim(folder: Path) -> None:
    """Make `folder` one of ours without touching what an earlier run left in it. Raises as `prepare`."""
    with _told(folder):
        _claim(folder)


def write(
    folder: Path,
    judgement: Judgement,
    *,
    history: Path | None = None,
    show: bool = False,
    more: Mapping[str, Format] | None = None,
) -> list[Path]:
    """Write every format, those of plugins last, and the counterexamples into `folder`, each whole or not.

    Reports that are there already are replaced, `prepare` is what keeps an earlier run. `history`, if it
    is another file than the folder's own, is copied beside them, readable by its owner alone; so are
    reports that `show` evidence. `more` are further formats. Returns the paths written. Raises as `prepare`,
    and whatever one of `more` raises, when all else is written.
    """
    written: list[Path] = []
    with _told(folder):
        _claim(folder)
        written += _rendered(folder, judgement, FORMATS.values(), show=show)
        written += _counterexamples(folder, judgement)
        written += _left_behind(folder, judgement)
        own = folder / HISTORY
        if history is not None and not (own.exists() and own.samefile(history)):
            _copy(history, own)
            written.append(own)
        written += _rendered(folder, judgement, more.values() if more else (), show=show)
    return written


def _rendered(folder: Path, judgement: Judgement, forms: Iterable[Format], *, show: bool) -> Iterator[Path]:
    for form in forms:
        path = folder / form.file
        if form.absent(judgement):
            # An earlier judgement's would be taken for this one's: a certificate for a run without.
            path.unlink(missing_ok=True)
            continue
        _replace(path, form.render(judgement, show), mode=_PRIVATE if show else _PUBLIC)
        yield path


def _claim(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: name a folder for the report")
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / MARKER
    if marker.exists():
        return
    if any(folder.iterdir()):
        raise UsageError(
            f"{folder} has files in it that overheard did not write: name another folder, or empty it"
        )
    _replace(marker, _MARKER_TEXT, mode=_PUBLIC)


def _rotate(folder: Path, keep: Path | None) -> None:
    kept = None if keep is None else keep.resolve()
    earlier = [
        path for path in folder.iterdir() if path.name not in (MARKER, PREVIOUS) and path.resolve() != kept
    ]
    if not earlier:
        return
    shelf = folder / PREVIOUS
    shelf.mkdir(exist_ok=True)
    numbers = [int(path.name) for path in shelf.iterdir() if path.name.isdecimal()]
    place = shelf / str(max(numbers, default=0) + 1)
    place.mkdir()
    for path in sorted(earlier):
        path.rename(place / path.name)


def _counterexamples(folder: Path, judgement: Judgement) -> list[Path]:
    programs: dict[Path, str] = {}
    for index, finding in enumerate(judgement.findings):
        name = counterexample_path(judgement, index)
        if name is not None:
            source = to_program(finding, judgement, target=judgement.target, number=index + 1)
            programs[folder / name] = source
    home = folder / PROGRAMS
    if programs:
        home.mkdir(exist_ok=True)
    for path, source in programs.items():
        _replace(path, source.encode("utf-8"), mode=_PUBLIC)
    # Written again with fewer findings: a program that no finding names would be taken for one that is.
    for path in home.glob("counterexample-*.py") if home.is_dir() else ():
        if path not in programs:
            path.unlink()
    return list(programs)


def _left_behind(folder: Path, judgement: Judgement) -> list[Path]:
    """The list of what stayed in the target, for its owner's eyes: ids are secrets too."""
    path = folder / LEFT
    if not judgement.left:
        path.unlink(missing_ok=True)
        return []
    _replace(path, b"".join(msgspec.json.encode(left) + b"\n" for left in judgement.left), mode=_PRIVATE)
    return [path]


def _copy(source: Path, target: Path) -> None:
    with (
        source.open("rb") as reading,
        _whole(target, mode=_PRIVATE) as descriptor,
        os.fdopen(descriptor, "wb", closefd=False) as writing,
    ):
        shutil.copyfileobj(reading, writing)


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    with _whole(path, mode=mode) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as writing:
        writing.write(content)


@contextmanager
def _whole(path: Path, *, mode: int) -> Iterator[int]:
    """A descriptor to write `path` through. The file appears whole when the block ends, or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    # O_EXCL, so that a link put in its place is not followed; the mode is subject to the umask.
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn the machine's errors into a sentence."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        place = error.filename or folder
        if error.errno in _FULL:
            raise InternalError(f"the report could not be written to {place}: {why}") from error
        raise UsageError(
            f"the report folder {folder} cannot be written ({place}: {why}): name another folder"
        ) from error
