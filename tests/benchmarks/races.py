"""How many executions it takes to find planted races of known depth: `python3 tests/benchmarks/races.py`.

Each way of scheduling looks for each race of `tests/races` with fresh seeds, execution after execution of plans
expanded from the scenario `concurrent-resources`, until the first leak or `MOST`. With `--full` it does so in
full, keeps what was measured and writes `docs/races.md`; without, on a small scale. Node is needed.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import importlib.util
import json
import os
import random
import statistics
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

if importlib.util.find_spec("overheard") is None:
    sys.path.insert(0, str(ROOT / ".ci"))
    from environment import become, python_with

    wanted = ("--editable", ".[langgraph]", "--requirement", "tests/requirements.txt")
    become(python_with("tests", *wanted), *sys.argv)

import msgspec  # noqa: E402 - installed above
from executing import executing  # noqa: E402
from tabulate import tabulate  # noqa: E402

from overheard.adapters.resolve import load  # noqa: E402
from overheard.campaign import PROFILES, Options, fresh_numbers, run  # noqa: E402
from overheard.check.observe import observe  # noqa: E402
from overheard.check.view import View  # noqa: E402
from overheard.core.schedule import deviations  # noqa: E402
from overheard.drive.patience import Patience  # noqa: E402
from overheard.history.events import ExampleEnded, Reduced  # noqa: E402
from overheard.mirror.pace import Pacer  # noqa: E402
from overheard.mirror.server import Mirror  # noqa: E402
from overheard.plan.weave import expand  # noqa: E402
from overheard.scenario.load import builtin  # noqa: E402

RACES = ROOT / "tests" / "races"
KEPT = HERE / "races.json"
PAGE = ROOT / "docs" / "races.md"
MOST = 30
"""Executions after which it is given up: as many as the profile `standard` makes of one scenario."""

SLEEP_SECONDS = 0.02
SCENARIO = builtin()["concurrent-resources"]
SLEEPS = "gather, random sleeps"
STRATEGIES: dict[str, dict[str, float] | None] = {
    "gather": {"gather": 1.0},
    SLEEPS: {"gather": 1.0},
    "random walk": {"walk": 1.0},
    "PCT 1": {"pct-1": 1.0},
    "PCT 2": {"pct-2": 1.0},
    "PCT 3": {"pct-3": 1.0},
    "choice list": {"choices": 1.0},
    "default mix": None,
}
WAYS = {"process": "in process", "python": "HTTP, Python", "node": "HTTP, Node"}
DEPTHS = (1, 2, 3)


class Sleeping(Pacer):
    """Answers each model call after a time of its own: what is usually tried to bring races to light."""

    async def hold(self) -> None:
        await asyncio.sleep(random.uniform(0, SLEEP_SECONDS))


def _sleeping(mirror: Mirror) -> None:
    mirror._routes.pacer = Sleeping()


def target_of(way: str, depth: int) -> Any:
    """What is driven; the mirror has to be up, and the environment to say so."""
    if way == "process":
        return load("agents.py:PLANTED", base=RACES)[depth][0]
    return load(f"{way}-{depth}.toml", base=RACES)


async def runs_to_find(way: str, depth: int, strategy: str, *, seeds: int, most: int) -> list[int | None]:
    """For each of so many fresh seeds the number of the first execution that leaked; None if none did."""
    weights = STRATEGIES[strategy]
    scenario = SCENARIO if weights is None else msgspec.structs.replace(SCENARIO, schedules=weights)
    found: list[int | None] = []
    prepare = _sleeping if strategy == SLEEPS else None
    async with executing(lambda: target_of(way, depth), name=f"{way}-{depth}", prepare=prepare) as execute:
        campaign, contract, offers = execute.campaign, execute.contract, execute.adapted.offers
        for _ in range(seeds):
            seed, patience = fresh_numbers()[0], Patience()
            found.append(None)
            for index in range(most):
                plan = expand(scenario, seed=seed, index=index, contract=contract, offers=offers)
                assert plan is not None
                started, *rest = await execute(plan, patience)
                body = [one for one in rest if not isinstance(one, ExampleEnded)]
                view = View(started, body, campaign=campaign, contract=contract)
                if observe(view, campaign=campaign).leaks:
                    found[-1] = index + 1
                    break
    return found


def reduced(way: str, depth: int, *, seeds: int) -> list[tuple[int, int]]:
    """For each of so many fresh seeds, how many executions reducing took, and the deviations that are left."""
    profile = msgspec.structs.replace(PROFILES["standard"], proofs=0, reductions=1, seconds=900.0)
    made = []
    for _ in range(seeds):
        seed, campaign = fresh_numbers()
        options = Options(
            target="agent" if way == "process" else f"{way}-{depth}.toml",
            base=RACES,
            seed=seed,
            campaign=campaign,
            profile=profile,
            scenarios=(SCENARIO,),
        )
        events: list[Any] = []
        known = target_of(way, depth) if way == "process" else None
        run(options, target_object=known, observe=events.append)
        made += [
            (one.executions, deviations(one.plan.schedule) if one.plan.schedule else 0)
            for one in events
            if isinstance(one, Reduced)
        ]
    return made


def measure(ways: list[str], *, seeds: int, most: int, reductions: int) -> dict[str, Any]:
    races = []
    for depth in DEPTHS:
        for way in ways:
            print(f"depth {depth}, {WAYS[way]}", file=sys.stderr, flush=True)
            runs = {
                name: asyncio.run(runs_to_find(way, depth, name, seeds=seeds, most=most))
                for name in STRATEGIES
            }
            races.append(
                {"depth": depth, "way": way, "runs": runs, "reduced": reduced(way, depth, seeds=reductions)}
            )
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    return {"date": today, "seeds": seeds, "most": most, "races": races}


def in_words(runs: list[int | None], most: int) -> str:
    """`median / worst`, and how many of the seeds missed it, if some did."""
    missed = sum(one is None for one in runs)
    if missed == len(runs):
        return "never"
    middle = statistics.median(most + 1 if one is None else one for one in runs)
    half = f">{most}" if middle > most else f"{middle:g}"
    worst = f">{most}" if missed else str(max(one for one in runs if one is not None))
    return f"{half} / {worst}" + (f" (missed {missed})" if missed else "")


def tables(found: dict[str, Any]) -> tuple[str, str]:
    """Both tables: executions to find, and to reduce."""
    rows = [
        [each["depth"], WAYS[each["way"]], *(in_words(runs, found["most"]) for runs in each["runs"].values())]
        for each in found["races"]
    ]
    small = []
    for each in found["races"]:
        executions = [one for one, _ in each["reduced"]]
        left = sorted({one for _, one in each["reduced"]})
        middle = f"{statistics.median(executions):g} / {max(executions)}" if executions else "not found"
        small.append([each["depth"], WAYS[each["way"]], middle, ", ".join(map(str, left))])
    return (
        tabulate(rows, headers=["depth", "driven", *STRATEGIES], tablefmt="github", disable_numparse=True),
        tabulate(
            small,
            headers=["depth", "driven", "executions to reduce", "deviations left"],
            tablefmt="github",
            disable_numparse=True,
        ),
    )


def page(found: dict[str, Any]) -> str:
    """The whole of docs/races.md."""
    text = (HERE / "races.md").read_text()
    finding, reducing = tables(found)
    for mark, said in (
        ("<DATE>", found["date"]),
        ("<SEEDS>", str(found["seeds"])),
        ("<MOST>", str(found["most"])),
        ("<FINDING>", finding),
        ("<REDUCING>", reducing),
        ("<REDUCED>", str(max(len(each["reduced"]) for each in found["races"]))),
    ):
        text = text.replace(mark, said)
    return text


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description="Measure how many executions planted races take to be found."
    )
    parser.add_argument("--full", action="store_true", help="every race in every way; writes the page")
    parser.add_argument("--seeds", type=int, help="how many fresh seeds each way of scheduling has")
    chosen = parser.parse_args(arguments)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if chosen.full:
        seeds = chosen.seeds or 20
        found = measure(list(WAYS), seeds=seeds, most=MOST, reductions=-(-seeds // 4))
        KEPT.write_text(json.dumps(found) + "\n")
        PAGE.write_text(page(found))
    else:
        found = measure(["process"], seeds=chosen.seeds or 1, most=MOST, reductions=1)
    print("\n\n".join(tables(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
