"""What a user copies, run as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "http"


@pytest.fixture
def found(tmp_path):
    """found(file): exit code and report of a short run."""

    def found(file):
        python3 = tmp_path / "bin" / "python3"
        python3.parent.mkdir()
        # No link: Python finds its packages by where it lies.
        python3.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python3.chmod(0o755)
        quiet = {key: value for key, value in os.environ.items() if not key.startswith("OVERHEARD_")}
        run = subprocess.run(
            [sys.executable, "-m", "overheard", "run", file, "--profile", "smoke", "--json", "-o", "out",
             "--scenario", "stranger", "--scenario", "many-resources"],
            cwd=tmp_path, env=quiet | {"PATH": f"{python3.parent}:{os.environ['PATH']}"},
            text=True, capture_output=True, check=False, timeout=300,
        )  # fmt: skip
        assert run.stdout, run.stderr
        return run.returncode, json.loads(run.stdout)

    return found


def test_whose_it_is_follows_from_the_token_and_it_is_held(found):
    code, report = found(EXAMPLES / "target.toml")
    assert (code, report["verdict"]) == (0, "held"), report
    assert report["contract"]["authentication"]


def test_the_body_is_believed_and_it_is_found_out(found):
    code, report = found(EXAMPLES / "believing.toml")
    assert code == 1
    assert {finding["diagnosis"] for finding in report["findings"]} == {"client-supplied resource believed"}
