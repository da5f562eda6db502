"""A campaign as a whole: what it drives, in which order, when it stops, and what it leaves."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import stat
import time
import weakref

import msgspec
import pytest

from overheard import campaign as module
from overheard.campaign import PROFILES, Profile, run
from overheard.check.judge import judge
from overheard.core.canary import find_canaries
from overheard.core.errors import TargetBuildError, UsageError
from overheard.core.operation import Plan
from overheard.history.events import CampaignEnded, ExampleStarted, Header, Reduced
from overheard.history.reader import History, open_history
from overheard.report.json import to_json
from overheard.zoo.catalogue import CATALOGUE
from overheard.zoo.plain import dictionary

LEAKY = CATALOGUE["thread-only-key-memory"].build
CORRECT = CATALOGUE["thread-only-key-memory-twin"].build


def started(events, phase=None):
    return [event for event in events if isinstance(event, ExampleStarted) and phase in (None, event.phase)]


def test_the_same_seed_gives_the_same_plans_and_another_seed_others(ran):
    plans = [
        [one.plan for one in started(ran(dictionary, seed=seed, scenarios=("recall", "many-resources"))[1])]
        for seed in (1, 1, 2)
    ]
    explored = [[plan for plan in each if plan.source == "seed"] for each in plans]
    assert explored[0] == explored[1]
    assert explored[0] != explored[2]


def test_examples_are_numbered_from_the_first_contact_on_and_the_end_is_recorded(ran):
    _, events = ran(dictionary)
    assert isinstance(events[0], Header)
    assert [one.example for one in started(events)] == list(range(len(started(events))))
    assert started(events)[0].plan.scenario == "first-contact"
    assert events[-1].reason == "completed"


def test_in_memory_and_on_disk_the_same_is_judged(options, tmp_path):
    path = tmp_path / "history.jsonl"
    kept = []
    judgement = run(options(history=path), target_object=LEAKY, observe=kept.append)
    again = judge(open_history(path))
    assert to_json(judgement) == to_json(again) == to_json(judge(History.from_events(kept)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_leak_is_proved_by_itself_and_made_small(ran):
    judgement, events = ran(LEAKY, scenarios=("stranger",))
    finding = next(one for one in judgement.findings if one.invariant == "thread-ownership")
    assert finding.minimal is not None
    whole = next(one.plan for one in started(events, "explore") if one.example == finding.example)
    assert len(finding.minimal.operations) <= 3 < len(whole.operations)
    assert finding.replayed == finding.replays == module.REPLAYS
    told, seen = finding.minimal_owner, finding.minimal_observer
    assert finding.minimal.operations[told].tells
    assert told in finding.minimal.operations[seen].asks
    # What leaked by itself needs no leak put in on purpose.
    assert "thread-ownership" not in {one.injection.invariant for one in started(events, "prove")}


def test_where_nothing_leaks_leaks_are_put_in_and_more_of_them_with_prove(ran):
    short, long = (ran(CORRECT, scenarios=("ids-missing",), prove=prove)[0] for prove in (False, True))
    for judgement in (short, long):
        assert judgement.sensitivity
        assert all(one.seen == one.injected for one in judgement.sensitivity)
    assert sum(one.injected for one in long.sensitivity) > sum(one.injected for one in short.sensitivity)


def test_examples_of_reduction_and_proof_change_no_count(ran):
    judgement, events = ran(LEAKY, scenarios=("stranger",))
    explored = started(events, "explore")
    assert judgement.traffic.examples == len(explored)
    assert started(events, "reduce")


def test_a_scenario_that_leaks_again_and_again_gives_its_time_to_the_others(ran):
    profile = Profile(
        name="p", title="p", explore=module.LEAKS_ENOUGH + 3, drawn=0, proofs=0, reductions=0, seconds=300.0
    )
    _, events = ran(LEAKY, scenarios=("stranger", "recall"), profile=profile)
    names = [one.plan.scenario for one in started(events, "explore")]
    assert names.count("stranger") == module.LEAKS_ENOUGH
    assert names.count("recall") == module.LEAKS_ENOUGH + 3


def test_scenarios_take_turns_so_that_a_short_budget_is_fair(ran):
    profile = Profile(name="p", title="p", explore=2, drawn=0, proofs=0, reductions=0, seconds=300.0)
    _, events = ran(dictionary, scenarios=("recall", "many-resources"), profile=profile)
    names = [one.plan.scenario for one in started(events, "explore")][1:]
    assert names == ["recall", "many-resources"] * 2


def test_a_spent_budget_is_said_and_certifies_nothing(ran):
    send = dictionary()

    async def slow(message, *, thread=None, resource=None):
        await asyncio.sleep(0.02)
        return send(message, thread=thread, resource=resource)

    profile = msgspec.structs.replace(PROFILES["smoke"], seconds=1.0)
    judgement, events = ran(slow, profile=profile, scenarios=("many-resources", "ids-missing"))
    assert (events[-1].reason, events[-1].detail) == ("budget", "1 seconds were spent")
    assert judgement.verdict == "inconclusive"
    assert any("budget" in note for note in judgement.notes)


def test_a_long_profile_drives_plans_of_the_length_it_says(ran):
    profile = Profile(
        name="p", title="p", explore=1, drawn=0, proofs=0, reductions=0, seconds=300.0, operations=150
    )
    _, events = ran(dictionary, profile=profile, scenarios=("many-resources",))
    assert len(started(events)[-1].plan.operations) == 150


def test_further_plans_are_driven_as_they_are(ran, options):
    plan = msgspec.structs.replace(module._FIRST_CONTACT, scenario="mine")
    _, events = ran(dictionary, extra=(plan,), scenarios=())
    assert [one.plan for one in started(events)][1:] == [plan]
    assert isinstance(plan, Plan)


def test_a_target_that_answers_nobody_is_left_alone(ran):
    async def down(message, *, thread, resource):
        raise ConnectionError("nobody there")

    judgement, events = ran(down)
    assert len(started(events)) == 1
    assert events[-1].reason == "error"
    assert judgement.verdict == "inconclusive"
    assert any("nobody there" in reason for reason in judgement.reasons)


def test_the_contract_is_the_targets_unless_a_layer_says_otherwise(ran):
    _, events = ran(CORRECT, layers=(("file", {"recall": 3}), ("flag", {"thread_ids": "bearer"})))
    header = events[0]
    assert (header.contract.recall, header.contract.thread_ids) == (3, "bearer")
    assert header.origins["recall"] == "file"
    assert header.origins["thread_ids"] == "flag"


def test_the_environment_points_at_the_mirror_while_it_runs_and_never_after(ran, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example/v1")
    monkeypatch.delenv("OVERHEARD_MIRROR", raising=False)
    seen = []

    def agent():
        seen.append((os.environ["OPENAI_BASE_URL"], os.environ["OVERHEARD_MIRROR"]))
        return dictionary()

    ran(agent)
    assert seen[0][0].startswith("http://127.0.0.1:")
    assert seen[0][0].startswith(seen[0][1])
    assert os.environ["OPENAI_BASE_URL"] == "https://models.example/v1"
    assert "OVERHEARD_MIRROR" not in os.environ


def test_the_environment_is_put_back_when_the_target_cannot_be_built(ran, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)

    def agent():
        raise RuntimeError("no database")

    with pytest.raises(TargetBuildError, match="no database"):
        ran(agent)
    assert "OPENAI_BASE_URL" not in os.environ


def test_an_unknown_target_is_said_before_anything_is_recorded(options, tmp_path):
    path = tmp_path / "history.jsonl"
    with pytest.raises(UsageError, match="no_such_module"):
        run(options(target="no_such_module:agent", base=tmp_path, history=path))
    assert not path.exists() or path.read_bytes() == b""


def test_a_scope_that_the_target_cannot_keep_is_said_and_not_judged(ran):
    with pytest.raises(
        UsageError, match=r"scope=tenant \(from the command line\).*takes no parameter `tenant`"
    ):
        ran(dictionary, layers=(("flag", {"scope": "tenant"}),))


def test_ctrl_c_is_recorded_and_what_was_done_is_judged(options, tmp_path):
    path = tmp_path / "history.jsonl"
    calls = []
    send = dictionary()

    async def agent(message, *, thread=None, resource=None):
        calls.append(message)
        if len(calls) == 30:
            signal.raise_signal(signal.SIGINT)
        return send(message, thread=thread, resource=resource)

    with pytest.raises(KeyboardInterrupt):
        run(options(scenarios=("many-resources", "recall"), history=path), target_object=agent)
    history = open_history(path)
    assert list(history.examples())
    assert isinstance(history.end, CampaignEnded)
    assert history.end.reason == "interrupted"
    judgement = judge(open_history(path))
    assert judgement.verdict == "inconclusive"
    assert judgement.traffic.operations > 10


def test_a_target_that_never_gives_the_loop_back_is_told_to_the_door(options, monkeypatch):
    monkeypatch.setattr(module, "HANG_SECONDS", 0.4)
    told = []

    async def agent(message, *, thread, resource):
        if not told:
            time.sleep(1.5)  # noqa: ASYNC251 - the mistake under test
        return "hello"

    judgement = run(options(), target_object=agent, on_hang=told.append)
    assert told
    assert told[0] > 0.4
    assert judgement.traffic.stalls


def test_a_reduction_is_recorded_with_what_it_cost(ran):
    _, events = ran(LEAKY, scenarios=("stranger",))
    reduced = [event for event in events if isinstance(event, Reduced)]
    assert reduced
    for one in reduced:
        assert 1 <= one.executions <= 15
        assert len(one.plan.operations) <= 3


@pytest.mark.parametrize("form", ["factory", "object"])
def test_what_a_cancelled_call_left_behind_is_left_behind_with_the_target(options, form):
    built = []

    def agent():
        built.append(CATALOGUE["unread-answer-memory"].build())
        return built[-1]

    target = agent if form == "factory" else agent()
    unreduced = msgspec.structs.replace(PROFILES["smoke"], reductions=0)
    options = options(scenarios=("cancelled-requests",), profile=unreduced)
    judgement = run(options, target_object=target)
    assert judgement.findings
    assert (len(built) > 2) == (form == "factory"), (
        "what is an object and no factory is the one that there is"
    )


def test_nothing_of_a_campaign_outlives_it(ran, monkeypatch):
    """A process of many campaigns, such as a test run, kept every history: a gigabyte after a dozen."""
    alive = []
    made = module.Recorder

    def recorder(*arguments, **keywords):
        one = made(*arguments, **keywords)
        alive.append(weakref.ref(one))
        return one

    monkeypatch.setattr(module, "Recorder", recorder)
    ran(CORRECT)
    gc.collect()
    assert [one() for one in alive] == [None]


@pytest.mark.parametrize(
    ("damage", "disguise"),
    [
        (lambda token: f"{token[:18]}…", "truncated"),
        (lambda token: f"{token[:12]}?{token[13:]}", "typo"),
        (str.lower, "other case"),
    ],
)
def test_a_leak_of_which_not_everything_is_there_is_a_leak(ran, damage, disguise):
    """A list of what others said lately, as lists show it: cut, garbled, in another case."""
    said: dict[tuple[str, str], list[str]] = {}

    def agent(message, *, thread="", resource=""):
        if not thread or not resource:
            raise PermissionError
        others = [text for (who, _), texts in said.items() if who != resource for text in texts[-4:]]
        own = said.setdefault((resource, thread), [])
        answer = " / ".join([*own, *(damage(token) for text in others for token in find_canaries(text))])
        own.append(message)
        return answer

    judgement, events = ran(agent, scenarios=("many-resources",))
    finding = next(one for one in judgement.findings if one.invariant == "no-cross-resource-leakage")
    assert finding.disguise == disguise
    assert finding.replayed == finding.replays
    recalled = next(one for one in judgement.invariants if one.name == "recall-within-thread")
    assert recalled.verdict == "held"
    assert events
