"""The command line, in a process of its own, with targets behind HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from overheard.adapters.launch import free_port

ZOO = f"exec '{sys.executable}' -m overheard.zoo.serve {{name}} --port {{port}}"
FILE = """
url = "http://127.0.0.1:{port}"
[send]
path = "/chat"
answer = "text"
json = { message = "{message}", thread = "{thread}", resource = "{resource}" }
[serve]
ready = "/healthz"
"""


@pytest.fixture
def overheard(tmp_path, write):
    """overheard(*words): run the command in a folder of its own, where `target.toml` lies."""
    write(FILE)
    quiet = {key: value for key, value in os.environ.items() if not key.startswith("OVERHEARD_")}

    def overheard(*words, wait=True):
        process = subprocess.Popen(
            [sys.executable, "-m", "overheard", *words],
            cwd=tmp_path, env=quiet, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        if not wait:
            return process
        process.out, process.err = process.communicate(timeout=300)
        return process

    return overheard


QUICK = ("--profile", "smoke", "--scenario", "same-thread-id")


def _served(name):
    """Processes of a zoo server, by what they were started with."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"overheard.zoo.serve" in words and name.encode() in words:
            found.append(int(entry.parent.name))
    return found


def test_a_leaky_server_is_started_found_out_and_ended(overheard, tmp_path):
    command = ZOO.replace("{name}", "thread-only-key-memory")
    run = overheard("run", "target.toml", *QUICK, "--serve", command, "-o", "out", "--json")
    assert run.returncode == 1, run.err
    report = json.loads(run.out)
    assert {finding["diagnosis"] for finding in report["findings"]} == {"thread id is the only key"}
    assert "Running on" in (tmp_path / "out" / "target.log").read_text()
    assert not _served("thread-only-key-memory")
    [program] = (tmp_path / "out" / "counterexamples").glob("*.py")
    environment = {**os.environ, "OVERHEARD_SERVE": command}
    shown = subprocess.run(
        [sys.executable, program], cwd=tmp_path, env=environment, text=True, capture_output=True, check=False
    )
    assert shown.returncode == 1, shown.stderr
    assert shown.stdout.startswith("violated: ")
    assert not _served("thread-only-key-memory")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found through /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_run_that_is_ended_leaves_no_server(overheard, number, code):
    name = "correct-resource"
    process = overheard("run", "target.toml", "--serve", ZOO.replace("{name}", name), "-o", "out", wait=False)
    deadline = time.monotonic() + 120
    while not _served(name):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1.5)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    while _served(name):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("change", "words", "code", "says"),
    [
        ("", ("--serve", "echo no key; exit 7"), 4, ["ended (exit code 7) before it was ready", "no key"]),
        ("", (), 2, ["{port}", "--serve COMMAND"]),
        ("sned = 1", (), 2, ["target.toml: there is no key 'sned'", "did you mean 'send'?"]),
        ("remote", (), 2, ["agent.example.com", "--allow-remote"]),
        ("down", (), 3, ["nothing answers at http://127.0.0.1:", "--serve COMMAND"]),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_its_exit_code(overheard, write, change, words, code, says):
    text = FILE
    if change == "remote":
        text = FILE.replace("127.0.0.1:{port}", "agent.example.com")
    elif change == "down":
        text = FILE.replace("{port}", str(free_port()))
    elif change:
        text = f"{change}\n{FILE}"
    write(text)
    run = overheard("run", "target.toml", *QUICK, "-o", "out", *words)
    assert run.returncode == code, run.err
    for each in says:
        assert each in " ".join((run.err + run.out).split())
    assert "Traceback" not in run.err


def test_a_file_that_is_not_there_is_named_with_what_is_like_it(overheard):
    run = overheard("run", "traget.toml")
    assert run.returncode == 2
    assert "did you mean target.toml?" in run.err


def test_the_doctor_says_what_it_could_not_reach(overheard, write):
    write(FILE.replace("{port}", str(free_port())))
    seen = overheard("doctor", "target.toml")
    assert seen.returncode == 3
    assert "nothing answers at http://127.0.0.1:" in " ".join(seen.out.split())


def test_the_doctor_prints_what_to_paste_into_the_file(overheard):
    seen = overheard("doctor", "target.toml", "--serve", ZOO.replace("{name}", "thread-only-key-memory"))
    assert seen.returncode == 0, seen.err
    assert '[contract]\n    thread_ids = "bearer"' in seen.out
    assert "@overheard.contract" not in " ".join(seen.out.split())
