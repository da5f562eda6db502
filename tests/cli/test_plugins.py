"""Plugins: what they add is there at every door, and what is wrong with one is said before anything is driven."""

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from overheard import plugins
from overheard.check.judge import judge
from overheard.core.errors import PluginError
from overheard.history.reader import History, open_history
from overheard.scenario.load import load as load_scenarios

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
SMOKE = ("--profile", "smoke", "--scenario", "ids-missing")

BOT = """
from acme_overheard import Bot

said = {}

async def answer(message, user, session):
    if not user or not session:
        raise PermissionError("both ids are required")
    mine = said.setdefault((user, session), [])
    heard = " / ".join(mine) or "nothing yet"
    mine.append(message)
    return heard

bot = Bot(answer)
"""


@pytest.fixture
def acme(write):
    """The plugin of the documentation, an agent of its framework, and a scenario of its."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    write("acme_overheard.py", code)
    write("acme_scenarios/acme-visit.toml", 'extends = "stranger"\ntitle = "a visit"\n')
    write("bot.py", BOT)


def loaded(tmp_path, text, **options):
    (tmp_path / "plugin.py").write_text(text)
    return plugins.load(("plugin.py",), base=tmp_path, environ={"OVERHEARD_NO_PLUGINS": "1"}, **options)


def test_the_plugin_of_the_page_adds_all_that_it_says(overheard, acme, write, tmp_path):
    assert overheard("run", "bot.py:bot", *SMOKE).code == 2, "its framework is not known without it"
    write("overheard.toml", 'plugins = ["acme_overheard.py"]\n')
    done = overheard("run", "bot.py:bot", *SMOKE, "--scenario", "recall", "--scenario", "acme-visit")
    assert done.code == 1, done.err
    report = json.loads((tmp_path / "reports/overheard/report.json").read_text())
    by_name = {one["name"]: one for one in report["invariants"]}
    assert by_name["ids-required"]["verdict"] == "held"
    polite = by_name["acme-polite"]
    assert (polite["verdict"], polite["title"]) == ("violated", "refusals say sorry")
    assert polite["exposures"] > 0
    (finding,) = report["findings"]
    assert (finding["breach"], finding["diagnosis"], finding["channel"]) == (
        "broken",
        "curt refusal",
        "error",
    )
    assert finding["scenario"] == "ids-missing"
    assert "acme-visit" in report["scenarios"]
    assert report["versions"]["plugin acme_overheard.py"] == ""
    folder = tmp_path / "reports/overheard"
    assert (folder / "acme.txt").read_text() == "bot.py:bot: violated\n"
    assert overheard("report", "--format", "acme-line").out == "bot.py:bot: violated\n"
    assert "acme-visit" in overheard("scenarios").out
    assert overheard("doctor", "bot.py:bot").code == 0
    # A history is judged by the plugin too; and where that is missing, its promise is not.
    assert overheard("check", "reports/overheard/history.jsonl", "--json").report == report
    (tmp_path / "overheard.toml").unlink()
    done = overheard("check", "reports/overheard/history.jsonl", "--json")
    assert done.code == 3
    assert "acme-polite: it is judged by a plugin that is not installed here" in done.report["reasons"]


def test_its_findings_can_be_known(overheard, acme, write):
    write("overheard.toml", 'plugins = ["acme_overheard.py"]\n')
    overheard("run", "bot.py:bot", *SMOKE)
    done = overheard("baseline", "--reason", "r", "--owner", "ada", "--expires", "2999-12-31")
    assert "acme-polite: curt refusal in send/error" in done.out
    done = overheard("run", "bot.py:bot", *SMOKE)
    assert done.out.startswith("accepted: 1 promise broken"), done.out
    assert done.code == 0


@pytest.mark.parametrize(
    ("body", "verdict", "words"),
    [
        ("raise ZeroDivisionError('oh')", "inconclusive", "its check failed: ZeroDivisionError: oh"),
        ("return True", "inconclusive", "it gave bool, and not a Ruling"),
        ("return Ruling()", "inconclusive", "there was no chance to break it"),
        ("return Ruling(exposures=-1)", "inconclusive", "exposures is -1"),
        ("return Ruling(exposures=3, doubts=('half of it',))", "inconclusive", "half of it"),
        ("return Ruling(breaches=('x',))", "inconclusive", "breaches holds str"),
        ("return Ruling(breaches=(Breach(example=1, told_by=0, seen_by=999, diagnosis='d', advice='a'),))",
         "inconclusive", "names operation 999 of example 1, which is not there"),
        ("return Ruling(breaches=(Breach(example=1, told_by=0, seen_by=0, diagnosis=' ', advice='a'),))",
         "inconclusive", "diagnosis is ' '"),
        ("return Ruling(breaches=(Breach(example=1, told_by=0, seen_by=0, diagnosis='d', advice='a', channel='x'),))",
         "inconclusive", "channel is 'x'"),
        ("return Ruling(exposures=3)", "held", ""),
        ("return Ruling(breaches=(Breach(example=1, told_by=0, seen_by=0, diagnosis='d', advice='a'),))", "violated", ""),
    ],
)  # fmt: skip
def test_what_a_check_says_makes_the_verdict_and_what_goes_wrong_in_it_none(judged, body, verdict, words):
    """On a history that holds by itself."""
    space: dict = {}
    exec(f"from overheard.plugins import Breach, Ruling\ndef check(examples, contract):\n    {body}", space)
    result = judged(plugins.Invariant(name="acme", title="acme holds", check=space["check"]))
    (one,) = [one for one in result.invariants if one.name == "acme"]
    assert one.verdict == verdict
    assert words in " ".join(one.reasons)
    assert result.verdict == verdict


@pytest.fixture(scope="session")
def judged(held):
    """judged(invariant) -> the judgement of a run that held, with that judged besides."""
    recorded = open_history(held.history)
    events = list(recorded.events())

    def judged(invariant):
        header = replace(recorded.header, invariants=(invariant.name,))
        return judge(History.from_events([header, *events]), [invariant])

    return judged


def test_a_check_sees_what_explored_and_nothing_that_was_put_in(judged):
    seen = []

    def check(examples, contract):
        seen.extend((one.started.phase, one.scenario) for one in examples)
        return plugins.Ruling(exposures=1)

    judged(plugins.Invariant(name="acme", title="t", check=check, scenarios=("stranger",)))
    assert set(seen) == {("explore", "stranger")}
    result = judged(plugins.Invariant(name="acme", title="t", check=check, scenarios=("nowhere",)))
    (one,) = [one for one in result.invariants if one.name == "acme"]
    assert (one.status, one.verdict) == ("not offered", None)


HEAD = "from pathlib import Path\nfrom overheard.plugins import *\nfrom overheard.plugins import Report\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import nothing_of_that_name", "cannot be loaded: ModuleNotFoundError"),
        ("import sys\nsys.exit(0)", "cannot be loaded: SystemExit"),
        ("def overheard_scenario(): return []", "there is no hook overheard_scenario; did you mean overheard_scenarios?"),
        ("def overheard_things(): return []", "there is no hook overheard_things"),
        ("def overheard_scenarios(config): return []", "overheard_scenarios takes no argument, and this one takes config"),
        ("overheard_reports = 3", "overheard_reports is int, and no function"),
        ("def overheard_reports(): return 3", "overheard_reports failed: TypeError"),
        ("def overheard_reports(): raise ValueError('oh')", "overheard_reports failed: ValueError: oh"),
        ("def overheard_reports(): return ['x']", "overheard_reports gave str, and not a list of Report"),
        ("def overheard_scenarios(): return [Path('none')]", "names none, which is no folder"),
        ("def overheard_invariants(): return [Invariant(name='A b', title='t', check=len)]", "has no name for one"),
        ("def overheard_invariants(): return [Invariant(name='ids-required', title='t', check=len)]", "is there already"),
        ("def overheard_invariants(): return [Invariant(name='a', title='', check=len)]", "has no title"),
        ("def overheard_invariants(): return [Invariant(name='a', title='t', check=3)]", "has no function to check it"),
        ("def overheard_invariants(): return [Invariant(name='a', title='t', check=len, scenarios='recall')]", "it takes a tuple"),
        ("def overheard_invariants(): return [Invariant(name='a', title='t', check=len)] * 2", "is there already"),
        ("def overheard_adapters(): return [Adapter('a', 1, 2)]", "needs two functions"),
        ("def overheard_reports(): return [Report('json', 'x', str)]", "is there already"),
        ("def overheard_reports(): return [Report('x', '../x', str)]", "cannot be written to '../x'"),
        ("def overheard_reports(): return [Report('x', 'history.jsonl', str)]", "cannot be written to 'history.jsonl'"),
        ("def overheard_reports(): return [Report('x', 'x.txt', 3)]", "has no function to render it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_plugin_is_said_with_its_name(tmp_path, text, sentence):
    with pytest.raises(PluginError) as told:
        loaded(tmp_path, HEAD + text)
    assert str(told.value).startswith("the plugin plugin.py")
    assert sentence in str(told.value)


def test_a_plugin_that_fails_is_never_a_pass(overheard, keyed, write, tmp_path):
    keyed("(resource, thread)")
    write("broken.py", "raise RuntimeError('no licence')")
    done = overheard("run", "agent.py", *SMOKE, "--plugin", "broken.py")
    assert done.code == 4
    assert "the plugin broken.py cannot be loaded: RuntimeError: no licence" in done.err
    assert not (tmp_path / "reports").exists()
    write(
        "reporting.py",
        f"{HEAD}def overheard_reports():\n    return [Report('x', 'x.txt', lambda report: 1 / 0)]\n",
    )
    done = overheard("run", "agent.py", *SMOKE, "--plugin", "reporting.py")
    assert done.code == 4
    assert "report 'x' failed: ZeroDivisionError" in done.err
    assert (tmp_path / "reports/overheard/report.json").exists(), "what is ours was written"
    adapting = (
        "def overheard_adapters():\n    return [Adapter('a', lambda target: True, lambda target: 1 / 0)]\n"
    )
    write("adapting.py", HEAD + adapting)
    done = overheard("run", "agent.py", *SMOKE, "--plugin", "adapting.py")
    assert done.code == 4
    assert "could not be built: the adapter a failed" in done.err
    done = overheard("run", "agent.py", *SMOKE, "--plugin", "nowhere.py")
    assert done.code == 4
    assert "there is no file" in done.err


def test_an_installed_plugin_is_found_and_can_be_left_out(overheard, keyed, write, tmp_path):
    keyed("(resource, thread)")
    write("site/acme.py", "def overheard_scenarios():\n    raise OSError('gone')\n")
    write("site/acme-1.5.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.5\n")
    write("site/acme-1.5.dist-info/entry_points.txt", "[overheard]\nacme = acme\n")
    path = {"PYTHONPATH": str(tmp_path / "site")}
    done = overheard("scenarios", env=path)
    assert done.code == 4
    assert "the plugin acme: overheard_scenarios failed: OSError: gone" in done.err
    assert overheard("scenarios", env={**path, "OVERHEARD_NO_PLUGINS": "1"}).code == 0
    write("site/acme.py", "def overheard_scenarios(:")
    done = overheard("scenarios", env=path)
    assert done.code == 4
    assert "the plugin acme (acme 1.5) cannot be loaded: SyntaxError" in done.err
    assert "OVERHEARD_NO_PLUGINS=1 leaves it out" in done.err


def test_scenarios_of_plugins_are_as_the_built_in_ones_are(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "visit.toml").write_text('extends = "stranger"\ntitle = "a visit"\n')
    mine = tmp_path / "scenarios"
    mine.mkdir()
    (mine / "visit.toml").write_text('extends = "visit"\ntitle = "my visit"\n')
    assert load_scenarios(None, more=[theirs])["visit"].title == "a visit"
    assert load_scenarios(tmp_path, more=[theirs])["visit"].title == "my visit"
    (theirs / "recall.toml").write_text('extends = "recall"\n')
    with pytest.raises(Exception, match="give the file another name"):
        load_scenarios(None, more=[theirs])
