"""What real Mastra does, by the hand-written probe, is what is written down of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EVERY = tomllib.loads((HERE / "situations.toml").read_text())
RUN = [
    name for name, each in EVERY.items() if each.get("usual") or os.environ.get("OVERHEARD_MASTRA") == "all"
]


@pytest.mark.parametrize("name", RUN)
def test_a_situation_is_what_is_written_of_it(name, measured):
    said = {verdict: set(EVERY[name].get(verdict, ())) for verdict in ("violated", "inconclusive")}
    verdicts = measured[name]["verdicts"]
    found = {verdict: {each for each in verdicts if verdicts[each] == verdict} for verdict in said}
    assert found == said, measured[name]["seen"]


def test_every_situation_has_words_and_a_way_to_ask():
    listed = subprocess.run(
        [sys.executable, HERE / "probe.py", "--list"], capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == list(EVERY)
    kinds = {each["kind"] for each in EVERY.values()}
    assert {EVERY[name]["kind"] for name in EVERY if EVERY[name].get("usual")} == kinds


def test_the_probe_knows_nothing_of_what_it_is_held_against():
    assert "import overheard" not in (HERE / "probe.py").read_text()
    assert "from overheard" not in (HERE / "probe.py").read_text()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_server_is_the_process_that_was_started_and_leaves_nothing(mastra, tmp_path, how):
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "PORT": "0",
        "TMPDIR": str(tmp_path),
    }
    said = tmp_path / "said"
    with said.open("w") as out:
        server = subprocess.Popen([sys.executable, mastra], stdout=out, stderr=out, env=environment)
    try:
        while "listening on " not in said.read_text():
            assert server.poll() is None, said.read_text()
            time.sleep(0.05)
        address = said.read_text().partition("listening on ")[2].split()[0]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{address}/healthz") as answer:
            assert answer.status == 200
    finally:
        server.send_signal(how)
        server.wait()
    assert server.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["said"]


def test_a_server_without_a_model_says_so(mastra):
    environment = {key: value for key, value in os.environ.items() if key != "OPENAI_BASE_URL"}
    done = subprocess.run(
        [sys.executable, mastra], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "OPENAI_BASE_URL is not set: there is no model to talk to"


def test_without_node_the_launcher_says_what_to_do(tmp_path):
    serve = HERE.parents[1] / "examples" / "mastra" / "serve.py"
    environment = {**os.environ, "OVERHEARD_NODE": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [sys.executable, serve], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert "install Node 22" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_lock_file_names_no_registry():
    lock = (HERE.parents[1] / "examples" / "mastra" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity"' in lock
