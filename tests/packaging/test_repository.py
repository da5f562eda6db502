"""Somebody else's repository, from the wheel alone: their own suite, their own habits, and ours beside it.

It has packages with the names of our folders, a Hypothesis profile under which nothing would be found, and
tests of pytest-asyncio in its automatic mode, anyio and respx. The tests of isolation are those that
`overheard init` writes.
"""

import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ("pytest-asyncio==1.5.0", "respx==0.23.1")
SCENARIOS = "stranger,sibling-threads"
"""Two are enough to compare by, and the second holds."""

FILES = {
    "pyproject.toml": """
        [tool.pytest.ini_options]
        asyncio_mode = "auto"
        asyncio_default_fixture_loop_scope = "function"
        filterwarnings = ["error"]
        addopts = ["--strict-markers", "--strict-config"]
    """,
    "app/__init__.py": "",
    "app/agent.py": '''
        """Conversations by thread id alone: whoever knows the id is let in."""

        import os

        import httpx

        said = {}


        async def agent(message, *, thread=None, resource=None):
            if not thread or not resource:
                raise PermissionError("both ids are required")
            messages = said.setdefault(thread, [])
            messages.append({"role": "user", "content": message})
            async with httpx.AsyncClient(base_url=os.environ["OPENAI_BASE_URL"]) as client:
                answer = await client.post("/chat/completions", json={"model": "m", "messages": messages})
            return answer.json()["choices"][0]["message"]["content"]
    ''',
    **{f"{name}/__init__.py": f"MINE = {name!r}\n" for name in ("harness", "scenarios", "reports", "tests")},
    "tests/conftest.py": """
        import pytest
        from hypothesis import HealthCheck, Phase, settings

        settings.register_profile(
            "hostile", max_examples=1, deadline=1, database=None, derandomize=True, phases=[Phase.explicit],
            suppress_health_check=[],
        )
        settings.load_profile("hostile")


        @pytest.fixture
        def anyio_backend():
            return "asyncio"


        @pytest.fixture
        async def greeting():
            return "hello"
    """,
    "tests/test_own.py": """
        import asyncio
        import os

        import anyio
        import httpx
        import pytest
        import respx
        from hypothesis import example, given, settings
        from hypothesis import strategies as st

        import harness
        import reports
        import scenarios
        import tests

        loops = []


        @example(3)
        @given(st.integers())
        def test_hypothesis(number):
            assert settings.default.max_examples == 1
            assert isinstance(number, int)


        async def test_asyncio_in_automatic_mode(greeting):
            loops.append(asyncio.get_running_loop())
            assert greeting == "hello"


        @pytest.mark.anyio
        async def test_anyio():
            await anyio.sleep(0)


        @respx.mock
        def test_respx():
            route = respx.get("https://api.example/users").mock(return_value=httpx.Response(204))
            assert httpx.get("https://api.example/users").status_code == 204
            assert route.called


        def test_the_environment_is_mine():
            assert os.environ["OPENAI_BASE_URL"] == "https://api.example/v1"
            assert "OVERHEARD_MIRROR" not in os.environ


        def test_my_packages_are_mine():
            assert [each.MINE for each in (harness, scenarios, reports, tests)] == [
                "harness", "scenarios", "reports", "tests"
            ]
            assert os.path.dirname(harness.__file__) == os.path.join(os.getcwd(), "harness")
    """,
}
OWN = 6
EXPECTED = {
    "stranger::recall-within-thread": "passed",
    "stranger::thread-ownership": "failure",
    "sibling-threads::recall-within-thread": "passed",
    "sibling-threads::no-cross-thread-recall": "passed",
}


class Session:
    """What one run of pytest came to."""

    def __init__(self, done, folder):
        self.code = done.returncode
        self.out = done.stdout + done.stderr
        self.cases = {}
        for case in ET.parse(folder / "junit.xml").getroot().iter("testcase"):
            states = [each.tag for each in case if each.tag in ("failure", "error", "skipped")]
            self.cases[f"{case.get('classname')}::{case.get('name')}"] = "+".join(states) or "passed"
        reports = list((folder / "reports/overheard").glob("test_agent_isolation*/report.json"))
        self.report = json.loads(reports[0].read_text()) if reports else None

    @property
    def own(self):
        return {name: state for name, state in self.cases.items() if "test_own" in name}

    @property
    def isolation(self):
        return {
            name.partition("[")[2].rstrip("]"): state
            for name, state in self.cases.items()
            if "test_isolation[" in name
        }


@pytest.fixture(scope="module")
def suite(installed):
    """`bin` of the environment with the wheel, and what the suite of the repository uses."""
    pip = [str(installed / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    pins = ROOT / "tests" / "requirements.txt"
    done = subprocess.run(
        [*pip, "--constraint", str(pins), *BESIDE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return installed


@pytest.fixture(scope="module")
def repository(suite, tmp_path_factory):
    """The repository, after `overheard init` in it."""
    folder = tmp_path_factory.mktemp("repository")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").split("\n")
        indent = len(lines[0]) - len(lines[0].lstrip())
        path.write_text("\n".join(line[indent:] for line in lines).rstrip() + "\n" if text else "")
    done = call(suite, folder, "overheard", "init")
    assert done.returncode == 0, done.stderr
    assert "found a function or an object that takes a message in app/agent.py:agent" in done.stdout
    return folder


def call(bin_folder, folder, command, *arguments):
    """Run a command of the environment there, as a CI would, with a model of the repository's own set up."""
    environ = {
        "PATH": f"{bin_folder}:/usr/bin:/bin", "HOME": str(folder), "CI": "true",
        "OPENAI_BASE_URL": "https://api.example/v1", "OPENAI_API_KEY": "mine",
        "OVERHEARD_PROFILE": "smoke", "OVERHEARD_SCENARIO": SCENARIOS,
    }  # fmt: skip
    return subprocess.run(
        [str(bin_folder / command), *arguments], cwd=folder, env=environ, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def check(suite, repository):
    """check(*arguments) -> the session of pytest in the repository."""

    def check(*arguments):
        done = call(suite, repository, "pytest", "--junitxml=junit.xml", *arguments)
        return Session(done, repository)

    return check


@pytest.fixture(scope="module")
def told(suite, repository):
    """What the command line says of the same agent, with the seed that the sessions have."""
    done = call(suite, repository, "overheard", "run", "--seed", "11", "--json", "--output", "cli")
    assert done.returncode == 1, done.stdout + done.stderr
    return json.loads(done.stdout)


def found(report):
    keys = ("invariant", "diagnosis", "channel", "scenario", "condition", "disguise", "places")
    return [[finding[key] for key in keys] for finding in report["findings"]]


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["alone", "n2"])
def test_the_findings_are_those_of_the_command_line_and_the_suite_is_untouched(check, told, processes):
    session = check("--overheard-seed=11", *processes)
    assert session.code == 1, session.out
    assert len(session.own) == OWN
    assert set(session.own.values()) == {"passed"}, session.out
    # What the command line found is tried first by now: `init` has made a folder for that.
    earlier = {name: way for name, way in session.isolation.items() if name.startswith("regressions::")}
    assert list(earlier.values()) == ["failure"]
    assert {name: way for name, way in session.isolation.items() if name not in earlier} == EXPECTED
    assert found(session.report) == found(told)
    assert found(told)
    assert session.report["verdict"] == told["verdict"] == "violated"
    assert "violated: 1 promise broken" in session.out


def test_the_habits_of_a_test_run_and_what_is_left_behind(suite, repository, check):
    session = check("--overheard-seed=11")
    failed = {name for name, state in session.isolation.items() if state == "failure"}
    assert "stranger::thread-ownership" in failed
    kept = list((repository / "tests/overheard_regressions").glob("thread-ownership.*.json"))
    assert len(kept) == 1, "the folder that init made is written to, once for one story"

    session = check("--lf")
    assert set(session.isolation) == failed
    assert session.own == {}
    session = check("-k", "sibling")
    assert session.code == 0, session.out
    assert set(session.isolation.values()) == {"passed"}
    assert session.own == {}
    assert "held: " in session.out
    session = check("-k", "not isolation")
    assert (session.code, len(session.own), session.isolation) == (0, OWN, {})

    before = {path: path.read_bytes() for path in repository.rglob("*.py")}
    done = call(suite, repository, "overheard", "init")
    assert done.returncode == 0
    assert "wrote" not in done.stdout
    assert {path: path.read_bytes() for path in repository.rglob("*.py")} == before


FIXTURES = """
import asyncio

import pytest
from overheard.testing import isolation
from overheard.zoo.catalogue import CATALOGUE


@pytest.fixture
async def make():
    loop = asyncio.get_running_loop()
    yield CATALOGUE["correct-thread"].build
    assert asyncio.get_running_loop() is loop, "the loop of the fixture is still its own"


MARKS
@isolation
async def test_coroutine(make):
    return make()


MARKS
@isolation
def test_plain(make):
    return make


MARKS
async def test_mine(make):
    assert make
"""


@pytest.mark.parametrize(
    ("marks", "mode"),
    [("", "auto"), ('@pytest.mark.usefixtures("anyio_backend")\n@pytest.mark.anyio', "strict")],
    ids=["pytest-asyncio", "anyio"],
)
def test_fixtures_of_event_loop_plugins_make_the_factory(suite, tmp_path, marks, mode):
    (tmp_path / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    text = FIXTURES.replace("MARKS", marks)
    if mode == "strict":
        text = text.replace("async def make():", "async def make(anyio_backend):")
    (tmp_path / "test_fixtures.py").write_text(text)
    done = call(
        suite, tmp_path, "pytest", f"--override-ini=asyncio_mode={mode}", "-W", "error",
        "--override-ini=asyncio_default_fixture_loop_scope=function", "--junitxml=junit.xml",
    )  # fmt: skip
    session = Session(done, tmp_path)
    assert session.code == 0, session.out
    assert list(session.cases.values()) == ["passed"] * (2 * len(EXPECTED) + 1)
    assert session.out.count("\nheld: ") == 2
