"""One operation, carried out and recorded, however it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, TypeVar

from overheard.adapters.blame import error_text
from overheard.adapters.call import CallProbe
from overheard.adapters.validate import InvalidAnswer
from overheard.core.ids import OMITTED, Id, bind_id, nobodys
from overheard.core.operation import SENDING, Operation, bind_filters, bind_ids, bind_text
from overheard.core.outcome import Caller, Channel, Refused, Reply, TargetError
from overheard.drive.callers import caller_of
from overheard.history.events import Chunked, Completed, Failed, Invoked, Sight, Unknown
from overheard.history.evidence import cut, excerpt
from overheard.history.sight import run_through, scan, scanning, scanning_ids, scanning_nonces

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from overheard.adapters.adapted import Adapted
    from overheard.drive.bindings import Bindings
    from overheard.drive.inject import Injector
    from overheard.history.writer import Recorder

_IDS_LIMIT: Final = 64
"""Minted ids that are recorded of one answer: a history must not grow by what a target makes up."""

Ending: TypeAlias = Literal["timeout", "cancelled"]

Nonces: TypeAlias = tuple[tuple[int, int, int], ...]
T = TypeVar("T")


class Target(NamedTuple):
    """What all operations of one example share. `own` is `own_resources` of the plan, `secrets` are the
    thread ids that nobody can guess, each with its owner (`thread_secrets`)."""  # noqa: D209

    adapted: Adapted
    recorder: Recorder
    campaign: int
    example: int
    injector: Injector | None
    own: Mapping[str, str]
    secrets: Mapping[str, str]
    bindings: Bindings


class Call:
    """One operation on its way through the target. `run` is the task; the rest steers it from outside.

    `answered` is true once the target has said all that it will say, and only our own work is left.
    """

    def __init__(self, target: Target, operation: Operation) -> None:
        self.operation = operation
        self.answered = False
        self._target = target
        self._probe = CallProbe()
        self._pieces: list[str] = []
        self._ended_by: Ending | None = None
        self._given_up = False
        self._caller = self._proved()

    async def turn(self) -> None:
        """Wait until the operation may begin, where somebody asked for a pace."""
        await self._target.adapted.pace.turn()

    async def run(self) -> None:
        """Carry out the operation and record how it went. Raises InternalError if that cannot be recorded.

        One about a message whose id the target never showed is left out: there is nothing to present.
        """
        target, operation = self._target, self.operation
        if operation.message is not None and target.bindings.message(operation.message) is OMITTED:
            self.answered = True
            return
        thread, resource = bind_ids(operation, target.campaign, target.example)
        message = bind_text(operation, target.campaign, target.example)
        if target.injector is not None:
            message = target.injector.message(operation, message)
        invoked = False
        try:
            await self._forge(resource)
            thread = await target.bindings.opened(
                operation, thread, resource=resource, caller=self._caller, probe=self._probe
            )
            self._invoke(thread, resource)
            invoked = True
            reply = await self._ask(message, thread, resource)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a target's sys.exit must not end everybody's run
            self.answered = True
            if not invoked:
                self._invoke(thread, resource)
            await self._broke(error)
        else:
            self.answered = True
            target.bindings.learn(operation, reply)
            await self._replied(reply)

    def cancel(self, task: asyncio.Task[None], ending: Ending) -> None:
        """Stop waiting for the target, unless it has answered already."""
        if not self.answered:
            self._ended_by = ending
            task.cancel()

    def give_up(self) -> None:
        """Record that the operation did not even end when cancelled. What it still does is not recorded."""
        said = "".join(self._pieces)
        nonces = run_through(scanning_nonces(said))
        self._unknown(self._ended_by or "cancelled", said, scan(said, "reply", self._target.campaign), nonces)
        self._given_up = True

    async def _ask(self, message: str, thread: Id, resource: Id) -> Reply:
        operation, injector = self.operation, self._target.injector
        ask = {"send": self._send, "stream": self._stream}.get(operation.surface, self._use)
        besides = None if injector is None else injector.besides(operation)
        if besides is None:
            return await ask(message, thread, resource)
        try:
            return await ask(message, thread, resource)
        finally:
            await Call(self._target, besides)._put_in()  # noqa: SLF001 - one of its own kind

    async def _put_in(self) -> None:
        """Do what an injected leak takes. Raises TargetError if the target does not let itself be used so."""
        thread, resource = bind_ids(self.operation, self._target.campaign, self._target.example)
        try:
            await self._use("", self._target.bindings.thread(thread), resource)
        except Exception as error:
            raise TargetError(f"a leak could not be put in: {error_text(error)}") from error

    async def _send(self, message: str, thread: Id, resource: Id) -> Reply:
        answer = await self._target.adapted.send(
            message, thread=thread, resource=resource, caller=self._caller, probe=self._probe
        )
        return answer.reply

    async def _stream(self, message: str, thread: Id, resource: Id) -> Reply:
        deltas = self._target.adapted.stream(
            message, thread=thread, resource=resource, caller=self._caller, probe=self._probe
        )
        async for delta in deltas:
            self._pieces.append(delta.text)
            self._streamed(delta.text)
        return Reply(text="".join(self._pieces))

    async def _use(self, text: str, thread: Id, resource: Id) -> Reply:
        operation, target = self.operation, self._target
        filters = bind_filters(operation, target.campaign, target.example)
        answer = await target.adapted.use(
            operation.surface,
            text,
            thread=thread,
            resource=resource,
            caller=self._caller,
            filters={field: str(target.bindings.thread(value)) for field, value in filters.items()},
            message_id=target.bindings.message(operation.message),
            new_thread=bind_id(operation.new_thread, target.campaign, target.example),
            new_resource=bind_id(operation.new_resource, target.campaign, target.example),
            probe=self._probe,
        )
        return answer.reply

    def _invoke(self, thread: Id, resource: Id) -> None:
        self._target.recorder.record(
            Invoked(
                example=self._target.example,
                operation=self.operation.number,
                t=0,
                thread=thread,
                resource=resource,
            )
        )

    async def _seen(self, text: str, channel: Channel) -> tuple[Sight, ...]:
        """The canaries in a text, and the ids: those of the caller's own threads first."""
        if not text:
            return ()
        # The ids that are known before, and not those that come to be known while a long text is looked at.
        owners = {**self._target.secrets, **self._target.bindings.secrets}
        canaries = await _to_the_end(scanning(text, channel, self._target.campaign))
        if not owners:
            return canaries
        mine = self.operation.caller
        secrets = sorted(owners, key=lambda secret: owners[secret] != mine)
        return canaries + await _to_the_end(scanning_ids(text, channel, secrets))

    async def _made_for(self, text: str) -> Nonces:
        """The operations that an answer to a message says it was made for."""
        return await _to_the_end(scanning_nonces(text)) if self.operation.surface in SENDING else ()

    async def _forge(self, resource: Id) -> None:
        """Take credentials that nobody has, like those of whom the call names."""
        if self.operation.credentials == "invalid":
            target, caller = self._target, self._caller
            named = caller._replace(resource=resource) if isinstance(resource, str) else caller
            word = nobodys(target.campaign, target.example, self.operation.number)
            self._caller = caller._replace(credentials=await target.adapted.forged(named, word))

    def _proved(self) -> Caller:
        operation, target = self.operation, self._target
        caller = caller_of(
            operation.caller, operation.tenant, target.own, campaign=target.campaign, example=target.example
        )
        return caller._replace(credentials="") if operation.credentials == "none" else caller

    def _streamed(self, delta: str) -> None:
        sights = scan(delta, "chunk")
        if sights and not self._given_up:
            self._target.recorder.record(
                Chunked(
                    example=self._target.example,
                    operation=self.operation.number,
                    t=0,
                    text=excerpt((delta,), sights),
                    sights=sights,
                )
            )

    async def _replied(self, reply: Reply) -> None:
        text = reply.text
        if self._target.injector is not None:
            leak = self._target.injector.answered(self.operation, text)
            if leak and self.operation.surface == "stream":
                self._streamed(leak)
            text += leak
        sights = await self._seen(text, "reply" if self.operation.surface in SENDING else "listing")
        for channel, shown in reply.channels.items():
            sights += await self._seen(shown, channel)  # type: ignore[arg-type]  # the adapter has checked it
        sights += await self._seen("\n".join(reply.ids.values()), "header")
        nonces = await self._made_for(text)
        if self._ended_by is not None:
            self._unknown(self._ended_by, text, sights, nonces)
        elif not self._given_up:
            minted = list(reply.ids.items())[:_IDS_LIMIT]
            self._target.recorder.record(
                Completed(
                    example=self._target.example,
                    operation=self.operation.number,
                    t=0,
                    text=excerpt((text,), sights),
                    length=len(text),
                    ids={cut(name): cut(value) for name, value in minted},
                    sights=sights,
                    nonces=nonces,
                    suspended=self._probe.suspended,
                )
            )

    async def _broke(self, error: BaseException) -> None:
        words = error_text(error)
        refused = isinstance(error, Refused) and self._ended_by is None
        if (
            refused
            and self._target.injector is not None
            and self._target.injector.answered(self.operation, "")
        ):
            # A leak put in where the target refuses: it answers instead, as one without the check would.
            await self._replied(Reply(text=""))
            return
        if not refused:
            name = type(error).__name__
            words = f"{name}: {words}" if words else name
        if self._ended_by is not None and isinstance(error, asyncio.CancelledError):
            words = ""  # That is our own cancelling, and the reason says it.
        # What was streamed before the end was shown: a canary over two deltas is in neither of them.
        said = "".join(self._pieces)
        sights = await self._seen(said, "reply") + await self._seen(words, "error")
        nonces = await self._made_for(said)
        text = f"{said}\n{words}" if said else words
        if refused and not self._given_up:
            self._target.recorder.record(
                Failed(
                    example=self._target.example,
                    operation=self.operation.number,
                    t=0,
                    text=excerpt((text,), sights),
                    length=len(text),
                    sights=sights,
                    suspended=self._probe.suspended,
                )
            )
        else:
            self._unknown(self._ended_by or _reason(error), text, sights, nonces)

    def _unknown(
        self,
        reason: Literal["error", "timeout", "cancelled", "invalid"],
        text: str,
        sights: tuple[Sight, ...],
        nonces: Nonces,
    ) -> None:
        if self._given_up:
            return
        self._target.recorder.record(
            Unknown(
                example=self._target.example,
                operation=self.operation.number,
                t=0,
                reason=reason,
                text=excerpt((text,), sights),
                length=len(text),
                sights=sights,
                nonces=nonces,
                suspended=self._probe.suspended,
            )
        )


def _reason(error: BaseException) -> Literal["error", "cancelled", "invalid"]:
    if isinstance(error, InvalidAnswer):
        return "invalid"
    # Nobody here cancelled it (that is `_ended_by`, or the end of the loop): the target did so itself.
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "error"


async def _to_the_end(windows: Generator[None, None, tuple[T, ...]]) -> tuple[T, ...]:
    """What a scan finds, giving way between the windows of a long text.

    Cancellation is not obeyed: an answer that has come is looked through to its end, or a time-out during
    the look would hide a leak. The work is bounded by the text.
    """
    while True:
        try:
            next(windows)
        except StopIteration as end:
            found: tuple[T, ...] = end.value
            return found
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            continue
