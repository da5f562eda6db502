"""The recorder: what is on disk, who may read it, and what happens when it cannot be written."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from itertools import count

import pytest

from overheard.core.canary import ASKS, FactKey, mint_echo, mint_fact, mint_nonce
from overheard.core.errors import InternalError
from overheard.history.events import (
    TEXT_LIMIT,
    Completed,
    ExampleEnded,
    ExampleStarted,
    Invoked,
    ModelAnswered,
    ModelCalled,
    Sight,
    Stalled,
)
from overheard.history.reader import open_history
from overheard.history.writer import Recorder

CHILD = """
    import os, resource, signal, sys, time
    from pathlib import Path
    from overheard.core.contract import Contract
    from overheard.core.errors import InternalError
    from overheard.core.offers import Offers
    from overheard.core.operation import Plan
    from overheard.history.events import *
    from overheard.history.writer import Recorder

    def header():
        return Header(overheard="1", campaign=1, seed=1, target="t", contract=Contract(), offers=Offers())

    def example(recorder, number, size=20):
        recorder.record(ExampleStarted(example=number, plan=Plan(scenario="s", mode="sequential", operations=())))
        for operation in range(size):
            recorder.record(Completed(example=number, operation=operation, t=0, text="x" * 200))
        recorder.record(ExampleEnded(example=number, t=0))

    recorder = Recorder(Path(sys.argv[1]), clock=lambda: time.monotonic_ns() // 1000)
"""


def _child(path, body):
    code = textwrap.dedent(CHILD) + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_file_is_readable_by_its_owner_alone_even_with_an_open_umask(tmp_path, recorder_of):
    before = os.umask(0)
    try:
        recorder_of(tmp_path / "history.jsonl")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "history.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_nothing_that_exists_is_written_to(tmp_path, kind):
    path = tmp_path / "history.jsonl"
    other = tmp_path / "other"
    if kind != "dangling link":
        other.write_text("mine")
    if kind == "file":
        other.rename(path)
    else:
        path.symlink_to(other)
    with pytest.raises(InternalError, match="there is already something of that name; move it away"):
        Recorder(path, clock=lambda: 0)
    assert path.exists() is (kind != "dangling link")
    if path.exists():
        assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_said_in_one_sentence(tmp_path):
    with pytest.raises(
        InternalError, match=r"history to .*nowhere.*: No such file or directory; make room or"
    ):
        Recorder(tmp_path / "nowhere" / "history.jsonl", clock=lambda: 0)


def test_lines_reach_the_disk_with_the_header_and_at_the_end_of_each_example(
    tmp_path, header, example_events, recorder_of
):
    path = tmp_path / "history.jsonl"
    recorder = recorder_of(path)
    recorder.record(header)
    assert path.read_bytes().count(b"\n") == 1
    *begun, end = example_events(0)
    for event in begun:
        recorder.record(event)
    assert path.read_bytes().count(b"\n") == 1
    recorder.record(end)
    assert path.read_bytes().count(b"\n") == 5
    recorder.record(Stalled(example=0, t=0, milliseconds=1))
    recorder.flush()
    assert path.read_bytes().count(b"\n") == 6


def test_a_long_example_does_not_wait_in_memory_for_its_end(tmp_path, header, recorder_of):
    path = tmp_path / "history.jsonl"
    recorder = recorder_of(path)
    recorder.record(header)
    for number in range(300):
        recorder.record(Completed(example=0, operation=number, t=0, text="y" * TEXT_LIMIT))
    assert path.stat().st_size > 300 * TEXT_LIMIT / 2
    assert path.read_bytes().endswith(b"\n")


def test_times_are_read_in_the_order_of_the_lines_from_many_threads(tmp_path, header, recorder_of):
    path = tmp_path / "history.jsonl"
    ticks = count()

    def clock():
        time.sleep(0)  # another thread may well run here
        return next(ticks)

    recorder = Recorder(path, clock=clock)
    recorder.record(header)

    def work(number):
        for _ in range(200):
            recorder.record(Stalled(example=number, t=0, milliseconds=0))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    history = open_history(path)
    assert list(history.examples()) == []
    assert [event.t for event in history.before] == list(range(1200))


def test_half_a_surrogate_pair_is_recorded_as_the_text_that_it_is_not(tmp_path, header, recorder_of):
    path = tmp_path / "history.jsonl"
    seen = []
    recorder = recorder_of(path, seen.append)
    recorder.record(header)
    recorder.record(
        Completed(example=0, operation=0, t=0, text="a\ud800b", ids={"thread\udc00": "\udfff"}, length=3)
    )
    recorder.close()
    history = open_history(path)
    list(history.examples())
    assert history.before == [
        Completed(example=0, operation=0, t=1, text="a?b", ids={"thread?": "?"}, length=3)
    ]
    assert seen[1:] == history.before


def test_recording_nowhere_still_tells_the_observer(header, recorder_of):
    seen = []
    recorder = recorder_of(None, seen.append)
    recorder.record(header)
    stalled = recorder.record(Stalled(example=0, t=99, milliseconds=5))
    recorder.flush()
    assert seen == [header, Stalled(example=0, t=1, milliseconds=5)]
    assert stalled is seen[1]


# --- the mirror's side


def test_a_model_call_belongs_to_the_example_being_driven_when_it_arrives(plan, recorder_of):
    seen = []
    recorder = recorder_of(None, seen.append)

    def call():
        return recorder.called(kind="chat", user_texts=["hi"], other_texts=[], thread="t", resource=None)

    recorder.record(ExampleStarted(example=4, plan=plan))
    first = call()
    recorder.record(ExampleEnded(example=4, t=0))
    second = call()
    recorder.record(ExampleStarted(example=5, plan=plan))
    third = call()
    recorder.answered(first, closed=True)
    assert (first, second, third) == (1, 2, 3)
    calls = [event for event in seen if isinstance(event, ModelCalled)]
    assert [(event.call, event.example) for event in calls] == [(1, 4), (2, 4), (3, 5)]
    assert calls[0].thread == "t"
    assert calls[0].resource is None
    assert seen[-1] == ModelAnswered(example=5, call=1, t=7, closed=True)


def test_nonces_newest_first_and_sights_in_every_text(recorder_of):
    seen = []
    recorder = recorder_of(None, seen.append)
    fact = FactKey(7, 1, 2, 0)
    newest, older = mint_nonce(7, 1, 9, flags=ASKS), mint_nonce(7, 1, 2)
    recorder.called(
        kind="chat",
        user_texts=[f"quoting {older} and asking {newest}", f"again {older}"],
        other_texts=[
            f"system: {mint_fact(fact)} {older}",
            f"{mint_echo(fact, example=1, operation=3)} {older} {mint_fact(fact)}",
        ],
        thread=None,
        resource=None,
    )
    (event,) = seen
    assert event.nonces == ((7, 1, 9), (7, 1, 2))
    assert event.elsewhere == ((7, 1, 2),)
    assert event.sights == (
        Sight(mint_fact(fact), "prompt"),
        Sight(mint_echo(fact, example=1, operation=3), "prompt"),
    )


def test_what_is_cut_off_in_a_prompt_is_seen_if_it_is_of_the_campaign(fact):
    token = fact(3)
    sights = []
    for campaign in (7, 8, None):
        recorder = Recorder(
            None, clock=lambda: 0, observe=lambda event: sights.append(event.sights), campaign=campaign
        )
        recorder.called(
            kind="chat",
            user_texts=["what?"],
            other_texts=[f"others: {token[:20]}…"],
            thread=None,
            resource=None,
        )
    assert sights == [(Sight(token, "prompt", "truncated"),), (), ()]


def test_a_long_prompt_is_cut_to_its_newest_message_and_what_was_seen(recorder_of, fact):
    seen = []
    recorder = recorder_of(None, seen.append)
    system = "s" * 90_000 + f" the code is {fact(3)} " + "s" * 90_000
    recorder.called(
        kind="chat",
        user_texts=["newest question", "u" * 5_000],
        other_texts=[system],
        thread=None,
        resource=None,
    )
    (event,) = seen
    assert event.text.startswith("newest question\nuuu")
    assert f"the code is {fact(3)}" in event.text
    assert len(event.text) <= TEXT_LIMIT
    assert event.length == len(system) + 5_000 + len("newest question")


def test_embeddings_keep_no_text_and_are_looked_through_all_the_same(recorder_of, fact):
    seen = []
    recorder_of(None, seen.append).called(
        kind="embedding", user_texts=[f"I told {fact(3)}"], other_texts=[], thread=None, resource=None
    )
    assert (seen[0].kind, seen[0].text, seen[0].sights) == ("embedding", "", (Sight(fact(3), "prompt"),))


# --- when it cannot be written


def test_a_full_disk_is_one_sentence_and_final_and_leaves_what_was_written(tmp_path, header, example_events):
    path = tmp_path / "history.jsonl"
    recorder = Recorder(path, clock=lambda: 0)
    recorder.record(header)
    for event in example_events(0):
        recorder.record(event)
    whole = path.read_bytes()
    full = os.open("/dev/full", os.O_WRONLY)
    kept = os.dup(recorder._file)
    os.dup2(full, recorder._file)
    os.close(full)
    *begun, end = example_events(1)
    for event in begun:
        recorder.record(event)
    with pytest.raises(InternalError, match="No space left on device; make room or choose another") as first:
        recorder.record(end)
    os.dup2(kept, recorder._file)
    os.close(kept)
    for again in (
        lambda: recorder.record(begun[0]),
        lambda: recorder.answered(1),
        lambda: recorder.called(kind="chat", user_texts=[], other_texts=[], thread=None, resource=None),
        recorder.flush,
    ):
        with pytest.raises(InternalError) as second:
            again()
        assert str(second.value) == str(first.value)
    recorder.close()
    recorder.close()
    assert path.read_bytes() == whole
    assert str(path) in str(first.value)
    assert "\n" not in str(first.value)


def test_a_write_that_stops_in_the_middle_of_a_line_leaves_no_half_line(tmp_path):
    path = tmp_path / "history.jsonl"
    child = _child(
        path,
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        recorder.record(header())
        try:
            for number in range(100):
                example(recorder, number)
        except InternalError as error:
            print(error)
        recorder.close()
        """,
    )
    out, err = child.communicate(timeout=60)
    assert err == ""
    assert "File too large; make room or choose another folder" in out
    assert out.count("\n") == 1
    written = path.read_bytes()
    assert 5_000 < len(written) <= 10_000
    assert written.endswith(b"\n")
    history = open_history(path)
    examples = list(history.examples())
    assert not history.truncated
    assert [example.ended for example in examples] == [True, False]


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.11])
def test_every_whole_line_is_readable_after_kill_9(tmp_path, delay):
    path = tmp_path / "history.jsonl"
    child = _child(
        path,
        """
        recorder.record(header())
        print("go", flush=True)
        for number in range(10**9):
            example(recorder, number, size=number % 90)
        """,
    )
    assert child.stdout.readline() == "go\n"
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=60)
    written = path.read_bytes()
    history = open_history(path)
    examples = list(history.examples())
    assert history.end is None
    assert history.truncated is not written.endswith(b"\n")
    lines = 1 + sum(1 + len(example.events) + example.ended for example in examples)
    assert lines == written.count(b"\n")
    assert [example.started.example for example in examples] == list(range(len(examples)))
    assert all(example.ended for example in examples[:-1])


def test_recording_costs_less_than_five_microseconds_an_operation(recorder_of, tmp_path, plan, header):
    """A ceiling with room for a loaded machine: the best of many rounds, invocation and answer recorded."""
    recorder = recorder_of(tmp_path / "history.jsonl")
    recorder.record(header)
    best = 1.0
    for example in range(60):
        recorder.record(ExampleStarted(example=example, plan=plan))
        began = time.perf_counter()
        for number in range(100):
            recorder.record(
                Invoked(example=example, operation=number, t=0, thread="t-01234567", resource="r-01234567")
            )
            recorder.record(Completed(example=example, operation=number, t=0, text="Noted.", length=6))
        best = min(best, (time.perf_counter() - began) / 100)
        recorder.record(ExampleEnded(example=example, t=0))
    assert best < 5e-6
