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


def python_with(name: str, *requirements: str, pins: Path | None = PINS) -> str:
    """The interpreter of `.cache/NAME`, in which `requirements` are installed (as pip takes them).

    `pins` holds the versions of everything besides; without it pip chooses, for an environment in which a
    package is to stand beside the project that does not go with those.

    The folder is made again when the requirements, their pins or the interpreter have changed. Ends the
    program with a sentence where that is impossible.
    """
    if sys.version_info < OLDEST:
        sys.exit(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}")
    folder = ROOT / ".cache" / name
    python = folder / "bin" / "python"
    stamp = folder / "made-from"
    wanted = _fingerprint(requirements, pins)
    if not (stamp.is_file() and stamp.read_text() == wanted):
        print(f"making {folder.relative_to(ROOT)} (once; a minute or two)", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            venv.create(folder, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"no virtual environment could be made in {folder}: {error} (on Debian: python3-venv)")
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        constraint = [] if pins is None else ["--constraint", str(pins)]
        if subprocess.call([*install, *constraint, *requirements], cwd=ROOT):
            sys.exit("pip could not install what is needed; its message is above")
        stamp.write_text(wanted)
    return str(python)


def python_before(name: str, base: Path, *requirements: str) -> str:
    """The interpreter of `.cache/NAME`: `requirements`, and behind them all that the environment `base` has.

    So an environment of other versions of a few packages takes seconds. Only what is named is installed; what
    it needs has to be in `base`. Raises CalledProcessError, with pip's words in it, if that fails.
    """
    folder = ROOT / ".cache" / name
    stamp = folder / "made-from"
    python = folder / "bin" / "python"
    wanted = "\0".join((sys.version, str(base), *requirements))
    if not (stamp.is_file() and stamp.read_text() == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder)
        pip = [str(base / "bin" / "python"), "-m", "pip", "--python", str(python), "install", "--quiet"]
        options = ["--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, *options, *requirements], check=True, capture_output=True, text=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        (behind,) = base.glob("lib/python*/site-packages")
        # Lines of a .pth file come after the environment's own packages; those in `behind` are read as well,
        # for that is how an editable install is found.
        (packages / "behind.pth").write_text(f"import site; site.addsitedir({str(behind)!r})\n")
        stamp.write_text(wanted)
    return str(python)


def become(python: str, *arguments: str) -> None:
    """Run `python` with `arguments` in the place of this process."""
    os.execv(python, [python, *arguments])


def _fingerprint(requirements: tuple[str, ...], pins: Path | None) -> str:
    import tomllib  # noqa: PLC0415 - an older Python, which has none, is told so in a sentence

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    # What linters and tests are told changes nothing that is installed.
    installed = {name: project.get(name) for name in ("build-system", "project")}
    held = "" if pins is None else pins.read_text()
    parts = (sys.version, *requirements, held, repr(installed), repr(project.get("tool", {}).get("hatch")))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
