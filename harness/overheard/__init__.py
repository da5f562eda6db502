"""overheard: a multi-tenant isolation test harness for agents that remember.

Names are loaded on first use (PEP 562), because pytest imports this package in every run in which
overheard is installed, used or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overheard.version import __version__

if TYPE_CHECKING:
    from overheard.adapters.declare import contract
    from overheard.core.ids import OMITTED
    from overheard.core.outcome import Caller, Chunk, Refused, Reply, TargetError

__all__ = ["OMITTED", "Caller", "Chunk", "Refused", "Reply", "TargetError", "__version__", "contract"]

_HOMES = {
    "OMITTED": "overheard.core.ids",
    "Caller": "overheard.core.outcome",
    "Chunk": "overheard.core.outcome",
    "Refused": "overheard.core.outcome",
    "Reply": "overheard.core.outcome",
    "TargetError": "overheard.core.outcome",
    "contract": "overheard.adapters.declare",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - an idle plugin must cost nothing

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
