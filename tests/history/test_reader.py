"""Reading histories: whole, cut short, damaged, and what is no history at all."""

import tracemalloc

import msgspec
import pytest

from overheard.core.errors import HistoryError
from overheard.history import reader
from overheard.history.events import (
    FORMAT,
    CampaignEnded,
    Completed,
    ExampleEnded,
    ExampleStarted,
    ModelAnswered,
    Reduced,
)
from overheard.history.reader import Example, History, open_history


def _of_events(events):
    history = History.from_events(events)
    return history, list(history.examples())


def test_a_history_is_read_one_example_after_the_other(history_file):
    path, events = history_file
    history = open_history(path)
    examples = list(history.examples())
    assert history.header == events[0]
    assert [example.started for example in examples] == [events[1], events[5], events[9]]
    assert [example.events for example in examples] == [events[2:4], events[6:8], events[10:12]]
    assert all(example.ended for example in examples)
    assert history.end == events[-1]
    assert not history.truncated


def test_it_can_be_read_twice_and_from_memory_and_is_the_same(history_file):
    path, events = history_file
    history = open_history(path)
    first = list(history.examples())
    assert first == list(history.examples()) == _of_events(events)[1]
    assert len(first) == 3
    assert history.reductions == []


def test_what_comes_after_the_end_of_an_example_belongs_to_it_until_the_next_begins(
    header, example_events, plan
):
    late = ModelAnswered(example=0, call=1, t=3)
    early = ModelAnswered(example=0, call=0, t=0)
    reduced = Reduced(
        example=0, invariant="i", owner=0, observer=1, channel="reply", minimal=1, plan=plan, executions=3
    )
    history, examples = _of_events(
        [header, early, *example_events(0), late, reduced, *example_events(1), CampaignEnded(t=9), late]
    )
    assert [example.events[-1] for example in examples] == [late, late]
    assert [len(example.events) for example in examples] == [3, 3]
    assert history.before == [early]
    assert history.reductions == [reduced]
    assert history.end == CampaignEnded(t=9)


def test_an_example_without_an_end_is_not_ended(header, example_events):
    assert [
        example.ended for example in _of_events([header, *example_events(0)[:-1], *example_events(1)])[1]
    ] == [
        False,
        True,
    ]


def test_cut_at_any_byte_every_whole_line_stays_readable(history_file, tmp_path):
    path, events = history_file
    data = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(data) if byte == ord("\n")]
    cut = tmp_path / "cut.jsonl"
    for length in range(len(data) + 1):
        cut.write_bytes(data[:length])
        whole = sum(end <= length for end in ends)
        if length + 1 in ends:
            whole += 1  # a last line of which only the line's end is missing is whole
        if not whole:
            with pytest.raises(HistoryError, match=r"run the campaign again|not a history"):
                open_history(cut)
            continue
        history = open_history(cut)
        read = []
        for example in history.examples():
            read += [example.started, *example.events]
            read += [ExampleEnded(example=example.started.example, t=-1)] if example.ended else []
        read += [history.end] if history.end else []
        assert len(read) + 1 == whole, length
        for was, now in zip(events[1:], read, strict=False):
            assert type(was) is type(now)
            assert was == now or isinstance(was, ExampleEnded)
        assert history.truncated is (length not in ends and length + 1 not in ends), length


@pytest.mark.parametrize(
    ("content", "lesson"),
    [
        (b"", "is empty: nothing was recorded"),
        (b"\n\n", "is empty"),
        (b'{"type":"header","format":1,"overh', "line 1: the header is cut short"),
        (b"hello\n", "line 1: not a history"),
        (b"\x89PNG\r\n\x1a\n", "line 1: not a history"),
        (b"[1,2]\n", "line 1: not a history"),
        (b'{"verdict":"held"}\n', "line 1: not a history"),
        (b'{"type":"invoke","example":1,"operation":1,"t":1}\n', "line 1: not a history"),
        (b"[" * 100_000 + b"\n", "line 1: not a history"),
        (b'{"type":"header","format":1}\n', "line 1: the header is damaged"),
        (
            b'{"type":"header","format":%d,"overheard":"9.1"}\n' % (FORMAT + 1),
            f"line 1: written by overheard 9.1 in history format {FORMAT + 1}, and this version reads up to",
        ),
    ],
)
def test_what_is_no_history_is_refused_with_file_and_lesson(tmp_path, content, lesson):
    path = tmp_path / "history.jsonl"
    path.write_bytes(content)
    with pytest.raises(HistoryError) as refused:
        open_history(path)
    assert lesson in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(HistoryError, match=r"cannot read the history .*gone\.jsonl: No such file"):
        open_history(tmp_path / "gone.jsonl")
    with pytest.raises(HistoryError, match=r"cannot read the history .*: Is a directory"):
        open_history(tmp_path)


@pytest.mark.parametrize(
    ("broken", "lesson"),
    [
        (lambda line: line[: len(line) // 2] + b"\n", "line 7: not an event of a history"),
        (lambda line: b"garbage\n", "line 7: not an event of a history"),
        (lambda line: line.replace(b'"invoke"', b'"invent"'), "line 7: not an event of a history"),
        (lambda line: line.replace(b'"t-1"', b'"t-\xff"'), "line 7: not an event of a history"),
        (lambda line: b"\x00" * len(line), "line 7: not an event of a history"),
        (lambda line: b"[" * 100_000 + b"\n", "line 7: not an event of a history"),
    ],
)
@pytest.mark.parametrize("block", [64, 1 << 20])
def test_a_damaged_line_is_named(history_file, monkeypatch, broken, lesson, block):
    path, _ = history_file
    lines = path.read_bytes().splitlines(keepends=True)
    assert b'"invoke"' in lines[6]
    lines[6] = broken(lines[6])
    path.write_bytes(b"".join(lines))
    monkeypatch.setattr(reader, "_BLOCK", block)
    history = open_history(path)
    with pytest.raises(HistoryError) as refused:
        list(history.examples())
    assert lesson in str(refused.value)
    assert str(path) in str(refused.value)


def test_two_histories_in_one_file_are_refused(history_file):
    path, _ = history_file
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(HistoryError, match="line 15: a second header: two histories were joined"):
        list(open_history(path).examples())


def test_events_without_a_header_are_no_history(example_events):
    for events in ([], example_events(0)):
        with pytest.raises(HistoryError, match="begins with its header"):
            History.from_events(events)


@pytest.mark.parametrize("block", [1, 2, 7, 100, 1_000])
def test_where_blocks_end_makes_no_difference(history_file, monkeypatch, block):
    path, events = history_file
    monkeypatch.setattr(reader, "_BLOCK", block)
    assert list(open_history(path).examples()) == _of_events(events)[1]


def test_memory_is_bounded_by_the_largest_example_not_by_the_history(tmp_path, header, plan):
    path = tmp_path / "history.jsonl"
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        file.write(encode(header) + b"\n")
        for number in range(200):
            file.write(encode(ExampleStarted(example=number, plan=plan)) + b"\n")
            for operation in range(50):
                event = Completed(example=number, operation=operation, t=0, text="z" * 1_900)
                file.write(encode(event) + b"\n")
            file.write(encode(ExampleEnded(example=number, t=0)) + b"\n")
    size = path.stat().st_size
    tracemalloc.start()
    try:
        count = sum(len(example.events) for example in open_history(path).examples())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 10_000
    assert size > 19e6
    assert peak < 6e6


def test_examples_are_handed_out_before_the_rest_is_read(history_file, monkeypatch):
    path, events = history_file
    path.write_bytes(path.read_bytes() + b"garbage\n")
    monkeypatch.setattr(reader, "_BLOCK", 64)
    examples = open_history(path).examples()
    assert next(examples) == Example(events[1], events[2:4], ended=True)
    assert next(examples).started == events[5]
    with pytest.raises(HistoryError, match="line 15"):
        list(examples)
