"""Entering a target: from whatever the user named to one object that the driver can call.

A target is entered once, on the loop that drives every operation, and serves everybody: one agent object
for each resource would hide the commonest bug there is, and a connection opened on one loop does not work
on another. So factories are called, awaited and entered here, on the running loop.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from overheard.adapters.adapted import Adapted, Backend
from overheard.adapters.blame import describe
from overheard.adapters.declare import DEFAULT_REFUSALS, NOTHING, Declaration, declaration_of
from overheard.adapters.forms import FORMS, Form, form_of, misfit
from overheard.adapters.functions import FunctionBackend
from overheard.adapters.manners import ORDINARY, Manners
from overheard.adapters.pace import Pace
from overheard.adapters.pool import DaemonPool
from overheard.core.errors import TargetBuildError, UsageError
from overheard.core.extension import Adapter
from overheard.core.operation import BEYOND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

_STEPS: Final = 8
"""A factory of an awaitable of a context manager of an agent takes four; what takes more goes in circles."""

_DOING: Final[dict[Form, str]] = {
    "factory": "its factory",
    "awaitable": "its async factory",
    "async context manager": "its async context manager",
    "context manager": "its context manager",
}


class _Opened(NamedTuple):
    target: Any
    form: Form
    declared: Declaration


@asynccontextmanager
async def enter(
    target: Any,
    *,
    name: str,
    workers: int = 64,
    manners: Manners = ORDINARY,
    adapters: Sequence[Adapter] = (),
) -> AsyncIterator[Adapted]:
    """Enter `target`, called `name` in messages, and leave it at the end.

    `adapters` are those of plugins, which are asked first. `manners` are for targets behind HTTP, which may
    have to be started first.

    `workers` is how many plain functions run at once. The running loop's default executor is replaced by
    one of that size: frameworks run synchronous code there, and its own `cpu + 4` threads would quietly
    serialise a plan that asks for more.

    A target is always left as after a normal end: it cannot swallow an error of ours. Raises UsageError if
    the target fits no form or `manners` are not for it, and TargetBuildError if building or leaving it fails.
    """
    pool = DaemonPool(workers)
    asyncio.get_running_loop().set_default_executor(pool)
    stack = AsyncExitStack()
    try:
        opened = await _open(target, name, stack, adapters)
        pace = Pace(manners.rate)
        adapted = Adapted(
            name=name,
            backend=await _backend(opened, name, pool, stack, manners, pace),
            settings=opened.declared.settings,
            refusals=DEFAULT_REFUSALS if opened.declared.refusals is None else opened.declared.refusals,
            pace=pace,
        )
        yield adapted
    except BaseException:
        # The first error is the one to tell; a clean-up that fails after it would hide it.
        with suppress(Exception):
            await stack.aclose()
        raise
    with _blaming(f"{name} could not be left: its clean-up failed"):
        await stack.aclose()


def renewable(target: Any, manners: Manners) -> bool:
    """Whether entering `target` once more gives another one, with nothing of the first in its memory."""
    form = form_of(target)
    if form == "http":
        return manners.serve is not None or bool(target.starts)
    return form == "factory"


async def _open(target: Any, name: str, stack: AsyncExitStack, adapters: Sequence[Adapter] = ()) -> _Opened:
    """Follow factories, awaitables and context managers to what they give in the end.

    Declarations found on the way add up, the nearest to the agent winning.
    """
    declared = NOTHING
    how = "it is"
    entered: Any = None
    for _ in range(_STEPS):
        declared = declared.adding(declaration_of(target))
        target = _translated(target, name, adapters)
        # `__aenter__` mostly returns self: what has been entered is then looked at for what else it is.
        form = form_of(target, entered=target is entered)
        if form is None:
            raise UsageError(f"{name} is no target: {how} {misfit(target)}. A target is {FORMS}")
        if form not in _DOING:
            return _Opened(target, form, declared)
        entered = target
        with _blaming(f"{name} could not be built: {_DOING[form]} failed"):
            target = await _step(target, form, stack)
        how = f"{_DOING[form]} gave"
    raise UsageError(
        f"{name} is no target: after {_STEPS} steps it still gives factories. A target is {FORMS}"
    )


def _translated(target: Any, name: str, adapters: Sequence[Adapter]) -> Any:
    """What the first adapter that knows the target makes of it; the target, if none does."""
    for adapter in adapters:
        with _blaming(f"{name} could not be built: the adapter {adapter.name} failed"):
            if adapter.matches(target):
                return adapter.adapt(target)
    return target


async def _step(target: Any, form: Form, stack: AsyncExitStack) -> Any:
    if form == "factory":
        # On the loop's own thread: what it builds may look for the running loop, as AsyncSqliteSaver does.
        return target()
    if form == "awaitable":
        return await target
    if form == "async context manager":
        given = await stack.enter_async_context(target)
    else:
        given = stack.enter_context(target)
    forgot_self = given is None and form_of(target, entered=True) == "object"
    return target if forgot_self else given


async def _backend(
    opened: _Opened, name: str, pool: DaemonPool, stack: AsyncExitStack, manners: Manners, pace: Pace
) -> Backend:
    target, form, _ = opened
    if form == "http":
        from overheard.adapters.http.backend import HttpBackend  # noqa: PLC0415 - only where it is in use

        return await stack.enter_async_context(HttpBackend.opened(target, manners, pace))
    if manners.serve is not None:
        raise UsageError(
            f"--serve starts a target that is reached over HTTP, and {name} is an object in this process; "
            "name a file.toml that says how to reach it"
        )
    if form == "langgraph":
        from overheard.adapters.langgraph import LangGraphBackend  # noqa: PLC0415 - only where it is in use

        return await LangGraphBackend.of(target, name=name, pool=pool)
    if form == "agent":
        return FunctionBackend(target, stream=None, adapter="function", name=name, pool=pool)
    stream = getattr(target, "stream", None)
    return FunctionBackend(
        target.send,
        stream=stream if callable(stream) else None,
        adapter="object",
        name=name,
        pool=pool,
        beyond=_beyond(target, opened.declared.surfaces),
    )


def _beyond(target: Any, wanted: tuple[str, ...] | None) -> dict[str, Any]:
    """The surfaces beyond sending of an object: methods of their names, or those of them that it declares.

    Raises UsageError for one that is declared and not there.
    """
    found = {}
    for surface in BEYOND if wanted is None else wanted:
        # Looked up statically first: a mock or proxy has every attribute one asks for.
        method = getattr(target, surface, None) if _has(target, surface) else None
        if callable(method):
            found[surface] = method
        elif wanted is not None:
            raise UsageError(f"the contract names the surface {surface!r}, and the target has no such method")
    return found


def _has(target: Any, name: str) -> bool:
    return inspect.getattr_static(target, name, None) is not None


@contextmanager
def _blaming(trouble: str) -> Iterator[None]:
    """Turn whatever the target's own code raises into one sentence. Ctrl-C and our own cancelling pass."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise TargetBuildError(f"{trouble}: {describe(error)}") from error
