"""Looking for canaries, against the bare pattern and against the fastest search there is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

from faker import Faker
from stopwatch import fastest

from overheard.core.canary import CANARY, FactKey, find_canaries, mint_fact
from overheard.history.sight import scan

BARE = CANARY
"""The pattern alone: it finds the same, and checks nothing."""


def prose(characters: int) -> str:
    """So much text of the kind that agents write."""
    faker = Faker("en_US")
    faker.seed_instance(1)
    pages = [faker.paragraph(nb_sentences=12) for _ in range(64)]
    picked: list[str] = []
    length = 0
    chance = random.Random(1)
    while length < characters:
        picked.append(chance.choice(pages))
        length += len(picked[-1]) + 1
    return "\n".join(picked)[:characters]


def planted(text: str, every: int, distinct: int) -> str:
    """`text` with one canary, of `distinct` different ones, behind each `every` characters of it."""
    canaries = [mint_fact(FactKey(7, number >> 12, number & 0xFFF, 0)) for number in range(distinct)]
    parts = [text[at : at + every] for at in range(0, len(text), every)]
    return " ".join(f"{part} {canaries[place % distinct]}" for place, part in enumerate(parts))


def rows(*, megabytes: float, rounds: int) -> Iterator[tuple[str, str, str, float, str]]:
    size = int(megabytes * (1 << 20))
    text = prose(size)
    texts = {
        "one canary per 4 KB": (planted(text, 4_096, 256), "0.8 or more"),
        "one canary per 100 bytes": (planted(text, 100, 256), "0.3 or more"),
        "nothing but canaries": (planted(" " * (size // 4), 1, 256), ""),
    }
    for name, (dense, goal) in texts.items():
        least = fastest(
            {
                "ours": partial(find_canaries, dense),
                "bare": partial(BARE.findall, dense),
                "find": partial(dense.encode().find, b"OVH9"),
                "all": partial(scan, dense, "prompt"),
            },
            rounds=rounds,
        )
        speed = {side: len(dense) / 1e6 / max(seconds, 1e-9) for side, seconds in least.items()}
        yield (
            f"scan, {name}", f"{speed['ours']:,.0f} MB/s", f"bare re {speed['bare']:,.0f} MB/s",
            speed["ours"] / speed["bare"], goal,
        )  # fmt: skip
        yield (
            f"scan, {name}", f"{speed['ours']:,.0f} MB/s", f"bytes.find {speed['find']:,.0f} MB/s",
            speed["ours"] / speed["find"], "",
        )  # fmt: skip
        yield (
            f"scan and look through disguises, {name}", f"{speed['all']:,.0f} MB/s",
            f"bare re {speed['bare']:,.0f} MB/s", speed["all"] / speed["bare"], "",
        )  # fmt: skip
    few, many = planted(text, 4_096, 16), planted(text, 4_096, 1 << 16)
    dense_few, dense_many = planted(text, 100, 16), planted(text, 100, 1 << 16)
    for name, one, other in (
        ("4 KB", few, many),
        ("100 bytes", dense_few, dense_many),
    ):
        least = fastest(
            {"few": partial(find_canaries, one), "many": partial(find_canaries, other)}, rounds=rounds
        )
        yield (
            f"scan, 65,536 distinct canaries, one per {name}", f"{len(other) / 1e6 / least['many']:,.0f} MB/s",
            f"16 distinct {len(one) / 1e6 / least['few']:,.0f} MB/s",
            least["few"] / least["many"] * len(other) / len(one), "about 1",
        )  # fmt: skip
