"""`overheard init`: it finds the agent, writes what is missing, and what it writes works."""

import ast
import json
import tomllib

import pytest

from overheard.adapters.http.load import load as load_http
from overheard.scaffold import Agent, find_agent, init, to_terminal

PLAIN = "async def agent(message, *, thread=None, resource=None):\n    return message\n"
GRAPH = "from langgraph.graph import StateGraph\ngraph = StateGraph(dict).compile()\n"
OPENAI = "from agents import Agent\nsupport = Agent(name='support')\n"
CLASS = "class Support:\n    async def send(self, message, *, thread, resource):\n        return message\n"


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"agent.py": PLAIN}, Agent("function", "agent.py", "agent")),
        ({"src/app/support.py": CLASS}, Agent("function", "src/app/support.py", "Support")),
        ({"app/bot.py": GRAPH, "agent.py": PLAIN}, Agent("langgraph", "app/bot.py", "graph")),
        ({"deep/in/agent.py": PLAIN, "main.py": PLAIN}, Agent("function", "main.py", "agent")),
        ({"bot.py": OPENAI}, Agent("openai-agents", "bot.py", "support")),
        ({"package.json": '{"dependencies": {"@mastra/core": "1"}}'}, Agent("mastra")),
        ({"tests/test_agent.py": PLAIN, "env/pyvenv.cfg": "", "env/agent.py": PLAIN}, Agent("unknown")),
        ({"broken.py": "def (", "nul.py": "\0", "package.json": "[]"}, Agent("unknown")),
        ({"helper.py": "def send(message): ...\ndef _agent(message, thread): ...\n"}, Agent("unknown")),
        ({}, Agent("unknown")),
    ],
)
def test_the_agent_is_found_without_importing_anything(tmp_path, files, found):
    write(tmp_path, files)
    assert find_agent(tmp_path) == found


@pytest.mark.parametrize("files", [{"agent.py": PLAIN}, {"bot.py": OPENAI}, {"package.json": '{"devDependencies": {"@mastra/core": "1"}}'}, {}])  # fmt: skip
def test_what_is_written_is_valid_and_is_never_written_over(tmp_path, files):
    write(tmp_path, files)
    done = init(tmp_path)
    assert not done.kept
    for name in done.written:
        text = (tmp_path / name).read_text()
        if name.endswith(".py"):
            ast.parse(text)
        if name.endswith(".toml"):
            tomllib.loads(text)
        (tmp_path / name).write_text(f"{text}# mine\n")
    again = init(tmp_path)
    assert not again.written
    assert again.kept == done.written
    for name in done.written:
        assert (tmp_path / name).read_text().endswith("# mine\n")
    assert all(name in to_terminal(again) for name in done.written)


def test_a_configuration_that_is_there_gets_no_second_one(tmp_path):
    write(tmp_path, {"agent.py": PLAIN, "pyproject.toml": '[tool.overheard]\nprofile = "smoke"\n'})
    assert "overheard.toml" not in init(tmp_path).written


def test_the_target_file_of_a_mastra_server_is_one(tmp_path):
    write(tmp_path, {"package.json": json.dumps({"dependencies": {"@mastra/core": "^1"}})})
    init(tmp_path)
    assert load_http(tmp_path / "mastra.toml", shown="mastra.toml")


def test_what_is_written_tests_the_agent(pytester):
    pytester.makepyfile(
        agent="""
        said = {}

        async def agent(message, *, thread=None, resource=None):
            if not resource or not thread:
                raise PermissionError("both ids are required")
            told = said.setdefault(thread, [])
            told.append(message)
            return " ".join(told[:-1])
        """
    )
    init(pytester.path)
    result = pytester.runpytest_subprocess(
        "-p", "no:langsmith_plugin", "-p", "no:faker", "--overheard-profile=smoke", "-k", "stranger"
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*thread id is the only key*"])
