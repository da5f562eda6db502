"""The forms that a target can have, told apart by looking only: nothing is called, nothing imported."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from overheard.adapters.functions import is_generator_function
from overheard.adapters.signature import callable_without_arguments, takes_message

if TYPE_CHECKING:
    from collections.abc import Callable

Form: TypeAlias = Literal[
    "langgraph", "http", "async context manager", "context manager", "awaitable", "object", "factory", "agent"
]

FORMS: Final = (
    "an object with `send(message, *, thread, resource)`; a function that takes a message, plain or async; "
    "a compiled LangGraph; a context manager that yields one of these; or a factory of one of these that "
    "needs no argument"
)

_FRAMEWORKS: Final[tuple[tuple[str, str, Form], ...]] = (
    ("langgraph.pregel", "Pregel", "langgraph"),
    ("overheard.adapters.http.target", "HttpTarget", "http"),
)
"""(module prefix, class name, form): how a framework's own object is known without importing it."""


def form_of(target: Any, *, entered: bool = False) -> Form | None:
    """Which form `target` has, or None if it fits none. What is `entered` is no context manager any more.

    The order matters: what `@contextmanager` makes is callable as well, and a generator has a `send`.
    """
    if isinstance(target, type):
        return "factory" if callable_without_arguments(target) else None
    if _is_generator(target):
        return None
    for module, name, form in _FRAMEWORKS:
        if is_instance_by_name(target, module, name):
            return form
    if not entered and _has(target, "__aenter__", "__aexit__"):
        return "async context manager"
    if not entered and _has(target, "__enter__", "__exit__"):
        return "context manager"
    if inspect.isawaitable(target):
        return "awaitable"
    if callable(getattr(target, "send", None)):
        return "object"
    return _form_of_callable(target) if callable(target) else None


def _form_of_callable(target: Callable[..., Any]) -> Form | None:
    if takes_message(target):
        return "agent"
    if is_generator_function(target) or not callable_without_arguments(target):
        return None
    return "factory"


def is_instance_by_name(target: Any, module: str, name: str) -> bool:
    """Whether `target` is an instance of the class `name` of `module` or a module below it, or of a subclass.

    By name, so that nothing heavy is imported only to learn that it is not in use.
    """
    return any(
        each.__qualname__ == name and f"{each.__module__}.".startswith(f"{module}.")
        for each in type(target).__mro__
    )


def misfit(target: Any) -> str:
    """What `target` is instead of a target, as a noun, and what to do about it."""
    if is_instance_by_name(target, "langgraph", "StateGraph"):
        return "a StateGraph that is not compiled; call `.compile(checkpointer=...)` on it"
    if _is_generator(target) or is_generator_function(target):
        return f"a generator{'' if _is_generator(target) else ' function'}{_decorate(target)}"
    if isinstance(target, type):
        return f"the class {target.__qualname__}, which needs arguments; give a function that makes one"
    if callable(target):
        return "a function that has required parameters but none for the message"
    if isinstance(target, str):
        return "a str; if that was the agent's answer, name its parameter for the message `message`"
    return "None" if target is None else _article(type(target).__name__)


def _decorate(target: Any) -> str:
    asynchronous = inspect.isasyncgenfunction(target) or inspect.isasyncgen(target)
    decorator = "asynccontextmanager" if asynchronous else "contextmanager"
    return f"; decorate it with @contextlib.{decorator} if it sets the target up and cleans up after it"


def _article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _is_generator(target: Any) -> bool:
    return inspect.isgenerator(target) or inspect.isasyncgen(target)


def _has(target: Any, *methods: str) -> bool:
    return all(hasattr(type(target), method) for method in methods)
