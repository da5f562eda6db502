"""What a target file describes, before it is entered."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec import UNSET
from yarl import URL

from overheard.adapters.http import template
from overheard.adapters.http.model import Beyond, Request, Serve, TargetFile
from overheard.adapters.http.request import Compiled, Parse, compile_request
from overheard.adapters.http.template import BUILT_IN, MINTED, Template, TemplateError
from overheard.adapters.launch import LOG, Launch, free_port
from overheard.adapters.manners import Manners
from overheard.core.contract import declare
from overheard.core.errors import UsageError
from overheard.core.operation import BEYOND
from overheard.scenario.problems import near

PORT: Final = "port"
_ENVIRONMENT: Final = re.compile(r"\{env:(\w+)\}")
_LOOPBACK: Final = re.compile(r"localhost|.+\.localhost|127(\.\d{1,3}){3}|::1")


def _replaced(text: str, known: Mapping[str, str]) -> str:
    # Not a template: a shell command may be full of braces.
    for name, value in known.items():
        text = text.replace(name, value)
    return text


class Requests(NamedTuple):
    """Everything a target is sent, compiled. `credentials` is the template that makes them, if one does."""

    url: URL
    send: Compiled
    stream: Compiled | None
    mint: Compiled | None
    login: Compiled | None
    credentials: Template | None
    beyond: Mapping[str, Compiled]


class HttpTarget:
    """A target file, checked: what it says can be done, whatever port the target will have.

    `shown` is what messages call the file, `folder` where it lies. Raises UsageError, when made, for what
    only its templates and its contract can get wrong.
    """

    def __init__(self, file: TargetFile, *, shown: str, folder: Path) -> None:
        self.file = file
        self.shown = shown
        self.folder = folder
        self.requests(port=1)
        # Refused is said by status and body: whatever else comes out of a request is a failure.
        self.overheard_contract: Mapping[str, Any] = {**self._contract(), "refusals": ()}

    @property
    def wants_port(self) -> bool:
        """Whether the address has a port that is only known once the target is started."""
        return "{port}" in self.file.url

    def requests(self, *, port: int | None) -> Requests:
        """Compile every request, with `port` in the address if it has a place for one.

        Raises UsageError naming file and key.
        """
        file = self.file
        url = self._url(port)
        given = {
            **(file.mint.ids if file.mint is not UNSET else {}),
            **(file.send.ids if file.send is not UNSET else {}),
            **(file.stream.ids if file.stream is not UNSET else {}),
        }
        minted = [f"{MINTED}{name}" for name in given]
        who = ("caller", "tenant", "uuid")
        every = [*BUILT_IN, *minted]
        before = [name for name in every if name != "message" and name not in minted]
        names = [name for name in every if name != "message"]

        def compiled(
            key: str, request: Request, names: Collection[str], headers: Mapping[str, str]
        ) -> Compiled:
            return compile_request(
                key, request, base=str(url).rstrip("/"), headers=headers, parse=self._parse(names)
            )

        assert file.send is not UNSET  # noqa: S101 - `load` rejects a file without it
        # A header for everybody may hold credentials, which a login has yet to get.
        early = {
            name: text
            for name, text in file.headers.items()
            if self._template(f"headers.{name}", text, every, {}).names <= set(who)
        }
        return Requests(
            url=url,
            send=compiled("send", file.send, every, file.headers),
            stream=None if file.stream is UNSET else compiled("stream", file.stream, every, file.headers),
            mint=None if file.mint is UNSET else compiled("mint", file.mint, before, file.headers),
            login=None if file.login is UNSET else compiled("login", file.login, who, early),
            credentials=(
                None if file.credentials is UNSET else self._parse(who)("credentials", file.credentials)
            ),
            beyond={
                name: compiled(name, surface, [*names, *template.BEYOND.get(name, ())], file.headers)
                for name, surface in self.beyond().items()
            },
        )

    def beyond(self) -> dict[str, Beyond]:
        """The surfaces beyond sending that the file describes, as far as they are used."""
        described = {name: getattr(self.file, name) for name in BEYOND}
        wanted = BEYOND if self.file.surfaces is UNSET else self.file.surfaces
        return {name: each for name, each in described.items() if each is not UNSET and name in wanted}

    def outside(self) -> str | None:
        """The host, if it is not on this machine for certain: a name may lead anywhere."""
        host = self._url(1).host or ""
        return None if _LOOPBACK.fullmatch(host) else host

    @property
    def starts(self) -> bool:
        """Whether its file says how it is started."""
        return self.file.serve is not UNSET and self.file.serve.command is not UNSET

    def launch(self, manners: Manners) -> Launch | None:
        """How the target is started, if it is to be. Raises UsageError if that cannot be here."""
        serve = Serve() if self.file.serve is UNSET else self.file.serve
        command = manners.serve or (None if serve.command is UNSET else serve.command)
        if command is None:
            return None
        if (host := self.outside()) is not None:
            raise UsageError(f"{self.shown}: a target is started on this machine, and url leads to {host}")
        port = free_port() if self.wants_port else None
        url = self._url(port)
        assert url.host is not None  # noqa: S101 - `_url` looked
        assert url.port is not None  # noqa: S101 - as above
        known = {"{port}": str(url.port), "{url}": str(url).rstrip("/")}
        return Launch(
            command=_replaced(command, known),
            directory=(self.folder / serve.directory) if manners.serve is None else Path.cwd(),
            environment={name: _replaced(value, known) for name, value in serve.environment.items()},
            host=url.host,
            port=url.port,
            ready=None if serve.ready is UNSET else str(url.origin()) + serve.ready,
            seconds=serve.seconds,
            log=None if manners.folder is None else manners.folder / LOG,
        )

    def _parse(self, names: Collection[str]) -> Parse:
        def parse(key: str, text: str) -> Template:
            return self._template(key, text, names, {})

        return parse

    def _template(
        self, key: str, text: str, names: Collection[str], constants: Mapping[str, str]
    ) -> Template:
        variables = self.file.variables
        known = {**variables, **constants, **self._environment(key, text)}
        try:
            return template.parse(text, known, names)
        except TemplateError as error:
            advice = ""
            if error.name is not None:
                allowed = near(error.name, [*names, *variables, *constants, "env:NAME"])
                advice = f"; {allowed}; words of your own stand under [variables]"
            raise UsageError(f"{self.shown}: {key}: {error}{advice}") from error

    def _environment(self, key: str, text: str) -> dict[str, str]:
        found = {}
        for name in _ENVIRONMENT.findall(text):
            value = os.environ.get(name)
            if value is None:
                raise UsageError(f"{self.shown}: {key}: the environment has no variable {name}")
            found[f"env:{name}"] = value
        return found

    def _url(self, port: int | None) -> URL:
        known = {} if port is None else {PORT: str(port)}
        filled = self._template("url", self.file.url, (), known).fill({})
        try:
            url = URL(str(filled))
            good = url.scheme in ("http", "https") and bool(url.host) and url.port is not None
        except ValueError:
            good = False
        if not good or url.query_string or url.fragment or url.user or url.password:
            raise UsageError(
                f"{self.shown}: url: {filled!r} is no address of a target; "
                "it is written http://HOST:PORT or http://HOST:PORT/PATH"
            )
        return url

    def _contract(self) -> dict[str, Any]:
        """The settings, flat: TOML nests `missing_ids.blank` in a table.

        A file that says what callers prove themselves with promises that it is looked at.
        """
        proves = self.file.credentials is not UNSET or self.file.login is not UNSET
        flat: dict[str, Any] = {"authentication": "caller"} if proves else {}
        for name, value in self.file.contract.items():
            inner = value if isinstance(value, dict) else {"": value}
            flat |= {f"{name}.{part}" if part else name: setting for part, setting in inner.items()}
        try:
            declare(("target", flat))
        except UsageError as error:
            raise UsageError(f"{self.shown}: {error}") from error
        return flat
