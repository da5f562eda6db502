"""The same again: judging a history, rendering a report, repeating a seed, pasting the replay line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from overheard.cli import FORMS
from overheard.history.reader import open_history
from overheard.report.formats import FORMATS

SMOKE = ("--profile", "smoke")


@pytest.fixture(params=["held", "violated"])
def ran(request):
    return request.getfixturevalue(request.param)


def test_judging_a_history_again_gives_the_same_bytes(overheard, ran, tmp_path):
    code = {"held": 0, "violated": 1}[ran.report["verdict"]]
    done = overheard("check", ran.history, "-o", "again")
    assert (done.code, done.out) == (code, ran.out)
    # On another machine, or in another year: the file alone is enough.
    moved = shutil.copy(ran.history, tmp_path / "moved.jsonl")
    as_json = overheard("check", moved, "--json")
    report = (ran.folder / "report.json").read_bytes()
    assert as_json.out.encode() == report
    ours = {
        path.relative_to(ran.folder): path.read_bytes() for path in ran.folder.rglob("*") if path.is_file()
    }
    folder = tmp_path / "again"
    again = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert again == ours
    assert (folder / "history.jsonl").stat().st_mode & 0o777 == 0o600


def test_rendering_a_report_again_gives_the_same_bytes(overheard, ran):
    code = {"held": 0, "violated": 1}[ran.report["verdict"]]
    assert [name for name in FORMS if name != "terminal"] == list(FORMATS)
    for name, form in FORMATS.items():
        done = overheard("report", ran.folder, "--format", name)
        assert done.code == code
        if (ran.folder / form.file).exists():
            assert done.out.encode() == (ran.folder / form.file).read_bytes()
        else:
            assert (name, done.out) == ("certificate", "")
            assert done.err == "overheard: there is no certificate.json of this run: the run is violated\n"
    assert (ran.folder / "certificate.json").exists() == (code == 0)
    assert overheard("report", ran.folder) == (code, ran.out, "")


def test_a_history_may_be_judged_again_into_its_own_folder(overheard, ran, tmp_path):
    shutil.copytree(ran.folder, tmp_path / "out")
    report = (tmp_path / "out" / "report.json").read_bytes()
    overheard("check", "out/history.jsonl", "-o", "out")
    assert (tmp_path / "out" / "report.json").read_bytes() == report
    assert (tmp_path / "out" / "history.jsonl").read_bytes() == ran.history.read_bytes()


def test_report_looks_where_run_would_write(overheard, ran, write, tmp_path):
    write("overheard.toml", 'output = "there"\n')
    shutil.copytree(ran.folder, tmp_path / "there")
    deep = tmp_path / "deep"
    deep.mkdir()
    assert overheard("report", cwd=deep).out == ran.out


def plans(history):
    return [
        example.started.plan
        for example in open_history(Path(history)).examples()
        if example.started.phase == "explore"
    ]


def test_a_seed_repeats_the_plans_and_the_replay_line_works_when_pasted(overheard, violated, tmp_path):
    shutil.copy(violated.folder.parent / "agent.py", tmp_path / "agent.py")
    line = violated.report["replay"]
    assert line in violated.out
    done = subprocess.run(
        ["sh", "-c", f"{line} -o pasted"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert plans(tmp_path / "pasted" / "history.jsonl") == plans(violated.history)
    again = json.loads((tmp_path / "pasted" / "report.json").read_text(encoding="utf-8"))
    assert again["replay"] == line
    assert again["campaign"] != violated.report["campaign"]  # or the target would meet its own past
    found = [(one["invariant"], one["diagnosis"]) for one in violated.report["findings"]]
    assert [(one["invariant"], one["diagnosis"]) for one in again["findings"]] == found


def test_another_seed_gives_other_plans(overheard, held, keyed, tmp_path):
    overheard("run", keyed("(resource, thread)"), *SMOKE, "--scenario", "recall", "--seed", "12", "-o", "out")
    recalls = [plan for plan in plans(held.history) if plan.scenario == "recall"]
    assert plans(tmp_path / "out" / "history.jsonl")[1:] != recalls


def test_the_replay_line_of_a_configured_run_works_where_it_was_run(overheard, keyed, write, tmp_path):
    keyed("(resource, thread)", name="app/agent.py")
    write("app/scenarios/mine.toml", 'extends = "recall"\ntitle = "Mine"\n')
    config = write("app/overheard.toml", 'target = "agent.py"\nscenarios = ["mine"]\nprofile = "smoke"\n')
    words = ("--seed", "5", "-o", "out", "--config", config)
    assert overheard("run", *words, cwd=tmp_path).code == 3  # recall alone shows no isolation
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    first, *words = report["replay"].split()
    assert first == "overheard"
    assert overheard(*words, "-o", "again", cwd=tmp_path).code == 3
    assert plans(tmp_path / "again" / "history.jsonl") == plans(tmp_path / "out" / "history.jsonl")


def test_prove_puts_in_every_leak_and_says_so(overheard, keyed, held):
    done = overheard("run", keyed("(resource, thread)"), *SMOKE, "--seed", "11", "--prove", "--json")
    assert done.code == 0
    proved = done.report["sensitivity"]
    short = held.report["sensitivity"]
    assert {one["invariant"] for one in proved} == {one["invariant"] for one in short}
    assert all(one["seen"] == one["injected"] for one in proved)
    assert sum(one["injected"] for one in proved) > sum(one["injected"] for one in short) >= 4
    assert "--prove" in done.report["replay"]
    assert "proving that a leak would be seen" in done.err
    assert "put in on purpose seen" in overheard("report").out


def test_an_earlier_run_moves_to_previous(overheard, keyed, tmp_path):
    target = keyed("(resource, thread)")
    out = tmp_path / "reports" / "overheard"
    reports = []
    for seed in (1, 2, 3):
        overheard("run", target, *SMOKE, "--scenario", "recall", "--seed", str(seed))
        reports.append((out / "report.json").read_bytes())
    assert (out / "previous" / "1" / "report.json").read_bytes() == reports[0]
    assert (out / "previous" / "2" / "report.json").read_bytes() == reports[1]
    assert sorted(path.name for path in (out / "previous").iterdir()) == ["1", "2"]
    assert (out / "previous" / "1" / "history.jsonl").is_file()
    # A run that never was leaves no report that could be taken for its own.
    overheard("run", "nobody.py")
    assert not (out / "report.json").exists()
    assert (out / "previous" / "3" / "report.json").read_bytes() == reports[2]
