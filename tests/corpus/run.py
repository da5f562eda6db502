"""Run overheard on real bugs, each in an environment of its own, and write the table of what it found.

Usage: python tests/corpus/run.py            all bugs
       python tests/corpus/run.py NAME ...   these only, the other rows stay
       python tests/corpus/run.py --page     none: only write the page again

Options: --profile NAME, --seed N (a fresh one for each run), --only leaking|safe

What was measured goes into tests/corpus/measured.json, and from there into docs/corpus.md. An environment is
made on first use, in .cache/corpus/, some 250 MB each. The exit code is 1 if a bug was not found at the version
that leaks, or its promise is not held at the one that does not.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "corpus.md"
KEPT = HERE / "measured.json"
WHICH = ("leaking", "safe")
VERDICTS = {0: "held", 1: "violated", 3: "inconclusive"}

sys.path.insert(0, str(ROOT / ".ci"))

from environment import python_with  # noqa: E402 - the path is set above


def bugs() -> dict[str, dict[str, Any]]:
    """All bugs by name."""
    return tomllib.loads((HERE / "bugs.toml").read_text())


def versions(bug: dict[str, Any]) -> list[str]:
    """Which of `leaking` and `safe` there is of a bug."""
    return [which for which in WHICH if which in bug]


def requirements(bug: dict[str, Any], which: str) -> list[str]:
    """What its environment needs besides overheard, as pip takes it."""
    beside = bug.get("beside", [])
    return [f"{bug['package']}=={bug[which]}", *(beside[which] if isinstance(beside, dict) else beside)]


def target(name: str) -> Path:
    """The file that a user of the package would write."""
    agent = HERE / name / "agent.py"
    return agent if agent.is_file() else HERE / name / "target.toml"


# -- one run -------------------------------------------------------------------------------------------------


def run(name: str, bug: dict[str, Any], which: str, *, seed: int, profile: str) -> dict[str, Any]:
    """The row of one bug at one version. Raises RuntimeError if there was no report."""
    python = python_with(f"corpus/{name}-{which}", "--editable", ".", *requirements(bug, which), pins=None)
    command = [python, "-m", "overheard", "run", str(target(name)), *bug.get("options", ())]
    command += ["--profile", profile, "--seed", str(seed), "--json"]
    # Settings of whoever runs this are not meant for it.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OVERHEARD_")}
    # As if the environment were activated: a target that is launched is launched in it.
    environment["PATH"] = f"{Path(python).parent}{os.pathsep}{environment.get('PATH', '')}"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if "redis-server" in bug.get("needs", ()):
            environment["REDIS_URL"] = stack.enter_context(redis(folder))
        begin = time.monotonic()
        done = subprocess.run(
            [*command, "--output", f"{folder}/report"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - begin
    if done.returncode not in VERDICTS:
        raise RuntimeError(f"overheard ended with {done.returncode} on {name}, {which}:\n{done.stderr}")
    return row(bug, which, json.loads(done.stdout), seconds=seconds)


@contextmanager
def redis(folder: str) -> Iterator[str]:
    """A Redis server of our own, while the block runs: its address. Raises RuntimeError if there is none."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    try:
        server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        raise RuntimeError(
            "there is no redis-server here (on Debian: apt-get install redis-server)"
        ) from None
    try:
        for _ in range(100):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(10)


def row(bug: dict[str, Any], which: str, report: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    """What is kept of one report.

    `as_expected`: at the leaking version a finding has the bug's invariant and diagnosis, at the safe one the
    invariant was judged, and held. `besides` are the other findings, (invariant, diagnosis) each.
    """
    found = list(dict.fromkeys((each["invariant"], each["diagnosis"]) for each in report["findings"]))
    expected = (bug["invariant"], bug["diagnosis"])
    unknown = {"verdict": None, "status": "not offered", "exposures": 0}
    judged = next((each for each in report["invariants"] if each["name"] == bug["invariant"]), unknown)
    invariant = judged["verdict"] or judged["status"]
    as_expected = expected in found if which == "leaking" else invariant == "held"
    return {
        "package": bug["package"],
        "version": bug[which],
        "verdict": report["verdict"],
        "invariant": invariant,
        "exposures": judged["exposures"],
        "found": expected in found,
        "besides": [list(each) for each in found if each != expected],
        "as_expected": as_expected,
        "seconds": round(seconds),
        "seed": report["seed"],
        "profile": report["profile"],
        "date": datetime.now(UTC).date().isoformat(),
    }


# -- the page ------------------------------------------------------------------------------------------------


def cells(name: str, bug: dict[str, Any], kept: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table."""
    told = f"{bug['invariant']} **{kept['invariant']}**"
    if kept["found"]:
        told += f" (*{bug['diagnosis']}*)"
    elif kept["exposures"]:
        told += f" over {kept['exposures']} exposures"
    besides = "; ".join(f"{invariant} (*{diagnosis}*)" for invariant, diagnosis in kept["besides"])
    return (
        f"`{name}`",
        f"{kept['package']} {kept['version']}",
        kept["verdict"],
        told,
        besides,
        f"{kept['profile']}, {kept['seconds']} s",
    )


HEAD = ("bug", "version", "verdict", "the bug's promise", "found besides", "run")


def table(every: dict[str, dict[str, Any]], rows: dict[str, dict[str, Any]]) -> list[str]:
    """The rows that there are, as lines of Markdown."""
    lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for name, bug in every.items():
        for which in versions(bug):
            if which in rows.get(name, {}):
                lines.append(f"| {' | '.join(cells(name, bug, rows[name][which]))} |")
    return lines


def page(every: dict[str, dict[str, Any]], rows: dict[str, dict[str, Any]]) -> str:
    """The whole of docs/corpus.md."""
    measured = [row for each in rows.values() for row in each.values()]
    head = (HERE / "page.md").read_text().rstrip()
    head = head.replace("<DATE>", " and ".join(sorted({row["date"] for row in measured})))
    causes = [
        f"- `{name}`: {bug['cause']} {bug['package']}, {bug['leaking']} leaks, "
        f"{bug['safe'] + ' does not' if 'safe' in bug else 'and no version is known that does not'} "
        f"([source]({bug['source']}))."
        for name, bug in every.items()
    ]
    unfound = [f"- `{name}`: {bug['unfound']}" for name, bug in every.items() if "unfound" in bug]
    lines = [head, "", *table(every, rows), "", "## The bugs", "", *causes]
    if unfound:
        lines += ["", "## Not as it should be yet", "", *unfound]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    every = bugs()
    parser = argparse.ArgumentParser(description="Run overheard on real bugs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(every)}")
    parser.add_argument("--profile", help="profile of the runs, whatever their own is (smoke)")
    parser.add_argument("--seed", type=int, help="for every run, in place of a fresh one for each")
    parser.add_argument("--only", choices=WHICH, help="only the versions that leak, or that do not")
    parser.add_argument("--page", action="store_true", help="only write docs/corpus.md again")
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.names if name not in every]:
        parser.error(f"no such bug: {', '.join(unknown)}; there are {', '.join(every)}")
    kept = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    wrong = False
    for name in [] if chosen.page else chosen.names or list(every):
        for which in versions(every[name]):
            if chosen.only not in (None, which):
                continue
            seed = secrets.randbelow(1 << 32) if chosen.seed is None else chosen.seed
            print(f"{name}, {every[name]['package']} {every[name][which]}, seed {seed}", flush=True)
            profile = chosen.profile or every[name].get("profile", "smoke")
            found = run(name, every[name], which, seed=seed, profile=profile)
            kept.setdefault(name, {})[which] = found
            wrong |= not found["as_expected"]
            print("    " + " | ".join(cells(name, every[name], found)[2:]).replace("*", ""), flush=True)
            KEPT.write_text(json.dumps({each: kept[each] for each in every if each in kept}, indent=1) + "\n")
    PAGE.write_text(page(every, kept))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
