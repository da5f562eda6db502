"""What a target offers, read from its signatures."""

from __future__ import annotations

import msgspec


class Offers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the target offers, read from its signatures by the adapter.

    `surfaces`  names of the surfaces it has.
    `accepts`   keywords its `send` takes (`thread`, `resource`, `tenant`, `caller`): a resource cannot be
                presented to a target that does not take one.
    `required`  keywords it cannot be called without. A plan never omits these: a TypeError is no refusal.
    `cannot`    ways in which an id cannot be missing from a call, as `thread null`: a header has no null.
    `coroutine` False for a plain function, which runs in a worker thread.
    `adapter`   which adapter drives it (`object`, `function`, `langgraph`, `http`).
    """

    surfaces: tuple[str, ...] = ("send",)
    accepts: tuple[str, ...] = ("thread", "resource")
    required: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()
    coroutine: bool = True
    adapter: str = "object"
