"""What a session says to GitHub Actions, if it runs there: annotations and the step summary.

Only the process that reports does this: workers would say everything again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from overheard.check.result import Judgement
from overheard.report.escape import prose
from overheard.report.markdown import SIZE_LIMIT, to_markdown
from overheard.report.words import verdict_line

_ROOM: Final = 1_000


def runs_there(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a step of GitHub Actions."""
    return environ.get("GITHUB_ACTIONS") == "true"


def summarise(judgement: Judgement, *, show: bool, environ: Mapping[str, str] = os.environ) -> str:
    """Append the report to the step summary. Returns why it could not be, or nothing.

    GitHub drops a summary that is too long, without a word: what does not fit any more is one line.
    """
    name = environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return ""
    path = Path(name)
    try:
        there = path.stat().st_size if path.exists() else 0
        text = to_markdown(judgement, show=show)
        if there + len(text.encode()) > SIZE_LIMIT - _ROOM:
            text = f"{prose(verdict_line(judgement))}\n"
        if there + len(text.encode()) <= SIZE_LIMIT:
            with path.open("a", encoding="utf-8") as file:
                file.write(f"\n{text}")
    except OSError as error:
        return f"the step summary {name} could not be written: {error.strerror or error}"
    return ""
