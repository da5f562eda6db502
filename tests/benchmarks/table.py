"""Everything that is measured, as one table of ratios."""

from __future__ import annotations

import tempfile
from pathlib import Path

import driving
import gating
import histories
import judging
import reaching
import scanning
import starting
from tabulate import tabulate


def table(*, quick: bool, locust: str | None = None) -> str:
    """Measure everything: for real, or on a small scale to see that it can be measured. `locust` is an
    interpreter that has it, if it is to be compared with.
    """
    rows = list(scanning.rows(megabytes=0.5 if quick else 8, rounds=3 if quick else 15))
    with tempfile.TemporaryDirectory(prefix="overheard-benchmarks-") as folder:
        here = Path(folder)
        rows += driving.rows(here, operations=200 if quick else 2_000, rounds=2 if quick else 25)
        rows += reaching.rows(
            here, operations=200 if quick else 2_000, rounds=2 if quick else 15, locust=locust
        )
        source = histories.campaign(
            here / "campaign.jsonl",
            agent="correct-thread",
            operations=12 if quick else 60,
            explore=1 if quick else 3,
        )
        sizes = (1_000, 4_000) if quick else (100_000, 1_000_000)
        large = [here / f"{events}.jsonl" for events in sizes]
        for path, events in zip(large, sizes, strict=True):
            histories.multiplied(source, path, events=events)
        rows += judging.rows(large, rounds=2 if quick else 3)
    rows += gating.rows(operations=60 if quick else 400, rounds=2 if quick else 15)
    rows += starting.rows(rounds=2 if quick else 15)
    headers = ["what", "measured", "compared with", "ratio", "goal"]
    return tabulate(rows, headers=headers, floatfmt=".2f")
