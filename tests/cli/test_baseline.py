"""The file of known findings: what it may say, what is written into it, and what a run makes of it."""

import json
import tomllib
from datetime import date
from pathlib import Path

import pytest

from overheard.baseline import read, seen_from
from overheard.core.errors import UsageError
from overheard.settings import baseline_of

ENTRY = """
[[finding]]
invariant = "thread-ownership"
diagnosis = "thread id is the only key"
places = ["send/reply"]
reason = "the new store checks the owner"
owner = "ada"
expires = 2999-12-31
"""
SMOKE = ("run", "agent.py", "--profile", "smoke", "--scenario", "stranger")
SAID = ("--reason", "the new store, #12", "--owner", "ada", "--expires", "2999-12-31")


def test_findings_are_accepted_by_a_command_and_the_gate_opens(overheard, keyed, tmp_path):
    keyed("thread")
    assert overheard(*SMOKE).code == 1
    done = overheard("baseline", *SAID)
    assert done.code == 0, done.err
    path = tmp_path / "overheard-baseline.toml"
    assert done.out == (
        f"wrote {path}, finding 1, thread-ownership: thread id is the only key in send/reply; "
        "accepted until 2999-12-31 by ada: the new store, #12\n"
    )
    (entry,) = tomllib.loads(path.read_text())["finding"]
    assert entry == {
        "invariant": "thread-ownership",
        "diagnosis": "thread id is the only key",
        "places": ["send/reply"],
        "target": "agent.py",
        "reason": "the new store, #12",
        "owner": "ada",
        "expires": date(2999, 12, 31),
    }
    done = overheard(*SMOKE)
    assert done.code == 0, done.out
    assert done.out.startswith(
        "accepted: 1 promise broken in agent.py, by known findings only (accepted until 2999-12-31)"
    )
    report = json.loads((tmp_path / "reports/overheard/report.json").read_text())
    assert report["verdict"] == "accepted"
    assert {one["name"]: one["verdict"] for one in report["invariants"]}["thread-ownership"] == "accepted"
    # What the run said is in its history: judged again, it says the same, whatever has become of the file.
    path.unlink()
    for words in (("report", "--format", "json"), ("check", "reports/overheard/history.jsonl", "--json")):
        again = overheard(*words)
        assert (again.code, again.report) == (0, report)
    assert overheard("baseline", *SAID).out == "nothing was found that is not known\n"


def test_what_the_baseline_does_not_know_fails_beside_what_it_knows(overheard, keyed, write):
    keyed("'everybody'")
    write("overheard-baseline.toml", ENTRY.replace("thread id is the only key", "ids ignored or hardcoded"))
    done = overheard(*SMOKE, "--scenario", "ids-missing")
    assert done.code == 1
    assert ", and 1 more by known findings only" in done.out.splitlines()[0]


def test_an_entry_that_is_over_and_one_that_hides_nothing_are_said(overheard, keyed, write):
    keyed("(resource, thread)")
    over = ENTRY.replace("2999", "1999")
    write("known.toml", over + ENTRY)
    done = overheard(*SMOKE, "--baseline", "known.toml")
    assert done.code in (0, 3), done.out
    said = " ".join(done.out.split())
    assert (
        "finding 1 (thread-ownership: thread id is the only key, ada) expired on 1999-12-31 and hides nothing"
        in said
    )
    assert (
        "finding 2 (thread-ownership: thread id is the only key, ada) hides nothing any more: take it out"
        in said
    )
    assert "--baseline known.toml" in done.out.rstrip().splitlines()[-1]


def test_the_file_is_the_users_and_only_added_to(overheard, violated, write, tmp_path):
    path = write(
        "mine.toml", "# Ours. Talk to Ada.\n" + ENTRY.replace("thread-ownership", "ids-required") + "# end"
    )
    before = path.read_text()
    run = tmp_path / "run"
    run.mkdir()
    (run / "history.jsonl").write_bytes(violated.history.read_bytes())
    done = overheard("baseline", run, "--baseline", "mine.toml", *SAID)
    assert done.code == 0, done.err
    assert path.read_text().startswith(before + "\n\n[[finding]]\n")
    known = [entry.known for entry in read(path)]
    assert [entry.number for entry in known] == list(range(1, len(known) + 1))
    assert (known[1].reason, known[1].owner) == ("the new store, #12", "ada")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Missing option"),
        (("--reason", " ", "--owner", "ada", "--expires", "2999-01-01"), "take a text that is not empty"),
        (("--reason", "r", "--owner", "ada", "--expires", "1999-01-01"), "is over"),
        (("--reason", "r", "--owner", "ada", "--expires", "soon"), "does not match the format"),
        ((*SAID, "--finding", "7"), "there is no finding 7; the report has "),
        ((*SAID, "--baseline", "out"), "cannot be read"),
    ],
)
def test_what_cannot_be_accepted_is_said_and_nothing_is_written(
    overheard, violated, words, sentence, tmp_path
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/history.jsonl").write_bytes(violated.history.read_bytes())
    done = overheard("baseline", "out", *words)
    assert done.code == 2
    assert sentence in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[findings]]\n", "there is no key 'findings'; did you mean finding?"),
        ("[finding]\n", "write each as [[finding]]"),
        ("finding = 3\n", "write each as [[finding]]"),
        (ENTRY + "[[finding]]\n", "finding 2: invariant is missing"),
        (ENTRY.replace("owner", "ownr"), "finding 1: there is no key 'ownr'; did you mean owner?"),
        (ENTRY.replace('"ada"', '" "'), "finding 1: owner is ' '; it takes a text"),
        (ENTRY.replace("thread-ownership", "thread-ownershp"), "did you mean thread-ownership?"),
        (ENTRY.replace("only key", "lonely key"), "did you mean thread id is the only key?"),
        (ENTRY.replace('["send/reply"]', '["send"]'), "a place is a surface and a channel"),
        (ENTRY.replace('["send/reply"]', "[]"), "places is []"),
        (ENTRY.replace("2999-12-31", '"2999-12-31"'), "without quotes"),
        (ENTRY.replace("2999-12-31", "2999-12-31T10:00:00"), "without quotes or a time"),
        ("[[finding", "is not TOML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_entry_and_key(overheard, keyed, write, text, sentence):
    keyed("thread")
    write("overheard-baseline.toml", text)
    done = overheard(*SMOKE)
    assert done.code == 2
    assert "overheard-baseline.toml" in done.err
    assert sentence in done.err


def test_a_file_that_was_named_must_be_there(overheard, keyed, write):
    keyed("thread")
    done = overheard(*SMOKE, "--baseline", "none.toml")
    assert done.code == 2
    assert "there is no baseline" in done.err
    assert "`overheard baseline` writes one" in done.err
    write("overheard.toml", 'baseline = "none.toml"\n')
    assert overheard(*SMOKE).code == 2
    assert overheard(*SMOKE, env={"OVERHEARD_BASELINE": "/dev/null"}).code == 1


@pytest.mark.parametrize(
    ("target", "base", "name"),
    [
        ("app/agent.py:agent", ".", "app/agent.py:agent"),
        ("agent.py:agent", "app", "app/agent.py:agent"),
        ("./app/../app/agent.py", ".", "app/agent.py"),
        ("../agent.toml", "app", "agent.toml"),
        ("app.agent:agent", "app", "app.agent:agent"),
    ],
)
def test_a_target_is_the_same_from_wherever_it_is_named(tmp_path, target, base, name):
    assert seen_from(tmp_path, target, tmp_path / base) == name


def test_an_entry_for_another_target_is_not_about_this_one(overheard, keyed, write):
    keyed("thread")
    write("overheard-baseline.toml", ENTRY + 'target = "other.py"\n')
    done = overheard(*SMOKE)
    assert done.code == 1
    assert "hides nothing" not in done.out
    write("overheard-baseline.toml", ENTRY + 'target = "agent.py"\n')
    assert overheard(*SMOKE).code == 0


def test_the_usual_file_is_the_one_beside_the_configuration(tmp_path):
    deep = tmp_path / "deep"
    deep.mkdir()
    assert baseline_of(deep) == deep / "overheard-baseline.toml"
    (tmp_path / "overheard.toml").write_text("")
    assert baseline_of(deep) == tmp_path / "overheard-baseline.toml"
    (tmp_path / "overheard.toml").write_text('baseline = "ci/known.toml"')
    assert baseline_of(deep) == tmp_path / "ci/known.toml"


def test_what_is_written_is_read_again_whatever_is_in_it(tmp_path, violated, overheard):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/history.jsonl").write_bytes(violated.history.read_bytes())
    odd = 'quote " back \\ bell \x07 del \x7f face 🙂 \u202e'
    done = overheard("baseline", "out", "--reason", odd, "--owner", "'ada'", "--expires", "2999-01-01")
    assert done.code == 0, done.err
    entry, *_ = read(Path(tmp_path / "overheard-baseline.toml"))
    assert entry.known.reason == 'quote " back \\ bell \\x07 del \\x7f face 🙂 \\u202e'
    assert entry.known.owner == "'ada'"
    with pytest.raises(UsageError, match="there is no baseline"):
        read(tmp_path / "nothing.toml")
