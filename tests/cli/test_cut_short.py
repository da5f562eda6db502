"""Ctrl-C, kill -9, a full disk: a sentence, the right code, and every whole line recorded still readable."""

import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

LONG = ("--profile", "standard", "-o", "out")


def lines(path):
    """The whole lines of a history, the header among them."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for(condition, child, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < until, "nothing was recorded"
        time.sleep(0.01)


def judged(overheard, path):
    """What `check` makes of a history that was cut short. A verdict, or: there is nothing in it."""
    done = overheard("check", path)
    if lines(path) == 0:
        assert done.code == 2
        assert "nothing" in done.err or "No such file" in done.err
    else:
        assert done.code in (0, 3), done.err
        assert "the history was cut short: it has no end" in " ".join(done.out.split())
    return done


@pytest.mark.parametrize("nth", range(4))
def test_killed_at_any_moment(overheard, start, keyed, tmp_path, nth):
    history = tmp_path / "out" / "history.jsonl"
    child = start("run", keyed("(resource, thread)"), *LONG)
    wait_for(history.exists, child)
    delay = random.SystemRandom().uniform(0, 2)
    print(f"killed after {delay} s")
    time.sleep(delay)
    child.kill()
    child.wait()
    if child.returncode == -signal.SIGKILL:
        judged(overheard, history)
    assert not list((tmp_path / "out").glob("*.partial"))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.9999])
def test_a_truncated_history_is_judged_as_far_as_it_goes(overheard, held, tmp_path, share):
    whole = held.history.read_bytes()
    path = tmp_path / "history.jsonl"
    path.write_bytes(whole[: int(share * len(whole))])
    done = judged(overheard, path)
    if share == 0.9999:
        assert "the last line of the history is incomplete and was left out" in " ".join(done.out.split())


def test_a_damaged_history_is_refused_with_its_line(overheard, held, tmp_path):
    recorded = held.history.read_bytes().split(b"\n")
    recorded[5] = recorded[5][:-3]
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"\n".join(recorded))
    done = overheard("check", path)
    assert (done.code, done.out) == (2, "")
    assert f"{path}, line 6" in done.err


def test_interrupted_while_driving(overheard, start, write, tmp_path):
    write(
        "agent.py",
        "import asyncio\nasync def agent(message, *, thread=None, resource=None):\n"
        "    await asyncio.sleep(0.05)\n    return 'well'\n",
    )
    history = tmp_path / "out" / "history.jsonl"
    child = start("run", "agent.py", *LONG)
    wait_for(lambda: lines(history) > 4, child)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert err.splitlines()[-1] == (
        f"overheard: interrupted; what was recorded is kept: `overheard check {history}` judges it"
    )
    assert "Traceback" not in err
    assert not (tmp_path / "out" / "report.json").exists()
    done = overheard("check", history)
    assert done.code in (1, 3)
    assert "run was ended: interrupted" in " ".join(done.out.split())


@pytest.mark.parametrize("times", [1, 2])
def test_interrupted_while_the_loop_is_blocked(start, write, times):
    write(
        "agent.py",
        "import time\nasync def agent(message, *, thread=None, resource=None):\n"
        "    print('blocking', flush=True)\n    time.sleep(3600)\n",
    )
    child = start("run", "agent.py:agent", *LONG)
    for line in child.stderr:
        if line == "blocking\n":
            break
    for _ in range(times):
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert "overheard: interrupted" in err


def test_a_file_that_may_not_grow(overheard, keyed):
    """The history meets the limit of file sizes, as it would meet a quota."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    done = overheard("run", keyed("(resource, thread)"), *LONG, preexec_fn=limit)
    assert (done.code, done.out) == (4, "")
    assert "cannot record the history" in done.err
    assert "File too large" in done.err
    assert "overheard check" in done.err
    assert overheard("check", "out/history.jsonl").code == 3


DISK = """
set -e
mount -t tmpfs -o size={size} none disk
exec 3>&1
code=0; "$@" || code=$?
echo "code $code" >&3
ls -A disk/out >&3
"""


@pytest.fixture
def disk(tmp_path):
    """Run words with `disk/` a file system of so many kilobytes, in a mount namespace of its own."""
    unshare = shutil.which("unshare")
    (tmp_path / "disk").mkdir()
    probe = [unshare or "false", "-rm", "mount", "-t", "tmpfs", "none", str(tmp_path / "disk")]
    if not unshare or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("needs unshare, and user namespaces in which a tmpfs may be mounted")

    def run(kilobytes, *words):
        command = [unshare, "-rm", "sh", "-c", DISK.replace("{size}", f"{kilobytes}k"), "sh", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
        assert "Traceback" not in done.stderr
        return done

    return run


def command(*words):
    return [sys.executable, "-m", "overheard", *words]


def test_a_disk_that_fills_while_recording(disk, keyed):
    done = disk(100, *command("run", keyed("(resource, thread)"), "--profile", "smoke", "-o", "disk/out"))
    assert done.stdout.splitlines() == ["code 4", ".overheard-report", "history.jsonl"]
    assert "No space left on device" in done.stderr
    assert "make room" in done.stderr


def test_a_disk_that_fills_while_reporting(disk, violated):
    done = disk(12, *command("check", str(violated.history), "-o", "disk/out"))
    code, *files = done.stdout.splitlines()
    assert code == "code 4"
    assert "No space left on device" in done.stderr
    # Each file whole or not at all.
    assert not [name for name in files if "partial" in name or name == "history.jsonl"]


def test_a_disk_that_is_full_from_the_start(disk, keyed):
    done = disk(4, *command("run", keyed("(resource, thread)"), "-o", "disk/out"))
    assert done.stdout.splitlines()[0] == "code 4"
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_folder_that_cannot_be_written(overheard, keyed, write, held, command):
    write("file", "in the way\n")
    words = ("run", keyed("thread")) if command == "run" else ("check", held.history)
    for folder in ("file", "file/out", "/proc/out"):
        done = overheard(*words, "-o", folder)
        assert done.code == 2
        assert folder in done.err
        assert "name another folder" in done.err or "name a folder" in done.err


def test_a_folder_of_somebody_else_is_left_alone(overheard, keyed, write, tmp_path):
    thesis = write("out/thesis.tex", "chapter one\n")
    done = overheard("run", keyed("thread"), "-o", "out")
    assert done.code == 2
    assert "files in it that overheard did not write" in done.err
    assert list((tmp_path / "out").iterdir()) == [thesis]
