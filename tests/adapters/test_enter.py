import asyncio
import contextlib
import subprocess
import sys
import threading

import pytest

import overheard
from overheard.adapters.enter import enter
from overheard.adapters.validate import InvalidAnswer
from overheard.core.errors import TargetBuildError, UsageError
from overheard.core.ids import OMITTED
from overheard.core.outcome import Caller, Refused, TargetError


def plain(message, *, thread=None, resource=None):
    return f"{message}/{thread}/{resource}"


async def asynchronous(message, *, thread=None, resource=None):
    return plain(message, thread=thread, resource=resource)


class Agent:
    def __init__(self, log=None):
        self.log = log

    async def send(self, message, *, thread=None, resource=None):
        return plain(message, thread=thread, resource=resource)


class PlainAgent:
    send = staticmethod(plain)


class Entered(Agent):
    entered = 0

    async def __aenter__(self):
        self.entered += 1
        return self

    async def __aexit__(self, *exception):
        self.entered -= 1

    async def send(self, message, *, thread=None, resource=None):
        assert self.entered == 1
        return plain(message, thread=thread, resource=resource)


class ForgotSelf(Entered):
    async def __aenter__(self):
        self.entered += 1


class CallableAgent:
    async def __call__(self, message, *, thread=None, resource=None):
        return plain(message, thread=thread, resource=resource)


@contextlib.contextmanager
def manager():
    yield Agent()


@contextlib.asynccontextmanager
async def async_manager():
    yield asynchronous


@contextlib.asynccontextmanager
async def manager_of_factory():
    yield Entered


def build(size="small"):
    return Agent()


async def build_later():
    await asyncio.sleep(0)
    return async_manager()


async def build_plain():
    return plain


@pytest.mark.parametrize(
    "target",
    [
        plain,
        asynchronous,
        Agent(),
        Agent,
        PlainAgent(),
        PlainAgent,
        Entered(),
        Entered,
        ForgotSelf(),
        CallableAgent(),
        CallableAgent,
        manager,
        manager(),
        async_manager,
        async_manager(),
        manager_of_factory,
        build,
        build_later,
        build_plain,
        lambda: build,
        Agent().send,
    ],
)
def test_every_form_answers(target, talk, hello):
    talked = talk(target, hello["with ids"], hello["without"])
    assert talked.said == ["hello/t1/r1", "hello/None/None"]
    assert talked.adapted.offers.accepts == ("thread", "resource")
    assert talked.adapted.offers.required == ()
    assert talked.adapted.name == "the target"


def test_what_is_offered(talk):
    assert talk(plain).adapted.offers.adapter == "function"
    assert talk(plain).adapted.offers.coroutine is False
    assert talk(Agent).adapted.offers.adapter == "object"
    assert talk(Agent).adapted.offers.coroutine is True

    def strict(message, *, thread, tenant): ...

    assert talk(strict).adapted.offers.required == ("thread", "tenant")
    assert talk(strict).adapted.offers.accepts == ("thread", "tenant")


def test_omitted_is_not_passed_and_none_and_empty_are(talk):
    def agent(message, **ids):
        return repr({name: value for name, value in ids.items() if name in ("thread", "resource")})

    talked = talk(agent, ("m", OMITTED, None), ("m", "", OMITTED), ("m", " ", "r"))
    assert talked.said == ["{'resource': None}", "{'thread': ''}", "{'thread': ' ', 'resource': 'r'}"]


def test_tenant_and_caller_come_from_the_caller(talk):
    async def agent(message, *, tenant, caller):
        return f"{tenant} {caller.name} {caller.credentials}"

    assert talk(agent, ("m", "t", "r"), caller=Caller("r7", "acme", "key")).said == ["acme r7 key"]


def test_one_object_serves_everybody_on_the_driving_loop(talk):
    made = []

    class Counting:
        def __init__(self):
            made.append(asyncio.get_running_loop())

        async def send(self, message):
            assert asyncio.get_running_loop() is made[0]
            return str(len(made))

    assert talk(Counting, ("a", None, None), ("b", None, None)).said == ["1", "1"]


def test_it_is_left_at_the_end_innermost_first(talk):
    log = []

    class Inner(Entered):
        async def __aexit__(self, *exception):
            log.append(("inner", exception))

    @contextlib.contextmanager
    def outer():
        yield Inner()
        log.append(("outer", ()))

    talk(outer, ("m", None, None))
    assert log == [("inner", (None, None, None)), ("outer", ())]


def test_a_target_cannot_swallow_our_errors():
    class Swallowing(Entered):
        async def __aexit__(self, *exception):
            return True

    async def run():
        async with enter(Swallowing, name="s"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())


def test_a_clean_up_that_fails_is_said_but_hides_nothing():
    class Failing(Entered):
        async def __aexit__(self, *exception):
            raise OSError("disk gone")

    async def run(error=None):
        async with enter(Failing, name="it"):
            if error:
                raise error

    with pytest.raises(
        TargetBuildError,
        match=r"it could not be left: its clean-up failed: OSError: disk gone \(at .*test_enter\.py:\d+\)",
    ):
        asyncio.run(run())
    with pytest.raises(ZeroDivisionError):
        asyncio.run(run(ZeroDivisionError()))


def failing_factory():
    return {}["missing"]


async def failing_later():
    await asyncio.sleep(0)
    raise RuntimeError("no\ndatabase")


@contextlib.asynccontextmanager
async def failing_manager():
    raise OSError("no socket")
    yield


class FailingClass:
    def __init__(self):
        raise SystemExit("no licence")


@pytest.mark.parametrize(
    ("target", "taught"),
    [
        (failing_factory, "its factory failed: KeyError: 'missing'"),
        (failing_later, "its async factory failed: RuntimeError: no database"),
        (failing_manager, "its async context manager failed: OSError: no socket"),
        (FailingClass, r"its factory failed: it called sys\.exit\(no licence\)"),
    ],
)
def test_a_target_that_cannot_be_built_is_one_sentence_with_its_place(target, taught, talk):
    with pytest.raises(TargetBuildError, match=f"the target could not be built: {taught}") as caught:
        talk(target)
    words = str(caught.value)
    assert "\n" not in words
    # The line in the target that failed, not one of ours and not one of contextlib's.
    line = (
        target.__init__.__code__
        if isinstance(target, type)
        else getattr(target, "__wrapped__", target).__code__
    )
    place = words.rsplit("test_enter.py:", 1)[1].rstrip(")")
    assert line.co_firstlineno < int(place) <= line.co_firstlineno + 3


def test_what_was_opened_is_closed_when_building_fails_later(talk):
    log = []

    @contextlib.contextmanager
    def half():
        log.append("open")
        try:
            yield failing_factory
        finally:
            log.append("closed")

    with pytest.raises(TargetBuildError):
        talk(half)
    assert log == ["open", "closed"]


def undecorated():
    yield Agent()


async def undecorated_async():
    yield Agent()


def factory_of_generator():
    return undecorated()


class NeedsArguments:
    def __init__(self, database): ...

    def send(self, message): ...


@pytest.mark.parametrize(
    ("target", "taught"),
    [
        (3, "it is an int"),
        (None, "it is None"),
        (lambda: None, "its factory gave None"),
        (
            lambda **everything: "hello",
            "its factory gave a str; if that was the agent's answer, name its parameter",
        ),
        (undecorated, r"it is a generator function; decorate it with @contextlib\.contextmanager"),
        (undecorated_async, r"generator function; decorate it with @contextlib\.asynccontextmanager"),
        (factory_of_generator, "its factory gave a generator; decorate"),
        (NeedsArguments, "it is the class NeedsArguments, which needs arguments"),
        (lambda thread: 0, "required parameters but none for the message"),
        (lambda message, user_id: 0, "requires a parameter `user_id`"),
    ],
)
def test_what_fits_no_form_is_told_what_does(target, taught, talk):
    with pytest.raises(UsageError, match=taught) as caught:
        talk(target)
    if "user_id" not in taught:
        assert "A target is an object with `send" in str(caught.value)


def test_factories_that_go_round_in_circles_end():
    def circle():
        return circle

    async def run():
        async with enter(circle, name="c"):
            pass

    with pytest.raises(UsageError, match="still gives factories"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("error", "refusals", "expected"),
    [
        (PermissionError("no"), None, Refused),
        (KeyError("no t1"), None, Refused),
        (Refused("no"), (ValueError,), Refused),
        (ValueError("no"), (ValueError,), Refused),
        (PermissionError("no"), (ValueError,), PermissionError),
        (ValueError("broken"), None, ValueError),
        (TargetError("broken"), (Exception,), TargetError),
        (ExceptionGroup("tasks", [PermissionError("no"), Refused("nor")]), None, Refused),
        (ExceptionGroup("tasks", [PermissionError("no"), ValueError("x")]), None, ExceptionGroup),
    ],
)
@pytest.mark.parametrize("streaming", [True, False])
def test_what_means_no(error, refusals, expected, streaming, talk):
    class Target:
        def send(self, message):
            raise error

        async def stream(self, message):
            yield "a word"
            raise error

    target = overheard.contract(refusals=refusals)(Target) if refusals else Target
    said = talk(target, ("m", None, None), streaming=streaming).said[0]
    assert type(said) is expected
    if isinstance(said, Refused):
        # The words may leak: they are all there, those of a group's members too.
        assert "no" in str(said)
        assert "nor" in str(said) or not isinstance(error, ExceptionGroup)


def test_an_exception_that_cannot_be_read_is_still_a_refusal(talk):
    class UnreadableError(PermissionError):
        def __str__(self):
            raise RuntimeError("ha")

    def agent(message):
        raise UnreadableError

    assert isinstance(talk(agent, ("m", None, None)).said[0], Refused)


def test_garbage_is_no_answer(talk):
    def forgot_to_await(message):
        return asynchronous(message)

    said = talk(forgot_to_await, ("m", None, None)).said[0]
    assert isinstance(said, InvalidAnswer)
    assert "nobody awaited" in str(said)
    assert isinstance(talk(lambda message: None, ("m", None, None)).said[0], InvalidAnswer)


def test_whether_it_suspended_is_part_of_the_answer(talk):
    async def waits(message):
        await asyncio.sleep(0)
        return ""

    assert [answer.suspended for answer in talk(waits, ("m", None, None)).answers] == [True]
    assert [answer.suspended for answer in talk(asynchronous, ("m", None, None)).answers] == [False]


class AsyncStream(Agent):
    async def stream(self, message, *, thread=None):
        for word in (message, str(thread)):
            await asyncio.sleep(0)
            yield overheard.Chunk(word)


class LaterStream(Agent):
    async def stream(self, message, *, thread=None):
        return AsyncStream.stream(self, message, thread=thread)


class PlainStream(Agent):
    def stream(self, message, *, thread=None):
        assert threading.current_thread().daemon
        yield message
        yield str(thread)


@pytest.mark.parametrize("target", [AsyncStream, LaterStream, PlainStream])
def test_streams_of_every_kind(target, talk, hello):
    talked = talk(target, hello["with ids"], hello["without"], streaming=True)
    assert talked.said == [["hello", "t1"], ["hello", "None"]]
    assert talked.adapted.offers.surfaces == ("send", "stream")


def test_garbage_in_a_stream_and_no_stream(talk):
    class Garbage(Agent):
        async def stream(self, message):
            yield {"delta": "x"}

    class NotOne(Agent):
        async def stream(self, message):
            return 3

    assert isinstance(talk(Garbage, ("m", None, None), streaming=True).said[0], InvalidAnswer)
    assert isinstance(talk(NotOne, ("m", None, None), streaming=True).said[0], TypeError)
    assert "has no `stream`; it offers: send" in str(talk(Agent, ("m", None, None), streaming=True).said[0])


def test_a_stream_that_is_given_up_is_closed_in_the_target():
    closed = []

    class Endless(Agent):
        async def stream(self, message):
            try:
                while True:
                    yield "word"
            finally:
                closed.append(True)

    async def run():
        async with enter(Endless, name="e") as adapted:
            stream = adapted.stream("m", thread=None, resource=None, caller=Caller("r"))
            async for _ in stream:
                break
            await stream.aclose()
            return list(closed)

    assert asyncio.run(run()) == [True]


def test_sixteen_plain_calls_overlap():
    together = threading.Barrier(16)

    def agent(message):
        return str(together.wait(10))

    async def run():
        async with enter(agent, name="a", workers=16) as adapted:
            calls = (adapted.send("m", thread=None, resource=None, caller=Caller("r")) for _ in range(16))
            return {answer.reply.text for answer in await asyncio.gather(*calls)}

    assert asyncio.run(run()) == {str(number) for number in range(16)}


def test_a_generator_for_send_is_taught(talk):
    class Streams:
        async def send(self, message):
            yield message

    with pytest.raises(UsageError, match="`send` is a generator; let it return the whole text"):
        talk(Streams)


def test_entering_imports_no_framework(tmp_path, talk):
    program = tmp_path / "light.py"
    program.write_text(
        "import sys, asyncio\n"
        "from overheard.adapters.enter import enter\n"
        "async def main():\n"
        "    async with enter(lambda message: message, name='f'): pass\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('langgraph', 'langchain_core')])\n"
    )
    ran = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == "[]\n"
