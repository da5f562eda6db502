"""The doctor as a user calls it: the installed command, on a file, with its answer as JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "overheard"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("OVERHEARD")}

DICTIONARY = """
memory = {}

def agent(message, *, thread=None, resource=None):
    CHECK
    said = memory.setdefault(KEY, [])
    answer = " / ".join(said) or "nothing yet"
    said.append(message)
    return answer
"""
STRICT = 'if not thread or not resource: raise PermissionError("ids, please")'


@pytest.fixture
def call(tmp_path):
    def run(*words):
        done = subprocess.run(
            [str(COMMAND), *map(str, words)],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def doctor(call):
    """`doctor(target)` is what it measured, which must have been something."""

    def examine(target, *words):
        done = call("doctor", target, "--json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return examine


@pytest.fixture
def run(call):
    """`run(target, contract)` runs a smoke test under that contract: code and report."""

    def drive(target, contract, *words):
        flags = [word for key, value in contract.items() for word in ("--contract", f"{key}={value}")]
        done = call("run", target, "--profile", "smoke", "-o", "out", "--json", *flags, *words)
        return done.returncode, json.loads(done.stdout)

    return drive


@pytest.fixture
def write(tmp_path):
    def make(text, name="agent.py"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return f"{name}:agent"

    return make


@pytest.fixture
def keyed(write):
    """`keyed(expression)` is a target with one memory for each value of `expression`; it refuses missing ids."""

    def make(key, check=STRICT):
        return write(DICTIONARY.replace("KEY", key).replace("CHECK", check or "pass"))

    return make


@pytest.fixture
def zoo(write):
    def make(name):
        return write(f"from overheard.zoo.catalogue import CATALOGUE\nagent = CATALOGUE[{name!r}].build\n")

    return make
