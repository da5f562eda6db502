"""Errors that teach: each names the file, the key, and what is allowed there."""

import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overheard.core.errors import ScenarioError
from overheard.scenario.load import load
from overheard.scenario.model import IDENTIFIERS, INVARIANTS, MOVES, SCHEDULES
from overheard.scenario.schema import schema

KEYS = ", ".join(schema()["properties"])
RECALL = "invariants = ['recall-within-thread']"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("wieghts = 1\n", f"there is no key 'wieghts'; did you mean 'weights'? allowed: {KEYS}"),
        ('name = "x"\n', f"there is no key 'name'; allowed: {KEYS}"),
        (
            'mode = "parallel"\n',
            "mode: 'parallel' is not known; allowed: sequential, interleaved, concurrent",
        ),
        (
            'identifiers = ["uuid", "emial"]\n',
            f"identifiers[1]: 'emial' is not known; did you mean 'email'? allowed: {', '.join(IDENTIFIERS)}",
        ),
        ("identifiers = []\n", "identifiers: has 0 values; it takes at least one"),
        ('identifiers = ["uuid", "uuid"]\n', "identifiers: names something twice in ['uuid', 'uuid']"),
        ("turns = 20\n", "turns: is 20; it takes a list"),
        ("turns = [20]\n", "turns: has 1 values; it takes two whole numbers, lowest and highest"),
        ("turns = [20, 30, 40]\n", "turns: has 3 values; it takes two whole numbers, lowest and highest"),
        ("turns = [2, 30]\n", "turns[0]: is 2; the least is 4"),
        ("turns = [20, 9999]\n", "turns[1]: is 9999; the most is 1000"),
        ("turns = [30, 20]\n", "turns is [30, 20]; the lowest value comes first"),
        ("turns = [20.5, 30]\n", "turns[0]: is 20.5; it takes a whole number"),
        ('turns = ["20", 30]\n', "turns[0]: is '20'; it takes a whole number"),
        ("width = [1, 3]\n", "width[0]: is 1; the least is 2"),
        ("latency = true\n", "latency: is true; it takes a whole number"),
        ("latency = -5\n", "latency: is -5; the least is 0"),
        ("references = ['']\n", "references[0]: is empty; it takes some words"),
        ("references = 2020-01-01\n", "references: is 2020-01-01; it takes a list"),
        ("population = 3\n", "population: is 3; it takes a table"),
        (
            "population = {people = [1, 2]}\n",
            "population: there is no key 'people'; allowed: resources, threads, tenants, facts",
        ),
        (
            "population = {resources = [0, 2]}\n",
            "population.resources[0]: is 0; the least is 1",
        ),
        (
            "population = {resources = [3, 2]}\n",
            "population.resources is [3, 2]; the lowest value comes first",
        ),
        (
            "missing = {kinds = ['nil']}\n",
            "missing.kinds[0]: 'nil' is not known; allowed: omitted, null, empty, blank",
        ),
        (
            "missing = {ids = ['threads']}\n",
            "missing.ids[0]: 'threads' is not known; did you mean 'thread'? allowed: thread, resource, both",
        ),
        ("extends = 3\n", "extends: is 3; it takes text"),
    ],
)  # fmt: skip
def test_what_is_wrong_where_and_what_is_allowed(folder, text, complaint):
    assert folder.write("mine", text).complaint() == f"mine.toml: {complaint}"


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        (
            "recal = 1",
            f"weights: there is no key 'recal'; did you mean 'recall'? allowed: {', '.join(MOVES)}",
        ),
        ("recall = 'much'", "weights.recall: is 'much'; it takes a number"),
        ("recall = -1", "weights.recall: is -1; the least is 0"),
        ("recall = inf", "weights.recall: is inf; the most is 1000"),
        ("recall = 1\nsiblings = nan", "weights.siblings is nan; it takes a number from 0 to 1000"),
        (
            "chat = 3\nrecall = 0",
            "weights gives no move but chat a weight above 0; at least one more is needed",
        ),
        ("siblings = 1", "population.threads starts at 1; the move siblings needs 2 or more"),
    ],
)
def test_weights(folder, weights, complaint):
    text = f"title = 't'\nshows = 's'\n{RECALL}\n[weights]\n{weights}\n"
    assert folder.write("mine", text, whole=False).complaint() == f"mine.toml: {complaint}"


@pytest.mark.parametrize(
    "move", ["crosswise", "intrude", "take-over", "shared-thread", "same-text", "missing"]
)
def test_moves_between_resources_need_two(folder, move):
    text = (
        f"title = 't'\nshows = 's'\n{RECALL}\npopulation = {{resources = [1, 4]}}\nweights = {{{move} = 1}}\n"
    )
    assert folder.write("mine", text, whole=False).complaint() == (
        f"mine.toml: population.resources starts at 1; the move {move} needs 2 or more"
    )


def test_several_at_once_need_two_resources(folder):
    folder.write("mine", "mode = 'concurrent'\npopulation = {resources = [1, 4]}\n")
    assert "so mode concurrent needs 2 or more" in folder.complaint()


@pytest.mark.parametrize(
    ("invariant", "moves"),
    [
        ("no-cross-thread-recall", "siblings or look"),
        ("no-cross-resource-leakage", "crosswise or look or cancel"),
        ("thread-ownership", "intrude or take-over or shared-thread or look or change"),
        ("ids-required", "missing or look or change"),
        ("forgotten-stays-forgotten", "forget"),
    ],
)
def test_a_promise_that_no_move_puts_to_the_test(folder, invariant, moves):
    """Such a scenario could only ever end as inconclusive, and the reason would be far away."""
    text = f"title = 't'\nshows = 's'\ninvariants = ['{invariant}']\n[weights]\nrecall = 1\n"
    assert folder.write("mine", text, whole=False).complaint() == (
        f"mine.toml: invariants names {invariant}, and no move of weights puts it to the test; "
        f"give a weight to {moves}"
    )


def test_something_must_be_scheduled(folder):
    folder.write("mine", "[schedules]\n" + "\n".join(f"{kind} = 0" for kind in SCHEDULES) + "\n")
    assert "schedules gives nothing a weight above 0" in folder.complaint()
    folder.write("mine", "[schedules]\npct-3 = nan\n")
    assert "schedules.pct-3 is nan; it takes a number from 0 to 1000" in folder.complaint()
    folder.write("mine", "[schedules]\nrandom = 1\n")
    assert "there is no key 'random'" in folder.complaint()


def test_answers_are_mixed_up_only_where_several_are_waited_for(folder):
    text = "title = 't'\nshows = 's'\ninvariants = ['reply-matches-request']\n[weights]\ncrosswise = 1\n"
    assert folder.write("mine", text, whole=False).complaint() == (
        "mine.toml: invariants names reply-matches-request, and answers are mixed up where several are waited "
        "for; say mode = 'concurrent'"
    )
    folder.write("mine", f"mode = 'concurrent'\n{text}", whole=False).load()


def test_invariants_are_checked_by_name(folder):
    text = "title = 't'\nshows = 's'\ninvariants = ['thread-ownershp']\n[weights]\nrecall = 1\n"
    assert folder.write("mine", text, whole=False).complaint() == (
        "mine.toml: invariants[0]: 'thread-ownershp' is not known; did you mean 'thread-ownership'? allowed: "
        + ", ".join(INVARIANTS)
    )


def test_everything_wrong_is_said_at_once(folder):
    folder.write("mine", "mode = 'x'\nturns = [1, 2]\nlatency = 'y'\n")
    lines = folder.complaint().splitlines()
    assert len(lines) == 4
    assert all(line.startswith("mine.toml: ") for line in lines)
    assert [line.split(": ")[1] for line in lines] == ["latency", "mode", "turns[0]", "turns[1]"]


def test_an_empty_file(folder):
    assert folder.write("mine", "", whole=False).complaint() == (
        "mine.toml: without title, shows, invariants, weights, which a scenario must have unless it "
        "extends another"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("title = ", "this is not TOML: Invalid value"),
        ("\0", "this is not TOML"),
        (b"title = '\xff'", "this is not UTF-8 text (byte 9); save it as UTF-8"),
        ("a = " + "[" * 5000, "nested too deeply"),
    ],
)
def test_files_that_are_no_scenarios_at_all(folder, content, words):
    assert words in folder.write("mine", content, whole=False).complaint()


def test_a_folder_named_like_a_scenario(folder):
    (folder.scenarios / "mine.toml").mkdir()
    assert "mine.toml: this file cannot be read" in folder.complaint()


def test_a_link_to_nowhere(folder):
    (folder.scenarios / "mine.toml").symlink_to(folder.home / "gone")
    assert "mine.toml: this file cannot be read" in folder.complaint()


def test_a_byte_order_mark_is_no_error(folder):
    (folder.write("mine", "").scenarios / "mine.toml").write_bytes(
        b"\xef\xbb\xbf" + (folder.scenarios / "mine.toml").read_bytes()
    )
    assert folder.load()["mine"].title == "Mine"


def test_whole_numbers_with_a_point_are_whole_numbers(folder):
    mine = folder.write("mine", "turns = [18.0, 32.0]\nlatency = 5.0\n").load()["mine"]
    assert (mine.turns, mine.latency) == ((18, 32), 5)


def test_what_stands_in_the_file_is_shown_short_and_harmless(folder):
    folder.write("mine", f'mode = "{"x" * 5000}"\n"a\\u001b[31m" = 1\n')
    complaint = folder.complaint()
    assert len(complaint) < 600
    assert "\x1b" not in complaint


REAL = tomllib.loads
VALUES = st.recursive(
    st.dates() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MOVES) | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    data=st.dictionaries(
        st.sampled_from(list(schema()["properties"])) | st.text(max_size=3), VALUES, max_size=6
    )
)
def test_nothing_in_a_file_makes_it_crash(folder, data, monkeypatch):
    """A file either loads or is refused in words, whatever it holds."""
    (folder.scenarios / "mine.toml").write_text("")
    monkeypatch.setattr(
        "overheard.scenario.load.tomllib.loads", lambda text: data if not text else REAL(text)
    )
    said = None
    try:
        load(folder.home)
    except ScenarioError as error:
        said = str(error)
    assert said is None or "mine.toml: " in said
