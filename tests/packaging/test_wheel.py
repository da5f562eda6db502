"""What a new user gets: the wheel, in an empty environment and an empty folder, and the README's words."""

import json
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(bin_folder, folder, *arguments):
    return subprocess.run(
        [str(bin_folder / "overheard"), *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )


def test_the_wheel_holds_the_package_and_the_scenarios_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"overheard"}
    assert {
        name.removeprefix("overheard/scenarios/") for name in names if name.startswith("overheard/scenarios/")
    } == {path.name for path in (ROOT / "scenarios").glob("*.toml")}
    assert {"overheard/py.typed", "overheard/report/page.css", "overheard/report/page.html.jinja"} <= set(
        names
    )
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_source_distribution_holds_what_the_tests_need(dist):
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    for needed in ("scenarios/recall.toml", "tests/run.py", "tests/requirements.txt", "examples/run.py",
                   "conftest.py", "README.md", "ARCHITECTURE.md", ".ci/environment.py"):  # fmt: skip
        assert needed in names, needed


def test_nothing_says_where_it_was_built(dist):
    """No machine's paths, and no address of a package index."""
    for path in dist.glob("*.whl"):
        with zipfile.ZipFile(path) as packed:
            for name in packed.namelist():
                assert str(ROOT).encode() not in packed.read(name), name


def test_demo_doctor_and_run_from_the_wheel_alone(installed, tmp_path):
    done = run(installed, tmp_path, "demo")
    assert done.returncode == 0, done.stderr
    assert "violated" in done.stdout
    assert "held" in done.stdout

    shutil.copytree(ROOT / "examples" / "langgraph", tmp_path / "langgraph")
    done = run(installed, tmp_path, "doctor", "langgraph/agent.py")
    assert done.returncode == 0, done.stderr
    assert "bearer" in done.stdout

    done = run(installed, tmp_path, "run", "langgraph/agent.py", "--profile", "smoke", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["verdict"] == "held"
    assert (tmp_path / "reports" / "overheard" / "report.html").is_file()

    done = run(installed, tmp_path, "scenarios")
    assert done.returncode == 0, done.stderr
    for path in (ROOT / "scenarios").glob("*.toml"):
        assert path.stem in done.stdout
