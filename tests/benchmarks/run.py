"""What things cost, as ratios measured in one run: `python3 tests/benchmarks/run.py`.

A history of a million events is made and judged, which takes some minutes and a gigabyte of disk;
`--quick` measures everything on a small scale, in seconds. What is needed is installed into .cache/ first,
unless it is there.
"""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

sys.path.insert(0, str(ROOT / ".ci"))
from environment import become, python_with  # noqa: E402 - it lies there

if importlib.util.find_spec("overheard") is None:
    python = python_with("tests", "--editable", ".[langgraph]", "--requirement", "tests/requirements.txt")
    become(python, *sys.argv)

from table import table  # noqa: E402 - it imports what was installed above

if __name__ == "__main__":
    # Beside the project, not in its environment: Locust is what it is compared with and nothing that it needs.
    locust = python_with("benchmarks", "--requirement", "tests/benchmarks/requirements.txt", pins=None)
    print(table(quick="--quick" in sys.argv[1:], locust=locust))
