"""Large histories that look like real ones: a real campaign, written again and again under new numbers."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from msgspec.structs import replace

from overheard.campaign import PROFILES, Options, run
from overheard.core.canary import (
    CANARY,
    NONCE,
    decode_canary,
    decode_nonce,
    mint_echo,
    mint_fact,
    mint_nonce,
)
from overheard.history.events import CampaignEnded, Header, ModelCalled
from overheard.history.reader import History, open_history
from overheard.scenario.load import builtin
from overheard.zoo.catalogue import CATALOGUE

_TOKEN = re.compile(f"{CANARY.pattern}|{NONCE.pattern}")


def campaign(path: Path, *, agent: str, operations: int | None, explore: int = 3) -> Path:
    """The history of a real campaign: an agent of the zoo, every scenario, long conversations."""
    profile = replace(
        PROFILES["smoke"],
        explore=explore,
        drawn=1,
        proofs=1,
        reductions=0,
        seconds=300.0,
        operations=operations,
    )
    options = Options(
        target=agent,
        base=path.parent,
        seed=1,
        campaign=7,
        profile=profile,
        scenarios=tuple(builtin().values()),
        history=path,
    )
    run(options, target_object=CATALOGUE[agent].build)
    return path


def multiplied(source: Path, path: Path, *, events: int) -> int:
    """Write a history of at least `events` events to `path`, out of `source`, and return how many they are.

    Every copy of an example has a number of its own, and in everything that was said and seen the canaries
    and nonces are minted anew for it: no example knows of another.
    """
    history = open_history(source)
    lines = _Lines(history)
    written, copy = 0, 0
    with path.open("wb") as file:
        file.write(lines.header)
        while written < events:
            written += lines.write(file, copy)
            copy += 1
        file.write(lines.end)
    return written + 2


class _Lines:
    """The lines of one campaign, ready to be written under other numbers."""

    def __init__(self, history: History) -> None:
        encode = msgspec.json.Encoder().encode
        self.header = encode(history.header) + b"\n"
        self._encode = encode
        self._events = [
            event for event in history.events() if hasattr(event, "example") and not isinstance(event, Header)
        ]
        self._examples = 1 + max(event.example for event in self._events)
        self._calls = 1 + max(event.call for event in self._events if isinstance(event, ModelCalled))
        self.end = encode(CampaignEnded(t=max(event.t for event in self._events))) + b"\n"

    def write(self, file, copy: int) -> int:
        offset = copy * self._examples
        renamed: dict[str, str] = {}

        def rename(match: re.Match[str]) -> str:
            token = match.group()
            if token not in renamed:
                renamed[token] = _renumbered(token, offset)
            return renamed[token]

        for event in self._events:
            changes = {"example": event.example + offset}
            if hasattr(event, "call"):
                changes["call"] = event.call + copy * self._calls
            # What a prompt holds, and what an answer says of which request it was made for.
            for name in ("nonces", "elsewhere"):
                if hasattr(event, name):
                    changes[name] = tuple(
                        (campaign, example + offset, operation)
                        for campaign, example, operation in getattr(event, name)
                    )
            line = self._encode(replace(event, **changes)).decode()
            file.write(_TOKEN.sub(rename, line).encode() + b"\n")
        return len(self._events)


def _renumbered(token: str, offset: int) -> str:
    if token.startswith("REF"):
        nonce = decode_nonce(token)
        return mint_nonce(nonce.campaign, nonce.example + offset, nonce.operation, flags=nonce.flags)
    fact, reciter = decode_canary(token)
    fact = fact._replace(example=fact.example + offset)
    if reciter is None:
        return mint_fact(fact)
    return mint_echo(fact, example=reciter[0] + offset, operation=reciter[1])
