"""`overheard replay`: what showed a leak once, driven again, and how often it shows."""

import json
import re
from pathlib import Path

import pytest

TWINS = """
from overheard.zoo.catalogue import CATALOGUE

leaky = CATALOGUE[{name!r}].build
mended = CATALOGUE[CATALOGUE[{name!r}].twin].build
amnesic = CATALOGUE["amnesic"].build
broken = CATALOGUE["always-error"].build
"""
FOLDER = "kept"
CASES = {
    "sequential": ("thread-only-key-memory", "stranger", "thread-ownership"),
    "race": ("race-on-shared-state-memory", "concurrent-resources", "no-cross-resource-leakage"),
    "cancelled": ("unread-answer-memory", "cancelled-requests", "no-cross-resource-leakage"),
    "cancelled teller": ("number-given-again-memory", "cancelled-requests", "reply-matches-request"),
    "deletion": ("deletion-leaves-index-memory", "forgetting", "forgotten-stays-forgotten"),
    "destruction": ("deleted-by-anybody-memory", "changing-surfaces", "thread-ownership"),
}


@pytest.fixture(scope="session", params=CASES)
def case(request, tmp_path_factory, command):
    """An agent that leaks, its mended twin, what a run found in it, and the plan that it kept."""
    name, scenario, invariant = CASES[request.param]
    home = tmp_path_factory.mktemp(request.param)
    (home / "agents.py").write_text(TWINS.format(name=name))
    words = ("run", "agents.py:leaky", "--profile", "smoke", "--scenario", scenario, "--regressions", FOLDER)
    done = command(*words, "-o", "out", cwd=home)
    assert done.code == 1, done.err
    return home, invariant


def blocks(text):
    return re.findall(r"reproduces (\d+) of (\d+)$", text, re.MULTILINE)


def test_a_leak_reproduces_and_its_mended_twin_does_not(case, overheard):
    home, invariant = case
    for file in (FOLDER, "out"):
        done = overheard("replay", file, "agents.py:leaky", cwd=home)
        assert done.code == 1, done.out + done.err
        assert done.out.startswith("violated: ")
        assert ("3", "3") in blocks(done.out)
        assert invariant in done.out
        assert "evidence" in done.out
        assert "OVH1" not in done.out.replace("OVH1…", "")
        done = overheard("replay", file, "agents.py:mended", cwd=home)
        assert done.code == 0, done.out + done.err
        assert done.out.startswith("held: ")
        assert set(blocks(done.out)) == {("0", "3")}
    assert not (home / "reports").exists()


def test_where_nothing_is_remembered_or_answered_nothing_is_proved(case, overheard):
    home, _ = case
    for name in ("amnesic", "broken"):
        done = overheard("replay", FOLDER, f"agents.py:{name}", cwd=home)
        assert done.code == 3, done.out
        assert done.out.startswith("inconclusive: nothing is certified of agents.py:")


PLAN = json.loads((Path(__file__).parents[1] / "earlier-failure.json").read_text())


@pytest.fixture
def plan(write):
    return write("locker.json", json.dumps(PLAN)).name


def test_it_says_who_was_shown_what_and_how_to_do_it_again(overheard, keyed, plan):
    keyed("thread")
    done = overheard("replay", plan, "agent.py", "--times", 5, "--contract", "recall=2")
    assert done.code == 1
    assert done.out.splitlines()[0] == "violated: reproduces 5 of 5 in agent.py: thread-ownership"
    assert "1. locker" in done.out
    assert re.search(r"told by +r0, in operation 0", done.out)
    assert re.search(r"seen by +r1, in operation 1 .* in the reply", done.out)
    again = done.out.splitlines()[-1].strip()
    assert again == "overheard replay locker.json agent.py --times 5 --contract recall=2"
    assert overheard(*again.split()[1:]).out.splitlines()[0] == done.out.splitlines()[0]


def test_as_json_it_is_a_report(overheard, keyed, plan):
    keyed("thread")
    done = overheard("replay", plan, "agent.py", "--json")
    assert (done.code, done.report["verdict"]) == (1, "violated")
    (one,) = done.report["regressions"]
    assert (one["name"], one["plays"], one["shown"]) == ("locker", 3, 3)
    (finding,) = done.report["findings"]
    assert (finding["owner"]["caller"], finding["observer"]["caller"]) == ("r0", "r1")
    assert (finding["replayed"], finding["replays"], finding["counterexample"]) == (3, 3, None)
    assert done.report["replay"] == "overheard replay locker.json agent.py --times 3"
    keyed("(resource, thread)")
    done = overheard("replay", plan, "agent.py", "--json")
    assert (done.code, done.report["verdict"], done.report["findings"]) == (0, "held", [])


def test_every_time_is_told_of(overheard, write, plan):
    """One that leaks now and then, and one that forgets now and then."""
    agent = """
    memory, times = {}, 0
    def agent(message, *, thread, resource):
        global times
        times += "My locker code" in message
        said = memory.setdefault(KEY, [])
        answer = " / ".join(said)
        said.append(message)
        return answer or "nothing yet"
    """.replace("\n    ", "\n")
    write("agent.py", agent.replace("KEY", "thread if times == 2 else (resource, thread)"))
    done = overheard("replay", plan, "agent.py", "--times", 4)
    assert (done.code, done.out.splitlines()[0]) == (
        1, "violated: reproduces 1 of 4 in agent.py: thread-ownership",
    )  # fmt: skip
    write("agent.py", agent.replace("KEY", "len(memory) if times == 2 else (resource, thread)"))
    done = overheard("replay", plan, "agent.py", "--times", 4)
    assert done.code == 3, done.out
    assert "was not shown it afterwards" in " ".join(done.out.split())
    assert blocks(done.out) == [("0", "4")]


def test_what_nobody_promises_or_offers_is_not_driven(overheard, keyed, write, plan):
    keyed("thread")
    done = overheard("replay", plan, "agent.py", "--contract", "thread_ids=bearer")
    assert done.code == 3
    assert done.out.startswith("inconclusive: nothing is certified of agent.py")
    assert "not driven: not promised" in done.out
    write("overheard.toml", '[contract]\nthread_ids = "bearer"\n')
    assert overheard("replay", plan, "agent.py").code == 3
    assert overheard("replay", plan, "agent.py", "--contract", "thread_ids=owned").code == 1
    searching = json.loads(json.dumps(PLAN))
    searching["plan"]["operations"][1] |= {"surface": "search", "text": "locker code"}
    write("search.json", json.dumps(searching))
    done = overheard("replay", "search.json", "agent.py", "--contract", "thread_ids=owned")
    assert done.code == 3
    assert "not driven: not offered" in done.out
    assert "the target has no search" in done.out


def test_what_was_said_of_the_contract_when_it_was_found_is_said_again(overheard, keyed, tmp_path):
    keyed("thread")
    smoke = ("run", "agent.py", "--profile", "smoke", "--scenario", "stranger")
    overheard(*smoke, "--contract", "missing_ids=refuse,recall=2".partition(",")[0], "-o", "out")
    done = overheard("replay", "out", "agent.py")
    assert "--contract missing_ids.omitted=refuse" in done.out.splitlines()[-1]
    assert done.code == 1


def test_a_baseline_hides_nothing_from_it(overheard, violated, keyed):
    keyed("thread")
    for words in ("baseline", "--reason", "r", "--owner", "ada", "--expires", "2999-12-31"), ("replay",):
        done = overheard(*words, violated.folder, *(("agent.py",) if words == ("replay",) else ()))
    assert done.code == 1, done.out


def test_one_finding_of_a_run_can_be_chosen(overheard, violated, keyed):
    keyed("thread")
    found = violated.report["findings"]
    done = overheard("replay", violated.folder, "agent.py", "--finding", 1)
    assert done.code == 1
    assert len(blocks(done.out)) == 1
    assert f"promise    {found[0]['invariant']}: {found[0]['diagnosis']}" in done.out
    assert "--finding 1" in done.out.splitlines()[-1]
    for name in ("report.json", "history.jsonl"):
        assert overheard("replay", violated.folder / name, "agent.py", "--finding", 1).code == 1
    done = overheard("replay", violated.folder, "agent.py", "--finding", 99)
    assert (done.code, "there is no finding 99" in done.err) == (2, True)


def test_what_cannot_be_replayed_is_said_in_one_sentence(
    overheard, keyed, write, held, violated, tmp_path, plan
):
    keyed("thread")
    whole = violated.history.read_bytes()
    (tmp_path / "cut.jsonl").write_bytes(whole[: whole.index(b"\n") + 50])
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe" * 40)
    (tmp_path / "empty").mkdir()
    write("reports/.overheard-report", "")
    write("reports/report.json", "{}")
    write("folder/notes.json", "[]")
    write("not.json", "{")
    write("new.json", json.dumps({**PLAN, "format": 9}))
    write("short.json", json.dumps(PLAN)[:200])
    write("far.json", json.dumps({**PLAN, "seen_by": 7}))
    write("deep.json", "[" * 100_000)
    for file, words in {
        "nowhere": "nowhere is not there",
        "empty": "empty is neither the folder of a run",
        "reports": "reports is neither the folder of a run",
        "folder": "folder/notes.json is no plan of an earlier failure",
        "not.json": "not.json is not JSON",
        "new.json": "it has format 9, and this version reads up to 1: update overheard",
        "short.json": "short.json is not JSON",
        "far.json": "seen_by is 7, and it has 2 operations",
        "deep.json": "deep.json is not JSON",
        "binary": "binary",
        "cut.jsonl": "nothing was found in the run of cut.jsonl",
        "agent.py": "is a program: run it by itself",
        held.folder: "nothing was found in the run",
    }.items():
        done = overheard("replay", file, "agent.py")
        assert done.code == 2, (file, done.out, done.err)
        assert not done.out
        (line,) = [line for line in done.err.splitlines() if line.startswith("overheard: ")]
        assert words in line, line
    assert overheard("replay", plan, "agent.py", "--finding", 1).code == 2
    assert overheard("replay", plan, "agent.py", "--times", 0).code == 2
    assert overheard("replay", plan).code == 2
    assert overheard("replay").code == 2


def test_a_history_that_somebody_has_meddled_with_is_refused(overheard, keyed, violated, tmp_path):
    keyed("thread")
    lines = violated.history.read_text().splitlines()
    for place, line in enumerate(lines):
        event = json.loads(line)
        if event["type"] == "reduced":
            event["plan"]["operations"][0]["number"] = 5
            lines[place] = json.dumps(event)
    (tmp_path / "odd.jsonl").write_text("\n".join(lines) + "\n")
    done = overheard("replay", "odd.jsonl", "agent.py")
    assert done.code == 2, done.out + done.err
    assert "operation 0 has the number 5" in done.err


def test_a_target_that_cannot_be_had_is_4_and_an_unknown_one_2(overheard, write, plan):
    write("broken.py", "raise RuntimeError('no')\n")
    assert overheard("replay", plan, "broken.py:agent").code == 4
    assert overheard("replay", plan, "nothing_there.py").code == 2
    write("leaves.py", "import os\n\ndef agent(message, *, thread, resource):\n    os._exit(0)\n")
    assert overheard("replay", plan, "leaves.py").code == 3


def test_what_a_plan_says_is_hostile(overheard, keyed, write):
    keyed("thread")
    hostile = json.loads(json.dumps(PLAN))
    hostile["diagnosis"] = "\x1b[31mheld: all\u202e"
    hostile["plan"]["operations"][1]["caller"] = "\x1b]0;r1\x07"
    write("hostile.json", json.dumps(hostile))
    done = overheard("replay", "hostile.json", "agent.py", "--no-color")
    assert done.code == 1, done.err
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", done.out)
