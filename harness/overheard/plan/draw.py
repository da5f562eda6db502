"""Plans drawn by Hypothesis, as data, before anything is driven."""

from __future__ import annotations

import threading
from typing import Final

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
    failures: list[BaseException] = []

    def run() -> None:
        try:
            _collect(plans, scenario, seed, count, contract, offers)
        except BaseException as error:  # noqa: BLE001 - carried into the thread that waits
            failures.append(error)

    # A thread of its own: Hypothesis keeps the running example in thread-local state, and an enclosing
    # @given would otherwise take the draws for its own.
    thread = threading.Thread(target=run, name="overheard-plans", daemon=True)
    thread.start()
    thread.join()
    if failures:
        raise InternalError(f"drawing plans for {scenario.name} failed: {failures[0]!r}") from failures[0]
    return list(plans.values())


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
        # Never raises: that would start replays, and the plans would be others.
        if len(plans) < count:
            plans.setdefault(msgspec.json.encode(plan), plan)

    collect()
