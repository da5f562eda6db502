"""Earlier failures under pytest: first, each an item of its own."""

import json
from pathlib import Path

import pytest

TARGET = "--overheard=agent.py:leaky"
FOLDER = Path("tests/overheard_regressions")
STEM = "thread-ownership.thread-id-is-the-only-key"
PLAN = json.loads((Path(__file__).parents[1] / "earlier-failure.json").read_text())


@pytest.fixture
def keep(project):
    """keep(name, …) -> earlier failures in the usual folder."""

    def write(*names, text=None):
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in names:
            (FOLDER / f"{name}.json").write_text(json.dumps(PLAN) if text is None else text)

    return write


def earlier(session):
    return {
        name.rpartition("regressions::")[2]: way
        for name, way in session.cases.items()
        if "regressions" in name
    }


def test_each_is_an_item_and_they_come_first(check, keep, processes):
    names = [f"{STEM}.{letter * 6}" for letter in "ab"]
    keep(*reversed(names))
    session = check(TARGET, "-v", *processes)
    assert session.code == 1
    assert earlier(session) == dict.fromkeys(names, "failure")
    assert session.verdict == "violated"
    report = session.report()
    assert [(one["name"], one["verdict"]) for one in report["regressions"]] == [
        (name, "violated") for name in names
    ]
    assert len(list(FOLDER.iterdir())) == 2, "it is shown already, so nothing more is written"
    if processes:
        return
    order = [line.split("::")[1] for line in session.out.splitlines() if line.startswith("overheard::")]
    assert order[:3] == ["regressions", "regressions", "stranger"]
    session = check("--overheard=agent.py:correct")
    assert session.code == 0, session.out
    assert earlier(session) == dict.fromkeys(names, "passed")
    assert session.verdict == "held"


def test_what_is_found_is_written_by_whoever_reports(check, keep, processes):
    keep()
    session = check(TARGET, *processes)
    (path,) = FOLDER.iterdir()
    assert path.name.startswith(f"{STEM}.")
    assert f"wrote {path}: it is tried first from now on, so commit it" in session.out
    if processes:
        return
    session = check(TARGET, f"overheard::regressions::{path.stem}", scenarios=())
    assert session.code == 1
    assert earlier(session) == {path.stem: "failure"}
    assert len(session.cases) == 1
    assert session.verdict == "violated"
    assert list(FOLDER.iterdir()) == [path]


def test_a_file_that_no_longer_loads_is_an_error_and_the_others_are_tried(check, keep):
    keep("fine")
    keep("old", text='{"format": 1}')
    session = check("--overheard=agent.py:correct")
    assert session.code == 1
    assert earlier(session) == {"fine": "passed", "old": "error"}
    assert session.verdict == "inconclusive"
    assert "old.json is no plan of an earlier failure" in " ".join(session.out.split())
    FOLDER.joinpath("fine.json").unlink()
    session = check("--overheard=agent.py:correct")
    assert (session.code, session.verdict) == (1, "inconclusive")
    assert earlier(session) == {"old": "error"}


def test_an_agent_that_cannot_show_it_is_no_better_for_that(check, keep):
    keep("one")
    session = check("--overheard=agent.py:amnesic", "-k", "regressions")
    assert session.code == 1
    assert earlier(session) == {"one": "error"}
    assert "was not shown it afterwards" in " ".join(session.out.split())
    session = check(TARGET, "--overheard-contract=thread_ids=bearer", "-rs", "-k", "regressions")
    assert earlier(session) == {"one": "skipped"}


def test_a_declared_test_tries_them_too(check, keep, project):
    keep("one")
    project.makepyfile(
        test_agent="""
        import pytest, agent
        from overheard.testing import isolation

        @pytest.mark.parametrize("kind", ["leaky", "correct"])
        @isolation
        def test_isolation(kind):
            return getattr(agent, kind)
        """
    )
    session = check()
    ways = {name.partition("[")[2]: way for name, way in session.cases.items() if "regressions" in name}
    assert ways == {"leaky-regressions::one]": "failure", "correct-regressions::one]": "passed"}
    assert sorted(line.partition(":")[0] for line in session.verdicts) == ["held", "violated"]


def test_flag_variable_and_ini_setting_name_the_folder(check, project, monkeypatch):
    check(TARGET, "--overheard-regressions=kept")
    assert len(list(Path("kept").iterdir())) == 1
    assert "overheard::regressions::" not in check(TARGET, "--collect-only", "-q").out
    monkeypatch.setenv("OVERHEARD_REGRESSIONS", "kept")
    assert "overheard::regressions::thread-ownership." in check(TARGET, "--collect-only", "-q").out
    monkeypatch.delenv("OVERHEARD_REGRESSIONS")
    project.makeini("[pytest]\naddopts = -p no:langsmith_plugin -p no:faker\noverheard_regressions = kept\n")
    assert "overheard::regressions::thread-ownership." in check(TARGET, "--collect-only", "-q").out


def test_a_scenario_of_that_name_is_refused(check, keep):
    keep("one")
    Path("scenarios").mkdir()
    source = Path("scenarios/regressions.toml")
    source.write_text(
        'title = "mine"\nshows = "nothing"\nmode = "sequential"\ninvariants = ["recall-within-thread"]\n[weights]\nrecall = 1\n'
    )
    session = check(TARGET, scenarios=())
    assert session.code == 4
    assert "call it something else" in session.out + session.err
