"""Both hosts are one host: whatever is done to them, they answer the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.zoo.hosts import MemoryHost, Row, SqliteHost

NAMES = st.sampled_from(["", " ", "a", "A", "b", "a'b", "%", "\0", "ä"])
ROWS = st.builds(
    Row, NAMES, NAMES, NAMES, st.sampled_from(["user", "assistant"]), st.text("ab", max_size=3), NAMES
)
WHERE = st.fixed_dictionaries({}, optional=dict.fromkeys(("tenant", "resource", "thread", "id"), NAMES))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(ROWS, max_size=3)),
        st.tuples(st.just("history"), WHERE, st.integers(1, 4)),
        st.tuples(st.just("owner"), NAMES),
        st.tuples(st.just("claim"), NAMES, NAMES.filter(bool)),
        st.tuples(st.just("assign"), NAMES, NAMES.filter(bool)),
        st.tuples(st.just("disown"), NAMES),
        st.tuples(st.just("remove"), WHERE),
        st.tuples(st.just("hand_over"), NAMES, NAMES),
        st.tuples(st.just("entitle"), NAMES, NAMES),
        st.tuples(st.just("title"), NAMES),
    ),
    max_size=30,
)


def do(host, step):
    name, *given = step
    if name == "append":
        return host.append(*given[0])
    if name == "history":
        return host.history(limit=given[1], **given[0])
    if name == "remove":
        return host.remove(**given[0])
    return getattr(host, name)(*given)


@settings(deadline=None)
@given(STEPS)
def test_both_hosts_answer_alike(steps):
    memory, sqlite = MemoryHost(), SqliteHost()
    try:
        for step in steps:
            assert do(memory, step) == do(sqlite, step)
    finally:
        memory.close()
        sqlite.close()


def test_history_is_the_newest_that_match_oldest_first():
    for host in (MemoryHost(), SqliteHost()):
        for number in range(5):
            host.append(Row("", "ann", "t1" if number % 2 else "t2", "user", str(number)))
        assert [row.text for row in host.history(resource="ann", limit=3)] == ["2", "3", "4"]
        assert [row.text for row in host.history(resource="ann", thread="t1")] == ["1", "3"]
        assert host.history(resource="ANN") == []
        host.close()


def test_the_first_to_claim_a_thread_owns_it_until_it_is_assigned():
    for host in (MemoryHost(), SqliteHost()):
        assert host.owner("t1") is None
        assert (host.claim("t1", "ann"), host.claim("t1", "bob"), host.owner("t1")) == ("ann", "ann", "ann")
        host.assign("t1", "bob")
        assert host.claim("t1", "ann") == "bob"
        host.close()


def test_what_is_removed_or_handed_over_is_found_no_more_where_it_was():
    for host in (MemoryHost(), SqliteHost()):
        for number in range(4):
            host.append(Row("", "ann", f"t{number % 2}", "user", str(number), f"m{number}"))
        host.remove(id="m0")
        assert [row.text for row in host.history(thread="t0")] == ["2"]
        host.hand_over("t1", "bob")
        assert [row.text for row in host.history(resource="bob")] == ["1", "3"]
        host.claim("t1", "bob")
        host.entitle("t1", "ours")
        host.entitle("t9", "nobody's")
        assert (host.title("t1"), host.title("t9")) == ("ours", "")
        host.disown("t1")
        assert (host.title("t1"), host.owner("t1")) == ("", None)
        host.remove()
        assert host.history() == []
        host.close()
