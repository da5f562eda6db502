"""Programs that are started, and that nothing of them is left afterwards, whatever happens."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from overheard.adapters.launch import Launch, free_port, launched
from overheard.adapters.manners import Manners
from overheard.core.errors import TargetBuildError, UsageError
from overheard.core.outcome import TargetError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="targets are started on POSIX systems")

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = self.path == "/healthz"
        self.send_response(200 if ready else 404)
        self.end_headers()
    def log_message(self, *args):
        pass
open(os.environ["PIDS"], "a").write(f"{os.getpid()}\\n")
print("mirror", os.environ.get("OPENAI_BASE_URL"), flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def pids(tmp_path):
    """pids(): processes that were told to write their number down."""
    file = tmp_path / "pids"
    file.touch()
    found = lambda: [int(line) for line in file.read_text().split()]  # noqa: E731
    found.file = file
    yield found
    for pid in found():
        if _runs(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def launch(tmp_path, pids):
    """launch(command): what starts it. `{server}` in it is a small server that writes its number down."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)

    def launch(command="exec {server}", **changes):
        port = free_port()
        fields = {
            "command": command.replace("{server}", f"'{sys.executable}' '{script}'"),
            "directory": tmp_path,
            "environment": {"PIDS": str(pids.file)},
            "host": "127.0.0.1",
            "port": port,
            "ready": f"http://127.0.0.1:{port}/healthz",
            "seconds": 60.0,
            "log": tmp_path / "target.log",
        }
        return Launch(**(fields | changes))

    return launch


def _runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        with contextlib.suppress(OSError):
            os.kill(pid, 0)
            return not Path("/proc/self").exists()
        return False
    return state not in "ZX"


def _gone(pids, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(map(_runs, pids)):
            return True
        time.sleep(0.05)
    return False


def _during(launch, scene=lambda: None):
    async def run():
        async with launched(launch):
            return scene()

    return asyncio.run(run())


def _connects(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_it_is_ready_inside_and_gone_outside(launch, pids, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://the.mirror/v1")
    it = launch()
    assert _during(it, lambda: (_connects(it.port), len(pids()))) == (True, 1)
    assert not _connects(it.port)
    assert not any(map(_runs, pids()))
    assert it.log.read_text() == "mirror http://the.mirror/v1\n"
    assert it.log.stat().st_mode & 0o777 == 0o600


def test_connections_are_enough_where_nothing_else_is_said(launch):
    it = launch(ready=None)
    assert _during(it, lambda: _connects(it.port))


STUBBORN = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
NOTED = "open(os.environ['PIDS'], 'a').write(f'{os.getpid()}\\n'); time.sleep(1000)"

LEFT_BEHIND = {
    "a grandchild": "{server} & wait",
    "a server in the background of a shell that is gone": "{server} & true",
    "a session of its own": "setsid {server} & wait",
    "a daemon": "(setsid {server} &) ; exit 0",
    "one that ignores the request": "{stubborn} & exec {server}",
    "a stubborn daemon": "(setsid {stubborn} &) ; exec {server}",
}


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux")
@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_nothing_is_left_behind(launch, pids, monkeypatch, name):
    monkeypatch.setattr("overheard.adapters.launch.GRACE", 0.5)
    stubborn = f'{sys.executable} -c "{STUBBORN}{NOTED}"'
    it = launch(LEFT_BEHIND[name].replace("{stubborn}", stubborn))
    expected = 2 if "{stubborn}" in LEFT_BEHIND[name] else 1

    def scene():
        while len(pids()) < expected:
            time.sleep(0.05)
        return all(map(_runs, pids()))

    assert _during(it, scene)
    assert _gone(pids(), 1)
    assert not _connects(it.port)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, asyncio.CancelledError])
def test_it_is_ended_when_something_goes_wrong(launch, pids, error):
    def fail():
        raise error

    with pytest.raises(error):
        _during(launch(), fail)
    assert len(pids()) == 1
    assert _gone(pids(), 1)


def test_one_that_ends_at_once_is_quoted(launch):
    with pytest.raises(
        TargetBuildError, match=r"ended \(exit code 3\) before it was ready.*\nno\nsuch \?key"
    ):
        _during(launch("echo no; printf 'such \\033key' >&2; exit 3"))
    with pytest.raises(TargetBuildError, match=r"exit code 127.*\n.*not found"):
        _during(launch("overheard-no-such-program"))
    with pytest.raises(TargetBuildError, match=r"\(signal 9\).*it printed nothing"):
        _during(launch("kill -9 $$"))


def test_one_that_is_never_ready_is_ended(launch, pids):
    with pytest.raises(TargetBuildError, match=r"did not answer at http://127\S+/healthz within 1 s"):
        _during(launch("exec {server} --", ready="http://127.0.0.1:9/healthz", seconds=1.0))
    assert _gone(pids(), 1)


def test_somebody_elses_server_is_not_taken_for_it(launch, servers):
    async def handler(_request):
        raise AssertionError

    port = int(servers.app(handler).rpartition(":")[2])
    with pytest.raises(TargetBuildError, match=f"something else answers at 127.0.0.1:{port}"):
        _during(launch(port=port))


def test_a_folder_that_is_not_there(launch, tmp_path):
    with pytest.raises(TargetBuildError, match="there is no such folder"):
        _during(launch(directory=tmp_path / "nowhere"))


def test_without_a_folder_for_it_the_log_is_not_kept(launch, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(tmp_path.glob("overheard-target-*"))
    _during(launch(log=None), lambda: len(list(tmp_path.glob("overheard-target-*"))))
    assert set(tmp_path.glob("overheard-target-*")) == before
    with pytest.raises(TargetBuildError, match="\nwhy"):
        _during(launch("echo why; exit 1", log=None))


def test_a_target_that_prints_without_end_does_not_fill_the_disk(launch, monkeypatch, pids):
    monkeypatch.setattr("overheard.adapters.launch.LOG_LIMIT", 10_000)
    it = launch("yes & exec {server}")
    _during(it, lambda: time.sleep(0.3))
    kept = it.log.read_text()
    assert len(kept) < 10_300
    assert kept.endswith("more bytes were printed and not kept]\n")
    assert _gone(pids(), 1)


OWNER = """
import asyncio, sys, time
from pathlib import Path
from overheard.adapters.launch import Launch, launched

async def main():
    it = Launch({command!r}, Path({folder!r}), {{"PIDS": {pids!r}}}, "127.0.0.1", {port}, None, 60.0, None)
    async with launched(it):
        print("ready", flush=True)
        {then}

asyncio.run(main())
"""


@pytest.fixture
def owner(launch, pids, tmp_path):
    """A process of its own that has started a target, once it has."""
    started = []

    def owner(then="await asyncio.sleep(1000)", command="{server} & wait"):
        it = launch(command)
        source = OWNER.format(
            command=it.command, folder=str(tmp_path), pids=str(pids.file), port=it.port, then=then
        )
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield owner
    for process in started:
        with contextlib.suppress(OSError):  # and what it forked
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_is_gone_when_we_are(owner, pids, number):
    process = owner()
    assert all(map(_runs, pids()))
    os.kill(process.pid, number)
    process.wait(30)
    assert _gone(pids())


def test_ctrl_c_at_the_terminal_reaches_only_us_and_it_is_gone(owner, pids):
    process = owner()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    assert _gone(pids(), 1)


def test_it_is_gone_after_an_exit_without_clean_up(owner, pids):
    process = owner("import os; os._exit(3)")
    assert process.wait(30) == 3
    assert _gone(pids())


def test_a_copy_of_us_does_not_keep_it_alive(owner, pids):
    # A forked child has our end of the pipe; without a second sign the target would live as long as it does.
    process = owner("import os, time; child = os.fork() or time.sleep(60); os._exit(0)")
    assert process.wait(30) == 0
    assert _gone(pids())


@pytest.mark.skipif(sys.platform != "linux", reason="a kernel tells children of their parent's end on Linux")
def test_it_is_gone_when_its_warden_is_killed(owner, pids):
    owner(command="exec {server}")
    [server] = pids()
    warden = int(Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[1])
    assert b"warden.py" in Path(f"/proc/{warden}/cmdline").read_bytes()
    os.kill(warden, signal.SIGKILL)
    assert _gone([server])


def test_a_file_says_how_to_start_it(describe, monkeypatch, tmp_path):
    target = describe(
        "http://127.0.0.1:{port}/base",
        """
        send.path = "/x"
        [serve]
        command = "run --port {port} --url {url} ${HOME}"
        directory = "sub"
        ready = "/healthz"
        seconds = 5
        environment = { URL = "{url}" }
        """,
    )
    it = target.launch(Manners(folder=tmp_path))
    url = f"http://127.0.0.1:{it.port}/base"
    assert it.command == f"run --port {it.port} --url {url} ${{HOME}}"
    assert (it.directory, it.environment, it.seconds) == (tmp_path / "sub", {"URL": url}, 5)
    assert (it.ready, it.log) == (f"http://127.0.0.1:{it.port}/healthz", tmp_path / "target.log")
    monkeypatch.chdir(tmp_path)
    it = target.launch(Manners(serve="other {port}"))
    assert (it.command, it.directory, it.log) == (f"other {it.port}", tmp_path, None)
    assert describe("http://127.0.0.1:1", "send.path = '/x'").launch(Manners()) is None
    with pytest.raises(UsageError, match=r"started on this machine, and url leads to example\.com"):
        describe("http://example.com", "send.path = '/x'").launch(Manners(serve="x", allow_remote=True))


DIES = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        print("no memory left", flush=True)
        os._exit(9)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_a_target_that_dies_half_way_is_said_to_have_ended(describe, chat, talk, tmp_path):
    (tmp_path / "dies.py").write_text(DIES)
    target = describe(
        "http://127.0.0.1:{port}", chat + f"[serve]\ncommand = \"exec '{sys.executable}' dies.py\""
    )
    first, *rest = talk(target, *[("m", "t", "r")] * 3, manners=Manners(folder=tmp_path)).said
    assert type(first) is TargetError
    for error in (first, *rest):
        assert str(error) == (
            "the target that was started has ended (exit code 9); what it printed is in target.log"
        )
    assert "no memory left" in (tmp_path / "target.log").read_text()
