"""The declared test: one decorator over a function that gives the agent.

    @pytest.fixture
    def make_agent(database):
        return lambda: Agent(database)

    @isolation(profile="smoke", contract={"thread_ids": "bearer"})
    def test_isolation(make_agent):
        return make_agent()

Test modules import this, so it imports nothing heavy.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar, overload

MARK: Final = "__overheard_isolation__"

_F = TypeVar("_F", bound=Callable[..., Any])


class Declaration(NamedTuple):
    """What the decorator was given, unchecked: it is checked when the test is collected."""

    scenarios: Sequence[str] = ()
    profile: str | None = None
    contract: Mapping[str, str | int] | None = None
    seed: int | None = None
    timeout: float | None = None
    prove: bool = False


@overload
def isolation(function: _F, /) -> _F: ...
@overload
def isolation(
    *,
    scenarios: Sequence[str] = ...,
    profile: str | None = ...,
    contract: Mapping[str, str | int] | None = ...,
    seed: int | None = ...,
    timeout: float | None = ...,
    prove: bool = ...,
) -> Callable[[_F], _F]: ...
def isolation(
    function: _F | None = None,
    /,
    *,
    scenarios: Sequence[str] = (),
    profile: str | None = None,
    contract: Mapping[str, str | int] | None = None,
    seed: int | None = None,
    timeout: float | None = None,
    prove: bool = False,
) -> Any:
    """Declare that what the decorated function gives keeps its users apart.

    The function takes fixtures and gives the target in any form that a target can have: an agent, a
    factory of one, a context manager. It may be a coroutine function, or yield the target once and clean up
    afterwards. It is called once for each scenario, on the loop that drives the target, while the usual
    variables point at overheard's own model server; an agent that is already built in a fixture has read
    its own before.

    `scenarios` names those to run (all of them if empty), `profile` how much is done, `contract` what the
    target promises, by the keys of `--contract`; `seed`, `timeout` (seconds for one call) and `prove` are
    those of the command line. Flags and environment variables win over what is declared here, and that
    over configuration files.
    """
    declaration = Declaration(tuple(scenarios), profile, contract, seed, timeout, prove)

    def declare(test: _F) -> _F:
        @functools.wraps(test)
        def declared(*args: Any, **kwargs: Any) -> Any:
            # The plugin runs what is wrapped. If pytest itself comes here, the plugin is off, and a test
            # that proved nothing must not pass.
            running = os.environ.get("PYTEST_CURRENT_TEST", "").partition("[")[0].partition(" ")[0]
            if running.rpartition("::")[2] == test.__name__:
                import pytest  # noqa: PLC0415 - a declared test can be a target outside of pytest, too

                pytest.skip("the plugin of overheard is switched off, so nothing was tried")
            return test(*args, **kwargs)

        setattr(declared, MARK, declaration)
        return declared  # type: ignore[return-value]  # it takes and gives what it wraps

    return declare if function is None else declare(function)


def target(written: str, *, root: Path) -> Any:
    """What TARGET names (`path/file.py:attribute`, `module:attribute`), looked for from the folder `root`.

    To be called where the agent is made, not where a test module is imported: an agent at module level reads
    where its model is when it is imported. Raises UsageError or TargetBuildError in one sentence.
    """
    from overheard.adapters.resolve import load  # noqa: PLC0415 - test modules import this one

    return load(written, base=root)
