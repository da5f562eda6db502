"""Saying in one sentence what went wrong in a target's own code, and where.

What a target's exception says is as hostile as anything else that a target says: it may raise while it is
being read, be a gigabyte, or repaint the terminal.
"""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path
from typing import Final

_LIMIT: Final = 300
_OURS: Final = str(Path(__file__).parent)


def error_text(error: BaseException) -> str:
    """Everything that an exception says, however odd: its own words and those of a group's members.

    Never raises. The text is raw and whole, for scanning.
    """
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - an exception whose own __str__ fails still happened
        words = ""
    if isinstance(error, BaseExceptionGroup):
        words = "\n".join([words, *(error_text(member) for member in error.exceptions)])
    return words


def one_line(text: str, limit: int = _LIMIT) -> str:
    """`text` made safe to show on one line: cut, white space folded, what does not print as `?`."""
    folded = " ".join(text[: limit * 4].split())
    shown = "".join(character if character.isprintable() else "?" for character in folded)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def describe(error: BaseException) -> str:
    """One sentence: the error's type, its words, and where in the target it arose."""
    words = one_line(error.msg if isinstance(error, SyntaxError) and error.msg else error_text(error))
    if isinstance(error, SystemExit):
        sentence = f"it called sys.exit({words})"
    else:
        name = type(error).__name__
        sentence = f"{name}: {words}" if words else name
    place = where(error)
    return f"{sentence} (at {place})" if place else sentence


def where(error: BaseException) -> str:
    """`file:line` of the innermost frame in the target's own code, or "" if there is none.

    A library's frames are passed over: the user can change the line that called it, not the library.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}:{error.lineno or 1}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((_OURS, "<frozen "))
    ]
    own = [frame for frame in frames if not _library(frame.filename)]
    if not frames:
        return ""
    innermost = (own or frames)[-1]
    return f"{_short(innermost.filename)}:{innermost.lineno}"


def _library(filename: str) -> bool:
    parts = Path(filename).parts
    if "site-packages" in parts or "dist-packages" in parts:
        return True
    paths = sysconfig.get_paths()
    return filename.startswith((paths["stdlib"], paths["platstdlib"]))


def _short(filename: str) -> str:
    path = Path(filename)
    try:
        return one_line(str(path.relative_to(Path.cwd())))
    except (ValueError, OSError):
        return one_line(filename)
