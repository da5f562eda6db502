"""What a target offers, read from its signatures."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Takes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one surface beyond sending takes, each by its own signature.

    `accepts`, `required`, `cannot` mean what they do in `Offers`; among the first two there may be
    `filters`, `message_id`, `new_thread`, `new_resource` and `title` besides.
    """

    accepts: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()


class Offers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the target offers, read from its signatures by the adapter.

    `surfaces`  names of the surfaces it has.
    `accepts`   keywords its `send` takes (`thread`, `resource`, `tenant`, `caller`): a resource cannot be
                presented to a target that does not take one.
    `required`  keywords it cannot be called without. A plan never omits these: a TypeError is no refusal.
    `cannot`    ways in which an id cannot be missing from a call, as `thread null`: a header has no null.
    `coroutine` False for a plain function, which runs in a worker thread.
    `adapter`   which adapter drives it (`object`, `function`, `langgraph`, `http`).
    `beyond`    what each of its surfaces beyond sending takes, by name.
    `proves`    callers prove who they are by credentials, which can be left out or be invalid.
    `withheld`  surfaces that it has and that are not used, for nobody said that something may be lost there.
    """

    surfaces: tuple[str, ...] = ("send",)
    accepts: tuple[str, ...] = ("thread", "resource")
    required: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()
    coroutine: bool = True
    adapter: str = "object"
    beyond: Mapping[str, Takes] = msgspec.field(default_factory=dict)
    proves: bool = False
    withheld: tuple[str, ...] = ()

    def takes(self, surface: str) -> Takes:
        """What `surface` takes: the sending ones are called alike."""
        if surface in self.beyond:
            return self.beyond[surface]
        return Takes(accepts=self.accepts, required=self.required, cannot=self.cannot)

    @property
    def mints(self) -> bool:
        """Whether the target names its threads itself, when they are created."""
        return "create_thread" in self.beyond and "thread" not in self.beyond["create_thread"].accepts
