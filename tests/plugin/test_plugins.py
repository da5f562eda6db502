"""Plugins under pytest: promises become items, and a plugin that fails fails the session."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
POLITE = "overheard.ids-missing::acme-polite"
BOT = """
from acme_overheard import Bot

said = {}

async def answer(message, user, session):
    if not user or not session:
        raise PermissionError("REFUSAL")
    mine = said.setdefault((user, session), [])
    heard = " / ".join(mine) or "nothing yet"
    mine.append(message)
    return heard

bot = Bot(answer)
"""


@pytest.fixture
def acme(project):
    """acme(refusal) -> the plugin of the documentation, and an agent of its framework that refuses so."""

    def write(refusal="no"):
        (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        project.makepyfile(acme_overheard=code, bot=BOT.replace("REFUSAL", refusal))
        Path("acme_scenarios").mkdir(exist_ok=True)
        Path("acme_scenarios/acme-visit.toml").write_text('extends = "stranger"\ntitle = "a visit"\n')

    return write


def test_a_promise_of_a_plugin_is_an_item_of_its_scenarios(check, acme):
    acme("sorry, who are you?")
    arguments = ("--overheard=bot.py:bot", "--overheard-plugin=acme_overheard.py")
    session = check(*arguments, scenarios=("ids-missing", "acme-visit"))
    assert session.code == 0, session.out
    assert session.cases[POLITE] == "passed"
    assert not any("acme-visit::acme-polite" in name for name in session.cases)
    assert session.verdict == "held"
    report = {one["name"]: one for one in session.report()["invariants"]}["acme-polite"]
    assert (report["verdict"], report["bound"]) == ("held", None)


def test_it_fails_as_ours_do(check, acme, project, processes):
    acme()
    project.makeconftest("from acme_overheard import *\n")
    session = check("--overheard=bot.py:bot", *processes, scenarios=("ids-missing",))
    assert session.code == 1
    assert session.cases[POLITE] == "failure"
    assert session.cases["overheard.ids-missing::ids-required"] == "passed"
    assert session.verdict == "violated"
    assert "violated: acme-polite in scenario ids-missing: curt refusal" in session.out
    assert Path("reports/overheard/acme.txt").read_text() == "bot.py:bot: violated\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "def overheard_scenarios():\n    raise OSError('gone')\n",
            "overheard_scenarios failed: OSError: gone",
        ),
        ("def overheard_invarants():\n    return []\n", "did you mean overheard_invariants?"),
    ],
)
def test_a_conftest_that_fails_ends_the_session_before_anything_is_driven(check, project, text, sentence):
    project.makeconftest(text)
    session = check("--overheard=agent.py:correct")
    assert session.code == 4
    assert sentence in session.out + session.err
    assert "conftest.py" in session.out + session.err
    assert not Path("reports").exists()


def test_helpers_and_fixtures_of_a_conftest_are_no_hooks(check, project):
    project.makeconftest(
        """
        import pytest

        @pytest.fixture
        def overheard_agent():
            return 3

        def overheard_helper():
            return 4
        """
    )
    assert check("--overheard=agent.py:correct").code == 0


def test_a_report_that_fails_fails_the_session(check, project):
    project.makeconftest(
        """
        from overheard.plugins import Report

        def overheard_reports():
            return [Report("acme", "acme.txt", lambda report: report["nothing"])]
        """
    )
    session = check("--overheard=agent.py:correct")
    assert session.code == 1
    assert session.verdict == "inconclusive"
    assert "report 'acme' failed: KeyError: 'nothing'" in session.out
