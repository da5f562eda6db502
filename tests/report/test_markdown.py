import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.report.markdown import SIZE_LIMIT, to_markdown

SPAN = re.compile(r"`[^`\n]+`")


def test_it_begins_with_the_verdict(held, violated, inconclusive):
    assert to_markdown(held).startswith("## 🟢 held: all 4 promises judged held in `examples/agent.py:graph`")
    assert to_markdown(violated).startswith(
        "## 🔴 violated: 2 promises broken in `examples/agent.py:graph`\n"
    )
    assert to_markdown(inconclusive).startswith("## 🟡 inconclusive: ")


def test_tables_and_findings(violated):
    report = to_markdown(violated)
    assert (
        "| invariant | verdict | exposures | controls | examples | bound |\n| :--- | :--- | ---: |" in report
    )
    assert "| recall-within-thread | held | 120 | 240 | 40 | 0.073 |" in report
    assert "#### 1. thread-ownership: thread id is the only key" in report
    assert "- **told by** r0, in operation 4 at 1.204 s; resource `'user-3fa9'`; thread `'t-5d0c'`" in report
    assert "- **program** `counterexamples/counterexample-1.py`" in report
    assert "- **program** none: it was not made smaller" in report
    assert "| send | recall-within-thread | 60 | 60 | not offered |" in report


def test_it_stays_under_a_mebibyte_and_says_what_was_cut(violated, finding):
    long = replace(finding, diagnosis="word " * 1_000, advice="word " * 1_000)
    report = to_markdown(replace(violated, findings=(long,) * 3_000))
    assert len(report.encode()) < SIZE_LIMIT
    assert re.search(
        r"^And \d{3,} more, cut to keep this page small: report\.json has them all\.$", report, re.MULTILINE
    )
    assert "### Run it again" in report


def test_even_an_absurd_judgement_stays_under_a_mebibyte(violated):
    absurd = replace(
        violated,
        target="🙂" * 2_000_000,
        notes=("\U0001f642 " * 1_000_000,) * 500,
        coverage=tuple(
            replace(violated.coverage[0], surface=f"{n}" * 200, relation="北" * 500) for n in range(900)
        ),
        invariants=tuple(
            replace(one, name="京" * 5_000, reasons=("x" * 9_000,) * 90) for one in violated.invariants
        ),
    )
    assert len(to_markdown(absurd).encode()) < SIZE_LIMIT


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data(), show=st.booleans())
def test_nothing_in_any_judgement_becomes_markup(judgements, data, show):
    judgement = data.draw(judgements)
    report = to_markdown(judgement, show=show)
    assert report == to_markdown(judgement, show=show)
    report.encode()
    for line in report.split("\n"):
        bare = SPAN.sub("", line)
        assert not set("`<>[]_@\\~$&{}\r\x1b") & set(bare), line
        if line.startswith("|"):
            assert line.count("|") in (6 + 1, *range(4, 7))
        else:
            assert "|" not in line
