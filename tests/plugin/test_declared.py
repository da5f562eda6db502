"""A test file of the user's own: `@isolation` over a function that gives the agent."""

import json
import sys
from pathlib import Path

import pytest

OWNERSHIP = "test_isolation[stranger::thread-ownership]"
RECALL = "test_isolation[stranger::recall-within-thread]"


@pytest.fixture
def declare(project):
    """declare(source) -> a test module with that in it, after the usual imports."""

    def declare(source):
        project.makepyfile(
            test_agent=f"import pytest\nimport agent\nfrom overheard.testing import isolation\n\n{source}"
        )

    return declare


def names(session):
    return {name.removeprefix("test_agent::"): state for name, state in session.cases.items()}


LEAKY = """
@pytest.fixture
def make_agent():
    return agent.leaky

@isolation(profile="smoke", scenarios=["stranger"])
def test_isolation(make_agent):
    return make_agent()

def test_of_my_own():
    pass
"""


def test_a_declared_test_is_a_check_for_every_promise(check, declare, processes):
    declare(LEAKY)
    session = check("--overheard-seed=5", *processes, scenarios=())
    assert session.code == 1
    assert session.out.count("= overheard =") == 1
    assert names(session) == {OWNERSHIP: "failure", RECALL: "passed", "test_of_my_own": "passed"}
    assert session.verdict == "violated"
    (folder,) = (path.parent for path in Path("reports/overheard").glob("*/report.json"))
    report = json.loads((folder / "report.json").read_text())
    assert report["verdict"] == "violated"
    assert report["target"] == "test_agent.py:test_isolation"
    assert report["replay"] == (
        "pytest test_agent.py::test_isolation --overheard-seed 5 --overheard-profile smoke"
    )
    assert "again      pytest test_agent.py::test_isolation" in session.out


@pytest.mark.parametrize(
    "source",
    [
        "def test_isolation():\n    return agent.correct",
        "def test_isolation():\n    return agent.correct()",
        "async def test_isolation():\n    return agent.correct()",
        "def test_isolation():\n    yield agent.correct()",
        "async def test_isolation():\n    async with agent.correct() as one:\n        yield one",
        "@pytest.mark.parametrize('one', [agent.correct])\ndef test_isolation(one):\n    return one",
    ],
    ids=["factory", "manager", "coroutine", "generator", "async-generator", "parameter"],
)
def test_the_function_gives_the_agent_in_any_form(check, declare, source):
    decorated = '@isolation(scenarios=["stranger"])\n'
    at = source.index("def test") - (6 if "async def test" in source else 0)
    declare(source[:at] + decorated + source[at:])
    session = check(scenarios=())
    assert session.code == 0, session.out
    assert sorted(names(session).values()) == ["passed", "passed"]
    assert session.verdict == "held"


def test_fixtures_live_while_the_scenario_is_driven_and_are_made_once_for_it(check, declare, processes):
    declare("""
from pathlib import Path

def note(word):
    with Path("fixtures.txt").open("a") as file:
        file.write(word + "\\n")

@pytest.fixture(scope="module")
def wide():
    note("wide in")
    yield
    note("wide out")

@pytest.fixture
def narrow(wide, monkeypatch):
    monkeypatch.setenv("MY_SETTING", "on")
    note("narrow in")
    yield
    note("narrow out")

@isolation(profile="smoke", scenarios=["stranger", "recall"])
async def test_isolation(narrow):
    import os
    note(f"built with {os.environ['MY_SETTING']} and {'a' if 'OVERHEARD_MIRROR' in os.environ else 'no'} mirror")
    async with agent.correct() as one:
        yield one
    note("left")
""")
    session = check(*processes, scenarios=())
    assert session.code == 0, session.out
    told = Path("fixtures.txt").read_text().split("\n")
    once = ["narrow in", "built with on and a mirror", "left", "narrow out"]
    if not processes:
        assert told == ["wide in", *once, *once, "wide out", ""]
    assert sorted(word for word in told if not word.startswith("wide")) == sorted(["", *once, *once])


def test_a_class_and_parameters_of_its_own(check, declare, processes):
    declare("""
class TestAgents:
    kinds = {"good": agent.correct, "bad": agent.leaky}

    @pytest.mark.parametrize("kind", ["good", "bad"])
    @isolation(scenarios=["stranger"])
    def test_isolation(self, kind):
        return self.kinds[kind]()
""")
    session = check(*processes, scenarios=())
    assert session.code == 1
    cases = {name.rpartition("::test_isolation")[2]: state for name, state in session.cases.items()}
    cases = {name.split("test_isolation")[-1]: state for name, state in session.cases.items()}
    assert {state for name, state in cases.items() if "bad" in name and "ownership" in name} == {"failure"}
    assert list(session.cases.values()).count("passed") == 3
    assert sorted(line.partition(":")[0] for line in session.verdicts) == ["held", "violated"]
    assert len(list(Path("reports/overheard").glob("*/report.json"))) == 2


def test_what_is_declared_of_the_contract_holds_and_a_flag_wins(check, declare):
    declare("""
@isolation(scenarios=["stranger"], contract={"thread_ids": "bearer"})
def test_isolation():
    return agent.leaky
""")
    session = check("-rs", scenarios=())
    assert names(session)[OWNERSHIP] == "skipped"
    assert "thread_ids is bearer" in session.out
    session = check("--overheard-contract=thread_ids=owned", scenarios=())
    assert names(session)[OWNERSHIP] == "failure"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('scenarios=["strager"]', "there is no scenario 'strager'"),
        ('profile="smok"', "did you mean smoke"),
        ('contract={"thread_id": "bearer"}', "contract= of the declared test"),
        ("seed=-1", "seed= of the declared test"),
    ],
)
def test_a_declaration_that_is_wrong_is_an_error_of_its_file(check, declare, arguments, words):
    declare(f"@isolation({arguments})\ndef test_isolation():\n    return agent.correct")
    project_run = check(scenarios=(), profile="")
    assert project_run.code == 2
    assert words in project_run.out
    assert "Traceback" not in project_run.out


def test_fixtures_that_fail_are_an_error_and_certify_nothing(check, declare, processes):
    declare("""
@pytest.fixture
def make_agent():
    raise RuntimeError("no database")

@isolation(scenarios=["stranger"])
def test_isolation(make_agent):
    return make_agent()
""")
    session = check(*processes, scenarios=())
    assert session.code == 1
    assert set(names(session).values()) == {"error"}
    assert session.verdict == "inconclusive"


def test_without_the_plugin_nothing_passes(check, declare, monkeypatch, project):
    declare(LEAKY)
    result = project.runpytest_inprocess("-p", "no:overheard")
    result.assert_outcomes(passed=1, skipped=1)
    monkeypatch.setenv("OVERHEARD_DISABLE", "1")
    result = project.runpytest_inprocess("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*plugin of overheard is switched off*"])
    assert not Path("reports").exists()


def test_a_declared_test_without_fixtures_is_a_target_of_the_command_line(declare, project):
    declare("@isolation\ndef test_isolation():\n    return agent.leaky")
    told = project.run(
        sys.executable,
        "-m",
        "overheard",
        "run",
        "test_agent.py:test_isolation",
        "--profile=smoke",
        "--scenario=stranger",
    )
    assert told.ret == 1, told.stderr.str()
    told.stdout.fnmatch_lines(["violated: *"])
