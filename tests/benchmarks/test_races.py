"""The page about races says what was measured, and that is what theory says and no seed missed."""

import json
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def races(program):
    return program(HERE / "races.py")


@pytest.fixture(scope="module")
def kept():
    return json.loads((HERE / "races.json").read_text())


def test_the_page_says_what_was_measured_in_full(races, kept, request):
    assert (request.config.rootpath / "docs" / "races.md").read_text() == races.page(kept)
    assert [(one["depth"], one["way"]) for one in kept["races"]] == [
        (depth, way) for depth in races.DEPTHS for way in races.WAYS
    ]
    assert {len(runs) for one in kept["races"] for runs in one["runs"].values()} == {kept["seeds"]}


def test_the_default_mix_missed_no_race_and_priorities_none_of_their_depth(kept):
    for one in kept["races"]:
        assert None not in one["runs"]["default mix"], one
        for depth in (1, 2, 3):
            found = any(one["runs"][f"PCT {depth}"])
            assert found == (one["depth"] <= depth), one


def test_what_was_found_was_made_as_small_as_it_goes(kept):
    for one in kept["races"]:
        assert {left for _, left in one["reduced"]} == {max(one["depth"] - 1, 1)}, one


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([1, 2, 3], "2 / 3"),
        ([1, 2], "1.5 / 2"),
        ([None, None], "never"),
        ([4, None, 2], "4 / >9 (missed 1)"),
        ([4, None, None], ">9 / >9 (missed 2)"),
    ],
)
def test_runs_in_words(races, runs, words):
    assert races.in_words(runs, 9) == words
