"""Targets that answer garbage, hang, send a gigabyte, or take the process with them."""

import resource
import subprocess
import sys

import pytest

ONE = ("--profile", "smoke", "--scenario", "recall", "-o", "out")
TARGET = """
import asyncio, os, sys, time

class Agent:
    async def send(self, message, *, thread=None, resource=None):
        {body}

agent = Agent()
"""


@pytest.fixture
def agent(write):
    def make(body):
        return write("agent.py", TARGET.replace("{body}", body)).name + ":agent"

    return make


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 42", "answered with a int"),
        ("return None", "does a branch end without `return`?"),
        ("return b'bytes'", "decode them, answer.decode()"),
        ("return {'answer': 'x'}", "return the text in it, answer['answer']"),
        ("return asyncio.sleep(0)", "answered with a coroutine"),
        ("raise ValueError('\\x1b[31mred\\u202e')", "ValueError: \\x1b[31mred\\u202e"),
        ("sys.exit(0)", "SystemExit"),
        ("raise asyncio.CancelledError", "raised CancelledError"),
    ],
)
def test_garbage_is_no_pass_and_is_named(overheard, agent, body, said):
    done = overheard("run", agent(body), *ONE)
    assert done.code == 3
    assert done.out.startswith("inconclusive: ")
    assert said in " ".join(done.out.split())
    assert "\x1b" not in done.out + done.err
    doctor = overheard("doctor", "agent.py:agent")
    assert doctor.code == 3
    assert said in " ".join(doctor.out.split())


def test_half_a_surrogate_pair_and_control_characters_are_only_text(overheard, agent, tmp_path):
    done = overheard("run", agent(r"return '\ud800 \x00 \x1b[2J ' + message[::-1]"), *ONE)
    assert done.code == 1  # it remembers nothing
    assert "\x1b" not in done.out + done.err
    assert overheard("check", "out/history.jsonl").out == done.out
    assert "\x1b" not in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")


def test_what_hangs_is_timed_out_and_left(overheard, agent):
    for body in ("await asyncio.sleep(3600)", "await asyncio.to_thread(time.sleep, 3600)"):
        done = overheard("run", agent(body), *ONE, "--timeout", "0.3")
        assert done.code == 3
        assert "every call failed (timeout)" in " ".join(done.out.split())
        assert "2 unclear" in done.err  # and not a time-out for each operation of each plan


def test_a_plain_function_that_hangs_is_left_too(overheard, write):
    write("agent.py", "import time\ndef agent(message, *, thread=None): time.sleep(3600)\n")
    assert overheard("run", "agent.py", *ONE, "--timeout", "0.3").code == 3
    assert overheard("doctor", "agent.py", "--timeout", "0.3").code == 3


PATIENT = """
import overheard.campaign, overheard.doctor, overheard.drive.leaving
overheard.campaign.HANG_SECONDS = overheard.doctor.HANG_SECONDS = 1.5
overheard.drive.leaving.bounded.__wrapped__.__kwdefaults__.update(entering=1.5, leaving=1.5)
from overheard.cli import main
main()
"""
"""The command with less patience: nobody wants to wait a minute for a test."""


@pytest.fixture
def impatient(tmp_path):
    def run(*words):
        done = subprocess.run(
            [sys.executable, "-c", PATIENT, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in done.stderr
        return done

    return run


def test_what_blocks_the_loop_is_left_by_the_watchdog(impatient, overheard, agent, tmp_path):
    target = agent("time.sleep(3600)")
    done = impatient("run", target, *ONE)
    assert (done.returncode, done.stdout) == (3, "")
    assert "blocked the event loop" in done.stderr
    assert "overheard check" in done.stderr
    # What was under way when it was left has been recorded.
    assert b'"type":"invoke"' in (tmp_path / "out" / "history.jsonl").read_bytes()
    assert overheard("check", "out/history.jsonl").code == 3
    done = impatient("doctor", target)
    assert (done.returncode, done.stdout) == (3, "")
    assert "blocked the event loop" in done.stderr


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("await asyncio.sleep(3600)", "pass", "could not be built: it was not ready after 1.5 s"),
        ("pass", "await asyncio.sleep(3600)", "its clean-up had not ended after 1.5 s"),
    ],
)
def test_what_is_never_ready_or_never_lets_go_is_left(impatient, write, before, after, said):
    write(
        "agent.py",
        "import asyncio, contextlib\n@contextlib.asynccontextmanager\nasync def agent():\n"
        "    async def send(message, *, thread=None, resource=None): return message\n"
        f"    {before}\n    yield send\n    {after}\n",
    )
    done = impatient("run", "agent.py:agent", *ONE)
    assert (done.returncode, done.stdout) == (4, "")
    assert said in done.stderr


def test_a_task_that_refuses_to_be_cancelled_keeps_nobody(overheard, write):
    write(
        "agent.py",
        "import asyncio\nkept = []\n"
        "async def stubborn():\n"
        "    while True:\n"
        "        try: await asyncio.sleep(3600)\n"
        "        except asyncio.CancelledError: pass\n"
        "async def agent(message, *, thread=None, resource=None):\n"
        "    kept.append(asyncio.create_task(stubborn()))\n"
        "    await asyncio.sleep(0)\n"
        "    return message\n",
    )
    done = overheard("run", "agent.py:agent", *ONE)
    assert done.code == 1  # it remembers nothing
    assert "pending" not in done.err


@pytest.mark.parametrize("status", [0, 1])
def test_a_target_that_ends_the_process_has_not_passed(overheard, agent, status):
    target = agent(f"os._exit({status})")
    done = overheard("run", target, *ONE)
    assert (done.code, done.out) == (3, "")
    assert f"os._exit({status})" in done.err
    assert overheard("check", "out/history.jsonl").code == 3
    assert overheard("doctor", target).code == 3


def test_a_forked_child_may_leave_as_it_likes(overheard, agent):
    done = overheard("run", agent("os.waitpid(os.fork() or os._exit(0), 0); return message"), *ONE)
    assert done.code == 1, done.err  # it remembers nothing


def test_a_gigabyte_is_looked_through_and_not_kept(overheard, write, tmp_path):
    write(
        "agent.py",
        "answers = iter(['x' * (1 << 30)])\n"
        "async def agent(message, *, thread=None, resource=None): return next(answers, 'short')\n",
    )
    done = overheard("run", "agent.py:agent", *ONE)
    assert done.code == 1  # it remembers nothing
    history = tmp_path / "out" / "history.jsonl"
    assert b'"length":1073741824' in history.read_bytes()
    assert history.stat().st_size < 1_000_000
    assert max(path.stat().st_size for path in (tmp_path / "out").glob("report.*")) < 200_000
    # Kilobytes, of the hungriest command so far: the answer itself, and no second copy of it.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1_700_000
