"""One entered target, as the driver sees it: the same for every form a target can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from overheard.adapters.blame import error_text
from overheard.adapters.call import CallProbe
from overheard.adapters.pace import UNHURRIED, Pace
from overheard.adapters.shown import valid_shown
from overheard.adapters.validate import InvalidAnswer, valid_chunk, valid_reply
from overheard.core.errors import UsageError
from overheard.core.ids import OMITTED
from overheard.core.outcome import Caller, Chunk, Refused, Reply, TargetError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from overheard.adapters.declare import Refusals
    from overheard.core.ids import Id
    from overheard.core.offers import Offers


class Answer(NamedTuple):
    """A target's answer, and whether the call ever gave way to another (see `CallProbe`)."""

    reply: Reply
    suspended: bool


class Backend(Protocol):
    """What drives one kind of target. It raises what the target raises, and validates nothing.

    `ids` has the keys `thread`, `resource`, `tenant` and `caller`; values may be OMITTED.
    """

    outlives: bool
    """Whether the target was there before, and stays: what it was told is then cleared away in the end."""

    @property
    def offers(self) -> Offers: ...

    async def send(self, message: str, ids: Mapping[str, Any], probe: CallProbe) -> Any: ...

    def stream(self, message: str, ids: Mapping[str, Any], probe: CallProbe) -> AsyncIterator[Any]: ...


@runtime_checkable
class Further(Protocol):
    """A backend with surfaces beyond sending: those that its `offers` name.

    `query` is for a search; `inputs` has the keys of `Backend`'s ids, and those of `operation.FURTHER`.
    """

    async def use(self, surface: str, query: str, inputs: Mapping[str, Any], probe: CallProbe) -> Any: ...


@runtime_checkable
class Proving(Protocol):
    """A backend whose callers prove who they are by credentials: its `offers` say so."""

    async def forged(self, caller: Caller, word: str) -> str: ...


class Adapted:
    """A target that has been entered. One object serves a whole campaign, everybody in it at once.

    `name`      what the user called the target; `offers` what its signatures offer.
    `settings`  the contract settings declared on the target, by key.
    `outlives`  whether it was there before the campaign, and stays.
    `refusals`  the exceptions by which it says no, besides `Refused`.
    `pace`      how fast calls may follow each other. Whoever drives the target asks it for each call's turn.

    `send`, `stream` and `use` raise Refused (the target said no), InvalidAnswer (it answered with something
    that is no answer), or whatever the target raised. What a call raises does not say whether the call ever
    suspended; a `probe` passed in does.
    """

    def __init__(
        self,
        *,
        name: str,
        backend: Backend,
        settings: Mapping[str, Any],
        refusals: Refusals,
        pace: Pace = UNHURRIED,
    ) -> None:
        self.name = name
        self.offers = backend.offers
        self.settings = settings
        self.refusals = refusals
        self.outlives = backend.outlives
        self._backend = backend
        self.pace = pace

    async def send(
        self, message: str, *, thread: Id, resource: Id, caller: Caller, probe: CallProbe | None = None
    ) -> Answer:
        """Send one message and wait for the whole answer. An id that is OMITTED is not passed at all."""
        probe = CallProbe() if probe is None else probe
        try:
            answer = await self._backend.send(message, _ids(thread, resource, caller), probe)
        except Exception as error:
            self._refuse(error)
            raise
        return Answer(valid_reply(answer), probe.suspended)

    async def stream(
        self, message: str, *, thread: Id, resource: Id, caller: Caller, probe: CallProbe | None = None
    ) -> AsyncIterator[Chunk]:
        """Send one message and yield the answer's deltas. Raises UsageError if the target has no `stream`."""
        if "stream" not in self.offers.surfaces:
            raise UsageError(f"{self.name} has no `stream`; it offers: {', '.join(self.offers.surfaces)}")
        pieces = self._backend.stream(message, _ids(thread, resource, caller), probe or CallProbe())
        try:
            async for piece in pieces:
                yield valid_chunk(piece)
        except Exception as error:
            self._refuse(error)
            raise
        finally:
            # A stream that is given up must be closed in the target too, now and not when it is collected.
            if (close := getattr(pieces, "aclose", None)) is not None:
                await close()

    async def use(
        self,
        surface: str,
        text: str,
        *,
        thread: Id,
        resource: Id,
        caller: Caller,
        filters: Mapping[str, str] | None = None,
        message_id: Id = OMITTED,
        new_thread: Id = OMITTED,
        new_resource: Id = OMITTED,
        probe: CallProbe | None = None,
    ) -> Answer:
        """Use a surface beyond sending: what it shows, as text. `text` is the query of a search, or the title
        of a thread. Raises UsageError if the target has no such surface.
        """
        probe = CallProbe() if probe is None else probe
        if surface not in self.offers.beyond or not isinstance(self._backend, Further):
            raise UsageError(f"{self.name} has no `{surface}`; it offers: {', '.join(self.offers.surfaces)}")
        required = self.offers.beyond[surface].required
        inputs = {
            **_ids(thread, resource, caller),
            "filters": filters or ({} if "filters" in required else OMITTED),
            "title": text or ("" if "title" in required else OMITTED),
            "message_id": message_id,
            "new_thread": new_thread,
            "new_resource": new_resource,
        }
        try:
            answer = await self._backend.use(surface, text, inputs, probe)
        except Exception as error:
            self._refuse(error)
            raise
        return Answer(valid_shown(answer, surface), probe.suspended)

    async def forged(self, caller: Caller, word: str) -> str:
        """Credentials that nobody has, as much like those of `caller` as can be: made of `word`, which nobody
        could know. Raises UsageError if the target's callers have none.
        """
        if not isinstance(self._backend, Proving):
            raise UsageError(f"{self.name} is not shown credentials, so they cannot be invalid")
        return await self._backend.forged(caller, word)

    def _refuse(self, error: Exception) -> None:
        """Raise Refused if `error` is one of the exceptions by which this target says no."""
        if isinstance(error, Refused | TargetError | InvalidAnswer):
            return
        if isinstance(error, self.refusals) or _all_of(error, (*self.refusals, Refused)):
            raise Refused(error_text(error)) from error


def _all_of(error: Exception, classes: Refusals) -> bool:
    # A target with a task group raises its PermissionError in an ExceptionGroup: that is still a no.
    return isinstance(error, BaseExceptionGroup) and error.split(classes)[1] is None


def _ids(thread: Id, resource: Id, caller: Caller) -> dict[str, Any]:
    return {"thread": thread, "resource": resource, "tenant": caller.tenant, "caller": caller}
