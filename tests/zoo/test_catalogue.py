"""The catalogue is complete and consistent, and its page is current."""

from pathlib import Path

import pytest

from overheard.core.contract import declare
from overheard.zoo.catalogue import (
    CATALOGUE,
    CROSS_RESOURCE,
    CROSS_THREAD,
    DISTINCT,
    FORGOTTEN,
    IDS,
    MATCHES,
    OWNERSHIP,
    RECALL,
)
from overheard.zoo.demo import DEMO
from overheard.zoo.guide import guide

ROOT = Path(__file__).parents[2]


def of(kind):
    return [specimen for specimen in CATALOGUE.values() if specimen.kind == kind]


def test_there_are_as_many_as_promised():
    assert len({s.name.rsplit("-", 1)[0] for s in of("leaky")}) >= 12
    assert len(of("twin")) == len(of("leaky"))
    assert sorted(s.settings["scope"] for s in of("correct")) == ["resource", "tenant", "thread"]
    assert len(of("vacuous")) == 8
    assert all(name == specimen.name for name, specimen in CATALOGUE.items())


@pytest.mark.parametrize("leaky", of("leaky"), ids=lambda s: s.name)
def test_every_leaky_agent_has_a_twin_and_both_hosts(leaky):
    twin = CATALOGUE[leaky.twin]
    assert (twin.kind, twin.twin, twin.host) == ("twin", leaky.name, leaky.host)
    assert twin.settings == leaky.settings
    other = {"memory": "sqlite", "sqlite": "memory"}[leaky.host]
    assert (
        CATALOGUE[leaky.name.removesuffix(leaky.host) + other]._replace(
            name=leaky.name, host=leaky.host, build=leaky.build, twin=leaky.twin
        )
        == leaky
    )


@pytest.mark.parametrize("specimen", CATALOGUE.values(), ids=lambda s: s.name)
def test_what_is_known_of_each_hangs_together(specimen):
    known = {RECALL, CROSS_THREAD, CROSS_RESOURCE, OWNERSHIP, DISTINCT, IDS, FORGOTTEN, MATCHES}
    assert specimen.invariants | specimen.also <= known
    assert not specimen.invariants & specimen.also
    assert bool(specimen.invariants) == bool(specimen.diagnosis) == (specimen.exit_code == 1)
    assert bool(specimen.reasons) == (specimen.kind == "vacuous")
    assert (specimen.exit_code == 0) == (specimen.kind in ("twin", "correct"))
    declare(("target", specimen.settings))
    assert specimen.story.endswith(".")


def test_agents_declare_what_the_catalogue_says():
    for specimen in CATALOGUE.values():
        agent = specimen.build()
        assert getattr(agent, "overheard_contract", specimen.settings) == specimen.settings


def test_the_demo_shows_a_leaky_agent_beside_its_twin():
    assert CATALOGUE[DEMO.leaky].twin == DEMO.twin


def test_the_page_is_current():
    written = (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8")
    assert written == guide(), "run: python -m overheard.zoo.guide > docs/zoo.md"
