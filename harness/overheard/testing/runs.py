"""Running scenarios, each once, and what a check may say of them.

A run is one target with its settings: that of `--overheard`, or one declared test. Each of its scenarios
is a campaign of its own, recorded to a part of the run's history, whichever process drives it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import pytest
from msgspec.structs import replace

from overheard import campaign, regressions
from overheard.baseline import known
from overheard.check.relation import RECALL
from overheard.check.result import InvariantResult, Judgement, RegressionResult
from overheard.core.baseline import Known
from overheard.core.errors import OverheardError, UsageError
from overheard.core.regression import Regression
from overheard.history.events import AnyEvent, ExampleStarted
from overheard.plugins import Plugins
from overheard.plugins import load as load_plugins
from overheard.scenario.load import load, select
from overheard.scenario.model import Scenario
from overheard.settings import Settings
from overheard.testing.declare import Declaration
from overheard.testing.names import REGRESSIONS, ROOT, folder_of, know
from overheard.testing.options import command_of, settings_of

Word: TypeAlias = Literal["held", "accepted", "inconclusive", "violated", "not promised", "not offered"]

PARTS: Final = "parts"
"""Folder, in that of the report, of the parts of a history that is not joined yet."""

_EXAMPLES: Final = 1 << 20
"""Numbers that canaries have for examples; the scenarios of a run share them out."""

_MANY: Final = 1 << 14
"""More examples than any profile has for one scenario, with everything that is proved and reduced."""

NOTHING: Final = Plugins()

_FREED_WITHIN: Final = 10.0
"""Seconds in which a blocked target has to give way to an interrupt, before the process is given up."""


@dataclasses.dataclass
class Run:
    """One target and all that is asked of it in this session.

    `scenarios` by name, in their order. `checks` are what there is to check of each of them, and before them
    of earlier failures; `selected` those that are to be, once collection is over; `narrowed` says whether
    somebody (`-k`, `--lf`, a node id) left some out. `homes` are the folders of the user's own modules;
    `baseline` the known findings of this target; `plugins` what others brought.
    """

    owner: str
    settings: Settings
    scenarios: Mapping[str, Scenario]
    folder: Path
    command: str
    number: int
    started: str
    checks: Mapping[str, tuple[str, ...]]
    homes: tuple[Path, ...] = ()
    baseline: tuple[Known, ...] = ()
    plugins: Plugins = NOTHING
    selected: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    @property
    def target(self) -> str:
        """As reports name it."""
        return self.settings.target

    @property
    def narrowed(self) -> bool:
        """Whether checks that there are, are not to be run."""
        return sum(map(len, self.selected.values())) < sum(map(len, self.checks.values()))

    def part(self, scenario: str) -> Path:
        """Where that scenario is recorded."""
        return self.folder / PARTS / f"{scenario}.jsonl"

    def _chosen(self, name: str) -> Sequence[str]:
        return self.selected.get(name, self.checks[name])

    def asked(self, name: str) -> Scenario:
        """A scenario with the invariants that are to be judged, and no others."""
        scenario, chosen = self.scenarios[name], self._chosen(name)
        return replace(scenario, invariants=tuple(one for one in scenario.invariants if one in chosen))

    def earlier(self) -> tuple[list[Regression], dict[str, str]]:
        """The earlier failures that are to be checked; and of files that say nothing any more, why."""
        found, broken = [], {}
        for name in self._chosen(REGRESSIONS):
            try:
                found.append(regressions.read(self.settings.regressions or Path(), name))
            except UsageError as error:
                broken[name] = str(error)
        return found, broken

    def options(self, name: str, *, seconds: float, earlier: Sequence[Regression] = ()) -> campaign.Options:
        """The campaign of one scenario, or of the `earlier` failures. Its examples are numbered apart from
        those of the others."""  # noqa: D209
        place = list(self.checks).index(name)
        return campaign.Options(
            **self.settings.driving(),
            campaign=self.number,
            profile=replace(campaign.PROFILES[self.settings.profile], seconds=seconds),
            scenarios=() if name == REGRESSIONS else (self.asked(name),),
            regressions=tuple(earlier),
            plugins=self.plugins.versions,
            adapters=self.plugins.adapters,
            invariants=tuple(one for one in self.plugins.invariants if one.name in self._chosen(name)),
            prove=self.settings.prove,
            command=self.command,
            started=self.started,
            history=self.part(name),
            first=place * min(_MANY, _EXAMPLES // len(self.checks)),
            baseline=self.baseline,
            part=len(self.checks) > 1,
        )


def prepared(
    config: pytest.Config, shared: Mapping[str, Any], owner: str, *, target: str,
    declaration: Declaration | None = None,
) -> Run:  # fmt: skip
    """The run of `owner`, decided from options and nothing else: every process comes to the same.

    Raises UsageError or ScenarioError.
    """
    settings = settings_of(config, seed=shared["seed"], target=target, declaration=declaration)
    plugins = plugins_of(config, settings)
    scenarios = select(load(settings.home, more=plugins.scenarios), settings.scenarios)
    earlier = regressions.names(settings.regressions)
    if earlier and REGRESSIONS in scenarios:
        raise UsageError(
            f"a scenario is called {REGRESSIONS}, as are the checks of earlier failures in "
            f"{settings.regressions}; call it something else"
        )
    # pytest's own word for "take no notice of what is known to fail".
    everything_fails = config.getoption("runxfail", default=False)
    digest = hashlib.blake2b(f"{shared['campaign']}/{owner}".encode(), digest_size=4).digest()
    return Run(
        owner=owner,
        settings=settings,
        scenarios=scenarios,
        folder=settings.output if owner == ROOT else settings.output / folder_of(owner),
        command=settings.command if owner == ROOT else command_of(config, settings, owner),
        number=int.from_bytes(digest) >> 2,
        started=shared["started"],
        checks={
            **({REGRESSIONS: tuple(earlier)} if earlier else {}),
            **{
                name: (*one.invariants, *(each.name for each in plugins.asked_by([name])))
                for name, one in scenarios.items()
            },
        },
        homes=(settings.base.absolute(), config.rootpath),
        baseline=()
        if everything_fails
        else known(
            settings.baseline,
            target=target,
            base=settings.base,
            invariants=[one.name for one in plugins.invariants],
        ),
        plugins=plugins,
    )


_PLUGINS: Final = pytest.StashKey[dict[tuple[str, ...], Plugins]]()


def plugins_of(config: pytest.Config, settings: Settings) -> Plugins:
    """What plugins bring to this session: installed ones, those asked for, and those that pytest has loaded.

    Raises PluginError.
    """
    known = config.stash.setdefault(_PLUGINS, {})
    if settings.plugins not in known:
        beside = [
            (str(name), plugin)
            for name, plugin in config.pluginmanager.list_name_plugin()
            if isinstance(plugin, ModuleType) and not plugin.__name__.startswith("overheard.")
        ]
        known[settings.plugins] = load_plugins(
            settings.plugins, base=settings.home, environ=os.environ, beside=beside
        )
        know(one.name for plugins in known.values() for one in plugins.invariants)
    return known[settings.plugins]


class Result(NamedTuple):
    """What one check says, and why it says no more."""

    word: Word
    reasons: tuple[str, ...] = ()
    judged: InvariantResult | None = None


class Outcome(NamedTuple):
    """What came of a scenario: a judgement, or the trouble because of which there is none.

    `driven` says whether any example of the scenario was: a scenario whose leading move the contract
    excludes has no plans, and the two calls with which every campaign begins prove nothing of it.
    """

    judgement: Judgement | None
    trouble: str = ""
    driven: bool = True
    beside: tuple[str, ...] = ()
    """Invariants of the scenario other than recall."""
    broken: Mapping[str, str] | None = None
    """Of earlier failures: the files that say nothing any more, and why."""

    def result(self, invariant: str) -> Result:
        """What the check of that invariant, or of that earlier failure, says."""
        judgement = self.judgement
        if self.broken is not None:
            return self._again(invariant, self.broken)
        if judgement is None:
            return Result("inconclusive", (self.trouble,))
        by_name = {one.name: one for one in judgement.invariants}
        one = by_name[invariant]
        if not self.driven and judgement.complete and one.verdict != "violated":
            return self._without_plans(one, by_name.values())
        if one.verdict is None:
            return Result(_status(one), one.reasons, one)
        return Result(one.verdict, one.reasons or judgement.reasons, one)

    def _again(self, name: str, broken: Mapping[str, str]) -> Result:
        results = () if self.judgement is None else self.judgement.regressions
        one = next((each for each in results if each.name == name), None)
        if name in broken or one is None:
            return Result("inconclusive", (broken.get(name, self.trouble),))
        if one.verdict is None:
            return Result(_status(one), one.reasons)
        return Result(one.verdict, one.reasons)

    def _without_plans(self, one: InvariantResult, everything: Collection[InvariantResult]) -> Result:
        """Recall is asked for beside something else; where that is not judged there is nothing to control."""
        if one.verdict is None:
            return Result(_status(one), one.reasons, one)
        others = [each for each in everything if each.name in self.beside and each.verdict is None]
        told = next((each for each in others if each.status == "not promised" and each.reasons), None)
        if one.name == RECALL and told is not None:
            return Result("not promised", (f"no plan of this scenario is left: {told.reasons[0]}",), one)
        if one.name == RECALL and others:
            return Result("not offered", ("no plan of this scenario fits what the target offers",), one)
        return Result("inconclusive", one.reasons or ("no plan of this scenario could be made",), one)


def _status(one: InvariantResult | RegressionResult) -> Word:
    return "not promised" if one.status == "not promised" else "not offered"


class Desk:
    """Drives the scenarios that this process is asked for, each once, and keeps what came of them."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._outcomes: dict[tuple[str, str], Outcome] = {}
        self._spare: dict[str, float] = {}

    def known(self, run: Run, scenario: str) -> Outcome | None:
        """What came of a scenario, if it was driven already."""
        return self._outcomes.get((run.owner, scenario))

    def drive(self, run: Run, scenario: str, target: Callable[[], Any] | None) -> Outcome:
        """Drive a scenario against `target`, a factory, or else against the target that the run names.

        Raises KeyboardInterrupt, after what was done has been recorded.
        """
        key = (run.owner, scenario)
        if key not in self._outcomes:
            share = campaign.PROFILES[run.settings.profile].seconds / max(1, len(run.selected))
            seconds = share * self._workers + self._spare.get(run.owner, 0.0)
            begin = time.monotonic()
            self._outcomes[key] = self._driven(run, scenario, target, seconds)
            # What a quick scenario leaves of its time is for those after it.
            self._spare[run.owner] = max(0.0, seconds - (time.monotonic() - begin))
        return self._outcomes[key]

    def _driven(self, run: Run, scenario: str, target: Callable[[], Any] | None, seconds: float) -> Outcome:
        part = run.part(scenario)
        if part.exists():
            return Outcome(
                None,
                f"another process of this session has begun scenario {scenario} already, and has not said "
                "what came of it: it died, or checks of one scenario were given to several processes",
            )
        again = scenario == REGRESSIONS
        earlier, broken = run.earlier() if again else ([], None)
        driven = False
        imported = set(sys.modules)

        def watch(event: AnyEvent) -> None:
            nonlocal driven
            driven = driven or (isinstance(event, ExampleStarted) and event.plan.scenario == scenario)

        if again and not earlier:
            return Outcome(None, "nothing could be read", broken=broken)
        hang = Hang()
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            judgement = campaign.run(
                run.options(scenario, seconds=seconds, earlier=earlier),
                observe=watch, target_object=target, on_hang=hang.end,
            )  # fmt: skip
        except OverheardError as error:
            return Outcome(None, str(error), broken=broken)
        except KeyboardInterrupt:
            if hang.seconds is None:
                raise
            return Outcome(None, hang.sentence(), broken=broken)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a check must say something, and this is no pass
            bug = f"this is a bug in overheard: {type(error).__name__}: {error}"
            return Outcome(None, bug, broken=broken)
        finally:
            hang.over.set()
            forget(imported, run.homes)
            if part.is_file() and part.stat().st_size == 0:
                part.unlink()
        beside = tuple(one for one in run.checks[scenario] if one != RECALL)
        return Outcome(judgement, driven=driven, beside=beside, broken=broken)


def forget(known: Collection[str], homes: Collection[Path]) -> None:
    """Take the target's own modules out again, as far as driving it imported them.

    An agent at module level read where its model is when it was imported, and its connections belong to the
    loop that it was first used on. The next scenario has another model server and another loop.
    """
    for name, module in list(sys.modules.items()):
        ours = name.partition(".")[0] == "overheard"
        file = None if ours or name in known else getattr(module, "__file__", None)
        if isinstance(file, str):
            path = Path(file)
            own = any(path.is_relative_to(home) for home in homes if home != Path(home.anchor))
            if own and not {"site-packages", "dist-packages"} & set(path.parts):
                del sys.modules[name]


class Hang:
    """Takes the loop back from a target that blocks it for good, so that the other tests still run."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.seconds: float | None = None

    def sentence(self) -> str:
        return (
            f"the target has blocked the event loop for {self.seconds or 0:.0f} s (a synchronous call inside "
            "an `async def`), so nothing more can be found out"
        )

    def end(self, seconds: float) -> None:
        """Interrupt the driving thread, from the watchdog's. Where that is in vain, leave the process."""
        self.seconds = seconds
        main = threading.main_thread().ident
        # Twice: asyncio answers the first by cancelling the main task, which a blocked loop never learns.
        for _ in range(2):
            if main is not None and hasattr(signal, "pthread_kill") and not self.over.wait(0.2):
                signal.pthread_kill(main, signal.SIGINT)
        if not self.over.wait(_FREED_WITHIN):
            print(f"overheard: {self.sentence()}", file=sys.__stderr__, flush=True)
            os._exit(pytest.ExitCode.TESTS_FAILED)
