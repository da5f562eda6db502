"""Tests that `--emit-test` writes, run by pytest as a user runs it: against what leaks, what is mended, and the rest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "overheard"
AGENTS = """
from overheard.zoo.catalogue import CATALOGUE

leaky = CATALOGUE[{name!r}].build
mended = CATALOGUE[CATALOGUE[{name!r}].twin].build
amnesic = CATALOGUE["amnesic"].build
broken = CATALOGUE["always-error"].build
"""
CASES = {
    "race-on-shared-state-memory": "concurrent-resources",
    "deletion-leaves-index-memory": "forgetting",
    "thread-only-key-memory": "stranger",
}


@pytest.fixture
def command(project):
    """command(*words): overheard in the project's folder, which must not end in a traceback."""

    def run(*words, code):
        done = subprocess.run(
            [COMMAND, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def emitted(command, project):
    """emitted(specimen) -> the test files of what a run finds in it."""

    def make(name, *more):
        project.makepyfile(agents=AGENTS.format(name=name))
        words = ("--profile", "smoke", "--scenario", CASES[name], "--emit-test", "tests/isolation", *more)
        command("run", "agents.py:leaky", *words, code=1)
        return sorted(Path("tests/isolation").iterdir())

    return make


def aim(paths, agent):
    """The same tests, of another agent: what a mended source would be."""
    for path in paths:
        text = path.read_text()
        assert text.count("'agents.py:leaky'") == 1
        path.write_text(text.replace("'agents.py:leaky'", repr(f"agents.py:{agent}")))


def outcomes(project, paths, *arguments):
    """How plain pytest ends them, in a process of its own."""
    result = project.runpytest_subprocess("-p", "no:cacheprovider", *arguments, *paths, timeout=200)
    return result.parseoutcomes(), result.stdout.str()


@pytest.mark.parametrize("name", CASES)
def test_it_fails_while_the_leak_is_there_passes_when_it_is_mended_and_else_is_an_error(
    emitted, project, name, processes
):
    paths = emitted(name)
    assert paths
    for path in paths:
        compile(path.read_text(), path, "exec")
        assert str(Path.cwd()) not in path.read_text()
    count = len(paths)
    found, said = outcomes(project, paths, *processes)
    assert found == {"failed": count}, said
    assert "reproduces 3 of 3" in said
    assert "told by" in said
    aim(paths, "mended")
    found, said = outcomes(project, paths, *processes)
    assert found == {"passed": count}, said


def test_what_proves_nothing_is_an_error_and_what_is_not_promised_is_skipped(emitted, project):
    paths = emitted("thread-only-key-memory")
    text = paths[0].read_text()
    for agent in ("amnesic", "broken"):
        paths[0].write_text(text.replace("agents.py:leaky", f"agents.py:{agent}"))
        found, said = outcomes(project, paths)
        assert found == {"errors": 1}, said
        assert "inconclusive: nothing is certified" in said
    paths[0].write_text(text.replace("agents.py:leaky", "nowhere.py:agent"))
    found, said = outcomes(project, paths)
    assert found == {"errors": 1}, said
    assert "nowhere.py" in said
    paths[0].write_text(text.replace("'told_by': 0", "'told_by': 9"))
    found, said = outcomes(project, paths)
    assert found == {"errors": 1}, said
    assert "told_by is 9, and it has 2 operations" in said
    paths[0].write_text(text)
    found, said = outcomes(project, paths, "--overheard-contract=thread_ids=bearer", "-rs")
    assert found == {"skipped": 1}, said
    assert "not promised" in said
    found, said = outcomes(project, paths, "-p", "no:overheard")
    assert found == {"errors": 1}, said


def test_nothing_that_is_there_is_changed_and_names_stay(emitted, command):
    (path,) = emitted("thread-only-key-memory")
    assert path.name == "test_agents_leaky_thread_ownership_thread_id_is_the_only_key.py"
    path.write_text(path.read_text() + "# mine\n")
    mine = path.read_bytes()
    done = command("run", "agents.py:leaky", "--profile", "smoke", "--scenario", "stranger", "--emit-test",
                   "tests/isolation", code=1)  # fmt: skip
    assert f"{path} is there already, and differs: it was left as it is" in done.stderr
    assert path.read_bytes() == mine
    assert [one.name for one in path.parent.iterdir() if one.suffix == ".py"] == [path.name]


def test_a_replay_writes_them_too_also_of_what_is_mended(emitted, command):
    (path,) = emitted("thread-only-key-memory", "--regressions", "kept")
    words = ("--emit-test", "more", "--contract", "recall=4", "--times", "2")
    done = command("replay", "kept", "agents.py:mended", *words, code=0)
    (other,) = Path("more").iterdir()
    assert f"wrote {other}" in done.stderr
    text = other.read_text()
    assert "TARGET = 'agents.py:mended'" in text
    assert "overheard_replay(PLAN, agent, times=2, contract={'recall': '4'})" in text
    plan = text.partition("PLAN = {")[2].partition("\n}\n")[0]
    assert plan == path.read_text().partition("PLAN = {")[2].partition("\n}\n")[0]
    done = command("replay", "kept", "agents.py:mended", *words, code=0)
    assert f"{other} is there already\n" in done.stderr


def test_a_folder_that_cannot_be_is_said_before_anything_is_driven(command, project):
    project.makepyfile(agents=AGENTS.format(name="thread-only-key-memory"))
    done = command("run", "agents.py:leaky", "--emit-test", "agents.py/tests", code=2)
    assert "agents.py is a file; name a folder for the tests" in done.stderr
    assert not Path("reports").exists()


def test_the_fixture_takes_an_agent_that_is_made_otherwise(project):
    project.makepyfile(agents=AGENTS.format(name="thread-only-key-memory"))
    plan = {
        "format": 1, "invariant": "thread-ownership", "diagnosis": "thread id is the only key", "told_by": 0, "seen_by": 1,
        "plan": {"scenario": "stranger", "mode": "sequential", "operations": [
            {"number": 0, "round": 0, "caller": "r0", "resource": "u-<<ns>>", "thread": "t-<<ns>>",
             "text": "My locker code is <<fact>>. <<ref>>", "tells": "locker code"},
            {"number": 1, "round": 1, "caller": "r1", "resource": "v-<<ns>>", "thread": "t-<<ns>>",
             "text": "What is my locker code? <<ref>>", "asks": [0], "intrudes": True}]},
    }  # fmt: skip
    project.makepyfile(
        test_locker=f"""
        import json
        import pytest
        import agents

        PLAN = json.loads({json.dumps(plan)!r})

        @pytest.mark.parametrize("kind, shown", [("leaky", 2), ("mended", 0)])
        def test_locker(kind, shown, overheard_replay):
            replay = overheard_replay(PLAN, getattr(agents, kind), times=2)
            assert (replay.times, replay.shown) == (2, shown)
            assert replay.report.startswith("violated: " if shown else "held: ")

        def test_nothing_is_remembered(overheard_replay):
            with pytest.raises(pytest.fail.Exception, match="inconclusive"):
                overheard_replay(PLAN, agents.amnesic)
        """
    )
    found, said = outcomes(project, ["test_locker.py"])
    assert found == {"passed": 3}, said
