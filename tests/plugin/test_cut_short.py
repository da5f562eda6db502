"""Targets that never answer, and people who do not wait: the other tests still count, and nothing passes."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

HANGING = """
import time

async def agent(message, *, thread=None, resource=None):
    if "?" in message:
        time.sleep(600)
    return "hello"
"""

INTERRUPTING = """
import os, signal

calls = 0

async def agent(message, *, thread=None, resource=None):
    global calls
    calls += 1
    if calls == 30:
        os.kill(os.getpid(), signal.SIGINT)
    return "hello"
"""


def test_a_target_that_blocks_the_loop_for_good_is_given_up(check, project):
    project.makepyfile(hanging=HANGING, test_own="def test_own(): pass")
    project.makeconftest("from overheard import campaign\ncampaign.HANG_SECONDS = 1.0\n")
    session = check("--overheard=hanging.py:agent", in_process=False)
    assert session.code == 1
    assert session.cases["test_own::test_own"] == "passed"
    checks = [state for name, state in session.cases.items() if "stranger" in name]
    assert checks == ["error", "error"]
    assert session.verdict in ("inconclusive", "violated")
    assert "has blocked the event loop" in session.out


def test_an_interrupt_ends_the_session_and_certifies_nothing(check, project):
    project.makepyfile(interrupting=INTERRUPTING, test_own="def test_own(): pass")
    session = check("--overheard=interrupting.py:agent", "--overheard-prove", in_process=False)
    assert session.code == 2
    assert session.verdict != "held"
    report = json.loads(Path("reports/overheard/report.json").read_text())
    assert report["verdict"] == session.verdict
    assert not report["complete"]
    ours = ET.parse("reports/overheard/junit.xml").getroot()
    states = {each.tag for case in ours.iter("testcase") for each in case} & {"failure", "error"}
    assert states, "what was interrupted has not passed, in whatever file"
