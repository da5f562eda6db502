"""The command as it is installed, run as a user runs it: in a folder, with arguments, through pipes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "overheard"

DICTIONARY = """
memory = {}

def agent(message, *, thread=None, resource=None):
    if not thread or not resource:
        raise PermissionError("ids, please")
    said = memory.setdefault(KEY, [])
    answer = " / ".join(said) or "nothing yet"
    said.append(message)
    return answer
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def report(self) -> dict:
        return json.loads(self.out)


def clean_environment(**more):
    """The environment without what would change how the command behaves."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OVERHEARD", "OPENAI")) and name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    path = os.pathsep.join([str(COMMAND.parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, **more}


def call(*words, cwd, timeout=240, env=None, **options):
    """Run the command to its end. Whatever happens, nobody may be shown a traceback."""
    done = subprocess.run(
        [str(COMMAND), *map(str, words)],
        cwd=cwd,
        env=clean_environment(**(env or {})),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        **options,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def overheard(tmp_path):
    """`overheard(*words)` in an empty folder; what came of it as code, out and err."""

    def run(*words, cwd=tmp_path, **options):
        return call(*words, cwd=cwd, **options)

    return run


@pytest.fixture
def start(tmp_path):
    """`start(*words)` begins a command that the test means to disturb; it is ended with the test."""
    begun = []

    def heed_interrupts():
        # A shell starts what runs in the background with SIGINT ignored, and children inherit that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def begin(*words, cwd=tmp_path, env=None, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        child = subprocess.Popen(
            [str(COMMAND), *map(str, words)],
            cwd=cwd,
            env=clean_environment(**(env or {})),
            preexec_fn=heed_interrupts,  # noqa: PLW1509 - the tests start no threads
            **options,
        )
        begun.append(child)
        return child

    yield begin
    for child in begun:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.fixture
def write(tmp_path):
    """`write(name, text)` makes a file in the folder where the command runs."""

    def make(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return make


@pytest.fixture
def zoo(write):
    """`zoo(name)` is a target: a file that names one agent of the zoo."""

    def specimen(name):
        text = f"from overheard.zoo.catalogue import CATALOGUE\n\nagent = CATALOGUE[{name!r}].build\n"
        return write(f"{name.replace('-', '_')}.py", text).name

    return specimen


@pytest.fixture
def keyed(write):
    """`keyed(expression)` is a target with one memory for each value of `expression`."""

    def target(expression, name="agent.py"):
        return write(name, DICTIONARY.replace("KEY", expression)).name

    return target


@pytest.fixture(scope="session")
def command():
    """`command(*words, cwd=…)`: as `overheard`, for what is driven once for many tests."""
    return call


class Ran(NamedTuple):
    folder: Path
    out: str
    err: str

    @property
    def history(self) -> Path:
        return self.folder / "history.jsonl"

    @property
    def report(self) -> dict:
        return json.loads((self.folder / "report.json").read_text(encoding="utf-8"))


def _ran(tmp_path_factory, key, code):
    home = tmp_path_factory.mktemp("ran")
    (home / "agent.py").write_text(DICTIONARY.replace("KEY", key), encoding="utf-8")
    words = ("run", "agent.py", "--profile", "smoke", "--seed", "11", "-o", "out")
    done = call(*words, cwd=home)
    assert done.code == code, done.out + done.err
    return Ran(home / "out", done.out, done.err)


@pytest.fixture(scope="session")
def held(tmp_path_factory):
    """A run of a correct agent, once per session."""
    return _ran(tmp_path_factory, "(resource, thread)", 0)


@pytest.fixture(scope="session")
def violated(tmp_path_factory):
    """A run of an agent that looks up conversations by thread id alone, once per session."""
    return _ran(tmp_path_factory, "thread", 1)
