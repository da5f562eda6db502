from hypothesis import given
from hypothesis import strategies as st

from overheard.adapters.http.events import Decoder, Event

LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def decoded(*pieces):
    decoder = Decoder()
    return [event for piece in pieces for event in decoder.feed(piece)], decoder.partial


def test_the_fields_of_an_event():
    stream = b": hello\nid: 7\nretry: 10\nevent: add\ndata:one\ndata:  two\ndata\n\ndata: x\n\n"
    assert decoded(stream) == ([Event("add", "one\n two\n"), Event("message", "x")], "")


def test_an_event_without_data_is_none_and_its_name_is_not_kept():
    assert decoded(b"event: ping\n\ndata: x\n\n")[0] == [Event("message", "x")]


def test_a_byte_order_mark_is_passed_over():
    assert decoded(b"\xef\xbb\xbfdata: x\n\n")[0] == [Event("message", "x")]


def test_what_is_cut_off_is_partial_and_no_event():
    assert decoded(b"data: a\n\ndata: half\ndata: of it") == ([Event("message", "a")], "half\ndata: of it")


def test_other_line_ends_of_unicode_are_part_of_the_data():
    text = "a\u2028b\x0bc\x85d"
    assert decoded(f"data: {text}\n\n".encode())[0] == [Event("message", text)]


@given(st.lists(st.tuples(st.lists(LINES, min_size=1, max_size=3), ENDS), max_size=4), st.data())
def test_however_the_bytes_are_cut_the_events_are_the_same(events, data):
    stream = b"".join(
        "".join(f"data: {line}{end}" for line in lines).encode() + end.encode() for lines, end in events
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decoded(*pieces) == ([Event("message", "\n".join(lines)) for lines, _ in events], "")
