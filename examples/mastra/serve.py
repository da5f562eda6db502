"""Start the Mastra server of this folder; whatever follows on the command line is handed on to it.

On first use the packages of `package-lock.json` are installed into a cache folder, and nothing is ever
written beside the sources. The server replaces this process: whoever stops this process id stops the server.

Usage: python serve.py [--install-only] [--auth none|believed|mapped]

OVERHEARD_NODE   the Node to use, by default the one on the PATH
OVERHEARD_CACHE  where the packages go, by default `.cache` of the repository, else the user's cache folder
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDEST_NODE = 20


def main(arguments: list[str]) -> None:
    node = find_node()
    home = installed(node)
    if arguments == ["--install-only"]:
        print(home)
        return
    app = home / "app" / fingerprint(*(path.read_bytes() for path in sources()))
    copied(app)
    environment = {
        **os.environ,
        # Mastra reports to PostHog and fetches a list of providers unless it is told not to.
        "MASTRA_TELEMETRY_DISABLED": "1",
        "MASTRA_OFFLINE": "1",
    }
    os.execve(node, [node, str(app / "server.mjs"), *arguments], environment)


def find_node() -> str:
    """The Node to use. Exits with a sentence if there is none, or if it is too old."""
    node = shutil.which(os.environ.get("OVERHEARD_NODE", "node"))
    if node is None:
        sys.exit("there is no Node here: install Node 22 from https://nodejs.org, or set OVERHEARD_NODE")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        sys.exit(f"{node} is {version}; this needs Node {OLDEST_NODE} or newer")
    return node


def installed(node: str) -> Path:
    """The folder that holds `node_modules` for this lock file and platform; made if it is not there."""
    lock = (HERE / "package-lock.json").read_bytes()
    cache = cache_folder() / "mastra"
    home = cache / fingerprint(lock, sys.platform.encode(), os.uname().machine.encode())
    cache.mkdir(parents=True, exist_ok=True)
    # One at a time: tests run in several processes, and all of them would install.
    with (cache / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (home / "node_modules").is_dir():
            install(node, home)
    return home


def install(node: str, home: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("there is no npm here: it comes with Node from https://nodejs.org")
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="installing-") as made:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, made)
        print("installing Mastra (210 MB, once)", file=sys.stderr, flush=True)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        path = f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        done = subprocess.run(
            command, cwd=made, env={**os.environ, "PATH": path}, stdout=sys.stderr, check=False
        )
        if done.returncode:
            sys.exit(f"npm ci failed with code {done.returncode}: what it said is above")
        home.mkdir(exist_ok=True)
        (Path(made) / "node_modules").rename(home / "node_modules")


def copied(app: Path) -> None:
    """Put the sources below `node_modules`' parent: Node looks for packages upward from where a file is."""
    if app.is_dir():
        return
    app.parent.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=app.parent))
    for path in sources():
        shutil.copy(path, made)
    try:
        made.rename(app)
    except OSError:  # somebody else was first
        shutil.rmtree(made)


def sources() -> list[Path]:
    return [HERE / "package.json", *sorted(HERE.glob("*.mjs"))]


def cache_folder() -> Path:
    if named := os.environ.get("OVERHEARD_CACHE"):
        return Path(named)
    repository = HERE.parent.parent
    if (repository / "pyproject.toml").is_file():
        return repository / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "overheard"


def fingerprint(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


if __name__ == "__main__":
    main(sys.argv[1:])
