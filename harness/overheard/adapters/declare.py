"""How a target says, in its own source, what it promises.

    @overheard.contract(thread_ids="bearer", refusals=(PermissionError,))
    async def agent(message, *, thread, resource): ...

or, without importing anything, an attribute of the object or its class:

    class Agent:
        overheard_contract = {"thread_ids": "bearer", "missing_ids.blank": "refuse"}

Keys and values are those of `overheard.core.contract.declare`, which is also what checks them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from overheard.core.errors import UsageError
from overheard.core.operation import BEYOND

_T = TypeVar("_T")

Refusals: TypeAlias = tuple[type[BaseException], ...]

DEFAULT_REFUSALS: Final[Refusals] = (PermissionError, LookupError)
"""What means "no" in a target that does not say: not allowed, and no such conversation."""

_MARK = "__overheard__"
_ATTRIBUTE = "overheard_contract"


class Declaration(NamedTuple):
    """What one object declares: contract settings by key, the exceptions by which it refuses, and which of
    its surfaces beyond sending are meant.

    `refusals` and `surfaces` are None where the object says nothing about them.
    """

    settings: Mapping[str, Any]
    refusals: Refusals | None
    surfaces: tuple[str, ...] | None = None

    def adding(self, inner: Declaration) -> Declaration:
        """This declaration and one nearer to the agent, which wins where both speak."""
        refusals = self.refusals if inner.refusals is None else inner.refusals
        surfaces = self.surfaces if inner.surfaces is None else inner.surfaces
        return Declaration({**self.settings, **inner.settings}, refusals, surfaces)


NOTHING: Final = Declaration({}, None)


def contract(
    *misplaced: object,
    refusals: type[BaseException] | Refusals | None = None,
    surfaces: Iterable[str] | None = None,
    **settings: Any,
) -> Callable[[_T], _T]:
    """Declare the contract of a function, class or factory: a decorator that only marks.

    `settings` are contract keys; a dot is written as two underscores (`missing_ids__blank="refuse"`).
    `refusals` are the exceptions by which the target says no, in place of PermissionError and LookupError.
    `surfaces` are the surfaces beyond sending that are meant, where not every method of such a name is one.
    Decorators add up, the nearer to the target the weaker. Raises UsageError if used without parentheses,
    on something that cannot be marked, or with refusals that are no exception classes.
    """
    if misplaced:
        raise UsageError('write @overheard.contract(...) with settings, such as thread_ids="bearer"')
    declared = Declaration(
        {key.replace("__", "."): value for key, value in settings.items()},
        _refusals(refusals),
        _surfaces(surfaces),
    )

    def mark(target: _T) -> _T:
        try:
            setattr(target, _MARK, declaration_of(target).adding(declared))
        except (AttributeError, TypeError) as error:
            raise UsageError(
                f"overheard.contract cannot mark a {type(target).__name__}: "
                "put it on the function, class or factory that yields it"
            ) from error
        return target

    return mark


def declaration_of(target: Any) -> Declaration:
    """What `target` itself declares. Raises UsageError for an attribute that is no mapping of settings."""
    marked = getattr(target, _MARK, None)
    if isinstance(marked, Declaration):
        return marked
    # Looked up statically first: a mock or proxy has every attribute one asks for.
    if inspect.getattr_static(target, _ATTRIBUTE, None) is None:
        return NOTHING
    attribute = getattr(target, _ATTRIBUTE)
    if not isinstance(attribute, Mapping):
        raise UsageError(
            f"{_ATTRIBUTE} is a {type(attribute).__name__}; it is a mapping of contract keys to values, "
            'such as {"thread_ids": "bearer"}'
        )
    settings = {
        str(key).replace("__", "."): value
        for key, value in attribute.items()
        if key not in ("refusals", "surfaces")
    }
    return Declaration(settings, _refusals(attribute.get("refusals")), _surfaces(attribute.get("surfaces")))


def settings_of(target: Any) -> Mapping[str, Any]:
    """The contract settings that `target` itself declares, by key; empty if it declares none."""
    return declaration_of(target).settings


def _surfaces(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = (value,) if isinstance(value, str) else tuple(value)
    for name in names:
        if name not in BEYOND:
            raise UsageError(f"surfaces holds {name!r}; beyond sending there are: {', '.join(BEYOND)}")
    return tuple(name for name in BEYOND if name in names)


def _refusals(value: Any) -> Refusals | None:
    if value is None:
        return None
    classes = tuple(value) if isinstance(value, tuple | list | set | frozenset) else (value,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise UsageError(
                f"refusals holds {each!r}; it takes exception classes, such as (PermissionError, KeyError)"
            )
    return classes
