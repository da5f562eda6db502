"""Write reports/samples/ anew: `python3 tests/report/samples.py`, or with `--drive` from new runs.

What a run writes is a function of its history. Those of the samples lie packed in recordings/ and are judged
again, so that the samples are always what the code makes today. `--drive` records them anew: when the agents
were changed, or what is recorded.
"""

import lzma
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "reports" / "samples"
RECORDINGS = Path(__file__).with_name("recordings")
NAMES = {"held": "held", "violated": "violated", "raced": "violated", "inconclusive": "inconclusive"}
"""The agents, and what comes of a run of each."""

SCENARIOS = ("many-resources", "sibling-threads", "stranger", "ids-missing", "concurrent-resources")
AGENTS = "reports/samples/agents.py"


def render(name: str, folder: Path) -> set[str]:
    """Judge the recorded run `name` again and write what a run writes into `folder`; the paths written."""
    from overheard.check.judge import judge
    from overheard.history.reader import open_history
    from overheard.report.write import write

    with tempfile.TemporaryDirectory() as place:
        history = Path(place) / "history.jsonl"
        history.write_bytes(lzma.decompress((RECORDINGS / f"{name}.jsonl.xz").read_bytes()))
        return {path.relative_to(folder).as_posix() for path in write(folder, judge(open_history(history)))}


def record(name: str) -> None:
    """Run the agent `name` as a user would, and keep the history."""
    with tempfile.TemporaryDirectory() as place:
        scenarios = [word for scenario in SCENARIOS for word in ("--scenario", scenario)]
        words = ["run", f"{AGENTS}:{name}", "--profile", "smoke", *scenarios]
        subprocess.run(
            [sys.executable, "-m", "overheard", *words, "-o", f"{place}/out"],
            cwd=ROOT, stdout=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        history = (Path(place) / "out" / "history.jsonl").read_bytes()
    RECORDINGS.mkdir(exist_ok=True)
    (RECORDINGS / f"{name}.jsonl.xz").write_bytes(lzma.compress(history, preset=9))


def main(*, drive: bool) -> None:
    for name in NAMES:
        if drive:
            record(name)
        with tempfile.TemporaryDirectory() as place:
            written = render(name, Path(place))
            shutil.rmtree(SAMPLES / name, ignore_errors=True)
            for path in sorted(written):
                (SAMPLES / name / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(place) / path, SAMPLES / name / path)


if __name__ == "__main__":
    try:
        import openai  # noqa: F401 - the agents of the samples need it

        import overheard  # noqa: F401
    except ImportError:
        sys.path.insert(0, str(ROOT / ".ci"))
        from environment import become, python_with

        wanted = ("--editable", ".[langgraph]", "--requirement", "tests/requirements.txt")
        become(python_with("tests", *wanted), __file__, *sys.argv[1:])
    main(drive="--drive" in sys.argv[1:])
