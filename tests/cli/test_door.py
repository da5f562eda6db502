"""Every class of error has one sentence and one exit code, and standard output belongs to the report."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

PRELUDE = """
import errno, os, sys, threading, time
from pathlib import Path
import click
from overheard.core.errors import *
from overheard.door import *
from overheard.door import Door

@click.group(cls=Door)
def cli(): pass

@cli.command()
def go():
    {body}

try:
    cli()
except SystemExit as end:
    leave(end.code)
"""


def script(body: str) -> list[str]:
    return [sys.executable, "-c", PRELUDE.replace("{body}", textwrap.indent(body, "    ").strip()), "go"]


def door(body: str, **options):
    options = {"timeout": 30, "encoding": "utf-8", **options}
    return subprocess.run(script(body), capture_output=True, check=False, **options)


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        ("pass", 0, ""),
        ("raise UsageError('no such scenario')", 2, "overheard: no such scenario\n"),
        ("raise ScenarioError('a.toml: title')", 2, "overheard: a.toml: title\n"),
        ("raise HistoryError('not a history')", 2, "overheard: not a history\n"),
        ("raise TargetBuildError('agent.py:3')", 4, "overheard: agent.py:3\n"),
        ("raise InternalError('the disk is full')", 4, "overheard: the disk is full\n"),
        ("raise KeyboardInterrupt", 130, "overheard: interrupted\n"),
        ("raise click.Abort", 130, "overheard: interrupted\n"),
        (
            "raise OSError(errno.ENOSPC, 'No space left on device', 'out/report.json')",
            4,
            "overheard: the machine refused (out/report.json): No space left on device\n",
        ),
        (
            "raise UsageError('red \\x1b[31m\\x07 \\u202e text')",
            2,
            "overheard: red \\x1b[31m\\x07 \\u202e text\n",
        ),
    ],
)
def test_error_class_sentence_and_code(body, code, sentence):
    done = door(body)
    assert (done.returncode, done.stderr, done.stdout) == (code, sentence, "")


def test_words_that_click_does_not_know_are_usage():
    done = door("raise click.FileError('x', 'gone')")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "body", ["{}['nothing']", "sys.exit(0)", "raise RecursionError", "raise OSError('odd')"]
)
def test_a_failure_of_ours_is_4_and_its_traceback_is_in_a_file(tmp_path, body):
    done = door(f"keep_crashes_in(Path({str(tmp_path)!r})); {body}")
    assert done.returncode == 4
    assert done.stdout == ""
    assert "this is a bug in overheard" in done.stderr
    assert "Traceback" not in done.stderr
    (crash,) = tmp_path.iterdir()
    assert str(crash) in done.stderr
    assert crash.stat().st_mode & 0o777 == 0o600
    text = crash.read_text()
    assert text.startswith("Traceback")
    assert "in go" in text


def test_a_traceback_goes_to_the_temporary_folder_if_the_run_folder_is_gone(tmp_path):
    done = door("keep_crashes_in(Path('/nonexistent/run')); 1/0", env={**os.environ, "TMPDIR": str(tmp_path)})
    assert done.returncode == 4
    (crash,) = tmp_path.iterdir()
    assert str(crash) in done.stderr


NOISY = """
print("before")
with clean_stdout() as emit:
    print("a print of the target")
    os.write(1, b"a write to descriptor 1\\n")
    os.system("echo a child of the target")
    emit('{"report": 1}')
    print("after the report")
import atexit; atexit.register(print, "on the way out")
"""


def test_only_the_report_reaches_standard_output():
    done = door(NOISY)
    assert done.stdout == 'before\n{"report": 1}\n'
    for line in ("a print", "a write", "a child", "after the report", "on the way out"):
        assert line in done.stderr


def test_standard_output_comes_back():
    done = door("with clean_stdout() as emit:\n    emit('1')\nprint('2')\nos.write(1, b'3\\n')")
    assert sorted(done.stdout.split()) == ["1", "2", "3"]


def test_a_report_that_cannot_be_encoded_is_shown_all_the_same():
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = door("with clean_stdout() as emit: emit('held – \\u2713')", env=environ)
    assert (done.returncode, done.stdout) == (0, "held ? ?\n")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_closed_stream_changes_nothing(stream):
    close = "1>&-" if stream == "stdout" else "2>&-"
    body = "with clean_stdout() as emit: emit('report')\nraise click.exceptions.Exit(3)"
    command = script(body)
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {close}', "sh", *command], capture_output=True, check=False, timeout=30
    )
    assert done.returncode == 3, done.stderr
    if stream == "stderr":
        assert done.stdout == b"report\n"


def test_a_reader_that_leaves_early_is_no_error():
    body = "with clean_stdout() as emit: emit('line\\n' * 100_000)\nraise click.exceptions.Exit(1)"
    with subprocess.Popen(script(body), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"line\n"
        child.stdout.close()
        stderr = child.stderr.read()
    assert (child.returncode, stderr) == (1, b"")


def test_a_thread_that_never_ends_does_not_keep_the_process():
    started = time.monotonic()
    done = door("threading.Thread(target=time.sleep, args=(60,)).start(); raise UsageError('x')")
    assert done.returncode == 2
    assert time.monotonic() - started < 20


def test_an_interrupt_is_130_without_a_traceback():
    command = script("print('up', flush=True); time.sleep(60)")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"up\n"
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=30)
    assert (child.returncode, stderr) == (130, b"overheard: interrupted\n")
