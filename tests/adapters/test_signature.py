import functools

import pytest

from overheard.adapters.signature import is_coroutine_function, read_signature
from overheard.core.errors import UsageError


class CallableAgent:
    async def __call__(self, message, *, thread): ...


class Method:
    def send(self, text, /, thread=None): ...


async def asynchronous(message, *, resource, thread=None): ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda message: 0, ("message", (), ())),
        (lambda text, thread: 0, ("text", ("thread",), ("thread",))),
        (lambda thread, text, resource=None: 0, ("text", ("thread", "resource"), ("thread",))),
        (lambda *, message, caller, tenant=None: 0, ("message", ("tenant", "caller"), ("caller",))),
        (lambda message, **rest: 0, ("message", ("thread", "resource", "tenant", "caller"), ())),
        (lambda text, /: 0, (None, (), ())),
        (lambda *args, thread=None: 0, (None, ("thread",), ())),
        (lambda message, thread, history=(): 0, ("message", ("thread",), ("thread",))),
        (Method().send, (None, ("thread",), ())),
        (CallableAgent(), ("message", ("thread",), ("thread",))),
        (asynchronous, ("message", ("thread", "resource"), ("resource",))),
        (functools.partial(asynchronous, resource="r"), ("message", ("thread", "resource"), ())),
    ],
)
def test_how_a_function_wants_to_be_called(function, expected):
    assert tuple(read_signature(function, what="it")) == expected


@pytest.mark.parametrize(
    ("function", "taught"),
    [
        (lambda: 0, "no parameter for the message"),
        (lambda thread, *, resource: 0, "no parameter for the message"),
        (
            lambda message, user_id: 0,
            "requires a parameter `user_id`, which nothing fills; if it is the resource",
        ),
        (lambda message, *, session_id: 0, "name it `thread`"),
        (lambda message, *, threed: 0, "name it `thread`"),
        (
            lambda message, database: 0,
            "requires a parameter `database`, which nothing fills. A target may take",
        ),
        (lambda message, thread, /: 0, "by position only"),
        (type, "no signature"),
    ],
)
def test_what_cannot_be_called_is_taught(function, taught):
    with pytest.raises(UsageError, match=taught):
        read_signature(function, what="it")


def test_which_functions_are_coroutines():
    assert is_coroutine_function(asynchronous)
    assert is_coroutine_function(functools.partial(functools.partial(asynchronous), resource="r"))
    assert is_coroutine_function(CallableAgent())
    assert not is_coroutine_function(Method().send)
    assert not is_coroutine_function(lambda: asynchronous("m", resource="r"))
