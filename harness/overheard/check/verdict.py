"""The algebra of verdicts: held < accepted < inconclusive < violated, and a violation is final.

Four values and one merge, as in Jepsen's checkers (jepsen.checker/merge-valid): what could not be judged
is never a pass, and never hides what was found.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from overheard.check.result import Verdict

_RANK: Final[dict[Verdict, int]] = {"held": 0, "accepted": 1, "inconclusive": 2, "violated": 3}


def merge(verdicts: Iterable[Verdict]) -> Verdict:
    """The strongest of `verdicts`. Of none at all: inconclusive, for nothing was judged.

    Raises KeyError for a value that is no verdict.
    """
    ranked = sorted(verdicts, key=lambda verdict: _RANK[verdict])
    return ranked[-1] if ranked else "inconclusive"
