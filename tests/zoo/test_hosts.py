"""Both hosts are one host: whatever is done to them, they answer the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from overheard.zoo.hosts import MemoryHost, Row, SqliteHost

NAMES = st.sampled_from(["", " ", "a", "A", "b", "a'b", "%", "\0", "ä"])
ROWS = st.builds(Row, NAMES, NAMES, NAMES, st.sampled_from(["user", "assistant"]), st.text("ab", max_size=3))
WHERE = st.fixed_dictionaries({}, optional={"tenant": NAMES, "resource": NAMES, "thread": NAMES})
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(ROWS, max_size=3)),
        st.tuples(st.just("history"), WHERE, st.integers(1, 4)),
        st.tuples(st.just("owner"), NAMES),
        st.tuples(st.just("claim"), NAMES, NAMES.filter(bool)),
        st.tuples(st.just("assign"), NAMES, NAMES.filter(bool)),
    ),
    max_size=30,
)


def do(host, step):
    name, *given = step
    if name == "append":
        return host.append(*given[0])
    if name == "history":
        return host.history(limit=given[1], **given[0])
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
