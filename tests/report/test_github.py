"""Workflow commands: what an agent says must not become one."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.report.github import ANNOTATIONS, defused, to_annotations

COMMAND = re.compile(r"::(error|warning|notice) (file=[^:,\n]*,line=\d+,)?title=[^:,\r\n]*::[^\r\n]*")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_each_is_one_command_and_nothing_else(judgements, hostile_text, data):
    judgement = data.draw(judgements)
    lines = to_annotations(judgement, file=data.draw(hostile_text), line=3)
    levels = [COMMAND.fullmatch(line)[1] for line in lines]
    assert all(levels.count(level) <= ANNOTATIONS for level in set(levels))
    new = any(not finding.known for finding in judgement.findings)
    assert ("error" in levels) == (new or judgement.verdict in ("inconclusive", "violated"))
    assert ("notice" in levels) == any(finding.known for finding in judgement.findings)
    idle = any(one.state in ("expired", "unused") for one in judgement.baseline)
    assert ("warning" in levels) == idle


def test_a_finding_says_who_and_what_to_change(violated):
    (line,) = to_annotations(
        replace(violated, findings=violated.findings[:1]), file="tests/test_a.py", line=7
    )
    assert line.startswith("::error file=tests/test_a.py,line=7,title=")
    assert "told by" in line
    assert "%0Achange%3A" not in line
    assert "%0Achange: " in line


def test_what_is_known_is_a_notice_and_an_entry_that_is_over_a_warning(accepted):
    warning, notice = to_annotations(accepted)
    assert warning.startswith(
        "::warning title=overheard%3A the baseline is out of date::baseline, finding 1 "
    )
    assert "expired on 2029-12-31 and hides nothing: it was not found again: take it out" in warning
    assert notice.startswith("::notice title=thread-ownership%3A thread id is the only key (known)::told by")
    assert "accepted until 2030-03-31 by ada@example.org: the new store checks the owner" in notice


def test_why_nothing_is_certified_is_said_and_nothing_of_what_held(inconclusive, held):
    (line,) = to_annotations(inconclusive)
    assert "inconclusive" in line
    assert to_annotations(held) == []


@given(st.text(alphabet=" \t:#[]abc", max_size=20))
def test_no_line_is_a_command(words):
    (line,) = defused([words])
    assert not line.lstrip().startswith("::")
    assert "##[" not in line
