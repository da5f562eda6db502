import errno
import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from overheard.core.errors import InternalError, UsageError
from overheard.report.formats import FORMATS
from overheard.report.json import to_json
from overheard.report.write import MARKER, prepare, write

REPORTS = {"report.json", "report.html", "report.md", "junit.xml", "results.sarif", "badge.json"}
CERTIFIED = {*REPORTS, "certificate.json"}


def _names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_fixed_names(tmp_path, violated):
    folder = tmp_path / "reports" / "overheard"
    assert prepare(folder) == folder / "history.jsonl"
    written = write(folder, violated)
    assert _names(folder) == {
        MARKER,
        *REPORTS,
        "counterexamples/counterexample-1.py",
    }
    assert {str(path.relative_to(folder)) for path in written} == _names(folder) - {MARKER}
    assert (folder / "report.json").read_bytes() == to_json(violated)
    assert {form.file for form in FORMATS.values()} == CERTIFIED


def test_an_earlier_run_moves_away(tmp_path, violated, held):
    for judgement in (violated, held, violated):
        history = prepare(tmp_path)
        assert not history.exists()
        history.write_text("{}\n")
        write(tmp_path, judgement)
    assert _names(tmp_path / "previous") == {
        "1/history.jsonl",
        *(f"1/{name}" for name in REPORTS),
        "1/counterexamples/counterexample-1.py",
        "2/history.jsonl",
        *(f"2/{name}" for name in CERTIFIED),
    }
    (tmp_path / "previous" / "9").mkdir()
    prepare(tmp_path)
    assert (tmp_path / "previous" / "10" / "report.json").exists()


def test_preparing_twice_keeps_nothing_of_nothing(tmp_path):
    prepare(tmp_path)
    prepare(tmp_path)
    assert _names(tmp_path) == {MARKER}


def test_a_history_judged_again_in_its_own_folder_stays(tmp_path, held):
    history = prepare(tmp_path)
    history.write_text("{}\n")
    write(tmp_path, held, history=history)
    prepare(tmp_path, keep=history)
    write(tmp_path, held, history=history)
    assert history.read_text() == "{}\n"
    assert _names(tmp_path / "previous") == {f"1/{name}" for name in CERTIFIED}


def test_a_history_from_elsewhere_is_copied_for_its_owner_alone(tmp_path, held):
    elsewhere = tmp_path / "old.jsonl"
    elsewhere.write_text("{}\n")
    folder = tmp_path / "report"
    assert folder / "history.jsonl" in write(folder, held, history=elsewhere)
    copied = folder / "history.jsonl"
    assert copied.read_text() == "{}\n"
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600


def test_shown_evidence_is_for_its_owner_alone(tmp_path, violated):
    write(tmp_path, violated, show=True)
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == 0o600
    assert b"dora@example.com" in (tmp_path / "report.json").read_bytes()


@pytest.mark.parametrize("act", [prepare, "write"])
def test_a_foreign_folder_is_refused_and_left_alone(tmp_path, held, act):
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(UsageError, match="name another folder, or empty it"):
        write(tmp_path, held) if act == "write" else prepare(tmp_path)
    assert _names(tmp_path) == {"thesis.txt"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "report").write_text("")
    with pytest.raises(UsageError, match="is a file: name a folder"):
        prepare(tmp_path / "report")
    with pytest.raises(UsageError, match="cannot be written"):
        prepare(tmp_path / "report" / "below")


def test_an_unwritable_folder_is_a_sentence(tmp_path, monkeypatch):
    def denied(path, *_arguments, **_options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    # Root, as in a container, may write anywhere: permission bits would not refuse it.
    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(UsageError, match=r"cannot be written .*Permission denied.*name another folder"):
        prepare(tmp_path / "report")


def test_a_full_disk_leaves_the_old_report_whole(tmp_path, held, violated, monkeypatch):
    prepare(tmp_path)
    write(tmp_path, held)
    before = (tmp_path / "report.json").read_bytes()

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InternalError, match="No space left on device"):
        write(tmp_path, violated)
    assert (tmp_path / "report.json").read_bytes() == before
    assert _names(tmp_path) == {MARKER, *CERTIFIED}


def test_half_a_report_of_a_killed_run_is_no_obstacle(tmp_path, held):
    prepare(tmp_path)
    (tmp_path / ".report.json.partial").write_text("{")
    write(tmp_path, held)
    assert _names(tmp_path) == {MARKER, *CERTIFIED}


def test_a_program_that_no_finding_names_goes(tmp_path, violated, finding):
    write(tmp_path, replace(violated, findings=(finding, finding)))
    write(tmp_path, violated)
    assert [path.name for path in (tmp_path / "counterexamples").iterdir()] == ["counterexample-1.py"]


def test_a_link_in_the_way_is_not_followed(tmp_path, held):
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    folder = tmp_path / "report"
    prepare(folder)
    Path(folder / "report.json").symlink_to(victim)
    Path(folder / ".report.md.partial").symlink_to(victim)
    write(folder, held)
    assert victim.read_text() == "untouched"
    assert not (folder / "report.json").is_symlink()


def test_a_certificate_goes_when_what_is_judged_there_no_longer_holds(tmp_path, held, violated):
    write(tmp_path, held)
    assert (tmp_path / "certificate.json").exists()
    assert tmp_path / "certificate.json" not in write(tmp_path, violated)
    assert not (tmp_path / "certificate.json").exists()
