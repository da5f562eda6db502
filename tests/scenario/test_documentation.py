"""`docs/scenarios.md` says what is: its examples load, and it names every key, move, strategy and scenario."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from overheard.core.contract import Contract
from overheard.core.ids import MISSING_KINDS, bind_id
from overheard.core.offers import Offers
from overheard.plan.identifiers import resource_id, thread_id
from overheard.plan.weave import expand
from overheard.scenario.load import builtin, load
from overheard.scenario.model import (
    IDENTIFIERS,
    INVARIANTS,
    MISSING_IDS,
    MIX,
    MOVES,
    SCHEDULES,
    Missing,
    Population,
    Scenario,
)
from overheard.scenario.schema import REQUIRED, schema

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scenarios.md").read_text()
BLOCKS = dict(re.findall(r"```toml\n# scenarios/(.+?)\.toml\n(.*?)```", PAGE, re.DOTALL))


def rows(heading):
    """The rows of the table under a heading, by the name in their first cell."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line[:1] == "|"
    ]
    return {row[0].strip("`"): row[1:] for row in table[2:]}


def test_every_example_says_which_file_it_is():
    assert len(BLOCKS) == PAGE.count("```toml") == 5


@pytest.mark.parametrize("name", BLOCKS)
def test_each_example_loads_by_itself_and_yields_plans(folder, name):
    scenario = folder.write(name, BLOCKS[name], whole=False).load()[name]
    plan = expand(scenario, seed=1, index=0, contract=Contract(), offers=Offers())
    assert plan.scenario == name
    assert len(plan.operations) >= scenario.turns[0]


def test_all_of_them_load_together(folder):
    for name, text in BLOCKS.items():
        folder.write(name, text, whole=False)
    assert set(folder.load()) == set(builtin()) | set(BLOCKS)


def test_the_examples_do_what_is_said_of_them(folder):
    for name, text in BLOCKS.items():
        folder.write(name, text, whole=False)
    found = load(folder.home)
    assert found["busy-stranger"].weights == builtin()["stranger"].weights
    assert found["busy-stranger"].population.facts == builtin()["stranger"].population.facts
    assert found["recall"].turns == (40, 80)


def test_the_whole_example_has_every_key_but_extends(folder):
    data = tomllib.loads(BLOCKS["support-desk"])
    assert set(data) == set(schema()["properties"]) - {"extends"}
    for table in ("population", "missing", "colliding"):
        assert set(data[table]) == set(schema()["properties"][table]["properties"])


def test_every_key_has_its_row():
    tables = ("population", "missing", "colliding")
    named = {"weights": "weights.MOVE", "schedules": "schedules.WAY"}
    keys = {named.get(key, key) for key in schema()["properties"] if key not in tables}
    keys |= {f"{table}.{key}" for table in tables for key in schema()["properties"][table]["properties"]}
    assert set(rows("Every key")) == keys


def test_defaults_are_those_of_the_model():
    said = rows("Every key")
    plain = Scenario(name="x", title="t", shows="s", invariants=(), weights={})
    values = {"mode": plain.mode, "turns": plain.turns, "width": plain.width, "latency": plain.latency}
    values |= {f"population.{key}": getattr(Population(), key) for key in Population.__struct_fields__}
    for key, value in values.items():
        assert said[key][0] == f"`{msgspec.json.encode(value).decode().replace(',', ', ')}`", key
    assert plain.identifiers == IDENTIFIERS
    assert Missing() == Missing(kinds=MISSING_KINDS, ids=MISSING_IDS)
    for key in ("identifiers", "missing.kinds", "missing.ids"):
        assert said[key][0] == "all of them"
    sentence = PAGE.split("`title`, ")[1].split("have to be there")[0]
    assert all(f"`{key}`" in f"`title`, {sentence}" for key in REQUIRED)


def test_every_built_in_scenario_has_its_row_and_what_it_judges():
    said = rows("The built-in ones")
    assert set(said) == set(builtin())
    for name, scenario in builtin().items():
        judged = set(scenario.invariants) - {"recall-within-thread"} or {"recall-within-thread"}
        assert set(re.findall(r"`([\w-]+)`", said[name][1])) == judged


def test_every_way_of_scheduling_has_its_row():
    assert sorted(rows("What overlaps, and in which order")) == sorted(SCHEDULES)
    assert {**MIX} == {"gather": 4, "walk": 2, "choices": 1, "pct-2": 1, "pct-3": 1}, "as the page says"


def test_every_move_has_its_row():
    said = rows("Moves")
    assert list(said) == list(MOVES)
    # Whatever move is made, an answer can be given to somebody else: none is there to make it possible.
    everywhere = {"reply-matches-request"}
    put_to_the_test = {name for row in said.values() for name in re.findall(r"`([\w-]+)`", row[1])}
    assert put_to_the_test == set(INVARIANTS) - everywhere


def test_every_strategy_has_its_row_and_looks_as_shown():
    said = rows("Identifiers")
    assert list(said) == list(IDENTIFIERS)
    for strategy, (cell,) in said.items():
        resource = resource_id(strategy, 1 if strategy == "unicode" else 0)
        made = [bind_id(one, 1, 1) for one in (resource, thread_id(strategy, resource, 0, 0))]
        namespace = bind_id("<<ns>>", 1, 1)
        for shown in re.findall(r"`(\S*1a2b3c4d\S*)`", cell):
            assert shown.replace("1a2b3c4d", namespace) in made
