"""Judging holds on to one example at a time, and leaves nothing behind it."""

import gc
import weakref

import pytest

from overheard.check import judge as judging
from overheard.check.judge import judge
from overheard.check.view import View

LEAKING = """\
r0 a !x re
  r1 b ?x =x re
  r1 b !y re
r0 a ?y =y re:2
r0 a ?x =x re
r0 c !w
r0 c ?w
"""


@pytest.fixture
def views(monkeypatch):
    """Every view that is made, as long as anybody holds it, and how many were held whenever one more was made."""
    alive, held = weakref.WeakSet(), []

    class Seen(View):
        __slots__ = ("__weakref__",)

        def __init__(self, *given, **named):
            held.append(len(alive))
            super().__init__(*given, **named)
            alive.add(self)

    monkeypatch.setattr(judging, "View", Seen)
    return alive, held


def test_no_example_is_held_for_what_was_found_in_it(history, views):
    alive, held = views
    made = history("--\n".join([LEAKING] * 12))
    gc.collect()
    gc.disable()
    try:
        judgement = judge(made)
        left = len(alive)
    finally:
        gc.enable()
    # A leak, and a recall that did not come.
    assert len({finding.invariant for finding in judgement.findings}) >= 2
    assert len(held) >= 12
    assert max(held) <= 1
    assert left == 0


def test_nothing_is_left_for_the_collector_of_cycles(history):
    made = history("--\n".join([LEAKING] * 12))
    judge(made)
    gc.collect()
    gc.disable()
    try:
        judge(made)
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("threshold", [(700, 10, 10), (0, 10, 10), (1_000_000, 5, 5)])
def test_the_collector_is_as_it_was_afterwards(history, threshold):
    before = gc.get_threshold()
    gc.set_threshold(*threshold)
    try:
        judge(history(LEAKING))
        assert gc.get_threshold() == threshold
    finally:
        gc.set_threshold(*before)
