"""The committed samples are what a run writes today, byte for byte."""

import hashlib
import importlib.util
import json
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("report_samples", Path(__file__).with_name("samples.py"))
samples = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(samples)

AGAIN = "run: python3 tests/report/samples.py"


@pytest.mark.parametrize("name", samples.NAMES)
def test_a_sample_is_what_the_code_makes(name, tmp_path):
    written = samples.render(name, tmp_path)
    committed = samples.SAMPLES / name
    there = {path.relative_to(committed).as_posix() for path in committed.rglob("*") if path.is_file()}
    assert there == written, AGAIN
    for path in sorted(written):
        assert (committed / path).read_bytes() == (tmp_path / path).read_bytes(), f"{name}/{path}: {AGAIN}"


@pytest.mark.parametrize("name", samples.NAMES)
def test_a_sample_is_of_the_agents_beside_it(name):
    report = json.loads((samples.SAMPLES / name / "report.json").read_text())
    agents = (samples.SAMPLES / "agents.py").read_bytes()
    assert report["source"]["file"] == samples.AGENTS
    assert report["source"]["sha256"] == hashlib.sha256(agents).hexdigest(), f"{AGAIN} --drive"


@pytest.mark.parametrize("name", samples.NAMES)
def test_a_sample_shows_what_it_is_called(name):
    folder = samples.SAMPLES / name
    report = json.loads((folder / "report.json").read_text())
    verdict = samples.NAMES[name]
    assert report["verdict"] == verdict
    assert (folder / "certificate.json").exists() == (verdict == "held")
    assert (folder / "counterexamples").exists() == (verdict == "violated")
    assert str(samples.ROOT).encode() not in b"".join(
        p.read_bytes() for p in folder.rglob("*") if p.is_file()
    )
