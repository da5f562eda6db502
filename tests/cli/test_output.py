"""What is shown where: the report alone on standard output, progress beside it, colours only on a terminal."""

import os
import pty
import re
import signal
import subprocess
import sys

import jsonschema
import pytest

from overheard.report.schema import schema as published

ONE = ("--profile", "smoke", "--scenario", "recall", "-o", "out")
COMMANDS = ("run", "replay", "doctor", "check", "report", "baseline", "scenarios", "mirror", "demo", "init")
NOISY = """
import os, subprocess
print("on import")

def agent(message, *, thread=None, resource=None):
    print("printed")
    os.write(1, b"written\\n")
    subprocess.run(["echo", "by a child"])
    return "well"
"""


def test_json_is_nothing_but_the_report(overheard, write, tmp_path):
    write("agent.py", NOISY)
    done = overheard("run", "agent.py:agent", *ONE, "--json")
    assert done.report["verdict"] == "violated"  # it remembers nothing
    assert done.out.encode() == (tmp_path / "out" / "report.json").read_bytes()
    for line in ("on import", "printed", "written", "by a child", "exploring"):
        assert line in done.err
    doctor = overheard("doctor", "agent.py:agent", "--json")
    assert doctor.report["recall"] == "never"
    assert "by a child" in doctor.err


def test_the_report_keeps_to_its_schema(held, violated):
    schema = published()
    for ran in (held, violated):
        jsonschema.validate(ran.report, schema)


def test_scenarios_and_their_schema_are_json(overheard):
    listed = overheard("scenarios", "--json").report
    assert {"recall", "ids-missing"} <= set(listed)
    schema = overheard("scenarios", "--schema").report
    jsonschema.Draft202012Validator.check_schema(schema)


def test_a_scenario_that_is_shown_is_a_scenario_file(overheard, write):
    shown = overheard("scenarios", "recall").out
    write("scenarios/mine.toml", shown.replace("# recall.toml", "").replace("Recall within", "Mine:"))
    table = overheard("scenarios").out
    assert "mine" in table
    assert "Mine:" in table


def on_a_terminal(words, cwd, stream, env=None):
    """Run with `stream` a terminal: what it shows there, as bytes."""
    ours, theirs = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    others = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(
        [sys.executable, "-m", "overheard", *map(str, words)],
        cwd=cwd,
        env={**environ, "TERM": "xterm", **(env or {})},
        stdin=subprocess.DEVNULL,
        **{**others, stream: theirs},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # how Linux says that nobody writes any more
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    child.wait(60)
    return shown


def test_colours_are_for_terminals(overheard, violated, tmp_path):
    words = ("report", violated.folder)
    assert b"\x1b[" in on_a_terminal(words, tmp_path, "stdout")
    assert b"\x1b" not in on_a_terminal(words, tmp_path, "stdout", {"NO_COLOR": "1"})
    assert b"\x1b[" in on_a_terminal((*words, "--color"), tmp_path, "stdout", {"NO_COLOR": "1"})
    assert b"\x1b" not in on_a_terminal((*words, "--no-color"), tmp_path, "stdout")
    assert "\x1b" not in overheard(*words).out
    assert "\x1b[" in overheard(*words, "--color").out
    assert "\x1b[" in overheard(*words, env={"FORCE_COLOR": "1"}).out
    assert "\x1b" not in overheard(*words, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out


def test_progress_is_alive_on_a_terminal_and_leaves_it_tidy(keyed, tmp_path):
    shown = on_a_terminal(("run", keyed("(resource, thread)"), *ONE), tmp_path, "stderr")
    assert b"exploring: recall" in shown
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h")  # the cursor comes back
    assert b"\x1b[?25h" in shown
    assert b"reports and history are in" in shown


def test_progress_in_a_log_is_a_few_plain_lines(held):
    assert "\x1b" not in held.err
    assert "\r" not in held.err
    assert 3 <= len(held.err.splitlines()) <= 8
    assert "seed 11, profile smoke" in held.err


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)])
@pytest.mark.parametrize("columns", ["80", "100"])
def test_every_help_reads_well(overheard, words, columns):
    done = overheard(*words, "--help", env={"COLUMNS": columns})
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= int(columns)
    assert "..." not in re.sub(r"\[ARGS\]\.\.\.", "", done.out)  # no sentence is cut
    assert "9223372036854775807" not in done.out
    assert overheard(*words, "-h", env={"COLUMNS": columns}).out == done.out


def test_every_command_is_in_the_help(overheard):
    text = overheard("--help").out
    assert re.findall(r"^  (\w+)  +[A-Z]", text, re.MULTILINE) == list(COMMANDS)


def test_help_imports_nothing_heavy():
    """What makes a start slow is what is imported: asserted, where seconds would be the machine's."""
    heavy = (
        "hypothesis", "faker", "aiohttp", "msgspec", "jsonschema", "rich", "tabulate", "asyncio", "pytest",
        "langgraph", "overheard.campaign", "overheard.report", "overheard.settings",
    )  # fmt: skip
    program = (
        "import sys\nfrom overheard.cli import cli\n"
        "try: cli(sys.argv[1:], prog_name='overheard')\nexcept SystemExit: pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
    )
    for words in ([], ["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)):
        done = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
        )
        assert done.stderr.splitlines()[-1] == "[]", words


def test_a_mirror_says_how_to_reach_it_until_it_is_interrupted(start):
    child = start("mirror")
    assert re.fullmatch(r"export \w+=\S+\n", child.stdout.readline())
    while "until it is interrupted" not in child.stderr.readline():
        pass
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (130, "overheard: interrupted\n")
