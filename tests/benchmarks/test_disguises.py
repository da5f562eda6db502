"""Canaries in disguise are seen and nothing else is, on a small scale; and the page says what was measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "disguises.py"


@pytest.fixture(scope="module")
def measured():
    """What the program measures with a fresh seed, which it prints."""
    code = (
        "import json, secrets, sys; sys.path.insert(0, sys.argv[1]); import disguises\n"
        "seed = secrets.randbelow(1 << 32)\n"
        "found = disguises.measure("
        "canaries=100, megabytes=5, changes=2_000, seed=seed, rounds=1, size=0.1)\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(HERE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print("seed", found["seed"])
    return found


def test_every_disguise_is_seen_through(measured):
    missed = {name: one for name, one in measured["recall"].items() if one["seen"] < one["canaries"] * 0.97}
    assert missed == {}
    assert sum(one["seen"] for one in measured["recall"].values()) >= 0.99 * sum(
        one["canaries"] for one in measured["recall"].values()
    )


def test_nothing_is_seen_that_is_not_there(measured):
    assert {name: one["found"] for name, one in measured["noise"].items() if one["found"]} == {}
    assert all(one["characters"] >= 1_000_000 for one in measured["noise"].values())
    assert {name: one["wrong"] for name, one in measured["recall"].items() if one["wrong"]} == {}
    assert measured["changed"]["other"] == 0
    # Most of the changed ones are seen for what they are: that none is taken for another is no accident.
    assert measured["changed"]["own"] > 0.98 * measured["changed"]["canaries"]


def test_the_page_says_what_was_measured_in_full(request):
    code = "import json, sys; sys.path.insert(0, sys.argv[1]); import disguises as d; print(json.dumps([d.page(json.loads(d.KEPT.read_text())), list(d.DRESSES), list(d.NOISE)]))"
    done = subprocess.run([sys.executable, "-c", code, str(HERE)], capture_output=True, text=True, check=True)
    page, dresses, noise = json.loads(done.stdout)
    assert (request.config.rootpath / "docs" / "detection.md").read_text() == page
    kept = json.loads((HERE / "disguises.json").read_text())
    assert list(kept["recall"]) == dresses
    assert list(kept["noise"]) == noise
    assert min(one["seen"] / one["canaries"] for one in kept["recall"].values()) >= 0.99
    assert sum(one["wrong"] for one in kept["recall"].values()) == 0
    assert sum(one["found"] for one in kept["noise"].values()) == 0
    assert sum(one["characters"] for one in kept["noise"].values()) >= 1e9
    assert kept["changed"]["canaries"] >= 1_000_000
    assert kept["changed"]["other"] == 0
