"""The file of known findings: reading it, choosing what is about a target, adding to it.

[[finding]]
invariant = "thread-ownership"
diagnosis = "thread id is the only key"
places = ["send/prompt", "send/reply"]
target = "app/agent.py:agent"
reason = "the new store checks the owner, #12"
owner = "ada@example.org"
expires = 2027-03-31

It is the user's, comments and all: entries are added at its end, by a command of its own, and nothing that is
in it is ever changed.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from overheard.check.diagnose import ADVICE
from overheard.check.known import accepted_by
from overheard.check.relation import INVARIANTS
from overheard.check.result import Finding, Judgement
from overheard.core.baseline import CHANNELS, Known, day_of, is_place
from overheard.core.errors import InternalError, UsageError
from overheard.report.escape import visible
from overheard.settings import unknown

_TEXTS: Final = ("invariant", "diagnosis", "reason", "owner")
_KEYS: Final = ("invariant", "diagnosis", "places", "target", "reason", "owner", "expires")
_NEEDED: Final = tuple(key for key in _KEYS if key != "target")
_HEADER: Final = """\
# Known findings: what overheard finds here and somebody has accepted, for a while. Entries are added by
# `overheard baseline`; take one out when what it says is mended.
"""


class Entry(NamedTuple):
    """One entry of a file. `target` is the one it is about, seen from the file's folder; None: all."""

    known: Known
    target: str | None


class Acceptance(NamedTuple):
    """What a user says of findings that are to be accepted."""

    reason: str
    owner: str
    expires: date


def known(
    path: Path | None, *, target: str, base: Path, invariants: Collection[str] = ()
) -> tuple[Known, ...]:
    """The entries about `target`, which is looked for from `base`. Raises as `read`."""
    if path is None:
        return ()
    name = seen_from(path.parent, target, base)
    return tuple(entry.known for entry in read(path, invariants) if entry.target in (None, name))


def seen_from(folder: Path, target: str, base: Path) -> str:
    """How a file in `folder` writes `target`, wherever the command that named it was called."""
    place, colon, attribute = target.partition(":")
    if not place.endswith((".py", ".toml")):
        return target
    return Path(os.path.relpath(base / place, folder)).as_posix() + colon + attribute


def read(path: Path, invariants: Collection[str] = ()) -> tuple[Entry, ...]:
    """Read and check a file. `invariants` are those of plugins, whose diagnoses are their own.

    Raises UsageError naming file, entry, key and what is allowed.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"there is no baseline {path}; `overheard baseline` writes one from the findings of the last run"
        ) from None
    except OSError as error:
        raise UsageError(f"the baseline {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the baseline {path} is not TOML: {error}") from error
    for key in document:
        if key != "finding":
            raise UsageError(f"{path}: {unknown('key', key, ['finding'])}")
    tables = document.get("finding", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{path}: finding is no list of tables; write each as [[finding]]")
    return tuple(
        _entry(f"{path}, finding {number}", number, table, invariants)
        for number, table in enumerate(tables, 1)
    )


def _entry(where: str, number: int, table: Mapping[str, Any], others: Collection[str]) -> Entry:
    for key in table:
        if key not in _KEYS:
            raise UsageError(f"{where}: {unknown('key', key, _KEYS)}")
    for key in _NEEDED:
        if key not in table:
            raise UsageError(f"{where}: {key} is missing; an entry has {', '.join(_NEEDED)}")
    for key in (*_TEXTS, *(("target",) if "target" in table else ())):
        if not isinstance(table[key], str) or not table[key].strip():
            raise UsageError(f"{where}: {key} is {table[key]!r}; it takes a text that is not empty")
    invariant, diagnosis = table["invariant"], table["diagnosis"]
    if invariant not in (*INVARIANTS, *others):
        raise UsageError(f"{where}: {unknown('invariant', invariant, (*INVARIANTS, *others))}")
    if diagnosis not in ADVICE and invariant not in others:
        raise UsageError(f"{where}: {unknown('diagnosis', diagnosis, list(ADVICE))}")
    entry = Known(
        number=number,
        invariant=invariant,
        diagnosis=diagnosis,
        places=_places(where, table["places"]),
        reason=table["reason"],
        owner=table["owner"],
        expires=_date(where, table["expires"]),
    )
    return Entry(entry, table.get("target"))


def _places(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise UsageError(f'{where}: places is {value!r}; it takes a list such as ["send/reply"]')
    for place in value:
        if not isinstance(place, str) or not is_place(place):
            raise UsageError(
                f"{where}: places has {place!r}; a place is a surface and a channel, such as send/reply; "
                f"channels are {', '.join(CHANNELS)}"
            )
    return tuple(value)


def _date(where: str, value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise UsageError(
        f"{where}: expires is {value}; it takes a date, such as 2027-03-31, without quotes or a time"
    )


def acceptance(reason: str, owner: str, expires: date, *, today: str) -> Acceptance:
    """What a user says, checked. Raises UsageError."""
    said = Acceptance(visible(reason.strip()), visible(owner.strip()), expires)
    if not said.reason or not said.owner:
        raise UsageError("--reason and --owner take a text that is not empty")
    if (day := day_of(today)) and said.expires < day:
        raise UsageError(f"--expires {said.expires} is over: such an entry would hide nothing")
    return said


def accept(
    judgement: Judgement, path: Path, *, said: Acceptance, numbers: Collection[int] = (), cwd: Path,
    invariants: Collection[str] = (),
) -> tuple[Known, ...]:  # fmt: skip
    """Add the findings of a run to the file at `path`: those of these numbers, or all that are new.

    `cwd` is where the run was started, `invariants` are those of plugins. Only what is new of a finding is
    written. Returns the entries. Raises UsageError if the run is part of one, a number is wrong, or the file
    is no baseline or cannot be written.
    """
    if judgement.part:
        raise UsageError(
            "only a part of a run was judged, which may tell another story than the whole does: run "
            "everything, then accept what it finds"
        )
    findings = _chosen(judgement.findings, numbers)
    if not findings:
        return ()
    there = read(path, invariants) if path.exists() else ()
    first = len(there) + 1
    entries = tuple(
        Known(
            number=number,
            invariant=finding.invariant,
            diagnosis=finding.diagnosis,
            places=finding.new,
            reason=said.reason,
            owner=said.owner,
            expires=said.expires,
        )
        for number, finding in enumerate(findings, first)
    )
    folder = path.absolute().parent
    _append(path, entries, seen_from(folder, judgement.target, _base(judgement.target, (cwd, folder))))
    if tuple(entry.known for entry in read(path, invariants)[first - 1 :]) != entries:
        raise InternalError(f"{path} does not say what was written into it")
    return entries


def sentence(entry: Known) -> str:
    """An entry in one line."""
    places = ", ".join(entry.places)
    return f"finding {entry.number}, {entry.invariant}: {entry.diagnosis} in {places}; {accepted_by(entry)}"


def _chosen(findings: Sequence[Finding], numbers: Collection[int]) -> list[Finding]:
    for number in numbers:
        if not 1 <= number <= len(findings):
            raise UsageError(f"there is no finding {number}; the report has {len(findings)}")
        if findings[number - 1].known:
            raise UsageError(f"finding {number} is in the baseline already")
    wanted = [findings[number - 1] for number in sorted(set(numbers))] or findings
    return [finding for finding in wanted if not finding.known]


def _base(target: str, folders: Sequence[Path]) -> Path:
    """The folder that a target was looked for from: a flag is meant from where it is typed, a setting from
    beside its file."""  # noqa: D209
    place = target.partition(":")[0]
    return next((folder for folder in folders if (folder / place).exists()), folders[0])


def _append(path: Path, entries: Sequence[Known], target: str) -> None:
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else _HEADER
        gap = "" if before.endswith("\n") or not before else "\n"
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(
            before + gap + "".join(f"\n{_table(entry, target)}" for entry in entries), encoding="utf-8"
        )
        partial.replace(path)
    except (OSError, UnicodeEncodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"the baseline {path} cannot be written: {why}") from error


def _table(entry: Known, target: str) -> str:
    values: dict[str, str] = {
        "invariant": _text(entry.invariant),
        "diagnosis": _text(entry.diagnosis),
        "places": f"[{', '.join(map(_text, entry.places))}]",
        "target": _text(target),
        "reason": _text(entry.reason),
        "owner": _text(entry.owner),
        "expires": entry.expires.isoformat(),
    }
    return "[[finding]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


def _text(words: str) -> str:
    """A text of TOML is one of JSON, but for DEL, and for halves of characters."""
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")
