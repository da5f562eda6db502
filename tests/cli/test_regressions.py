"""The folder of earlier failures: written by a run that found something, tried first by the next."""

import json
from pathlib import Path

import pytest

from overheard.core.errors import UsageError
from overheard.core.operation import Plan
from overheard.history.reader import open_history
from overheard.regressions import load, names, read

SMOKE = ("run", "agent.py", "--profile", "smoke", "--scenario", "stranger")
FOLDER = "tests/overheard_regressions"
PLAN = json.loads((Path(__file__).parents[1] / "earlier-failure.json").read_text())


def phases(history):
    return [(one.started.phase, one.started.regression) for one in history.examples()]


def test_what_was_made_small_is_written_where_the_folder_is_there_and_tried_first(overheard, keyed, tmp_path):
    keyed("thread")
    assert overheard(*SMOKE).code == 1
    assert not (tmp_path / "tests").exists(), "nobody asked for it"
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    done = overheard(*SMOKE)
    assert done.code == 1
    (path,) = folder.iterdir()
    assert path.name.startswith("thread-ownership.thread-id-is-the-only-key.")
    assert f"wrote {path}: it is tried first from now on, so commit it" in done.err
    kept = read(folder, path.stem)
    assert kept.plan.source == "file"
    written = path.read_bytes()
    assert len(written.splitlines()) < 20
    assert b"OVH1" not in written

    # Again: the same story in other words is the same story, and what is there stays as it is.
    done = overheard(*SMOKE)
    assert done.code == 1
    assert [one.read_bytes() for one in folder.iterdir()] == [written]
    told = phases(open_history(tmp_path / "reports/overheard/history.jsonl"))
    assert told[1] == ("regression", path.stem), "after the two calls that every run begins with"
    assert told[2][0] == "explore"
    report = json.loads((tmp_path / "reports/overheard/report.json").read_text())
    (again,) = report["regressions"]
    assert (again["name"], again["verdict"], again["shown"]) == (path.stem, "violated", 1)

    # Mended: it holds, and that is said of it.
    keyed("(resource, thread)")
    done = overheard(*SMOKE)
    assert (
        " ".join(next(line for line in done.out.splitlines() if path.stem in line).split())
        == f"{path.stem} held 1 0"
    )
    assert [one.name for one in folder.iterdir()] == [path.name]


def test_another_plan_of_the_story_is_written_if_none_that_is_there_shows_it(
    overheard, keyed, write, tmp_path
):
    keyed("thread")
    told, seen = PLAN["plan"]["operations"]
    stem = "thread-ownership.thread-id-is-the-only-key"
    harmless = {**PLAN, "plan": {**PLAN["plan"], "operations": [told, {**seen, "thread": "other-<<ns>>"}]}}
    write(f"{FOLDER}/{stem}.aaaaaa.json", json.dumps(harmless))
    assert overheard(*SMOKE).code == 1
    assert len(names(tmp_path / FOLDER)) == 2


def test_a_folder_that_was_named_is_made(overheard, keyed, write, tmp_path):
    keyed("thread")
    done = overheard(*SMOKE, "--regressions", "kept")
    assert len(names(tmp_path / "kept")) == 1
    assert "--regressions kept" in done.out.rstrip().splitlines()[-1]
    write("overheard.toml", 'regressions = "elsewhere"\n')
    overheard(*SMOKE)
    assert len(names(tmp_path / "elsewhere")) == 1
    assert overheard(*SMOKE, env={"OVERHEARD_REGRESSIONS": "kept"}).code == 1
    assert len(names(tmp_path / "kept")) == 1


def test_what_the_baseline_knows_is_no_failure_to_keep(overheard, keyed, tmp_path):
    keyed("thread")
    overheard(*SMOKE)
    overheard("baseline", "--reason", "r", "--owner", "ada", "--expires", "2999-12-31")
    assert overheard(*SMOKE, "--regressions", "kept").code == 0
    assert not (tmp_path / "kept").exists()


def changed(*path, to):
    document = json.loads(json.dumps(PLAN))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if to is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "it holds no object"),
        (changed("format", to=2), "it has format 2, and this version reads up to 1: update overheard"),
        (changed("told_by", to=None), "it has no told_by"),
        (changed("seen_by", to=2), "seen_by is 2, and it has 2 operations"),
        (changed("invariant", to="thread-ownershp"), "did you mean thread-ownership?"),
        (changed("note", to="x"), "there is no key 'note'"),
        (changed("plan", to=[]), "`$.plan`"),
        (changed("plan", "mode", to="quick"), "`$.plan.mode`"),
        (changed("plan", "speed", to=3), "its plan has a key too many"),
        (changed("plan", "operations", to=[]), "its plan has no operations"),
        (changed("plan", "operations", 1, "sees", to=0), "operation 1 has a key too many"),
        (changed("plan", "operations", 1, "number", to=5), "operation 1 has the number 5"),
        (changed("plan", "operations", 0, "round", to=5), "operation 1 has round 1, after one of round 5"),
        (changed("plan", "operations", 1, "asks", to=[9]), "operation 1 names operation 9, which is not there"),
        (changed("plan", "operations", 1, "caller", to=None), "missing required field `caller`"),
    ],
)  # fmt: skip
def test_a_file_that_no_longer_loads_says_so(tmp_path, text, sentence):
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(UsageError) as told:
        load(tmp_path)
    assert sentence in str(told.value)
    assert str(tmp_path / "old.json") in str(told.value)


def test_the_command_refuses_to_leave_one_out(overheard, keyed, write):
    keyed("(resource, thread)")
    write(f"{FOLDER}/fine.json", json.dumps(PLAN))
    write(f"{FOLDER}/old.json", changed("plan", "mode", to="quick"))
    done = overheard(*SMOKE)
    assert done.code == 2
    assert "old.json is no plan of an earlier failure" in done.err
    assert "take the file from version control again, or delete it" in done.err


def test_a_name_that_no_node_id_can_have_is_refused(tmp_path):
    (tmp_path / "a b.json").write_text(json.dumps(PLAN))
    with pytest.raises(UsageError, match="rename it"):
        load(tmp_path)
    assert load(None) == load(tmp_path / "nothing") == ()


def test_whatever_a_plan_may_hold_is_read_as_it_was_written(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(PLAN))
    (one,) = load(tmp_path)
    assert isinstance(one.plan, Plan)
    assert one.name == "one"
    assert [operation.asks for operation in one.plan.operations] == [(), (0,)]
