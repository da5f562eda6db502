"""Every row of the table of exit codes, by what the installed command really exits with."""

import re
import signal

import pytest

SMOKE = ("--profile", "smoke")
ONE = (*SMOKE, "--scenario", "recall")


def sentence(done):
    """The one sentence on standard error that says what was wrong."""
    (line,) = [line for line in done.err.splitlines() if line.startswith(("overheard: ", "Error: "))]
    return line


def test_the_table_in_the_help_is_the_table(overheard):
    text = overheard("run", "--help").out
    assert re.findall(r"^ +(\d+)  \S", text, re.MULTILINE) == ["0", "1", "2", "3", "4", "130"]


def test_held_is_0(held):
    assert held.out.startswith("held: ")
    assert held.report["verdict"] == "held"


def test_violated_is_1(violated):
    assert violated.out.startswith("violated: ")
    # A key without the resource in it keeps no two resources apart, whether or not their ids are alike.
    assert {(one["invariant"], one["diagnosis"]) for one in violated.report["findings"]} == {
        ("thread-ownership", "thread id is the only key"),
        ("distinct-ids-stay-distinct", "thread id is the only key"),
    }


AGENT = "def agent(message, *, thread=None, resource=None): return message\n"
TWO = "def first(message): return message\ndef second(message): return message\n"
SCENARIO = 'extends = "recall"\nturnz = [4, 6]\n'


@pytest.mark.parametrize(
    ("words", "files", "said"),
    [
        ((), {}, ["no target was named", "overheard run module:attribute"]),
        (("agnt.py",), {}, ["'agnt.py'", "did you mean agent.py?"]),
        (("agnt:agent",), {}, ["no module agnt", "agent"]),
        (("agent.py:agnt",), {}, ["agent.py has no 'agnt'", "agent"]),
        (("agent.py:memory",), {"agent.py": "memory = {}\n"}, ["is no target", "dict"]),
        (("agent.py",), {"agent.py": TWO}, ["any of first, second", "say which"]),
        (("agent.py", "--sed", "3"), {}, ["No such option", "--sed", "--seed"]),
        (("agent.py", "--seed", "many"), {}, ["--seed", "'many'"]),
        (("agent.py", "--seed", str(1 << 63)), {}, ["--seed", str(1 << 63)]),
        (("agent.py", "--timeout", "0"), {}, ["--timeout", "0"]),
        (("agent.py", "other.py"), {}, ["unexpected", "other.py"]),
        (("agent.py", "--profile", "smok"), {}, ["'smok'", "did you mean smoke?", "thorough"]),
        (("agent.py", "--scenario", "recal"), {}, ["'recal'", "did you mean 'recall'?"]),
        (("agent.py", "--contract", "thread_id=bearer"), {}, ["--contract", "did you mean thread_ids?"]),
        (("agent.py", "--contract", "thread_ids=bear"), {}, ["--contract", "'bear'", "owned, bearer"]),
        (("agent.py", "--contract", "thread_ids"), {}, ["thread_ids", "KEY=VALUE"]),
        (("agent.py", "--config", "gone.toml"), {}, ["gone.toml", "cannot be read"]),
        (("agent.py",), {"overheard.toml": "profil = 'smoke'\n"}, ["overheard.toml", "did you mean profile?"]),
        (("agent.py",), {"overheard.toml": "seed = \n"}, ["overheard.toml", "is not TOML"]),
        (
            ("agent.py",),
            {"overheard.toml": "[contract]\nscop = 'thread'\n"},
            ["overheard.toml", "did you mean scope?"],
        ),
        (
            ("agent.py",),
            {"scenarios/mine.toml": SCENARIO},
            ["mine.toml", "turnz", "turns"],
        ),
        (
            ("agent.py",),
            {"scenarios/mine.toml": 'extends = "recall"\nmode = "parallel"\n'},
            ["mine.toml", "mode", "'parallel'", "concurrent"],
        ),
    ],
)  # fmt: skip
def test_usage_is_2_and_the_sentence_says_what_is_wrong(overheard, write, tmp_path, words, files, said):
    for name, text in {"agent.py": AGENT, **files}.items():
        write(name, text)
    done = overheard("run", *words)
    assert (done.code, done.out) == (2, "")
    for part in said:
        assert part in done.err
    assert len(done.err.splitlines()) <= 5
    assert not (tmp_path / "reports" / "overheard" / "report.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "gone.jsonl"), "gone.jsonl: No such file"),
        (("check", "."), "Is a directory"),
        (("check", "agent.py"), "not a history"),
        (("check",), "HISTORY"),
        (("report", "gone"), "history.jsonl: No such file"),
        (("scenarios", "recal"), "did you mean 'recall'?"),
        (("doctor", "agnt.py"), "did you mean agent.py?"),
        (("doctor", "agent.py", "--contract", "x=1"), "--contract"),
        (("runn", "agent.py"), "No such command 'runn'"),
        (("mirror", "--port", "70000"), "70000"),
    ],
)
def test_usage_of_the_other_commands_is_2_too(overheard, write, words, said):
    write("agent.py", AGENT)
    done = overheard(*words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize(
    ("name", "scenario", "reason"),
    [
        ("always-error", "recall", "every call failed"),
        ("empty-answer", "recall", "the target answers nothing"),
        ("refuses-everything", "recall", "the target refuses everything"),
        ("serialises", "concurrent-resources", "requests never overlapped"),
    ],
)
def test_what_proves_nothing_is_3_and_says_why(overheard, zoo, tmp_path, name, scenario, reason):
    done = overheard("run", zoo(name), *SMOKE, "--scenario", scenario, "-o", "out")
    assert done.code == 3, done.out + done.err
    assert done.out.startswith("inconclusive: ")
    assert reason in " ".join(done.out.split())
    again = overheard("check", "out/history.jsonl", "--json")
    assert again.code == 3
    assert any(reason in line for line in again.report["reasons"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_of_that_name\n" + AGENT, ["cannot be imported", "nothing_of_that_name", "agent.py:1"]),
        ("def agent(message\n", ["cannot be imported", "SyntaxError", "agent.py:1"]),
        ("raise RuntimeError('no key \\x1b[31m')\n", ["cannot be imported", "no key ?[31m"]),
        ("import sys; sys.exit(0)\n", ["cannot be imported", "sys.exit(0)"]),
        ("def agent(): raise ValueError('no database')\n", ["could not be built", "no database", "agent.py:1"]),
        ("async def agent(): raise KeyError('DB_URL')\n", ["could not be built", "'DB_URL'"]),
        ("import sys\ndef agent(): sys.exit(0)\n", ["could not be built", "sys.exit(0)"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_target_that_cannot_be_had_is_4(overheard, write, tmp_path, command, text, said):
    write("agent.py", text)
    done = overheard(command, "agent.py:agent")
    assert (done.code, done.out) == (4, "")
    for part in said:
        assert part in sentence(done)
    assert not (tmp_path / "reports" / "overheard" / "history.jsonl").exists()


def test_a_clean_up_that_fails_is_4_and_what_was_driven_is_kept(overheard, write):
    write(
        "agent.py",
        "import contextlib\n@contextlib.asynccontextmanager\nasync def agent():\n"
        "    async def send(message, *, thread=None, resource=None): return message\n"
        "    yield send\n    raise ConnectionError('the pool is gone')\n",
    )
    done = overheard("run", "agent.py:agent", *ONE, "-o", "out")
    assert done.code == 4
    assert "could not be left" in sentence(done)
    assert "the pool is gone" in sentence(done)
    assert "overheard check" in sentence(done)
    assert overheard("check", "out/history.jsonl").code == 1  # it remembers nothing


def test_an_interrupt_is_130(start, write):
    write("agent.py", "import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    child = start("run", "agent.py")
    for line in child.stderr:  # what a target prints goes there
        if line == "importing\n":
            break
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert err == "overheard: interrupted before anything was recorded\n"
