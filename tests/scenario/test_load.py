"""Reading scenarios: the built-in ones, a user's own beside the configuration, and what extends what."""

import json

import msgspec
import pytest

from overheard.core.errors import ScenarioError, UsageError
from overheard.listing import to_terminal
from overheard.scenario.load import builtin, load, select
from overheard.scenario.model import MOVES, Scenario


def test_the_built_in_scenarios():
    assert list(builtin()) == [
        "cancelled-requests",
        "changing-surfaces",
        "colliding-ids",
        "concurrent-resources",
        "forgetting",
        "ids-missing",
        "ids-shown",
        "many-resources",
        "reading-surfaces",
        "recall",
        "same-thread-id",
        "sibling-threads",
        "stranger",
    ]


@pytest.mark.parametrize("name", sorted(builtin()))
def test_every_built_in_scenario_says_what_it_is(name):
    scenario = builtin()[name]
    assert scenario.name == name
    assert scenario.title
    assert scenario.title[-1].isalnum()
    assert scenario.shows.endswith(".")
    assert "recall-within-thread" in scenario.invariants, "without recall, isolation shows nothing"
    assert scenario.references
    if name == "colliding-ids":
        # Those that collide are made for it. The others' only have to be no others.
        assert set(scenario.identifiers) == {"existing", "uuid", "session"}
    elif name in ("reading-surfaces", "changing-surfaces", "forgetting", "ids-shown"):
        # An id is evidence only if nobody can guess it, and a list of threads shows nothing else.
        assert set(scenario.identifiers) == {"uuid", "session"}
    else:
        assert {"existing", "uuid", "composite", "session"} <= set(scenario.identifiers)


def test_no_folder_of_ones_own_is_no_error(tmp_path):
    assert load(None) == load(tmp_path) == builtin()
    (tmp_path / "scenarios").write_text("a file")
    assert load(tmp_path) == builtin()


def test_a_scenario_of_ones_own_stands_beside_the_others(folder):
    found = folder.write("mine", "").load()
    assert list(found) == sorted([*builtin(), "mine"])
    assert found["mine"].title == "Mine"
    assert found["mine"].leads == "recall"
    assert {name: found[name] for name in builtin()} == builtin()


def test_what_is_not_toml_is_not_a_scenario(folder):
    (folder.scenarios / "README.md").write_text("# mine")
    (folder.scenarios / "notes").mkdir()
    assert folder.load() == builtin()


def test_every_key_is_heard(folder):
    text = """
    title = "T"
    shows = "S"
    mode = "concurrent"
    invariants = ["recall-within-thread", "ids-required"]
    references = ["CWE-488"]
    identifiers = ["unicode"]
    turns = [40, 50]
    width = [3, 5]
    latency = 7
    population = {resources = [4, 5], threads = [2, 3], tenants = [1, 2], facts = [2, 3]}
    weights = {missing = 2.5, chat = 0}
    missing = {kinds = ["null"], ids = ["both"]}
    schedules = {walk = 1, pct-3 = 0.5}
    colliding = {by = ["joined"], ids = ["both"]}
    """
    mine = folder.write("mine", text, whole=False).load()["mine"]
    assert json.loads(msgspec.json.encode(mine)) == {
        "name": "mine",
        "title": "T",
        "shows": "S",
        "mode": "concurrent",
        "invariants": ["recall-within-thread", "ids-required"],
        "references": ["CWE-488"],
        "identifiers": ["unicode"],
        "turns": [40, 50],
        "width": [3, 5],
        "latency": 7,
        "population": {"resources": [4, 5], "threads": [2, 3], "tenants": [1, 2], "facts": [2, 3]},
        "weights": {"missing": 2.5, "chat": 0.0},
        "missing": {"kinds": ["null"], "ids": ["both"]},
        "schedules": {"walk": 1.0, "pct-3": 0.5},
        "colliding": {"by": ["joined"], "ids": ["both"]},
    }


def test_extending_merges_tables_and_replaces_all_else(folder):
    text = """
    extends = "stranger"
    title = "Strangers in a crowd"
    identifiers = ["unicode"]

    [population]
    resources = [8, 12]

    [weights]
    take-over = 9
    """
    mine = folder.write("crowd", text, whole=False).load()["crowd"]
    base = builtin()["stranger"]
    assert mine.title == "Strangers in a crowd"
    assert mine.shows == base.shows
    assert mine.identifiers == ("unicode",)
    assert mine.population.resources == (8, 12)
    assert mine.population.threads == base.population.threads
    assert mine.weights == {**base.weights, "take-over": 9}
    assert (base.leads, mine.leads) == ("intrude", "take-over")


def test_a_built_in_scenario_is_changed_under_its_own_name(folder):
    found = folder.write("recall", 'extends = "recall"\nturns = [60, 80]', whole=False).load()
    assert found["recall"].turns == (60, 80)
    assert found["recall"].weights == builtin()["recall"].weights
    assert list(found) == list(builtin())


def test_extending_a_scenario_of_ones_own_that_changes_a_built_in_one(folder):
    folder.write("recall", 'extends = "recall"\nturns = [60, 80]', whole=False)
    folder.write("longer", 'extends = "recall"\nlatency = 1', whole=False)
    folder.write("longest", 'extends = "longer"\ntitle = "Longest"', whole=False)
    found = folder.load()
    assert found["longer"].turns == found["longest"].turns == (60, 80)
    assert (found["longest"].latency, found["longest"].title) == (1, "Longest")


def test_a_built_in_name_needs_extends(folder):
    assert folder.write("recall", "").complaint() == (
        "recall.toml: there is a built-in scenario 'recall'; write extends = \"recall\" to change it, "
        "or give the file another name"
    )


def test_a_built_in_name_must_extend_itself(folder):
    assert (
        'write extends = "recall"' in folder.write("recall", 'extends = "stranger"', whole=False).complaint()
    )


def test_extending_in_a_circle(folder):
    folder.write("one", 'extends = "two"', whole=False)
    folder.write("two", 'extends = "three"', whole=False)
    folder.write("three", 'extends = "one"', whole=False)
    assert "extends goes round in a circle: one -> two -> three -> one" in folder.complaint()


def test_extending_itself(folder):
    assert "circle: mine -> mine" in folder.write("mine", 'extends = "mine"', whole=False).complaint()


def test_extending_what_there_is_not(folder):
    complaint = folder.write("mine", 'extends = "strangers"', whole=False).complaint()
    assert complaint == (
        "mine.toml: extends: there is no scenario 'strangers'; did you mean 'stranger'? allowed: "
        + ", ".join(builtin())
    )


def test_what_extending_makes_of_a_scenario_is_checked_as_well(folder):
    folder.write("mine", 'extends = "recall"\n[weights]\nsiblings = 9', whole=False)
    assert folder.complaint() == (
        "mine.toml: population.threads starts at 1; the move siblings needs 2 or more"
    )


@pytest.mark.parametrize("name", ["Mine", "my_own", "-a", "a--b", "mine ", "é", "a.b"])
def test_a_name_that_is_none(folder, name):
    complaint = folder.write(name, "").complaint()
    assert "no name for one; allowed: lower case letters and digits, in words joined by hyphens" in complaint


@pytest.mark.parametrize("name", ["mine", "a", "7", "my-own-2"])
def test_a_name_that_is_one(folder, name):
    assert name in folder.write(name, "").load()


def test_text_in_any_script_is_kept(folder):
    found = folder.write(
        "mine", 'title = "会話 · søster"\nshows = "x"\nextends = "recall"', whole=False
    ).load()
    assert found["mine"].title == "会話 · søster"


def test_select_keeps_the_order_of_the_names():
    found = select(builtin(), ["stranger", "recall"])
    assert list(found) == ["stranger", "recall"]
    assert list(select(builtin(), [])) == list(builtin())


def test_select_teaches_the_names():
    with pytest.raises(
        ScenarioError, match=r"no scenario 'strangr'; did you mean 'stranger'\? allowed: cancelled"
    ):
        select(builtin(), ["recall", "strangr"])
    assert issubclass(ScenarioError, UsageError), "a wrong scenario is wrong usage: exit code 2"


@pytest.mark.parametrize("name", sorted(builtin()))
def test_a_scenario_as_the_command_line_shows_it_can_be_loaded_again(folder, name):
    shown = to_terminal({name: builtin()[name]}, whole=True)
    again = folder.write("again", shown, whole=False).load()["again"]
    assert msgspec.structs.replace(again, name=name) == builtin()[name]


def test_a_scenario_survives_being_recorded():
    for scenario in builtin().values():
        assert msgspec.convert(json.loads(msgspec.json.encode(scenario)), Scenario) == scenario


def test_the_heaviest_move_leads_and_chat_never_does():
    scenario = builtin()["recall"]
    lead = lambda **weights: msgspec.structs.replace(scenario, weights=weights).leads  # noqa: E731
    assert lead(recall=1, siblings=2, chat=9) == "siblings"
    assert lead(siblings=2, recall=2) == "recall", "among equals the one that is named first"
    assert MOVES[0] == "recall"
