"""Plans drawn by Hypothesis: the same for the same seed, whatever else Hypothesis is being used for."""

import asyncio
import hashlib
import os
import random
import subprocess
import sys
import threading

import hypothesis
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.core.contract import Contract
from overheard.core.errors import InternalError
from overheard.core.offers import Offers
from overheard.plan import draw as draw_module
from overheard.plan.draw import draw

PROGRAM = """
import hashlib, msgspec
from overheard.core.contract import Contract
from overheard.core.offers import Offers
from overheard.plan.draw import draw
from overheard.scenario.load import builtin
{more}
plans = draw(builtin()["stranger"], seed=5, count=10, contract=Contract(), offers=Offers())
print(len(plans), hashlib.sha256(msgspec.json.encode(plans)).hexdigest())
"""


def drawn_plans(scenario, seed=5, count=10, contract=None, offers=None):
    return draw(scenario, seed=seed, count=count, contract=contract or Contract(), offers=offers or Offers())


def fingerprint(plans):
    return f"{len(plans)} {hashlib.sha256(msgspec.json.encode(plans)).hexdigest()}"


def elsewhere(cwd, more="", **variables):
    """What a fresh process draws, in the folder `cwd`, after the lines `more`."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(more=more)],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.fixture(scope="module")
def reference(scenarios):
    return fingerprint(drawn_plans(scenarios["stranger"]))


def test_the_same_seed_draws_the_same_plans_and_another_others(scenarios, reference):
    assert fingerprint(drawn_plans(scenarios["stranger"])) == reference
    assert fingerprint(drawn_plans(scenarios["stranger"], seed=6)) != reference


def test_all_plans_are_different_valid_and_as_many_as_wanted(scenarios, assert_valid, library):
    for name, scenario in scenarios.items():
        plans = drawn_plans(scenario, seed=11, count=12, offers=library)
        assert len(plans) == 12
        assert len({msgspec.json.encode(plan) for plan in plans}) == 12
        for plan in plans:
            assert (plan.scenario, plan.source, plan.seed) == (name, "hypothesis", 11)
            assert_valid(plan, scenario, Contract(), library)


def test_every_seed_draws_as_many_plans_as_wanted(scenarios):
    seeds = [random.SystemRandom().getrandbits(32) for _ in range(8)]
    print(seeds)
    assert [len(drawn_plans(scenarios["recall"], seed)) for seed in seeds] == [10] * 8


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_drawn_plans_of_any_scenario_are_valid(data, drawn, assert_valid):
    scenario = data.draw(drawn.scenarios)
    contract, offers = data.draw(drawn.contracts), data.draw(drawn.offers)
    for plan in drawn_plans(scenario, data.draw(st.integers(0, 2**32)), 3, contract, offers):
        assert_valid(plan, scenario, contract, offers)


@pytest.mark.parametrize("turns", [200, 400, 1000])
def test_long_examples_are_drawn_too(turns, scenarios, assert_valid):
    """Hypothesis gives an example up after 8192 bytes of choices; a plan of 400 operations takes more."""
    scenario = replace(scenarios["stranger"], turns=(turns, turns))
    plans = drawn_plans(scenario, count=3)
    assert [len(plan.operations) >= turns for plan in plans] == [True] * 3
    for plan in plans:
        assert_valid(plan, scenario, Contract(), Offers())


def test_a_scenario_without_plans_draws_none(scenarios):
    assert drawn_plans(scenarios["stranger"], contract=Contract(thread_ids="bearer")) == []
    assert drawn_plans(scenarios["stranger"], count=0) == []


def test_a_hostile_profile_does_not_reach_the_plans(scenarios, reference, tmp_path):
    before = settings.default
    settings.register_profile(
        "hostile",
        max_examples=1,
        derandomize=True,
        database=None,
        deadline=1,
        phases=(Phase.explicit,),
        verbosity=Verbosity.debug,
        stateful_step_count=1,
        report_multiple_bugs=True,
        print_blob=True,
        suppress_health_check=(),
    )
    settings.load_profile("hostile")
    try:
        assert fingerprint(drawn_plans(scenarios["stranger"])) == reference
    finally:
        settings.register_profile("before", before)
        settings.load_profile("before")


def test_every_setting_that_there_is_is_given(scenarios, monkeypatch):
    """A setting that is not given is taken from whatever profile the user's conftest has loaded."""
    given_settings = {}
    real = hypothesis.settings

    class Spy(real):
        def __init__(self, *args, **kwargs):
            given_settings.update(kwargs)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(hypothesis, "settings", Spy)
    drawn_plans(scenarios["recall"], count=1)
    public = [name for name in vars(real()) if name.startswith("_") and not name.startswith("__")]
    known = {name.lstrip("_") for name in public if hasattr(real, name.lstrip("_"))}
    assert {"max_examples", "deadline", "derandomize", "database", "phases", "backend"} <= known
    assert known - set(given_settings) == set()


@settings(max_examples=5, deadline=None)
@given(number=st.integers(0, 99))
def test_an_enclosing_given_does_not_reach_the_plans(number, scenarios, reference):
    assert fingerprint(drawn_plans(scenarios["stranger"])) == reference


@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_choices_made_around_it_do_not_either(data, scenarios, reference):
    data.draw(st.lists(st.integers()))
    assert fingerprint(drawn_plans(scenarios["stranger"])) == reference
    data.draw(st.lists(st.integers()))


def test_a_running_loop_does_not_either(scenarios, reference):
    async def inside():
        return await asyncio.to_thread(drawn_plans, scenarios["stranger"])

    assert fingerprint(asyncio.run(inside())) == reference


def test_two_draws_at_once_do_not_disturb_each_other(scenarios, reference):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(fingerprint(drawn_plans(scenarios["stranger"]))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [reference] * 2


def test_every_run_draws_in_the_same_thread(scenarios, monkeypatch):
    """In each new one Hypothesis walks through all objects of the process, and that costs more than drawing."""
    seen = set()
    monkeypatch.setattr(draw_module, "_collect", lambda *_arguments: seen.add(threading.get_ident()))
    for _ in range(3):
        drawn_plans(scenarios["stranger"])
    assert len(seen) == 1
    assert threading.get_ident() not in seen


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_draws_as_its_parent_does(reference, tmp_path):
    """It has the objects of its parent and none of its threads: a run would be waited for forever."""
    fork = """
draw(builtin()["recall"], seed=1, count=1, contract=Contract(), offers=Offers())
import os, signal
if child := os.fork():
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
signal.alarm(60)
"""
    assert elsewhere(tmp_path, fork) == reference


def test_random_numbers_of_the_process_stay_as_they_were(scenarios):
    random.seed(1)
    expected = [random.random() for _ in range(3)]
    random.seed(1)
    drawn_plans(scenarios["recall"], count=2)
    assert [random.random() for _ in range(3)] == expected


@pytest.mark.parametrize(
    "variables", [{"CI": "true"}, {"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "GITHUB_ACTIONS": "true"}]
)
def test_the_environment_does_not_reach_the_plans(variables, reference, tmp_path):
    assert elsewhere(tmp_path, **variables) == reference


def test_constants_in_the_users_own_code_do_not_reach_the_plans(reference, tmp_path):
    """Hypothesis collects them from every module of the project under test, and draws them now and then."""
    (tmp_path / "agent.py").write_text(f"TABLE = {list(range(100, 1000))}\n")
    more = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import agent"
    assert elsewhere(tmp_path, more) == reference


def test_a_database_of_examples_is_neither_read_nor_written(reference, tmp_path):
    assert elsewhere(tmp_path) == reference
    assert not (tmp_path / ".hypothesis" / "examples").exists()


def test_a_failure_inside_is_ours_and_says_of_which_scenario(scenarios, monkeypatch):
    def fail(*_arguments):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(draw_module, "_collect", fail)
    with pytest.raises(
        InternalError, match=r"drawing plans for stranger failed: ZeroDivisionError\('a bug'\)"
    ):
        drawn_plans(scenarios["stranger"])
