"""Agents of known truth, judged by a whole campaign: the power of the harness and its false alarms.

Judging never sees which agent it judges: targets are named at random, and the contract is all that they
declare. A miss here is a bug to mend, never a seed to change.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import msgspec
import pytest

from overheard.campaign import PROFILES, Options, fresh_numbers, run
from overheard.scenario.load import builtin
from overheard.zoo.catalogue import CATALOGUE, Specimen

SEEDS = int(os.environ.get("OVERHEARD_POWER_SEEDS", "1"))
"""How many fresh seeds each agent is judged with: one in the ordinary run, 20 in the full proof."""

LEAKAGE = {"no-cross-thread-recall", "no-cross-resource-leakage", "thread-ownership", "ids-required"}
SMOKE = msgspec.structs.replace(PROFILES["smoke"], seconds=600.0)
"""What a run does on every push, without its clock: a loaded machine must not decide what is true."""
EXIT = {"held": 0, "violated": 1, "inconclusive": 3}


def campaign(specimen: Specimen, seed: int, **changes):
    options = Options(
        target=f"agent-{random.SystemRandom().getrandbits(24)}",
        base=Path(),
        seed=seed,
        campaign=fresh_numbers()[1],
        profile=changes.pop("profile", SMOKE),
        scenarios=changes.pop("scenarios", tuple(builtin().values())),
        **changes,
    )
    return run(options, target_object=specimen.build)


def kind(*names: str) -> list[str]:
    return [name for name, specimen in CATALOGUE.items() if specimen.kind in names]


HOSTS = ("memory", "sqlite")


def causes(which: str) -> list[str]:
    """Names of leaky agents or twins: all in the full proof, one of each root cause in the ordinary run."""
    names = kind(which)
    return (
        names
        if SEEDS > 1
        else sorted({name.replace("-memory", "-HOST").replace("-sqlite", "-HOST") for name in names})
    )


def half(names: list[str]) -> list[str]:
    """All of them in the full proof; in the ordinary run of every two one, to be drawn."""
    return (
        names if SEEDS > 1 else [" or ".join(names[place : place + 2]) for place in range(0, len(names), 2)]
    )


def drawn(name: str) -> Specimen:
    """The agent of that name. Where something is left open it is drawn, and the name is printed."""
    found = random.SystemRandom().choice(name.split(" or "))
    found = found.replace("HOST", random.SystemRandom().choice(HOSTS))
    print(found)
    return CATALOGUE[found]


def stories(judgement) -> set[tuple[str, str]]:
    return {(one.invariant, one.diagnosis) for one in judgement.findings}


@pytest.mark.parametrize("name", half(causes("leaky")))
def test_a_leaky_agent_is_violated_with_its_own_diagnosis_and_no_other(name, seed):
    specimen = drawn(name)
    judgement = campaign(specimen, seed)
    assert judgement.verdict == "violated"
    assert {diagnosis for _, diagnosis in stories(judgement)} == {specimen.diagnosis}
    broken = {invariant for invariant, _ in stories(judgement)}
    assert specimen.invariants <= broken <= specimen.invariants | specimen.also
    assert EXIT[judgement.verdict] == specimen.exit_code


@pytest.mark.parametrize("name", [*half(causes("twin")), *kind("correct")])
def test_a_correct_agent_is_held_with_every_promise_judged(name, seed):
    judgement = campaign(drawn(name), seed)
    assert judgement.verdict == "held", (judgement.reasons, stories(judgement))
    for one in judgement.invariants:
        if one.status == "not promised":
            assert (one.name, judgement.contract.scope) in {
                ("no-cross-thread-recall", "resource"),
                ("no-cross-thread-recall", "tenant"),
            }
        elif one.status == "not offered":
            deletes_nothing = ("the target deletes nothing on demand",)
            assert (one.name, one.reasons) == ("forgotten-stays-forgotten", deletes_nothing)
        else:
            assert (one.status, one.verdict) == ("judged", "held")
            assert one.exposures >= 50, (one.name, one.exposures)
    assert not [cell for cell in judgement.coverage if cell.state in ("not reached", "no control")]


@pytest.mark.parametrize("name", kind("vacuous"))
def test_a_vacuous_agent_gets_no_pass_and_its_own_reason(name, seed):
    specimen = CATALOGUE[name]
    judgement = campaign(specimen, seed)
    assert EXIT[judgement.verdict] == specimen.exit_code, judgement.reasons
    assert {diagnosis for _, diagnosis in stories(judgement)} == (
        {specimen.diagnosis} if specimen.diagnosis else set()
    )
    isolation = [one for one in judgement.invariants if one.name in LEAKAGE]
    assert {one.verdict for one in isolation} <= {"inconclusive"} or specimen.name == "serialises"
    said = " ".join([*judgement.reasons, *(reason for one in isolation for reason in one.reasons)])
    for words in specimen.reasons:
        assert words in said


LONG = msgspec.structs.replace(PROFILES["smoke"], explore=1, drawn=0, seconds=900.0, operations=2_000)


PLAIN = ("recall", "many-resources")
"""Scenarios without which nothing is judged as held: they are driven in any case."""


@pytest.mark.parametrize("name", kind("correct", "leaky") if SEEDS > 1 else [" or ".join(kind("correct"))])
def test_the_same_over_one_long_plan_of_each_scenario(name, seed):
    """Two thousand operations in one seed-expanded plan.

    An ordinary run holds a correct agent over some of the scenarios, both drawn anew each time; the full proof
    drives all that there are over all.
    """
    specimen = drawn(name)
    scenarios = tuple(builtin().values())
    if SEEDS == 1:
        others = [one for one in scenarios if one.name not in PLAIN]
        more = random.SystemRandom().sample(others, 3)
        scenarios = (*(one for one in scenarios if one.name in PLAIN), *more)
        print([one.name for one in more])
    judgement = campaign(specimen, seed, profile=LONG, scenarios=scenarios)
    told = {diagnosis for _, diagnosis in stories(judgement)}
    assert told == ({specimen.diagnosis} if specimen.diagnosis else set()), name
    assert judgement.verdict == ("violated" if specimen.kind == "leaky" else "held"), judgement.reasons
