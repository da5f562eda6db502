"""Run the tests: `python3 tests/run.py`. What they need is installed into .cache/ first.

Arguments are passed on to pytest; without any, everything is run on two processes.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ci"))

from environment import become, python_with  # noqa: E402 - the path is set above

if __name__ == "__main__":
    arguments = sys.argv[1:] or ["-n", "2", "--dist", "worksteal", str(ROOT / "tests")]
    python = python_with("tests", "--editable", ".[langgraph]", "--requirement", "tests/requirements.txt")
    become(python, "-m", "pytest", *arguments)
