"""The contract: what a target is declared to promise.

Targets differ, and both mistakes are fatal: judging by a promise nobody made is a false alarm, and
not judging by one that was made is a missed leak. So every field says where its value came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from overheard.core.errors import UsageError
from overheard.core.ids import MISSING_KINDS, Id, MissingKind, missing_kind
from overheard.core.offers import Offers

Scope: TypeAlias = Literal["thread", "resource", "tenant"]
ThreadIds: TypeAlias = Literal["owned", "bearer"]
MissingIds: TypeAlias = Literal["closed", "refuse", "ordinary"]
Deletion: TypeAlias = Literal["everywhere", "conversation"]
Origin: TypeAlias = Literal["default", "target", "file", "environment", "flag"]

ORIGINS: Final[tuple[Origin, ...]] = get_args(Origin)
"""Weakest first: a flag wins over the environment, that over a file, that over the target's own word."""

_MISSING_DEFAULT: Mapping[MissingKind, MissingIds] = {
    "omitted": "closed",
    "null": "closed",
    "empty": "closed",
    "blank": "ordinary",
}


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the target promises.

    `scope`          who may recall a fact: the same `thread` (of the same resource), the same `resource`,
                     or the same `tenant`.
    `surface_scope`  where a surface differs from `scope` (`{"search": "resource"}`).
    `thread_ids`     `owned`: a thread answers only its owner. `bearer`: the id is the key, and neither
                     ownership nor what happens without a resource id is promised.
    `missing_ids`    per kind of missing id: `closed` (refused, or answered without any memory), `refuse`
                     (refused), or `ordinary` (an id like any other). White space alone is ordinary
                     unless declared.
    `recall`         for how many stored messages after it a fact must be recalled in its own thread, both
                     roles counted; 0 means: in the next turn.
    `recall_kind`    `exact`: every promised recall must succeed. `ranked`: memory picks what it finds best,
                     so only a fact that is never recalled breaks the promise.
    `settle`         milliseconds to wait before what was told can be asked for, and what was deleted is gone.
    `deletion`       from where what was told in a thread is gone once that is deleted: from `everywhere`, or
                     from the `conversation` as it can be listed and read; what memory has learnt from it may
                     stay.
    `authentication` how a caller proves who it is: `none`, or `caller` (the target is given the caller).
    """

    scope: Scope = "thread"
    surface_scope: Mapping[str, Scope] = msgspec.field(default_factory=dict)
    thread_ids: ThreadIds = "owned"
    missing_ids: Mapping[MissingKind, MissingIds] = msgspec.field(
        default_factory=lambda: dict(_MISSING_DEFAULT)
    )
    recall: int = 0
    recall_kind: Literal["exact", "ranked"] = "exact"
    settle: int = 0
    deletion: Deletion = "everywhere"
    authentication: Literal["none", "caller"] = "none"

    def scope_of(self, surface: str) -> Scope:
        """Who may recall a fact through `surface`."""
        return self.surface_scope.get(surface, self.scope)

    def missing(self, value: Id) -> MissingKind | None:
        """The kind of missing id that `value` is under this contract, or None if it is an ordinary id."""
        if type(value) is str and value and not value.isspace():
            return None  # nearly all are; the rest of this is several times dearer
        kind = missing_kind(value)
        return None if kind is None or self.missing_ids.get(kind, "closed") == "ordinary" else kind

    def refuses(self, kind: str | None) -> bool:
        """Whether an operation whose id is missing in this way has to be refused."""
        return any(value == "refuse" for name, value in self.missing_ids.items() if name == kind)


class DeclaredContract(msgspec.Struct, frozen=True, kw_only=True):
    """A contract and where each of its keys came from."""

    contract: Contract
    origins: Mapping[str, Origin]


_ALLOWED: dict[str, tuple[str, ...]] = {
    "scope": get_args(Scope),
    "thread_ids": get_args(ThreadIds),
    "missing_ids": get_args(MissingIds),
    "recall_kind": ("exact", "ranked"),
    "deletion": get_args(Deletion),
    "authentication": ("none", "caller"),
}
_NUMBERS = ("recall", "settle")


def contract_keys() -> list[str]:
    """Every key that `declare` takes, for messages and completion."""
    return [
        *_ALLOWED, *_NUMBERS, "scope.SURFACE", *(f"missing_ids.{kind}" for kind in MISSING_KINDS)
    ]  # fmt: skip


def declare(*layers: tuple[Origin, Mapping[str, Any]]) -> DeclaredContract:
    """Build a contract from layers of flat settings, each with its origin; later layers win.

    Keys are those of `Contract`, plus `scope.SURFACE` for one surface and `missing_ids.KIND` for one kind
    of missing id. Raises UsageError naming the key, its origin and what is allowed.
    """
    values: dict[str, Any] = {}
    scopes: dict[str, Scope] = {}
    missing: dict[MissingKind, MissingIds] = dict(_MISSING_DEFAULT)
    origins: dict[str, Origin] = dict.fromkeys(("scope", "thread_ids", "missing_ids", *_NUMBERS), "default")
    origins |= dict.fromkeys(("recall_kind", "deletion", "authentication"), "default")
    for origin, settings in layers:
        for key, value in settings.items():
            field, dot, part = key.partition(".")
            _known(key, field, part if dot else None, origin)
            if field in _NUMBERS:
                values[field] = _number(key, value, origin)
            else:
                if str(value) not in _ALLOWED[field]:
                    raise UsageError(
                        f"contract key {key} ({origin_words(origin)}) is {value!r}; "
                        f"it can be {', '.join(_ALLOWED[field])}"
                    )
                if field == "scope" and part:
                    scopes[part] = value
                elif field == "missing_ids":
                    # Blank is an ordinary id unless it is named: a sweeping `missing_ids=refuse` must not
                    # turn "  " into a promise that nobody made.
                    kinds = (part,) if part else ("omitted", "null", "empty")
                    missing.update(dict.fromkeys(kinds, value))  # type: ignore[arg-type]  # checked in _known
                else:
                    values[field] = value
            origins[key] = origin
    return DeclaredContract(
        contract=Contract(**values, surface_scope=scopes, missing_ids=missing), origins=origins
    )


def suited(declared: DeclaredContract, offers: Offers) -> DeclaredContract:
    """The contract as it is judged of a target with these surfaces.

    A surface that takes no thread id cannot keep threads apart: it speaks for the resource, whatever the
    scope of the others. Raises UsageError if the opposite is declared.
    """
    contract, origins = declared.contract, dict(declared.origins)
    scopes = dict(contract.surface_scope)
    for surface, takes in offers.beyond.items():
        if "thread" in takes.accepts or contract.scope_of(surface) != "thread":
            continue
        if surface in scopes:
            said = origin_words(origins[f"scope.{surface}"])
            raise UsageError(
                f"contract key scope.{surface} ({said}) is 'thread', and "
                f"{surface} takes no thread id; let it take `thread`, or declare scope.{surface}=resource"
            )
        scopes[surface] = "resource"
        origins[f"scope.{surface}"] = "default"
    return DeclaredContract(contract=msgspec.structs.replace(contract, surface_scope=scopes), origins=origins)


def parse_settings(words: list[str]) -> dict[str, str]:
    """Turn `KEY=VALUE` words into settings. Raises UsageError for a word without `=`."""
    settings: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"contract setting {word!r} is not KEY=VALUE, such as thread_ids=bearer")
        settings[key.strip()] = value.strip()
    return settings


def origin_words(origin: Origin) -> str:
    """Where a setting was made, in words."""
    return {
        "default": "built in",
        "target": "declared on the target",
        "file": "from the configuration file",
        "environment": "from the environment",
        "flag": "from the command line",
    }[origin]


def _known(key: str, field: str, part: str | None, origin: Origin) -> None:
    known = field in _ALLOWED or field in _NUMBERS
    if part is not None:
        known = (field == "scope" and part != "") or (field == "missing_ids" and part in MISSING_KINDS)
    if not known:
        raise UsageError(
            f"there is no contract key {key!r} ({origin_words(origin)}); "
            f"there are: {', '.join(contract_keys())}"
        )


def _number(key: str, value: Any, origin: Origin) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if number < 0 or isinstance(value, bool) or (isinstance(value, float) and number != value):
        raise UsageError(
            f"contract key {key} ({origin_words(origin)}) is {value!r}; it takes a whole number from 0 up"
        )
    return number
