"""Reading from a signature how a target wants to be called.

The parameters a target may take are known by name: `message`, `thread`, `resource`, `tenant`, `caller`.
There are no aliases: guessing that `user` means `resource` and being wrong would test the wrong promise.
Only the message may have any name, as the first positional parameter that is none of the others.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from overheard.core.errors import UsageError
from overheard.core.operation import FURTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEYWORDS: Final = ("thread", "resource", "tenant", "caller")

_MEANT: Final = {
    "thread_id": "thread",
    "session": "thread",
    "session_id": "thread",
    "conversation": "thread",
    "conversation_id": "thread",
    "chat_id": "thread",
    "user": "resource",
    "user_id": "resource",
    "resource_id": "resource",
    "tenant_id": "tenant",
    "org_id": "tenant",
}
"""Names other people use, for advice in an error; never for calling."""


class Signature(NamedTuple):
    """How a callable takes a message, or a search its query.

    `message`    the parameter that takes it, or None if it is passed by position (or there is none).
    `accepts`    which of `thread`, `resource`, `tenant`, `caller` (and those of `FURTHER`) it takes, in that
                 order.
    `required`   those of them that have no default.
    """

    message: str | None
    accepts: tuple[str, ...]
    required: tuple[str, ...]

    def keywords(self, ids: Mapping[str, Any], omitted: object) -> dict[str, Any]:
        """Those of `ids` that are to be passed: what the signature names and what is not `omitted`."""
        return {name: ids[name] for name in self.accepts if ids[name] is not omitted}


def is_coroutine_function(function: Any) -> bool:
    """Whether calling `function` gives a coroutine, seen through partials and callable objects."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.iscoroutinefunction(function):
        return True
    return not inspect.isroutine(function) and inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - not whether it is callable, but how
    )


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """The parameters of a callable, or None where Python does not know them (some built-in ones)."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def takes_message(function: Callable[..., Any]) -> bool:
    """Whether a parameter of `function` is there for the message.

    One named `message`, or a required positional one that is no id: `build(model="small")` takes none.
    """
    return any(
        parameter.name == "message" or (_could_be_message(parameter) and parameter.default is parameter.empty)
        for parameter in parameters_of(function) or ()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    )


def callable_without_arguments(function: Callable[..., Any]) -> bool:
    """Whether no parameter of `function` has to be given."""
    parameters = parameters_of(function)
    return parameters is not None and all(
        parameter.default is not parameter.empty
        or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        for parameter in parameters
    )


def read_signature(function: Callable[..., Any], *, what: str) -> Signature:
    """How `function` (named `what` in errors) wants to be called.

    Raises UsageError if it takes no message, or requires a parameter that nobody here can fill.
    """
    parameters = parameters_of(function)
    if parameters is None:
        raise UsageError(f"{what} has no signature that Python can read; wrap it in a function of your own")
    message = _message_parameter(parameters, what)
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    named = {
        parameter.name: parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    _no_strangers(parameters, message, what)
    return Signature(
        message=message.name if message is not None and message.name in named else None,
        accepts=tuple(name for name in KEYWORDS if takes_all or name in named),
        required=tuple(
            name for name in KEYWORDS if name in named and named[name].default is named[name].empty
        ),
    )


def read_surface(function: Callable[..., Any], *, surface: str, what: str) -> Signature:
    """How the surface beyond sending `function` (named `what` in errors) wants to be called.

    A search takes the query as `send` takes the message; the others have neither. Raises UsageError if one
    cannot be called with what there is.
    """
    parameters = parameters_of(function)
    advice = f"leave it out with `surfaces` in its contract if it is no {surface} of the target's memory"
    if parameters is None:
        raise UsageError(f"{what} has no signature that Python can read; {advice}")
    query = _query_parameter(parameters, what, advice) if surface == "search" else None
    allowed = (*KEYWORDS, *FURTHER.get(surface, ()))
    named = {
        parameter.name: parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    for parameter in parameters:
        optional = parameter.default is not parameter.empty or parameter.kind in (
            parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL
        )  # fmt: skip
        if parameter is not query and not optional and parameter.name not in (named.keys() & allowed):
            takes = ", ".join((*(("query",) if surface == "search" else ()), *allowed))
            raise UsageError(
                f"{what} requires a parameter `{parameter.name}`, which nothing fills"
                f"{_hint(parameter.name)}. It may take, by name: {takes}; or {advice}"
            )
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    return Signature(
        message=query.name if query is not None and query.name in named else None,
        accepts=tuple(name for name in allowed if takes_all or name in named),
        required=tuple(
            name for name in allowed if name in named and named[name].default is named[name].empty
        ),
    )


def _query_parameter(parameters: list[inspect.Parameter], what: str, advice: str) -> inspect.Parameter:
    for parameter in parameters:
        if parameter.name == "query" and parameter.kind is not parameter.VAR_POSITIONAL:
            return parameter
    for parameter in parameters:
        if _could_be_message(parameter) and parameter.name != "filters":
            return parameter
    raise UsageError(f"{what} has no parameter for the query; name one `query`, or {advice}")


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name, KEYWORDS, n=1)
    meant = _MEANT.get(name) or (near[0] if near else None)
    return f"; if it is the {meant}, name it `{meant}`" if meant else ""


def _could_be_message(parameter: inspect.Parameter) -> bool:
    positional = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    return positional and parameter.name not in KEYWORDS


def _message_parameter(parameters: list[inspect.Parameter], what: str) -> inspect.Parameter | None:
    for parameter in parameters:
        if parameter.name == "message" and parameter.kind is not parameter.VAR_POSITIONAL:
            return parameter
    for parameter in parameters:
        if _could_be_message(parameter) or parameter.kind is parameter.VAR_POSITIONAL:
            return parameter
    raise UsageError(
        f"{what} has no parameter for the message; name one `message`, as in "
        "`async def send(message, *, thread, resource)`"
    )


def _no_strangers(parameters: list[inspect.Parameter], message: inspect.Parameter | None, what: str) -> None:
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    for parameter in parameters:
        if parameter is message or parameter.default is not parameter.empty:
            continue
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if parameter.name in KEYWORDS and parameter.kind in by_name:
            continue
        if parameter.name in KEYWORDS:
            raise UsageError(f"{what} takes `{parameter.name}` by position only; ids are passed by name")
        raise UsageError(
            f"{what} requires a parameter `{parameter.name}`, which nothing fills{_hint(parameter.name)}"
            f". A target may take: message, {', '.join(KEYWORDS)}"
        )
