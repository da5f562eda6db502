"""A virtual environment of the project's own, made on first use. Standard library only: it runs before any.

The versions are those of `tests/requirements.txt`, so that what passed once passes again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "tests" / "requirements.txt"
OLDEST = (3, 11)


def python_with(name: str, *requirements: str) -> str:
    """The interpreter of `.cache/NAME`, in which `requirements` are installed (as pip takes them).

    The folder is made again when the requirements, their pins or the interpreter have changed. Ends the
    program with a sentence where that is impossible.
    """
    if sys.version_info < OLDEST:
        sys.exit(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}")
    folder = ROOT / ".cache" / name
    python = folder / "bin" / "python"
    stamp = folder / "made-from"
    wanted = _fingerprint(requirements)
    if not (stamp.is_file() and stamp.read_text() == wanted):
        print(f"making {folder.relative_to(ROOT)} (once; a minute or two)", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            venv.create(folder, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"no virtual environment could be made in {folder}: {error} (on Debian: python3-venv)")
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.call([*install, "--constraint", str(PINS), *requirements], cwd=ROOT):
            sys.exit("pip could not install what is needed; its message is above")
        stamp.write_text(wanted)
    return str(python)


def become(python: str, *arguments: str) -> None:
    """Run `python` with `arguments` in the place of this process."""
    os.execv(python, [python, *arguments])


def _fingerprint(requirements: tuple[str, ...]) -> str:
    parts = (sys.version, *requirements, PINS.read_text(), (ROOT / "pyproject.toml").read_text())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
