"""How surely canaries are seen through disguises, and how fast: `python3 tests/benchmarks/disguises.py`.

Three questions: the recall of each disguise (`dresses.py`); how often something is seen that is not there, in
texts without a canary and in canaries with one character changed; and how many bytes a second are looked
through. The ordinary run takes some minutes and looks for false alarms in 100 MB; `--full` looks in 1 GB and in
a million changed canaries, as is stated in docs/detection.md, and writes that page; `--quick` takes seconds. All
are drawn anew each time; the seed is printed, and `--seed N` draws the same again.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

if importlib.util.find_spec("overheard") is None:
    sys.path.insert(0, str(ROOT / ".ci"))
    from environment import become, python_with

    python = python_with("tests", "--editable", ".[langgraph]", "--requirement", "tests/requirements.txt")
    become(python, *sys.argv)

import argparse  # noqa: E402 - what is needed was installed above
import base64  # noqa: E402
import random  # noqa: E402
import secrets  # noqa: E402
import string  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from functools import cache, partial  # noqa: E402
from typing import Any, Final  # noqa: E402

from dresses import DRESSES, canary, one_wrong  # noqa: E402
from faker import Faker  # noqa: E402
from stopwatch import fastest  # noqa: E402
from tabulate import tabulate  # noqa: E402

from overheard.core.canary import ALPHABET, CAMPAIGN_LIMIT  # noqa: E402
from overheard.history.sight import scan  # noqa: E402

PAGE: Final = ROOT / "docs" / "detection.md"
KEPT: Final = Path(__file__).with_name("disguises.json")
BLOCK: Final = 1 << 20
LOCALES: Final = ("en_US", "de_DE", "fr_FR", "es_ES", "pl_PL", "ru_RU", "ja_JP", "zh_CN", "ar_EG")
CODE: Final = ("*.py", "*.pyi", "*.js", "*.json", "*.c", "*.h", "*.toml", "*.html", "*.css")
"""Endings of files that people wrote for machines."""


# -- texts that hold no canary -------------------------------------------------------------------------------


def _random_of(alphabet: str) -> Callable[[random.Random], str]:
    # A byte stands for one of the alphabet; that some of it are likelier than others makes no difference here.
    table = bytes(ord(alphabet[byte % len(alphabet)]) for byte in range(256))
    return lambda chance: chance.randbytes(BLOCK).translate(table).decode()


def _base64(chance: random.Random) -> str:
    return base64.b64encode(chance.randbytes(BLOCK * 3 // 4)).decode()


@cache
def _sources() -> tuple[Path, ...]:
    """Source files of Python and of what is installed beside this program."""
    folders = {Path(random.__file__).parent, Path(importlib.util.find_spec("faker").origin).parents[1]}
    return tuple(
        path for folder in sorted(folders) for ending in CODE for path in sorted(folder.rglob(ending))
    )


def _code(chance: random.Random) -> str:
    pieces: list[str] = []
    length = 0
    while length < BLOCK:
        text = chance.choice(_sources()).read_text(errors="replace")
        pieces.append(text)
        length += len(text)
    return "\n".join(pieces)[:BLOCK]


@cache
def _sentences(locale: str, seed: int) -> tuple[str, ...]:
    faker = Faker(locale)
    faker.seed_instance(seed)
    return tuple(faker.sentence(nb_words=12) for _ in range(4_000))


def _prose(chance: random.Random) -> str:
    sentences = _sentences(chance.choice(LOCALES), chance.randrange(8))
    return " ".join(chance.choices(sentences, k=BLOCK // 15))[:BLOCK]


NOISE: Final[dict[str, Callable[[random.Random], str]]] = {
    "random text": _random_of(string.printable),
    "random base 32, a canary's own alphabet": _random_of(ALPHABET),
    "base64": _base64,
    "code": _code,
    "prose": _prose,
}


# -- measuring -----------------------------------------------------------------------------------------------


def surrounded(written: str, chance: random.Random) -> str:
    """What was written of a canary, between the words of somebody who talks."""
    before, behind = (
        " ".join(chance.choices(_sentences(chance.choice(LOCALES), 0), k=chance.randrange(4)))
        for _ in range(2)
    )
    return f"{before} {written} {behind}"


def recall(name: str, *, canaries: int, chance: random.Random) -> dict[str, Any]:
    """How many of so many canaries are seen through one disguise, and how often another is."""
    seen = wrong = 0
    for _ in range(canaries):
        campaign = chance.randrange(CAMPAIGN_LIMIT)
        token = canary(chance, campaign)
        text = surrounded(DRESSES[name](token, chance), chance)
        found = {sight.token for sight in scan(text, "reply", campaign)}
        seen += token in found
        wrong += bool(found - {token})
    return {"canaries": canaries, "seen": seen, "wrong": wrong}


def false_alarms(name: str, *, megabytes: int, chance: random.Random) -> dict[str, Any]:
    """What is seen in so many megabytes that hold no canary."""
    found = characters = 0
    for _ in range(megabytes):
        text = NOISE[name](chance)
        characters += len(text)
        found += len(scan(text, "reply", chance.randrange(CAMPAIGN_LIMIT)))
    return {"characters": characters, "found": found}


def changed(*, canaries: int, chance: random.Random) -> dict[str, Any]:
    """What is made of so many canaries that each have one character changed: their own, nothing, or another.

    Each is looked at twice: for any campaign's, where only what is whole is seen, and for its own campaign's.
    """
    own = other = 0
    for _ in range(canaries):
        campaign = chance.randrange(CAMPAIGN_LIMIT)
        token = canary(chance, campaign)
        written = f"It is {one_wrong(token, chance)}."
        whole = {sight.token for sight in scan(written, "reply")}
        found = {sight.token for sight in scan(written, "reply", campaign)}
        own += token in found
        other += bool((whole | found) - {token})
    return {"canaries": canaries, "own": own, "other": other}


def speeds(*, megabytes: float, rounds: int, chance: random.Random) -> dict[str, float]:
    """Megabytes (of UTF-8) that are looked through in a second, plainly and in disguise."""
    size = int(megabytes * (1 << 20))

    def words(locale: str) -> str:
        return " ".join(chance.choices(_sentences(locale, 0), k=size // 40))[:size]

    ascii_only = words("en_US").encode("ascii", "ignore").decode()
    accents = "éèüñßçåøłœ“”—…"
    texts = {
        "ASCII prose": ascii_only,
        "the same with an accent in every hundred characters": "".join(
            chance.choice(accents) if at % 100 == 0 else each for at, each in enumerate(ascii_only)
        ),
        "German": words("de_DE"),
        "Polish": words("pl_PL"),
        "Russian": words("ru_RU"),
        "Japanese": words("ja_JP"),
        "base64": "".join(_base64(chance) for _ in range(size // BLOCK + 1))[:size],
        "source code": "".join(_code(chance) for _ in range(size // BLOCK + 1))[:size],
    }
    sides = {name: partial(scan, text, "reply", 1) for name, text in texts.items()}
    least = fastest(sides, rounds=rounds)
    return {name: len(text.encode()) / 1e6 / max(least[name], 1e-9) for name, text in texts.items()}


def measure(
    *, canaries: int, megabytes: int, changes: int, seed: int, rounds: int, size: float
) -> dict[str, Any]:
    """All of it. `megabytes` of noise are shared out among its kinds."""
    chance = random.Random(seed)
    each = -(-megabytes // len(NOISE))
    return {
        "recall": {name: recall(name, canaries=canaries, chance=chance) for name in DRESSES},
        "noise": {name: false_alarms(name, megabytes=each, chance=chance) for name in NOISE},
        "changed": changed(canaries=changes, chance=chance),
        "speed": speeds(megabytes=size, rounds=rounds, chance=chance),
        "date": datetime.now(UTC).date().isoformat(),
        "seed": seed,
    }


# -- saying it -----------------------------------------------------------------------------------------------


def rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What was measured, in words: what, how much, and the goal."""
    for name, one in found["recall"].items():
        yield f"seen, {name}", f"{one['seen'] / one['canaries']:.2%} of {one['canaries']:,}", "99 %"
    for name, one in found["noise"].items():
        yield f"false alarms, {name}", f"{one['found']} in {one['characters'] / 1e6:,.0f} million", "none"
    one = found["changed"]
    yield (
        "taken for another, one character changed", f"{one['other']} of {one['canaries']:,}", "none"
    )  # fmt: skip
    wrong = sum(each["wrong"] for each in found["recall"].values())
    yield "another seen beside one in disguise", f"{wrong}", "none"
    goals = {"ASCII prose": "100 MB/s", "the same with an accent in every hundred characters": "40 MB/s"}
    for name, speed in found["speed"].items():
        yield f"speed, {name}", f"{speed:,.0f} MB/s", goals.get(name, "")


def page(found: dict[str, Any]) -> str:
    """The whole of docs/detection.md."""
    noise = sum(one["characters"] for one in found["noise"].values())
    head = Path(__file__).with_name("detection.md").read_text()
    head = head.replace("<DATE>", found["date"]).replace("<MILLIONS>", f"{noise / 1e6:,.0f}")
    lines = [head.rstrip(), "", "| what | measured | goal |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows(found)]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Measure how surely canaries are seen.")
    parser.add_argument(
        "--full", action="store_true", help="1 GB, a million changed canaries; writes the page"
    )
    parser.add_argument("--quick", action="store_true", help="on a small scale, in seconds")
    parser.add_argument("--seed", type=int, help="draw the same again")
    chosen = parser.parse_args(arguments)
    seed = secrets.randbelow(1 << 32) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    if chosen.quick:
        found = measure(canaries=40, megabytes=5, changes=2_000, seed=seed, rounds=1, size=0.5)
    elif chosen.full:
        found = measure(canaries=10_000, megabytes=1_000, changes=1_000_000, seed=seed, rounds=9, size=8)
        KEPT.write_text(json.dumps(found, indent=1) + "\n")
        PAGE.write_text(page(found))
    else:
        found = measure(canaries=2_000, megabytes=100, changes=100_000, seed=seed, rounds=5, size=4)
    print(tabulate(list(rows(found)), headers=["what", "measured", "goal"]))


if __name__ == "__main__":
    main(sys.argv[1:])
