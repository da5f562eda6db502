"""The folder of earlier failures: small plans as files, tried first in every run.

Each file is one plan that showed a leak once, as JSON, an operation a line: to be read, committed and, when
what it is about is gone for good, deleted. A run that made a finding small writes one, if the folder is there
or was named; nothing that is there is ever changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from overheard.check.relation import INVARIANTS
from overheard.check.result import Finding, Judgement
from overheard.core.errors import UsageError
from overheard.core.operation import Operation, Plan
from overheard.core.regression import Regression
from overheard.settings import unknown

FORMAT: Final = 1
ENDING: Final = ".json"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_KEYS: Final = ("format", "invariant", "diagnosis", "told_by", "seen_by", "plan")
_ADVICE: Final = "take the file from version control again, or delete it"


def names(folder: Path | None) -> list[str]:
    """The names of what is in the folder, in their order. None, or no folder: nothing."""
    if folder is None or not folder.is_dir():
        return []
    return sorted(path.name.removesuffix(ENDING) for path in folder.glob(f"*{ENDING}"))


def load(folder: Path | None) -> tuple[Regression, ...]:
    """All of them. Raises UsageError naming the first file that cannot be read, and why."""
    return tuple(read(folder, name) for name in names(folder) if folder is not None)


def read(folder: Path, name: str) -> Regression:
    """One of them. Raises UsageError naming file and place, and saying what to do."""
    path = folder / f"{name}{ENDING}"
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"{path}: a name has letters, digits, dots, dashes and underscores only; rename it")
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}; {_ADVICE}") from error
    return parsed(name, document, where=str(path), advice=_ADVICE)


def parsed(name: str, document: Any, *, where: str, advice: str) -> Regression:
    """The plan that the content of a file is. Raises UsageError naming `where`, and saying what to do."""
    try:
        return _regression(name, document)
    except (UsageError, msgspec.ValidationError, RecursionError) as error:
        raise UsageError(f"{where} is no plan of an earlier failure: {error}; {advice}") from error


def _regression(name: str, document: Any) -> Regression:
    if not isinstance(document, dict):
        raise UsageError("it holds no object")
    written = document.get("format")
    if isinstance(written, int) and written > FORMAT:
        raise UsageError(f"it has format {written}, and this version reads up to {FORMAT}: update overheard")
    _only(document, _KEYS, "it")
    for key in _KEYS:
        if key not in document:
            raise UsageError(f"it has no {key}")
    _only_known_keys(document["plan"])
    fields = {key: document[key] for key in _KEYS if key != "format"}
    one = msgspec.convert({**fields, "name": name}, Regression)
    if one.invariant not in INVARIANTS:
        raise UsageError(unknown("invariant", one.invariant, INVARIANTS))
    _check(one.plan)
    for key in ("told_by", "seen_by"):
        if not 0 <= getattr(one, key) < len(one.plan.operations):
            raise UsageError(
                f"{key} is {getattr(one, key)}, and it has {len(one.plan.operations)} operations"
            )
    return one


def _only_known_keys(plan: Any) -> None:
    """A key that nobody reads would change what the plan does without a word. The rest `convert` finds."""
    if isinstance(plan, dict):
        _only(plan, Plan.__struct_fields__, "its plan")
        operations = plan.get("operations")
        for place, operation in enumerate(operations if isinstance(operations, list) else []):
            if isinstance(operation, dict):
                _only(operation, Operation.__struct_fields__, f"operation {place}")


def _check(plan: Plan) -> None:
    if not plan.operations:
        raise UsageError("its plan has no operations")
    last = 0
    for place, one in enumerate(plan.operations):
        if one.number != place:
            raise UsageError(
                f"operation {place} has the number {one.number}; they are numbered from 0, in order"
            )
        if one.round < last:
            raise UsageError(f"operation {place} has round {one.round}, after one of round {last}")
        last = one.round
        for other in (*one.asks, *(() if one.same_text_as is None else (one.same_text_as,))):
            if not 0 <= other < len(plan.operations):
                raise UsageError(f"operation {place} names operation {other}, which is not there")


def _only(table: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in allowed:
            raise UsageError(f"{where} has a key too many: {unknown('key', key, allowed)}")


def keep(folder: Path | None, judgement: Judgement, *, make: bool) -> list[Path]:
    """Write a file for each finding that was made small and is not there yet. Returns the paths.

    `make` says that the folder may be made. What the baseline knows is not written, nor what an earlier file
    of the same promise and diagnosis shows already, or was not tried against. Raises UsageError if the
    folder cannot be written.
    """
    if folder is None or not (make or folder.is_dir()):
        return []
    written = []
    for finding in judgement.findings:
        one = of(finding)
        if one is not None and finding.replayed and not finding.known:
            path = folder / f"{one.name}{ENDING}"
            if _is_news(folder, _stem(one), judgement) and not path.exists():
                _write(path, _text(one))
                written.append(path)
    return written


def of(finding: Finding) -> Regression | None:
    """What is kept of a finding, under the name that its file has; None if it has no small plan."""
    told, seen, plan = finding.minimal_owner, finding.minimal_observer, finding.minimal
    if plan is None or told is None or seen is None:
        return None
    one = Regression(
        name="",
        invariant=finding.invariant,
        diagnosis=finding.diagnosis,
        told_by=told,
        seen_by=seen,
        plan=msgspec.structs.replace(plan, source="file", seed=None),
    )
    digest = hashlib.blake2b(_text(one).encode(), digest_size=3).hexdigest()
    return msgspec.structs.replace(one, name=f"{_stem(one)}.{digest}")


def _stem(one: Regression) -> str:
    return f"{one.invariant}.{_slug(one.diagnosis)}"


def _is_news(folder: Path, stem: str, judgement: Judgement) -> bool:
    """Whether every earlier plan of the story was driven, and none showed it."""
    results = {one.name: one for one in judgement.regressions}
    alike = [name for name in names(folder) if name.startswith(f"{stem}.")]
    return all(name in results and results[name].plays and not results[name].shown for name in alike)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error


def document(one: Regression) -> dict[str, Any]:
    """What a file holds of it: plain data, its plan last, and of that the operations last."""
    plan = json.loads(json.dumps(msgspec.to_builtins(one.plan)))  # as a file is decoded: lists, no tuples
    return {
        "format": FORMAT,
        "invariant": one.invariant,
        "diagnosis": one.diagnosis,
        "told_by": one.told_by,
        "seen_by": one.seen_by,
        "plan": {**{key: value for key, value in plan.items() if key != "operations"},
                 "operations": plan["operations"]},
    }  # fmt: skip


def _text(one: Regression) -> str:
    """The file: JSON, an operation a line."""
    head = document(one)
    rest = head.pop("plan")
    operations = [f"      {_json(operation)}" for operation in rest.pop("operations")]
    lines = ["{", *(f"  {_json(key)}: {_json(value)}," for key, value in head.items()), '  "plan": {']
    lines += [f"    {_json(key)}: {_json(value)}," for key, value in rest.items()]
    return "\n".join([*lines, '    "operations": [', ",\n".join(operations), "    ]", "  }", "}", ""])


def _json(value: Any) -> str:
    """As it is read, but for what nobody sees or what turns a line around."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def _slug(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
