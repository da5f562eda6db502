"""The door through which pytest comes in. Imports nothing of ours until it is asked to do something.

pytest imports this module in every run in which overheard is installed, used or not. So it only registers
options and looks out for what concerns overheard: `--overheard`, a declared test, a node id of either.
Everything else is in `overheard.testing`.
"""

from __future__ import annotations

import os
import re
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from overheard.testing.mirror import Serving
    from overheard.testing.plugin import Plugin
    from overheard.testing.replays import Replaying

DISABLE = "OVERHEARD_DISABLE"
"""Environment variable that switches the plugin off, whatever options and files say."""

PLUGIN = pytest.StashKey["Plugin | None"]()
MINE = re.compile(r"overheard::|.*::[A-Za-z0-9._-]+\]$", re.DOTALL)
"""What every node id of ours looks like, and few others; `testing.names` knows for certain."""

OPTIONS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("profile", {"metavar": "NAME"}, "how much is done: smoke, standard or thorough [standard]"),
    ("scenario", {"metavar": "NAME", "action": "append"}, "only this scenario; repeatable [all]"),
    ("seed", {"metavar": "N"}, "repeat the plans of an earlier run [a fresh one, printed]"),
    ("contract", {"metavar": "KEY=VALUE", "action": "append"}, "what the target promises; repeatable"),
    ("output", {"metavar": "DIR"}, "folder for reports and histories [reports/overheard]"),
    (
        "plugin",
        {"metavar": "NAME", "action": "append"},
        "a plugin to load: a module or path/file.py; repeatable",
    ),
    (
        "baseline",
        {"metavar": "FILE"},
        "known findings, which fail nothing [overheard-baseline.toml, if it is there]",
    ),
    (
        "regressions",
        {"metavar": "DIR"},
        "earlier failures, tried first [tests/overheard_regressions, if it is there]",
    ),
    ("timeout", {"metavar": "SECONDS"}, "how long one call of the target may take [30]"),
    ("prove", {"action": "store_true", "default": None}, "put leaks in on purpose, all kinds of them"),
    ("show-evidence", {"action": "store_true", "default": None}, "show what was leaked as it was"),
)
_INI = {"append": "linelist", "store_true": "bool"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, each with an ini setting of the same name (`overheard_profile`) and a variable."""
    group = parser.getgroup("overheard", "overheard: do agents keep their users apart?")
    group.addoption(
        "--overheard",
        metavar="TARGET",
        help="test the isolation of TARGET: module:attribute, path/file.py:attribute or path/file.py. "
        "Further options: also as ini settings (overheard_profile) and variables (OVERHEARD_PROFILE). "
        f"{DISABLE}=1 or `-p no:overheard` switches all of it off.",
    )
    parser.addini("overheard", "TARGET whose isolation is tested in every run (--overheard)", default="")
    for name, attributes, text in OPTIONS:
        group.addoption(f"--overheard-{name}", help=text, **attributes)
        kind: Any = _INI.get(attributes.get("action", ""), "string")
        default: Any = {"linelist": [], "bool": False}.get(kind, "")
        parser.addini(f"overheard_{name.replace('-', '_')}", f"{text} (--overheard-{name})", kind, default)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and wake if a target is named."""
    config.addinivalue_line("markers", "overheard: checks of isolation that overheard makes")
    config.stash[PLUGIN] = None
    if not off() and (config.getoption("overheard", None) or config.getini("overheard")):
        wake(config)


def off() -> bool:
    """Whether the environment says that overheard does nothing in this run."""
    return os.environ.get(DISABLE, "").strip().lower() not in ("", "0", "no", "false", "off")


def wake(config: pytest.Config) -> Plugin:
    """The part that does something. It is imported and registered when it is first needed."""
    plugin = config.stash[PLUGIN]
    if plugin is None:
        from overheard.testing.plugin import Plugin  # noqa: PLC0415 - an idle plugin costs nothing

        plugin = config.stash[PLUGIN] = Plugin(config, shared(config))
        config.pluginmanager.register(plugin, "overheard-awake")
    return plugin


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a check of every scenario and invariant out of a declared test."""
    function = metafunc.function
    if isinstance(function, FunctionType) and "__overheard_isolation__" in function.__dict__ and not off():
        wake(metafunc.config).generate(metafunc)


@pytest.fixture
def _overheard_check(request: pytest.FixtureRequest) -> Any:
    """Scenario and invariant of a check: what a declared test is parametrized by."""
    return request.param


@pytest.fixture
def overheard_mirror() -> Generator[Serving, None, None]:
    """A model server on loopback that recites what it is shown; for this test the usual variables
    (OPENAI_BASE_URL, …) point at it. `url` is its address, `calls` what it was asked."""  # noqa: D209 - as pytest shows it
    from overheard.testing.mirror import serving  # noqa: PLC0415 - an idle plugin costs nothing

    with serving() as one:
        yield one


@pytest.fixture
def overheard_replay(request: pytest.FixtureRequest) -> Replaying:
    """Drives what showed a leak once against an agent again: `overheard_replay(PLAN, agent, times=3)` says
    how often it was `shown`, and fails by itself where nothing is proved."""  # noqa: D209 - as pytest shows it
    if off():
        pytest.skip("the plugin of overheard is switched off, so nothing was tried")
    from overheard.testing.replays import Replaying  # noqa: PLC0415 - an idle plugin costs nothing

    return Replaying(request)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what all of them have to agree on."""
    if not off():
        node.workerinput["overheard"] = shared(node.config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: Sequence[str]) -> None:
    """Take the distribution of checks over: a scenario runs once, in one worker."""
    if not off() and any(MINE.match(nodeid) for nodeid in ids):
        wake(node.config).collected(node, ids)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, None]:
    """Let the plugin finish, if it woke: under pytest-xdist it does so only when this loop has begun."""
    outcome = yield
    plugin = session.config.stash[PLUGIN]
    if plugin is not None:
        plugin.finish(session, outcome.excinfo[0] if outcome.excinfo else None)


_SHARED = pytest.StashKey[dict[str, Any]]()


def shared(config: pytest.Config) -> dict[str, Any]:
    """What all processes of this session agree on: a worker was told, and everybody else decides once."""
    if _SHARED not in config.stash:
        told = getattr(config, "workerinput", {}).get("overheard")
        config.stash[_SHARED] = _fresh() if told is None else told
    return config.stash[_SHARED]


def _fresh() -> dict[str, Any]:
    # Chance and time enter here, nowhere behind.
    import random  # noqa: PLC0415 - a session without checks needs neither
    from datetime import UTC, datetime  # noqa: PLC0415 - as above

    chance = random.SystemRandom()
    return {
        "seed": chance.getrandbits(32),
        "campaign": chance.getrandbits(30),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
