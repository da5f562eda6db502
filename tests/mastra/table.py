"""Put every situation to real Mastra twice, by hand and by the harness, and write the table of what came out.

Usage: python tests/mastra/table.py            all situations
       python tests/mastra/table.py NAME ...   these only, the other rows stay
       python tests/mastra/table.py --page     none: only write the page again

What was measured goes into tests/mastra/measured.json, and from there into docs/mastra.md. It wants Node, and
takes half an hour for all of them. The exit code is 1 if the harness and the probe differ; such rows are not
written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EXAMPLE = ROOT / "examples" / "mastra"
PAGE = ROOT / "docs" / "mastra.md"
KEPT = HERE / "measured.json"
PACKAGES = ("@mastra/core", "@mastra/memory", "@mastra/libsql", "@mastra/hono", "@mastra/server")
TITLES = {
    "configuration": "The rule's configurations",
    "strategy": "The rule's id strategies",
    "application": "The rule's routes",
    "memory": "Kinds and scopes of memory",
    "authentication": "Authentication",
}
VERDICTS = {0: "held", 1: "violated", 3: "inconclusive"}


def situations() -> dict[str, dict[str, Any]]:
    """All situations by name, in the order of the rule."""
    return tomllib.loads((HERE / "situations.toml").read_text())


def probed(names: list[str]) -> dict[str, Any]:
    """What the hand-written probe measures, by situation."""
    done = subprocess.run([sys.executable, HERE / "probe.py", *names], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def judged(name: str, situation: dict[str, Any], *, seed: int | None = None) -> dict[str, Any]:
    """The harness's own report on the same situation. Raises RuntimeError if there is none."""
    target = EXAMPLE / "targets" / f"{situation.get('target', name)}.toml"
    command = [
        sys.executable,
        "-m",
        "overheard",
        "run",
        str(target),
        "--config",
        str(HERE / "overheard.toml"),
    ]
    for scenario in ("situation", *situation.get("scenarios", ())):
        command += ["--scenario", scenario]
    command += ["--profile", "smoke", "--json"]
    command += [] if seed is None else ["--seed", str(seed)]
    # Settings of whoever runs this are not meant for it.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OVERHEARD_")}
    environment |= {
        key: os.environ[key] for key in ("OVERHEARD_NODE", "OVERHEARD_CACHE") if key in os.environ
    }
    with tempfile.TemporaryDirectory() as folder:
        command += ["--output", f"{folder}/report"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode not in VERDICTS:
        raise RuntimeError(f"overheard ended with {done.returncode} on {name}:\n{done.stderr}")
    report = json.loads(done.stdout)
    if report["verdict"] != VERDICTS[done.returncode]:
        raise RuntimeError(f"overheard says {report['verdict']} of {name} and exits with {done.returncode}")
    return report


def differences(probe: dict[str, str], report: dict[str, Any]) -> list[str]:
    """Where harness and probe disagree, a sentence each."""
    found = {each["name"]: each["verdict"] or each["status"] for each in report["invariants"]}
    return [
        f"{name}: the probe measured {verdict}, the harness says {found[name]}"
        for name, verdict in probe.items()
        if found[name] != verdict
    ]


# -- what is kept of it --------------------------------------------------------------------------------------


def versions() -> str:
    """The packages that matter, as the lock file pins them."""
    lock = json.loads((EXAMPLE / "package-lock.json").read_text())["packages"]
    return ", ".join(f"{name} {lock[f'node_modules/{name}']['version']}" for name in PACKAGES)


def node_version() -> str:
    """The Node that the example runs on."""
    node = os.environ.get("OVERHEARD_NODE", "node")
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def row(probe: dict[str, str], report: dict[str, Any]) -> dict[str, Any]:
    """What is kept of one situation: the verdict, what is broken, the diagnoses, when and on what."""
    return {
        "verdict": report["verdict"],
        "broken": [name for name, verdict in probe.items() if verdict == "violated"],
        "diagnoses": list(dict.fromkeys(each["diagnosis"] for each in report["findings"])),
        "date": datetime.now(UTC).date().isoformat(),
        "node": node_version(),
        "versions": versions(),
    }


def words(row: dict[str, Any]) -> str:
    """A row's result in words."""
    text = f"**{row['verdict']}**"
    if row["broken"]:
        text += ": " + ", ".join(row["broken"])
    return text + (f" (*{', '.join(row['diagnoses'])}*)" if row["diagnoses"] else "")


# -- the page ------------------------------------------------------------------------------------------------


def page(rows: dict[str, dict[str, Any]]) -> str:
    """The whole of docs/mastra.md."""
    head = (HERE / "page.md").read_text()
    for key in ("versions", "node", "date"):
        head = head.replace(f"<{key.upper()}>", " and ".join(sorted({row[key] for row in rows.values()})))
    lines = [head.rstrip(), ""]
    every = situations()
    for kind, title in TITLES.items():
        lines += [
            f"## {title}",
            "",
            "| situation | the rule says | measured | why they differ |",
            "|---|---|---|---|",
        ]
        for name, situation in every.items():
            if situation["kind"] == kind and name in rows:
                cells = (
                    f"{situation['title']} (`{name}`)",
                    situation["rule"],
                    words(rows[name]),
                    situation.get("surprise", ""),
                )
                lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    every = situations()
    names = [] if arguments == ["--page"] else arguments or list(every)
    if unknown := [name for name in names if name not in every]:
        raise SystemExit(f"no such situation: {', '.join(unknown)}; there are {', '.join(every)}")
    kept = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    probes = probed(names) if names else {}
    wrong = False
    for name in names:
        report = judged(name, every[name])
        verdicts = probes[name]["verdicts"]
        differing = differences(verdicts, report)
        found = row(verdicts, report)
        print(f"{name}: {words(found).replace('*', '')}", *differing, sep="\n    ", flush=True)
        if differing:
            wrong = True
        else:
            kept[name] = found
            KEPT.write_text(json.dumps({name: kept[name] for name in every if name in kept}, indent=1) + "\n")
    PAGE.write_text(page(kept))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
