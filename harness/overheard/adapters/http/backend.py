"""The target as the driver sees it: one pool of connections for everybody, minted ids, logins."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp
from msgspec import UNSET

from overheard.adapters.call import CallProbe
from overheard.adapters.http.exchange import Exchange, Rules, read
from overheard.adapters.http.forge import forged
from overheard.adapters.http.model import Surface
from overheard.adapters.http.reading import Pieces, Shown, Streamed, Whole, found
from overheard.adapters.http.request import IDS, Compiled, impossible, presents
from overheard.adapters.http.target import HttpTarget, Requests
from overheard.adapters.http.template import FILTER, MINTED
from overheard.adapters.launch import launched
from overheard.adapters.manners import Manners
from overheard.adapters.pace import UNHURRIED, Pace
from overheard.adapters.validate import InvalidAnswer
from overheard.core.errors import UsageError
from overheard.core.ids import OMITTED, Id, missing_kind
from overheard.core.offers import Offers, Takes
from overheard.core.operation import DESTRUCTIVE
from overheard.core.outcome import Caller, Chunk, Reply

_FURTHER: Final = ("message_id", "new_thread", "new_resource", "title")
"""What requests beyond sending have places for besides ids, query and filters."""

_IDLE: Final = 4.0
"""Seconds that an idle connection is kept. Servers commonly close theirs after five, and a request sent at
that moment would be lost without anybody's fault."""


class HttpBackend:
    """Drives one HTTP target. Made by `opened`."""

    def __init__(
        self,
        target: HttpTarget,
        requests: Requests,
        exchange: Exchange,
        *,
        withheld: Collection[str] = (),
        pace: Pace = UNHURRIED,
        outlives: bool = False,
    ) -> None:
        self._pace = pace
        self.outlives = outlives
        self._file = target.file
        self._requests = requests
        self._exchange = exchange
        self._minted: dict[str, dict[str, str]] = defaultdict(dict)
        self._credentials: dict[str, str] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        assert target.file.send is not UNSET  # noqa: S101 - `load` rejects a file without it
        self._whole = Whole(target.file.send, exchange.rules)
        self._send = _streamed(target.file.send)
        self._stream = None if target.file.stream is UNSET else _streamed(target.file.stream)
        self._beyond = {
            name: (requests.beyond[name], Shown(name, surface, exchange.rules))
            for name, surface in target.beyond().items()
            if name not in withheld
        }
        sends = [requests.send, *([requests.stream] if requests.stream is not None else [])]
        every = [*sends, *requests.beyond.values()]
        self._needs = {request.names: _Needs.of(request, requests.mint) for request in every}
        self.offers = _offers(requests, withheld)

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, target: HttpTarget, manners: Manners, pace: Pace = UNHURRIED
    ) -> AsyncIterator[HttpBackend]:
        """The backend of `target`, which is started first if it is to be, and stopped afterwards.

        Raises UsageError if it is not on this machine and nobody said that this is meant, or if its port is
        not known; TargetBuildError if it cannot be started.
        """
        host = target.outside()
        if host is not None and not manners.allow_remote:
            raise UsageError(
                f"{target.shown}: url leads to {host}, which may be another machine; overheard tells secrets "
                "there and presents other people's ids. If that is meant, say --allow-remote"
            )
        launch = target.launch(manners)
        if launch is None:
            if target.wants_port:
                raise UsageError(
                    f"{target.shown}: url has a {{port}}, which is chosen when overheard starts the target; "
                    "say how: --serve COMMAND, or a command under [serve]"
                )
            # Nobody knows whose data is kept beside ours by a server that was there before.
            kept = () if manners.allow_destructive else DESTRUCTIVE
            requests = target.requests(port=None)
            withheld = tuple(name for name in kept if name in requests.beyond)
            async with _exchange(target, _unknown) as exchange:
                yield cls(target, requests, exchange, withheld=withheld, pace=pace, outlives=True)
            return
        async with launched(launch) as ended, _exchange(target, ended) as exchange:
            yield cls(target, target.requests(port=launch.port), exchange, pace=pace)

    async def send(self, message: str, ids: Mapping[str, Any], probe: CallProbe) -> Reply:
        """Send a message and wait for the whole answer."""
        probe.suspended = True  # nothing goes over a network without giving way
        values = await self._values(self._requests.send, message, ids)
        request = self._requests.send.fill(values)
        if self._send is None:
            reply = self._whole.reply(await self._exchange.ask(request))
            self._keep(values, reply.ids)
            return reply
        async with (
            self._pieces(self._send, self._requests.send, values) as pieces,
            aclosing(pieces.read()) as texts,
        ):
            text = "".join([each async for each in texts])
        channels = {"header": "\n".join(pieces.around)} if pieces.around else {}
        return Reply(text=text, ids=pieces.ids, channels=channels)

    async def stream(self, message: str, ids: Mapping[str, Any], probe: CallProbe) -> AsyncIterator[Chunk]:
        """Send a message and yield the pieces of its answer as they come."""
        assert self._stream is not None  # noqa: S101 - Adapted asks `offers` first
        assert self._requests.stream is not None  # noqa: S101 - as above
        probe.suspended = True
        values = await self._values(self._requests.stream, message, ids)
        async with (
            self._pieces(self._stream, self._requests.stream, values) as pieces,
            aclosing(pieces.read()) as texts,
        ):
            async for text in texts:
                yield Chunk(text)

    async def use(self, surface: str, query: str, inputs: Mapping[str, Any], probe: CallProbe) -> Reply:
        """Use a surface beyond sending: what it shows, item by item."""
        probe.suspended = True
        request, shown = self._beyond[surface]
        values = await self._values(request, "", inputs)
        filters = inputs["filters"] if isinstance(inputs["filters"], Mapping) else {}
        values |= {
            "query": query,
            **{name: inputs[name] for name in _FURTHER},
            **{f"{FILTER}{name}": filters.get(name, OMITTED) for name in IDS},
        }
        return shown.reply(await self._exchange.ask(request.fill(values)))

    async def credentials(self, caller: Caller) -> Id:
        """What `caller` proves itself with; OMITTED if the file says nothing of it.

        A caller that comes with credentials keeps them, whoever's they are; empty ones are sent as none.
        """
        if caller.credentials is not None:
            return caller.credentials or OMITTED
        who = _who(caller)
        if self._requests.credentials is not None:
            return self._requests.credentials.fill(_identity(caller))
        if self._requests.login is None:
            return OMITTED
        async with self._locks["login", who]:
            if who not in self._credentials:
                self._credentials[who] = await self._log_in(self._requests.login, caller)
            return self._credentials[who]

    async def forged(self, caller: Caller, word: str) -> str:
        """Credentials that nobody has: a signed token of `caller` whose signature is none, or else a word."""
        return forged(await self.credentials(caller), word)

    async def _log_in(self, login: Compiled, caller: Caller) -> str:
        assert self._file.login is not UNSET  # noqa: S101 - the request was made from it
        assert self._file.login.credentials is not UNSET  # noqa: S101 - `load` rejects one without
        self._pace.spend()
        answer = await self._exchange.ask(login.fill(_identity(caller)))
        return found(answer, "login.credentials", self._file.login.credentials)

    async def _values(self, request: Compiled, message: str, ids: Mapping[str, Any]) -> dict[str, Id]:
        """A value for every name in `request`, and in the request that mints."""
        needs = self._needs[request.names]
        values: dict[str, Id] = {
            "message": message,
            "thread": ids["thread"],
            "resource": ids["resource"],
            "tenant": ids["tenant"],
        }
        if needs.identity:
            values |= _identity(ids["caller"])
        if needs.credentials:
            values["credentials"] = await self.credentials(ids["caller"])
        if wanted := needs.minted:
            minted = await self._minted_for(ids["thread"], values)
            for name in wanted:
                # A missing thread id stays missing in its own way.
                values[name] = (
                    ids["thread"] if minted is None else minted.get(name.removeprefix(MINTED), OMITTED)
                )
        return values

    async def _minted_for(self, thread: Id, values: Mapping[str, Id]) -> Mapping[str, str] | None:
        """What was minted for a thread, by a request of its own if there is one; None for a missing id."""
        if not isinstance(thread, str) or missing_kind(thread) is not None:
            return None
        mint = self._requests.mint
        if mint is None:
            return self._minted[thread]
        assert self._file.mint is not UNSET  # noqa: S101 - the request was made from it
        # Whoever comes first makes the thread. If that fails, the next one tries again.
        async with self._locks["mint", thread]:
            known = self._minted[thread]
            if not known.keys() >= self._file.mint.ids.keys():
                self._pace.spend()
                answer = await self._exchange.ask(mint.fill(values))
                for name, path in self._file.mint.ids.items():
                    known[name] = found(answer, f"mint.ids.{name}", path)
            return known

    def _keep(self, values: Mapping[str, Id], minted: Mapping[str, str]) -> None:
        thread = values["thread"]
        if minted and isinstance(thread, str) and missing_kind(thread) is None:
            self._minted[thread].update(minted)

    @asynccontextmanager
    async def _pieces(
        self, description: Streamed, request: Compiled, values: Mapping[str, Id]
    ) -> AsyncIterator[Pieces]:
        async with self._exchange.opened(request.fill(values)) as response:
            if response.content_type != "text/event-stream":
                answer = self._exchange.understood(response, await read(response))
                raise InvalidAnswer(
                    (f"{answer.told} and no event stream ({answer.content_type}): {answer.whole}",)
                )
            pieces = Pieces(description, response, self._exchange.rules)
            yield pieces
            self._keep(values, pieces.ids)


class _Needs(NamedTuple):
    """What has to be known besides message and ids before a request can be filled in."""

    identity: bool
    credentials: bool
    minted: tuple[str, ...]

    @classmethod
    def of(cls, request: Compiled, mint: Compiled | None) -> _Needs:
        names = request.names | (mint.names if mint is not None else frozenset())
        return cls(
            identity=not names.isdisjoint(("caller", "uuid")),
            credentials="credentials" in names,
            minted=tuple(name for name in request.names if name.startswith(MINTED)),
        )


def _who(caller: Caller) -> str:
    """Who really calls: the resource that a caller is, if that is known, else its name."""
    return caller.resource or caller.name


def _identity(caller: Caller) -> dict[str, Id]:
    return {"caller": _who(caller), "tenant": caller.tenant, "uuid": str(uuid.uuid4())}


def _streamed(surface: Surface) -> Streamed | None:
    return None if surface.events is UNSET else Streamed(surface, surface.events)


async def _unknown() -> str:
    """How a target ended that was not started here."""
    return ""


@asynccontextmanager
async def _exchange(target: HttpTarget, ended: Callable[[], Awaitable[str]]) -> AsyncIterator[Exchange]:
    """One session, and so one pool of connections, for everybody: that is where pooled leaks live."""
    async with aiohttp.ClientSession(
        # Without a limit: a hundred connections at most would make the hundred-and-first operation wait
        # here, and what was driven concurrently would not be concurrent.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE, ssl=_tls(target)),
        # One jar for all callers would mix them up here, and not in the target.
        cookie_jar=aiohttp.DummyCookieJar(),
        # The driver has a time-out for every operation.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"Accept-Encoding": "identity", "User-Agent": "overheard"},
        auto_decompress=True,
    ) as session:
        yield Exchange(session, Rules.of(target.file.refused, target.file.observe), ended)
    # The transports close on the loop's next turn, and a loop that ends before warns of them.
    await asyncio.sleep(0)


def _tls(target: HttpTarget) -> ssl.SSLContext | bool:
    if target.file.certificates is UNSET:
        return True
    path = target.folder / target.file.certificates
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{target.shown}: certificates: {path} has no certificates in it that can be read: {error}"
        ) from error
    return context


def _offers(requests: Requests, withheld: Collection[str]) -> Offers:
    """What can be presented to the target: that for which its requests have a place."""
    sent = [requests.send, *([requests.stream] if requests.stream is not None else [])]
    every = [*sent, *([requests.mint] if requests.mint is not None else [])]
    cannot = list(dict.fromkeys(_cannot(requests)))
    beyond = {
        name: _takes(request, requests) for name, request in requests.beyond.items() if name not in withheld
    }
    return Offers(
        surfaces=("send", *(("stream",) if requests.stream is not None else ()), *beyond),
        accepts=_accepts(every, requests),
        required=tuple(name for name in IDS if f"{name} omitted" in cannot),
        cannot=tuple(cannot),
        adapter="http",
        beyond=beyond,
        proves=_proves(requests) and presents(every, "credentials"),
        withheld=tuple(withheld),
    )


def _accepts(every: Collection[Compiled], requests: Requests) -> tuple[str, ...]:
    """The ids for which these requests have a place, and whether they say who calls."""
    accepts = [name for name in (*IDS, "tenant") if presents(every, name)]
    if presents(every, "caller") or (_proves(requests) and presents(every, "credentials")):
        accepts.append("caller")
    return tuple(accepts)


def _proves(requests: Requests) -> bool:
    return requests.credentials is not None or requests.login is not None


def _takes(request: Compiled, requests: Requests) -> Takes:
    """What one surface beyond sending takes."""
    accepts = [*_accepts([request], requests), *(name for name in _FURTHER if name in request.names)]
    if any(name.startswith(FILTER) for name in request.names):
        accepts.append("filters")
    cannot = [f"{name} {kind}" for name in IDS for kind in impossible(request, name)]
    return Takes(
        accepts=tuple(accepts),
        required=tuple(name for name in IDS if f"{name} omitted" in cannot),
        cannot=tuple(cannot),
    )


def _cannot(requests: Requests) -> Iterator[str]:
    # Nothing is minted for a missing thread, so what a mint needs of one does not count.
    needs = [(requests.send, IDS), (requests.stream, IDS), (requests.mint, ("resource",))]
    for request, names in needs:
        if request is not None:
            for name in names:
                yield from (f"{name} {kind}" for kind in impossible(request, name))
