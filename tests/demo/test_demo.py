"""The demonstration: what it shows is so, every time, and it shows it quickly."""

import os
import subprocess
import sys
from pathlib import Path

from overheard import campaign, demonstration
from overheard.zoo.catalogue import CATALOGUE
from overheard.zoo.demo import DEMO


def test_the_command_shows_a_leak_and_its_remedy(tmp_path):
    environ = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    done = subprocess.run(
        [str(Path(sys.executable).parent / "overheard"), "demo"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["no-cross-resource-leakage", "violated", "held"] in rows
    assert ["recall-within-thread", "held", "held"] in rows
    assert "ids ignored or hardcoded" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110
    assert "\x1b" not in done.stdout
    assert done.stderr.splitlines() == [
        "driving an agent with a well-known mistake",
        "driving the same agent without it, for longer",
    ]
    assert list(tmp_path.iterdir()) == []  # a demonstration leaves nothing behind


def test_what_was_found_first_is_somebody_elses_secret():
    shown = demonstration.run(color=False, started="", say=lambda _: None)
    told, seen = (
        part.split("resource ")[1].split()[0] for part in shown.split("told by")[1].split("seen by")
    )
    assert told != seen


def test_it_drives_little_enough_to_be_quick():
    """Seconds are the machine's; operations are ours. A thousand is what ten seconds have room for."""
    counted = sum(
        demonstration._judge(CATALOGUE[name], "", seed=seed, examples=examples).traffic.operations
        for seed, name, examples in (
            (1, DEMO.leaky, demonstration.FIRST),
            (1, DEMO.twin, demonstration.PROFILE.explore),
        )
    )
    assert 100 < counted < 1_000
    assert campaign.OVERTIME * demonstration.PROFILE.seconds <= 30
