"""Workflow commands: what an agent says must not become one."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.report.github import ANNOTATIONS, defused, to_annotations

COMMAND = re.compile(r"::error (file=[^:,\n]*,line=\d+,)?title=[^:,\r\n]*::[^\r\n]*")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_each_is_one_command_and_nothing_else(judgements, hostile_text, data):
    judgement = data.draw(judgements)
    lines = to_annotations(judgement, file=data.draw(hostile_text), line=3)
    assert len(lines) <= ANNOTATIONS
    for line in lines:
        assert COMMAND.fullmatch(line)
    assert bool(lines) == bool(judgement.findings or judgement.verdict != "held")


def test_a_finding_says_who_and_what_to_change(violated):
    (line,) = to_annotations(
        replace(violated, findings=violated.findings[:1]), file="tests/test_a.py", line=7
    )
    assert line.startswith("::error file=tests/test_a.py,line=7,title=")
    assert "told by" in line
    assert "%0Achange%3A" not in line
    assert "%0Achange: " in line


def test_why_nothing_is_certified_is_said_and_nothing_of_what_held(inconclusive, held):
    (line,) = to_annotations(inconclusive)
    assert "inconclusive" in line
    assert to_annotations(held) == []


@given(st.text(alphabet=" \t:#[]abc", max_size=20))
def test_no_line_is_a_command(words):
    (line,) = defused([words])
    assert not line.lstrip().startswith("::")
    assert "##[" not in line
