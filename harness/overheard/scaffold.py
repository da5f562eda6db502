"""`overheard init`: what a repository needs to test its agent, written once and never over anything.

What can be found out is not asked: which framework, which file, which name. Files are parsed and nothing
is imported, because an agent may do anything when it is.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from overheard.core.errors import UsageError
from overheard.report.escape import visible
from overheard.settings import DEFAULT_REGRESSIONS

Kind: TypeAlias = Literal["langgraph", "openai-agents", "function", "mastra", "unknown"]

KINDS: Final[dict[Kind, str]] = {
    "langgraph": "a compiled LangGraph",
    "openai-agents": "an agent of the OpenAI Agents SDK",
    "function": "a function or an object that takes a message",
    "mastra": "a Mastra server",
    "unknown": "no agent",
}

TESTS: Final = "tests/isolation"
_SKIPPED: Final = frozenset(
    {"node_modules", "site-packages", "build", "dist", "venv", "env", "tests", "test", "docs", "reports"}
)
_FILES: Final = 2_000
_SIZE: Final = 1 << 20
_NAMES: Final = ("agent", "graph", "app", "target", "build", "chat", "send")
_ORDER: Final[tuple[Kind, ...]] = ("langgraph", "openai-agents", "function")


class Agent(NamedTuple):
    """What was found: the kind of agent, and where. `path` is relative to the repository."""

    kind: Kind
    path: str = ""
    name: str = ""

    @property
    def target(self) -> str:
        """As `overheard run` takes it."""
        return f"{self.path}:{self.name}" if self.name else self.path


class Written(NamedTuple):
    """What `init` did: the agent found, files written, and files that were there and were left alone."""

    agent: Agent
    written: tuple[str, ...]
    kept: tuple[str, ...]


def init(root: Path) -> Written:
    """Write what is missing into the repository at `root`. Nothing that exists is changed.

    Raises UsageError if a file cannot be written.
    """
    agent = find_agent(root)
    written, kept = [], []
    for name, text in _files(agent, root).items():
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            kept.append(name)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
        else:
            written.append(name)
    return Written(agent, tuple(written), tuple(kept))


def to_terminal(done: Written) -> str:
    """What was done, and what to do next."""
    agent = done.agent
    lines = [f"found {KINDS[agent.kind]}{f' in {agent.target}' if agent.path else ''}"]
    lines += [f"wrote {name}" for name in done.written]
    lines += [f"kept  {name}, which was there" for name in done.kept]
    if agent.kind == "unknown":
        lines.append(f"say in {TESTS}/conftest.py how your agent is made: the fixture `agent` is a sketch")
    elif agent.kind == "mastra":
        lines.append("say in mastra.toml which agent is meant and how the server is started")
    lines.append("keep reports/overheard out of version control: histories hold what was said")
    lines.append("next: overheard run" if agent.kind == "mastra" else f"next: pytest {TESTS}")
    return "\n".join(visible(line) for line in lines)


# Finding out


def find_agent(root: Path) -> Agent:
    """The likeliest agent of a repository: by framework, then by name, then nearest to the root."""
    found = [agent for path in _sources(root) for agent in _agents_in(path, root)]
    if found:
        return min(found, key=_rank)
    return Agent("mastra") if _has_mastra(root) else Agent("unknown")


def _rank(agent: Agent) -> tuple[int, int, int, str]:
    name = _NAMES.index(agent.name) if agent.name in _NAMES else len(_NAMES)
    return _ORDER.index(agent.kind), name, agent.path.count("/"), agent.target


def _sources(root: Path) -> Iterator[Path]:
    count = 0
    for folder, folders, files in os.walk(root):
        # A folder with `pyvenv.cfg` in it is an environment, whatever it is called.
        folders[:] = sorted(
            each
            for each in folders
            if not each.startswith((".", "__"))
            and each not in _SKIPPED
            and not Path(folder, each, "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            fitting = name.endswith(".py") and not name.startswith(("test_", "conftest", "setup"))
            if fitting and count < _FILES:
                count += 1
                yield Path(folder, name)


def _agents_in(path: Path, root: Path) -> list[Agent]:
    try:
        if path.stat().st_size > _SIZE:
            return []
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    place = path.relative_to(root).as_posix()
    imported = {name for node in ast.walk(tree) for name in _imports(node)}
    return [Agent(kind, place, name) for node in tree.body for kind, name in _defined(node, imported)]


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module.partition(".")[0]]
    return []


def _defined(node: ast.stmt, imported: set[str]) -> Iterator[tuple[Kind, str]]:
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        kind = _made_by(node.value, imported)
        if kind is not None:
            yield from ((kind, each.id) for each in targets if isinstance(each, ast.Name))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        parameters = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        private = node.name.startswith("_")
        if "message" in parameters[:1] and {"thread", "resource"} & set(parameters) and not private:
            yield "function", node.name
    if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
        methods = {
            each.name: each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        send, init_ = methods.get("send"), methods.get("__init__")
        takes = {each.arg for each in (*send.args.args, *send.args.kwonlyargs)} if send else set()
        alone = init_ is None or len(init_.args.args) - len(init_.args.defaults) <= 1
        if {"message"} <= takes and {"thread", "resource"} & takes and alone:
            yield "function", node.name


def _made_by(call: ast.Call, imported: set[str]) -> Kind | None:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if "langgraph" in imported and name in ("compile", "create_react_agent"):
        return "langgraph"
    if "langchain" in imported and name == "create_agent":
        return "langgraph"
    return "openai-agents" if "agents" in imported and name == "Agent" else None


def _has_mastra(root: Path) -> bool:
    try:
        package: Any = json.loads((root / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    groups = (
        [package.get(key) for key in ("dependencies", "devDependencies")] if isinstance(package, dict) else []
    )
    return any(isinstance(group, dict) and "@mastra/core" in group for group in groups)


# Writing


def _files(agent: Agent, root: Path) -> dict[str, str]:
    files = {}
    if not _is_configured(root):
        target = "mastra.toml" if agent.kind == "mastra" else agent.target
        told = agent.kind in ("langgraph", "function", "mastra")
        files["overheard.toml"] = _CONFIGURATION.format(
            target=f"target = {json.dumps(target)}" if told else '# target = "path/to/file.py:agent"'
        )
    if agent.kind == "mastra":
        files["mastra.toml"] = _MASTRA
    else:
        files[f"{TESTS}/conftest.py"] = _CONFTEST[agent.kind].format(target=json.dumps(agent.target))
        files[f"{TESTS}/test_agent_isolation.py"] = _TEST
    files[f"{DEFAULT_REGRESSIONS.as_posix()}/README.md"] = _REGRESSIONS
    command = "overheard run" if agent.kind == "mastra" else f"pytest {TESTS}"
    files[".github/workflows/overheard.yml"] = _WORKFLOW.replace("<COMMAND>", command)
    return files


def _is_configured(root: Path) -> bool:
    shared = root / "pyproject.toml"
    try:
        return "[tool.overheard" in shared.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False


_CONFIGURATION: Final = """\
# What overheard tests here; see `overheard run --help`. Every key is also a flag and a variable.
{target}
profile = "standard"
output = "reports/overheard"

# What the agent promises. `overheard doctor` measures it and prints what to write here.
# [contract]
# thread_ids = "bearer"
"""

_MASTRA: Final = """\
# The server that is tested. overheard starts it with OPENAI_BASE_URL naming a model server of its own.
preset = "mastra"
url = "http://127.0.0.1:{port}"
variables.agent = "REPLACE-WITH-THE-NAME-OF-YOUR-AGENT"

[serve]
command = "npx mastra start"
ready = "/api"
"""

_HEAD: Final = '''\
"""How the agent is made that overheard tests."""

from pathlib import Path

import pytest

from overheard.testing import target

ROOT = Path(__file__).parents[2]


@pytest.fixture
def agent():
    """A factory of the agent.

    It is called once for each scenario, while OPENAI_BASE_URL points at overheard's own model server, which
    is why nothing is imported before. One agent serves all the users that overheard plays.
    """

'''

_IMPORTED: Final = (
    _HEAD
    + """\
    def build():
        return target({target}, root=ROOT)

    return build
"""
)

_CONFTEST: Final[dict[Kind, str]] = {
    "langgraph": _IMPORTED,
    "function": _IMPORTED,
    "openai-agents": _HEAD
    + """\
    def build():
        from agents import Runner, SQLiteSession

        agent = target({target}, root=ROOT)
        sessions = {{}}

        # Do here what your application does with the ids of its users and their conversations.
        async def send(message, *, thread=None, resource=None):
            if not thread or not resource:
                raise PermissionError("a thread id and a resource id are required")
            session = sessions.setdefault((resource, thread), SQLiteSession(str(len(sessions))))
            return str((await Runner.run(agent, message, session=session)).final_output)

        return send

    return build
""",
    "unknown": _HEAD.replace("from overheard.testing import target\n\n", "")
    .replace("from pathlib import Path\n\n", "")
    .replace("ROOT = Path(__file__).parents[2]\n\n\n", "\n")
    + """\
    def build():
        async def send(message, *, thread=None, resource=None):
            raise NotImplementedError("call your agent here and return its answer")

        return send

    return build
""",
}

_TEST: Final = '''\
"""Does the agent keep what it was told to the one who told it?"""

from overheard.testing import isolation


@isolation
def test_isolation(agent):
    return agent
'''

_REGRESSIONS: Final = """\
# Earlier failures

overheard writes the smallest plan of a new finding into this folder, and drives what is in it before anything
else, in every run: so a leak that was mended and comes back is found at once. Commit the files.
"""

_WORKFLOW: Final = """\
name: overheard
on:
  push:
  pull_request:
permissions:
  contents: read
jobs:
  isolation:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      # Replace this by how your project is installed, and add overheard to what it is tested with.
      - run: python -m pip install overheard && if [ -f pyproject.toml ]; then python -m pip install .; fi
      - run: <COMMAND>
        env:
          OVERHEARD_PROFILE: ${{ github.event_name == 'push' && 'standard' || 'smoke' }}
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: overheard
          path: |
            reports/overheard/**/report.*
            reports/overheard/**/junit.xml
            reports/overheard/**/counterexamples/
            tests/overheard_regressions/*.json
"""
