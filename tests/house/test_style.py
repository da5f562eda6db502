"""The rules of the house that a tool can check: lint, format, types, and which room may import which."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BESIDE = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports"],
    ],
    ids=" ".join,
)
def test_the_rules_of_the_house(command):
    tool, *arguments = command
    done = subprocess.run(
        [str(BESIDE / tool), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_architecture_fits_on_a_page_and_names_every_room():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(text.splitlines()) < 60
    package = ROOT / "harness" / "overheard"
    rooms = [path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert [room for room in rooms if f"`{room}/`" not in text] == []


def test_every_module_is_in_the_layers():
    """A module that stands in no layer may import anything: that is how a spine loses its direction."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layered = {
        name.strip().removeprefix("overheard.")
        for layer in contracts[0]["layers"]
        for name in layer.split("|")
    }
    package = ROOT / "harness" / "overheard"
    modules = {
        path.stem
        for path in package.iterdir()
        if (path.suffix == ".py" and not path.stem.startswith("__")) or (path / "__init__.py").is_file()
    }
    assert modules == layered
