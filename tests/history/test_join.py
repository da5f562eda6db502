"""Histories of several campaigns read as one."""

import random
from pathlib import Path

import msgspec
import pytest

from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.check.judge import judge
from overheard.core.canary import find_canaries
from overheard.core.errors import HistoryError, InternalError
from overheard.history.events import ModelAnswered, ModelCalled
from overheard.history.join import join
from overheard.history.reader import open_history
from overheard.scenario.load import builtin
from overheard.zoo.catalogue import CATALOGUE

QUICK = msgspec.structs.replace(PROFILES["smoke"], explore=2, drawn=0)


@pytest.fixture
def record(tmp_path):
    """record(scenario, place, agent) -> the file of a campaign of that scenario alone."""
    campaign = fresh_numbers()[1]
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")

    def record(name, place, agent="correct-thread", **changes):
        path = tmp_path / f"{name}.jsonl"
        given = {"target": "agent", "campaign": campaign, **changes}
        options = Options(
            base=Path(), seed=seed, profile=QUICK, scenarios=(builtin()[name],), history=path,
            first=place << 14, **given,
        )  # fmt: skip
        run(options, target_object=CATALOGUE[agent].build)
        return path

    return record


def numbers(judgement):
    return {
        one.name: (one.verdict, one.exposures, one.controls, one.examples)
        for one in judgement.invariants
        if one.status == "judged"
    }


def test_the_whole_says_what_its_parts_say(record, tmp_path):
    parts = [record("recall", 0), record("stranger", 1, agent="thread-only-key-memory")]
    join(parts, tmp_path / "whole.jsonl")
    whole = judge(open_history(tmp_path / "whole.jsonl"))
    first, second = (judge(open_history(path)) for path in parts)
    assert whole.verdict == "violated"
    assert whole.complete
    assert whole.scenarios == ("recall", "stranger")
    assert [(one.invariant, one.diagnosis, one.occurrences) for one in whole.findings] == [
        (one.invariant, one.diagnosis, one.occurrences) for one in second.findings
    ]
    assert whole.findings[0].minimal == second.findings[0].minimal
    assert numbers(whole)["thread-ownership"] == numbers(second)["thread-ownership"]
    recalls = [numbers(one)["recall-within-thread"] for one in (first, second, whole)]
    assert recalls[0][1] + recalls[1][1] == recalls[2][1]
    assert whole.traffic.operations == first.traffic.operations + second.traffic.operations
    assert whole.attribution.late == first.attribution.late + second.attribution.late


def test_times_never_go_back_and_calls_are_numbered_once(record, tmp_path):
    join([record("recall", 0), record("sibling-threads", 1)], tmp_path / "whole.jsonl")
    history = open_history(tmp_path / "whole.jsonl")
    events = list(history.events())
    assert [event.t for event in events] == sorted(event.t for event in events)
    calls = [event.call for event in events if isinstance(event, ModelCalled)]
    assert len(set(calls)) == len(calls) > 20
    assert {event.call for event in events if isinstance(event, ModelAnswered)} <= set(calls)
    examples = [example.started.example for example in history.examples()]
    assert examples == sorted(set(examples))


def test_what_one_part_told_and_another_saw_is_a_leak(record, tmp_path):
    # One store for both campaigns: a stray canary is no stranger's only once the parts are read together.
    parts = [record("recall", 0), record("many-resources", 1)]
    first, second = (path.read_text("utf-8").splitlines(keepends=True) for path in parts)
    told = find_canaries("".join(first))[0]
    answers = [place for place, line in enumerate(second) if line.startswith('{"type":"ok"')]
    event = msgspec.json.decode(second[answers[8]])
    event["sights"] = [*event.get("sights", ()), [told, "reply"]]
    second[answers[8]] = msgspec.json.encode(event).decode() + "\n"
    parts[1].write_text("".join(second), "utf-8")
    assert judge(open_history(parts[1])).verdict == "held"
    join(parts, tmp_path / "whole.jsonl")
    assert judge(open_history(tmp_path / "whole.jsonl")).verdict == "violated"


def test_what_is_missing_is_asked_for_and_named(record, tmp_path):
    gap = msgspec.to_builtins(builtin()["stranger"])
    join([record("recall", 0)], tmp_path / "whole.jsonl", gaps=[(gap, "its worker died")])
    whole = judge(open_history(tmp_path / "whole.jsonl"))
    assert whole.verdict == "inconclusive"
    assert not whole.complete
    assert any("its worker died" in note for note in whole.notes)
    ownership = next(one for one in whole.invariants if one.name == "thread-ownership")
    assert ownership.verdict == "inconclusive"


def test_a_part_that_was_cut_short_makes_the_whole_incomplete(record, tmp_path):
    parts = [record("recall", 0), record("stranger", 1)]
    parts[1].write_bytes(parts[1].read_bytes()[:-200])
    join(parts, tmp_path / "whole.jsonl")
    whole = judge(open_history(tmp_path / "whole.jsonl"))
    assert not whole.complete
    assert any("stranger" in note for note in whole.notes)


@pytest.mark.parametrize("field", ["target", "campaign"])
def test_parts_of_two_runs_are_refused(record, tmp_path, field):
    other = {"target": "another"} if field == "target" else {"campaign": 5}
    parts = [record("recall", 0), record("stranger", 1, **other)]
    with pytest.raises(HistoryError, match=f"differ in {field}"):
        join(parts, tmp_path / "whole.jsonl")


def test_nothing_is_overwritten(record, tmp_path):
    part = record("recall", 0)
    with pytest.raises(InternalError, match="already"):
        join([part], part)
