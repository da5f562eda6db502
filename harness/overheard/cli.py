"""The command line. One of two doors to a campaign, and without logic of its own.

Only click is imported here: everything else is imported by the command that needs it, so that `--help`
answers at once. Every option is also an environment variable: `--seed` is OVERHEARD_SEED.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from overheard.door import (
    BROKEN,
    CODES,
    DOCTOR_TABLE,
    END_NOW,
    HELD,
    INCONCLUSIVE,
    INTERRUPTED,
    START,
    TABLE,
    Door,
    clean_stdout,
    complain,
    keep_crashes_in,
    leave,
    nobody_leaves,
    note,
)
from overheard.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from overheard.campaign import Options
    from overheard.check.result import Judgement
    from overheard.core.regression import Regression
    from overheard.history.events import AnyEvent
    from overheard.plugins import Plugins
    from overheard.report.formats import Format
    from overheard.settings import Request, Settings

FORMS = ["terminal", "json", "html", "md", "junit", "sarif", "badge", "certificate"]
"""What a run can be rendered as. (Written out here, because `--help` imports no renderer.)"""

CONTEXT = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
}


class _Seed(click.types.IntParamType):
    """A whole number. `IntRange` would show its limits, nineteen digits of them, in the help."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return int(click.IntRange(0, (1 << 63) - 1).convert(value, param, ctx))


class _Names(click.types.StringParamType):
    """Names that an environment variable separates by commas, as it does contract settings."""

    envvar_list_splitter = ","

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(super().convert(value, param, ctx)).strip()


def _option(*names: str, variable: bool = True, **attributes: Any) -> Callable[[Any], Any]:
    """An option, and its environment variable: click's own prefix would make it OVERHEARD_RUN_SEED."""
    name = next(name for name in names if name.startswith("--")).partition("/")[0]
    envvar = "OVERHEARD" + name[1:].replace("-", "_").upper()
    return click.option(*names, envvar=envvar if variable else None, **attributes)


def _target(function: Any) -> Any:
    return click.argument("target", required=False, envvar="OVERHEARD_TARGET")(function)


_config = _option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Configuration to read instead of the nearest overheard.toml or pyproject.toml.",
)
_contract = _option(
    "--contract",
    multiple=True,
    metavar="KEY=VALUE",
    variable=False,  # read with the settings: a flag adds to what the environment says, key by key
    help="What the target promises, such as thread_ids=bearer. Repeatable; OVERHEARD_CONTRACT takes "
    "several, separated by commas.",
)
_timeout = _option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True, max=86_400),
    metavar="SECONDS",
    help="How long one call of the target may take, in seconds.  [default: 30]",
)
_serve = _option(
    "--serve",
    metavar="COMMAND",
    help="Start the target of a file.toml first, with the mirror's address in its environment, and end it "
    "afterwards.",
)
_remote = _option(
    "--allow-remote",
    is_flag=True,
    help="The target may be on another machine: it will be told secrets, and presented other people's ids.",
)
_destructive = _option(
    "--allow-destructive",
    is_flag=True,
    help="What can be deleted, changed or given away in a target that was there before may be: by surfaces "
    "that delete, update and transfer, with ids of this run.",
)
_rate = _option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True, max=1_000_000),
    metavar="CALLS",
    help="How many calls a second may begin.  [default: as many as there are]",
)
_json = _option(
    "--json", "as_json", is_flag=True, help="Nothing but the report, as JSON, on standard output."
)
_color = _option(
    "--color/--no-color",
    default=None,
    help="Colours, whatever standard output is.  [default: on a terminal, unless NO_COLOR is set]",
)
_plugin = _option(
    "--plugin",
    "plugins",
    type=_Names(),
    multiple=True,
    metavar="NAME",
    help="A plugin to load, a module or path/file.py, besides those of installed packages. Repeatable.",
)
_emit = _option(
    "--emit-test", "emit_test", type=click.Path(path_type=Path), metavar="DIR",
    help="Write a test for pytest into this folder, for each plan that shows a leak. None is overwritten.",
)  # fmt: skip
_evidence = _option(
    "--show-evidence", is_flag=True, help="Show what was leaked as it was, instead of owner and fingerprint."
)


@click.group(cls=Door, context_settings=CONTEXT, epilog=START)
@click.version_option(__version__, prog_name="overheard", message="%(prog)s %(version)s")
def cli() -> None:
    """Does your agent keep what it was told to the one who told it?

    overheard drives an agent as many users at once, tells each of them secrets that can be recognised
    anywhere, and finds out who else gets to see them.
    """


@cli.command(epilog=TABLE, context_settings=CONTEXT)
@_target
@_option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder for reports and history.  [default: reports/overheard]",
)  # fmt: skip
@_option("--seed", type=_Seed(), metavar="N", help="Repeat the plans of the run that had this seed.")
@_option("--profile", metavar="NAME", help="smoke, standard or thorough.  [default: standard]")
@_option(
    "--scenario",
    "scenarios",
    type=_Names(),
    multiple=True,
    metavar="NAME",
    help="Only this scenario. Repeatable.",
)
@_contract
@_json
@_option(
    "--baseline", type=click.Path(path_type=Path), metavar="FILE",
    help="Known findings, which do not fail the run.  [default: overheard-baseline.toml, if it is there]",
)  # fmt: skip
@_option(
    "--regressions", type=click.Path(path_type=Path), metavar="DIR",
    help="Plans of earlier failures, tried first and added to.  [default: tests/overheard_regressions, if it "
    "is there]",
)  # fmt: skip
@_emit
@_option("--prove", is_flag=True, help="Put leaks in on purpose, all kinds, and see that each is found.")
@_timeout
@_serve
@_remote
@_plugin
@_destructive
@_rate
@_evidence
@_color
@_config
def run(
    *, target: str | None, output: Path | None, seed: int | None, profile: str | None,
    scenarios: tuple[str, ...], contract: tuple[str, ...], as_json: bool, baseline: Path | None,
    regressions: Path | None, emit_test: Path | None, prove: bool, timeout: float | None,
    serve: str | None, allow_remote: bool, allow_destructive: bool, rate: float | None,
    plugins: tuple[str, ...], show_evidence: bool, color: bool | None, config: Path | None,
) -> None:  # fmt: skip
    """Run a campaign against TARGET and say what held.

    TARGET is module:attribute, path/file.py:attribute, or path/file.py with one obvious agent in it: a
    function, an object with `send`, a factory of one, or a framework's own object. Or it is
    path/file.toml, which says how to reach an agent over HTTP.
    """
    from overheard.settings import Request  # noqa: PLC0415

    request = Request(
        target=target, output=output, seed=seed, profile=profile, scenarios=scenarios,
        contract=contract, prove=prove, timeout=timeout, serve=serve, allow_remote=allow_remote,
        allow_destructive=allow_destructive, rate=rate,
        baseline=baseline, regressions=regressions, plugins=plugins, config=config,
    )  # fmt: skip
    paint = _wants_color(color)
    with clean_stdout() as emit:
        judgement = _drive(_settings(request), show_evidence=show_evidence, tests=emit_test)
        emit(_render("json" if as_json else "terminal", judgement, show_evidence=show_evidence, color=paint))
    _end(judgement)


@cli.command(epilog=TABLE, context_settings=CONTEXT)
@click.argument("file", type=click.Path(path_type=Path))
@_target
@_option(
    "--times",
    type=click.IntRange(1, 10_000),
    metavar="K",
    help="How often each plan is driven.  [default: 3]",
)
@_option(
    "--finding", "numbers", multiple=True, variable=False, type=click.IntRange(1), metavar="N",
    help="Only the finding of this number in the report of the run. Repeatable.  [default: all]",
)  # fmt: skip
@_contract
@_json
@_emit
@_timeout
@_serve
@_remote
@_plugin
@_destructive
@_rate
@_evidence
@_color
@_config
def replay(
    *, file: Path, target: str | None, times: int | None, numbers: tuple[int, ...], contract: tuple[str, ...],
    as_json: bool, emit_test: Path | None, timeout: float | None, serve: str | None, allow_remote: bool,
    allow_destructive: bool, rate: float | None, plugins: tuple[str, ...], show_evidence: bool,
    color: bool | None, config: Path | None,
) -> None:  # fmt: skip
    """Drive again what showed a leak in TARGET once.

    FILE is a plan of an earlier failure, as a run keeps it, a folder of them, or a run that found
    something: its folder or its history. Each plan is driven several times, step by step as recorded,
    and it is said how often it showed the leak. TARGET is written as for `run`.
    """
    from overheard import emitting, replaying  # noqa: PLC0415
    from overheard.settings import Request  # noqa: PLC0415

    emitting.ready(emit_test)
    request = Request(
        target=target, contract=contract, timeout=timeout, serve=serve, allow_remote=allow_remote,
        allow_destructive=allow_destructive, rate=rate, plugins=plugins, config=config,
    )  # fmt: skip
    times = times or replaying.TIMES
    paint = _wants_color(color)
    with clean_stdout() as emit:
        settings = _settings(request)
        more = _loaded(settings.plugins, settings.home)
        found = replaying.find(file, numbers=numbers, invariants=more.invariants)
        settings = replaying.under(settings, found.contract)
        for remark in (*settings.notes, *found.notes):
            note(remark)
        options = replaying.options(
            settings, more, found.plans, times=times, campaign=secrets.randbits(30), started=_now(),
            command=settings.replay(file, times=times, numbers=numbers),
        )  # fmt: skip
        judgement = _replay(options)
        about = {one.name for one in judgement.regressions if one.status == "judged"}
        _emit_tests(emit_test, [one for one in found.plans if one.name in about], settings, times=times)
        if as_json:
            emit(_render("json", judgement, show_evidence=show_evidence, color=paint))
        else:
            from overheard.report import replayed  # noqa: PLC0415

            emit(replayed.to_terminal(judgement, colour=paint, width=_width(), show=show_evidence))
    _end(judgement)


@cli.command(epilog=DOCTOR_TABLE, context_settings=CONTEXT)
@_target
@_contract
@_json
@_timeout
@_serve
@_remote
@_plugin
@_rate
@_color
@_config
def doctor(
    *, target: str | None, contract: tuple[str, ...], as_json: bool, timeout: float | None,
    serve: str | None, allow_remote: bool, rate: float | None, plugins: tuple[str, ...],
    color: bool | None, config: Path | None,
) -> None:  # fmt: skip
    """Measure what TARGET does, and propose a contract.

    Some twenty-five calls: does it remember, whom does it tell, what does it do without ids, does it reach
    the mirror, does it block. TARGET is written as for `run`. Nothing is certified.
    """
    from overheard import doctor as room  # noqa: PLC0415
    from overheard import examination  # noqa: PLC0415
    from overheard.settings import Request  # noqa: PLC0415

    request = Request(
        target=target, contract=contract, timeout=timeout, serve=serve, allow_remote=allow_remote, rate=rate,
        plugins=plugins, config=config,
    )  # fmt: skip
    paint = _wants_color(color)
    with clean_stdout() as emit:
        settings = _settings(request)
        adapters = _loaded(settings.plugins, settings.home).adapters
        with nobody_leaves(_left_by_itself, lambda: INCONCLUSIVE):
            diagnosis = room.run(
                settings, campaign=secrets.randbits(30), on_hang=_blocked(), adapters=adapters
            )
        emit(examination.to_json(diagnosis) if as_json else examination.to_terminal(diagnosis, color=paint))
    raise click.exceptions.Exit(HELD if diagnosis.useful else INCONCLUSIVE)


@cli.command(epilog=TABLE, context_settings=CONTEXT)
@click.argument("history", type=click.Path(path_type=Path))
@_option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder for reports of this judgement.  [default: none are written]",
    variable=False,  # OVERHEARD_OUTPUT says where runs go, and HISTORY is often in that folder
)  # fmt: skip
@_json
@_plugin
@_evidence
@_color
def check(
    *, history: Path, output: Path | None, as_json: bool, plugins: tuple[str, ...], show_evidence: bool,
    color: bool | None,
) -> None:  # fmt: skip
    """Judge a recorded campaign again.

    HISTORY is the history.jsonl of a run, from any machine and any year. One that was cut short is judged
    as far as it goes.
    """
    room = _plugins_here(plugins)
    judgement = _judge(history, room)
    if output is not None:
        from overheard.report.write import prepare, write  # noqa: PLC0415

        prepare(output, keep=history)
        write(output, judgement, history=history, show=show_evidence, more=room.reports)
    paint = _wants_color(color)
    with clean_stdout() as emit:
        emit(_render("json" if as_json else "terminal", judgement, show_evidence=show_evidence, color=paint))
    _end(judgement)


@cli.command(epilog=TABLE, context_settings=CONTEXT)
@click.argument("run_folder", metavar="[RUN]", type=click.Path(path_type=Path), required=False)
@_option(
    "--format",
    "form",
    metavar=f"[{'|'.join(FORMS)}]",
    default="terminal",
    help="Those of plugins too.",
    show_default=True,
)
@_plugin
@_evidence
@_color
def report(
    *, run_folder: Path | None, form: str, plugins: tuple[str, ...], show_evidence: bool, color: bool | None
) -> None:
    """Render the report of a run again.

    RUN is its folder: if it is not named, the one that `run` would write to (reports/overheard, unless
    your configuration says otherwise).
    """
    from overheard.core.errors import UsageError  # noqa: PLC0415
    from overheard.report.write import HISTORY  # noqa: PLC0415
    from overheard.settings import output_of, unknown  # noqa: PLC0415

    room = _plugins_here(plugins)
    allowed = (*FORMS, *room.reports)
    if form not in allowed:
        raise UsageError(unknown("format", form, allowed))
    judgement = _judge((run_folder or output_of(Path.cwd())) / HISTORY, room)
    paint = _wants_color(color)
    with clean_stdout() as emit:
        rendered = _render(form, judgement, show_evidence=show_evidence, color=paint, more=room.reports)
        if rendered:
            emit(rendered)
    _end(judgement)


@cli.command("baseline", context_settings=CONTEXT)
@click.argument("run_folder", metavar="[RUN]", type=click.Path(path_type=Path), required=False)
@_option("--reason", required=True, variable=False, help="Why they are accepted for now.")
@_option("--owner", required=True, variable=False, help="Who answers for that.")
@_option(
    "--expires", required=True, variable=False, type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD",
    help="The last day on which they are accepted.",
)  # fmt: skip
@_option(
    "--finding", "numbers", multiple=True, variable=False, type=click.IntRange(1), metavar="N",
    help="Only the finding of this number in the report. Repeatable.  [default: all that are new]",
)  # fmt: skip
@_option(
    "--baseline", type=click.Path(path_type=Path), metavar="FILE",
    help="The file to add to.  [default: the one that `run` reads]",
)  # fmt: skip
@_plugin
def accept(
    *, run_folder: Path | None, reason: str, owner: str, expires: datetime, numbers: tuple[int, ...],
    baseline: Path | None, plugins: tuple[str, ...],
) -> None:  # fmt: skip
    """Accept the findings of a run, for a while.

    Writes them into the baseline, the file of known findings, with who accepts them, why, and until when. RUN
    is the folder of the run: if it is not named, the one that `run` would write to. A run that finds nothing
    else is `accepted`, and exits with 0.
    """
    from overheard import baseline as room  # noqa: PLC0415
    from overheard.report.escape import visible  # noqa: PLC0415
    from overheard.report.write import HISTORY  # noqa: PLC0415
    from overheard.settings import baseline_of, output_of  # noqa: PLC0415

    cwd = Path.cwd()
    said = room.acceptance(reason, owner, expires.date(), today=_now())
    more = _plugins_here(plugins)
    judgement = _judge((run_folder or output_of(cwd)) / HISTORY, more)
    path = baseline or baseline_of(cwd)
    others = [one.name for one in more.invariants]
    written = room.accept(judgement, path, said=said, numbers=numbers, cwd=cwd, invariants=others)
    with clean_stdout() as emit:
        for entry in written:
            emit(visible(f"wrote {path}, {room.sentence(entry)}"))
        if not written:
            emit("nothing was found that is not known")


@cli.command(context_settings=CONTEXT)
@click.argument("name", required=False)
@_option("--schema", is_flag=True, help="The JSON Schema of a scenario file.")
@_json
@_plugin
@_config
def scenarios(
    *, name: str | None, schema: bool, as_json: bool, plugins: tuple[str, ...], config: Path | None
) -> None:
    """List the scenarios, yours among them; with NAME, show one."""
    from overheard import listing  # noqa: PLC0415

    with clean_stdout() as emit:
        if schema:
            emit(listing.schema())
        else:
            more = _plugins_here(plugins, config=config).scenarios
            found = listing.find(name, config=config, cwd=Path.cwd(), more=more)
            emit(listing.to_json(found) if as_json else listing.to_terminal(found, whole=name is not None))


@cli.command(context_settings=CONTEXT)
@_option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Port on 127.0.0.1.  [default: a free one]"
)
def mirror(*, port: int) -> None:
    """Serve the model that recites what it sees, until interrupted.

    The variables to give to your agent come on standard output, a line for each model call on standard
    error.
    """
    from overheard import serving  # noqa: PLC0415

    with clean_stdout() as emit:
        serving.serve(port, emit=emit, say=note)


@cli.command(context_settings=CONTEXT)
@_color
def demo(*, color: bool | None) -> None:
    """See a leaky agent and the same one mended, side by side."""
    from overheard import demonstration  # noqa: PLC0415

    paint = _wants_color(color)
    with clean_stdout() as emit:
        emit(demonstration.run(color=paint, started=_now(), say=note))


@cli.command(epilog=TABLE, context_settings=CONTEXT)
def init() -> None:
    """Set this repository up to test its agent.

    Writes a test, a configuration and a GitHub workflow. Finds the agent by itself, and leaves every file
    alone that is there.
    """
    from overheard import scaffold  # noqa: PLC0415

    with clean_stdout() as emit:
        emit(scaffold.to_terminal(scaffold.init(Path.cwd())))


def main() -> None:
    """Entry point of the `overheard` command."""
    try:
        cli(prog_name="overheard")
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else HELD)


def _settings(request: Request) -> Settings:
    from overheard.campaign import PROFILES  # noqa: PLC0415
    from overheard.settings import resolve  # noqa: PLC0415

    return resolve(
        request, cwd=Path.cwd(), environ=os.environ, profiles=PROFILES, fresh=lambda: secrets.randbits(32)
    )


def _drive(settings: Settings, *, show_evidence: bool, tests: Path | None) -> Judgement:
    """Run the campaign, progress on standard error, reports in their folder."""
    from msgspec.structs import replace  # noqa: PLC0415

    from overheard import campaign, emitting, progress  # noqa: PLC0415
    from overheard.core.errors import InternalError, TargetBuildError  # noqa: PLC0415
    from overheard.regressions import keep  # noqa: PLC0415
    from overheard.replaying import TIMES  # noqa: PLC0415
    from overheard.report.write import prepare, write  # noqa: PLC0415

    plugins = _loaded(settings.plugins, settings.home)
    options = _options(settings, plugins)
    folder = settings.output
    emitting.ready(tests)
    history = prepare(folder)
    keep_crashes_in(folder)
    for remark in settings.notes:
        note(remark)
    budget = options.profile.seconds
    note(
        f"seed {options.seed}, profile {options.profile.name}: explores for at most {budget:g} s, "
        f"ends within {budget * campaign.OVERTIME:g} s"
    )
    live = sys.stderr is not None and sys.stderr.isatty()
    try:
        with (
            progress.shown(live=live, budget=budget, say=note) as observe,
            nobody_leaves(_left_by_itself, lambda: INCONCLUSIVE if _recorded(history) else BROKEN),
        ):
            judgement = campaign.run(
                replace(options, history=history), observe=observe, on_hang=_blocked(history, live=live)
            )
    except KeyboardInterrupt:
        kept = _recorded(history)
        complain(f"interrupted; {kept}" if kept else "interrupted before anything was recorded")
        raise click.exceptions.Exit(INTERRUPTED) from None
    except (TargetBuildError, InternalError) as error:
        # A clean-up that fails, a disk that is full: what was driven before is evidence all the same.
        kept = _recorded(history)
        raise type(error)(f"{error}; {kept}" if kept else str(error)) from error
    finally:
        _recorded(history)
    write(folder, judgement, history=history, show=show_evidence, more=plugins.reports)
    note(f"reports and history are in {folder}")
    for path in keep(settings.regressions, judgement, make=settings.keeps):
        note(f"wrote {path}: it is tried first from now on, so commit it")
    if tests is not None:
        plans, remarks = emitting.found(judgement)
        _emit_tests(tests, plans, settings, times=TIMES)
        for remark in remarks:
            note(remark)
    return judgement


def _emit_tests(folder: Path | None, plans: Sequence[Regression], settings: Settings, *, times: int) -> None:
    from overheard import emitting  # noqa: PLC0415

    if folder is None:
        return
    written, remarks = emitting.emit(folder, plans, settings, times=times)
    for path in written:
        note(f"wrote {path}: pytest fails there while the leak shows")
    for remark in remarks:
        note(remark)


def _replay(options: Options) -> Judgement:
    """Drive earlier failures alone, progress on standard error. Nothing is written."""
    from overheard import campaign, progress  # noqa: PLC0415
    from overheard.replaying import spoken  # noqa: PLC0415

    live = sys.stderr is not None and sys.stderr.isatty()
    begun = False
    with progress.shown(live=live, budget=options.profile.seconds, say=note) as observe:

        def watch(event: AnyEvent) -> None:
            nonlocal begun
            begun = True
            observe(event)

        with nobody_leaves(_left_by_itself, lambda: INCONCLUSIVE if begun else BROKEN):
            judgement = campaign.run(options, observe=watch, on_hang=_blocked(live=live))
    return spoken(judgement)


def _recorded(history: Path) -> str:
    """What to say about a history that was cut short; a file with nothing in it is taken away."""
    if history.is_file() and history.stat().st_size == 0:
        history.unlink()
    return f"what was recorded is kept: `overheard check {history}` judges it" if history.is_file() else ""


def _left_by_itself(status: int) -> str:
    return (
        f"the target ended the whole process (os._exit({status})), and this run with it: a call of it must "
        "return or raise, and nothing is certified of one that does not"
    )


def _blocked(history: Path | None = None, *, live: bool = False) -> Callable[[float], None]:
    """What to do, from the watchdog's thread, about a target that never gives the event loop back.

    Nothing can be cancelled then and nothing closed, not even by Ctrl-C: all that is left is to leave.
    """

    def leave_at_once(seconds: float) -> None:
        if live:
            sys.stderr.write("\x1b[?25h")  # the live line hides the cursor
        kept = _recorded(history) if history else ""
        complain(
            f"the target has blocked the event loop for {seconds:.0f} s (a synchronous call inside an "
            f"`async def`), so nothing more can be found out{f'; {kept}' if kept else ''}"
        )
        END_NOW(INCONCLUSIVE)

    return leave_at_once


def _options(settings: Settings, plugins: Plugins) -> Options:
    """The one object by which a campaign is told everything. Time and chance enter here, nowhere behind."""
    from overheard.baseline import known  # noqa: PLC0415
    from overheard.campaign import PROFILES, Options  # noqa: PLC0415
    from overheard.regressions import load as load_regressions  # noqa: PLC0415
    from overheard.scenario.load import load, select  # noqa: PLC0415

    scenarios = tuple(select(load(settings.home, more=plugins.scenarios), settings.scenarios).values())
    return Options(
        **settings.driving(),
        campaign=secrets.randbits(30),
        profile=PROFILES[settings.profile],
        scenarios=scenarios,
        prove=settings.prove,
        command=settings.command,
        started=_now(),
        history=None,
        regressions=load_regressions(settings.regressions),
        plugins=plugins.versions,
        invariants=plugins.asked_by(one.name for one in scenarios),
        adapters=plugins.adapters,
        baseline=known(
            settings.baseline, target=settings.target, base=settings.base,
            invariants=[one.name for one in plugins.invariants],
        ),
    )  # fmt: skip


def _loaded(names: tuple[str, ...], home: Path) -> Plugins:
    from overheard.plugins import load  # noqa: PLC0415

    return load(names, base=home, environ=os.environ)


def _plugins_here(names: tuple[str, ...], *, config: Path | None = None) -> Plugins:
    from overheard.settings import plugins_here  # noqa: PLC0415

    return _loaded(*plugins_here(names, cwd=Path.cwd(), config=config))


def _now() -> str:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.now(UTC).isoformat(timespec="seconds")


def _judge(path: Path, plugins: Plugins) -> Judgement:
    from overheard.check.judge import judge  # noqa: PLC0415
    from overheard.history.reader import open_history  # noqa: PLC0415

    return judge(open_history(path), plugins.invariants)


def _render(
    form: str,
    judgement: Judgement,
    *,
    show_evidence: bool,
    color: bool,
    more: Mapping[str, Format] | None = None,
) -> str | bytes:
    if form != "terminal":
        from overheard.report.formats import FORMATS  # noqa: PLC0415

        chosen = {**(more or {}), **FORMATS}[form]
        if why := chosen.absent(judgement):
            complain(f"there is no {chosen.file} of this run: {why}")
            return ""
        return chosen.render(judgement, show_evidence)
    from overheard.report.terminal import to_terminal  # noqa: PLC0415

    return to_terminal(judgement, colour=color, width=_width(), show=show_evidence)


def _width() -> int:
    return min(shutil.get_terminal_size((100, 0)).columns, 120)


def _wants_color(flag: bool | None) -> bool:
    """Said by flag, else by NO_COLOR or FORCE_COLOR (if not empty), else on a terminal."""
    if flag is not None:
        return flag
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout is not None and sys.stdout.isatty())


def _end(judgement: Judgement) -> NoReturn:
    raise click.exceptions.Exit(CODES[judgement.verdict])
