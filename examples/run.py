"""Test the LangGraph example: `python3 examples/run.py`. What it needs is installed into .cache/ first.

Arguments are passed on to `overheard run`.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".ci"))

from environment import become, python_with  # noqa: E402 - the path is set above

if __name__ == "__main__":
    target = str(ROOT / "examples" / "langgraph" / "agent.py")
    options = sys.argv[1:] or ["--profile", "smoke"]
    python = python_with("examples", "--editable", ".[langgraph]")
    become(python, "-m", "overheard", "run", target, *options)
