"""Plans drawn by Hypothesis, as data, before anything is driven."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Final, TypeAlias

import msgspec

from overheard.core.contract import Contract
from overheard.core.errors import InternalError
from overheard.core.offers import Offers
from overheard.core.operation import Plan
from overheard.plan.offered import unavailable
from overheard.scenario.model import Scenario

SPARE: Final = 2
"""The engine mutates choices that a plan does not show, a persona that never speaks, and so draws some four
plans in ten twice. Twice as many are drawn as are wanted, and the different ones kept."""


def draw(scenario: Scenario, *, seed: int, count: int, contract: Contract, offers: Offers) -> list[Plan]:
    """`count` different plans of a scenario, drawn by an inner Hypothesis run; the same for the same `seed`.

    Empty if the scenario yields no plans (see `expand`), and fewer than `count` only if its dials leave too
    little to choose. The engine favours the extreme: what is found in these plans is a finding, what is not
    counts towards no bound. Raises InternalError if the run itself fails.
    """
    if count < 1 or unavailable(scenario, contract, offers) is not None:
        return []
    plans: dict[bytes, Plan] = {}
    try:
        _DRAWER.run(lambda: _collect(plans, scenario, seed, count, contract, offers))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InternalError(f"drawing plans for {scenario.name} failed: {error!r}") from error
    return list(plans.values())


_Job: TypeAlias = tuple[Future[None], Callable[[], None]]


class _Drawer:
    """The one thread in which plans are drawn, one run after the other.

    Not the caller's: Hypothesis keeps the running example in thread-local state, and an enclosing @given
    would otherwise take the draws for its own. Nor a new one for each run: in every thread that it has not
    seen before Hypothesis walks through all objects of the process, which took longer than drawing did.
    """

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._jobs: SimpleQueue[_Job] | None = None

    def run(self, work: Callable[[], None]) -> None:
        """Do `work` in the thread and wait for its end. Raises what it raises."""
        with self._starting:
            if self._jobs is None:
                self._jobs = SimpleQueue()
                threading.Thread(
                    target=_draw_on, args=(self._jobs,), name="overheard-plans", daemon=True
                ).start()
        done: Future[None] = Future()
        self._jobs.put((done, work))
        done.result()


def _draw_on(jobs: SimpleQueue[_Job]) -> None:
    while True:
        done, work = jobs.get()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - carried into the thread that waits
            done.set_exception(error)
        else:
            done.set_result(None)
        del done, work


_DRAWER = _Drawer()
if hasattr(os, "register_at_fork"):
    # A forked process has the objects of its parent and none of its threads.
    os.register_at_fork(after_in_child=_DRAWER.__init__)  # type: ignore[misc]  # the same as a new one


class _Enough(BaseException):
    """Ends a run of Hypothesis at once. As an `Exception` it would be taken for a failure, and replayed."""


def _collect(
    plans: dict[bytes, Plan], scenario: Scenario, seed: int, count: int, contract: Contract, offers: Offers
) -> None:
    import hypothesis  # noqa: PLC0415 - 300 ms that only drawn plans must pay

    from overheard.plan.strategies import plans as strategy  # noqa: PLC0415 - imports hypothesis

    # Every setting is given, so that none is taken from a profile: a downstream conftest, `CI=true` and the
    # 200 ms deadline would each change which plans there are, or stop the run.
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count * SPARE,
        phases=(hypothesis.Phase.generate,),
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        backend="hypothesis",
        stateful_step_count=50,
        verbosity=hypothesis.Verbosity.quiet,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy(scenario, contract=contract, offers=offers, seed=seed))
    def collect(plan: Plan) -> None:
        plans.setdefault(msgspec.json.encode(plan), plan)
        if len(plans) == count:
            raise _Enough

    with contextlib.suppress(_Enough):
        collect()
