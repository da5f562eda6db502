"""How cost grows, which a loaded machine cannot change. Seconds are for `run.py`, which prints a table."""

import pytest


@pytest.mark.parametrize("agent", ["correct-thread", "cached-by-message-memory"])
def test_judging_grows_with_the_events_and_its_memory_with_the_largest_example(agent, histories, measured):
    small, large = (measured(path) for path in histories(agent, 12, (3_000, 30_000)))
    assert large["operations"] > 8 * small["operations"]
    assert large["calls"] / large["events"] < 1.2 * small["calls"] / small["events"]
    # Ten times the events. What is allowed besides is a decoder's block, and what an allocator keeps.
    grown = large["peak"] - large["before"]
    assert grown < 1.5 * (small["peak"] - small["before"]) + 5


def test_an_agent_that_is_right_leaks_nothing_however_often_its_history_is_written_again(histories, measured):
    """Every copy is an example of its own: what an answer says of its request, too, is said under new numbers."""
    assert measured(histories("correct-thread", 12, (3_000,))[0])["leaks"] == 0


def test_judging_long_conversations_grows_with_what_is_in_them(histories, measured):
    """In plans of ten times the operations, a pass that is quadratic in a thread would show."""
    short = measured(histories("correct-resource", 25, (500,))[0])
    long = measured(histories("correct-resource", 250, (500,))[0])
    assert long["calls"] / long["events"] < 1.5 * short["calls"] / short["events"]


def test_the_table_is_printed(quick_table):
    for what in (
        "scan, one canary per 4 KB",
        "recorder, for an operation",
        "check, ",
        "a model call, held",
        "overheard --help",
    ):
        assert f"\n{what}" in quick_table
