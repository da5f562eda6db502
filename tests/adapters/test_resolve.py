import sys
import textwrap

import pytest

from overheard.adapters.resolve import load
from overheard.core.errors import TargetBuildError, UsageError


@pytest.fixture(autouse=True)
def _imports_undone():
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith(("overheard_target_", "ovt_")):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path):
    def write(name, source):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return tmp_path

    return write


def test_a_file_and_its_attribute(write):
    base = write("agents/mine.py", "def chat(message): return 'hi ' + message")
    assert load("agents/mine.py:chat", base=base)("you") == "hi you"


def test_a_module_and_a_dotted_attribute(write):
    write("ovt_pkg/__init__.py", "")
    base = write(
        "ovt_pkg/agents.py",
        """
        class Support:
            class inner:
                @staticmethod
                def chat(message): return message
        """,
    )
    assert load("ovt_pkg.agents:Support.inner.chat", base=base)("x") == "x"
    assert str(base) in sys.path


def test_a_file_may_import_its_neighbours_and_a_packages_file_relatively(write):
    write("ovt_neighbour.py", "WORD = 'near'")
    base = write("a.py", "from ovt_neighbour import WORD\ndef agent(message): return WORD")
    assert load("a.py", base=base)("") == "near"
    write("ovt_app/__init__.py", "")
    write("ovt_app/words.py", "WORD = 'inside'")
    write("ovt_app/bot.py", "from .words import WORD\ndef agent(message): return WORD")
    assert load("ovt_app/bot.py:agent", base=base)("") == "inside"


def test_files_of_one_name_in_two_folders_are_two_targets(write):
    write("one/agent.py", "def agent(message): return 'one'")
    base = write("two/agent.py", "def agent(message): return 'two'")
    assert [load(f"{folder}/agent.py", base=base)("") for folder in ("one", "two")] == ["one", "two"]


def test_a_dataclass_in_a_file_finds_its_module(write):
    base = write(
        "data.py",
        """
        from __future__ import annotations
        import dataclasses
        @dataclasses.dataclass
        class Bot:
            kw: dataclasses.KW_ONLY
            name: str = "bot"
            def send(self, message): return self.name
        """,
    )
    assert load("data.py", base=base)().send("") == "bot"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def helper(x): ...\ndef agent(message): ...", "agent"),
        ("def make_it(): ...\nLIMIT = 3\nimport json", "make_it"),
        ("from json import dumps\nclass Chat:\n  def send(self, message): ...", "Chat"),
        ("class Chat:\n  def send(self, message): ...\nclass Config: ...\nbot = Chat()", None),
        ("def graph(): ...\ndef build(): ...", None),
        ("def one(message): ...\ndef two(message): ...", None),
        ("LIMIT = 3", None),
    ],
)
def test_the_obvious_attribute(write, source, expected):
    base = write("some.py", source)
    if expected is not None:
        assert load("some.py", base=base).__name__ == expected
        return
    with pytest.raises(UsageError) as caught:
        load("some.py", base=base)
    words = str(caught.value)
    if "LIMIT" in source:
        assert "nothing in it is an agent" in words
        assert "LIMIT" in words
    else:
        names = {"bot": ("Chat", "bot"), "build": ("graph", "build"), "one": ("one", "two")}
        for pair in names.values():
            if f"{pair[0]}" in source and f"{pair[1]}" in source:
                assert all(name in words for name in pair)
        assert "some.py:" in words


@pytest.mark.parametrize(
    ("target", "taught"),
    [
        ("ovt_agnets:agent", ["no module ovt_agnets", "did you mean ovt_agents?", "ovt_agents"]),
        (
            "ovt_agents:agnet",
            ["ovt_agents has no 'agnet'", "did you mean agent?", "names in ovt_agents: agent"],
        ),
        ("ovt_agents:agent.run", ["agent has no 'run'"]),
        ("ovt_agents.deeper:agent", ["ovt_agents is a module and has no modules in it"]),
        ("ovt_agnets.py", ["no file ovt_agnets.py", "did you mean ovt_agents.py?"]),
        ("nowhere/x.py:agent", ["there is no folder"]),
        ("folder.py", ["is a folder"]),
        ("ovt_agents", ["names no attribute", "module:attribute"]),
        ("ovt_agents:", ["names nothing"]),
        (":agent", ["names nothing"]),
        ("", ["names no"]),
        ("ovt_agents.py:", ["names nothing"]),
        ("a b:agent", ["neither a module nor a .py file"]),
        ("some/dir:agent", ["neither a module nor a .py file"]),
        ("a\0b.py", ["names nothing"]),
    ],
)
def test_what_does_not_exist_is_taught(write, target, taught):
    base = write("ovt_agents.py", "def agent(message): ...")
    (base / "folder.py").mkdir()
    with pytest.raises(UsageError) as caught:
        load(target, base=base)
    for words in taught:
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "taught"),
    [
        ("import ovt_not_installed", ["ModuleNotFoundError: No module named 'ovt_not_installed'", ":1)"]),
        ("x = 1\nraise SystemExit(3)", ["sys.exit(3)", ":2)"]),
        ("x = 1\ny = (\n", ["SyntaxError", "never closed", ":2)"]),
        ("def f():\n    return {}['key']\n\nf()", ["KeyError: 'key'", ":2)"]),
        ("import json\njson.loads('{')", ["JSONDecodeError", ":2)"]),
        ("raise ValueError('a\\x1b[31m\\nb')", ["ValueError: a?[31m b", ":1)"]),
        (
            "import overheard\n@overheard.contract\ndef agent(message): ...",
            ["write @overheard.contract(...)", ":2)"],
        ),
    ],
)
@pytest.mark.parametrize("form", ["ovt_broken:agent", "ovt_broken.py:agent"])
def test_what_fails_inside_the_target_is_the_targets(write, form, source, taught):
    base = write("ovt_broken.py", source)
    with pytest.raises(TargetBuildError) as caught:
        load(form, base=base)
    for words in taught:
        assert words in str(caught.value)
    assert "ovt_broken.py:" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_package_that_misses_an_import_exists(write):
    # `pkg.agent` exists and imports `pkg.missing`: by the name of the missing module alone the two look alike.
    write("ovt_half/__init__.py", "")
    base = write("ovt_half/agent.py", "import ovt_half.missing")
    with pytest.raises(TargetBuildError, match=r"ovt_half\.missing"):
        load("ovt_half.agent:agent", base=base)
    with pytest.raises(UsageError, match=r"no module ovt_half\.agnet; did you mean agent\?"):
        load("ovt_half.agnet:agent", base=base)


def test_a_file_that_failed_is_tried_anew(write):
    base = write("late.py", "raise RuntimeError('not yet')")
    with pytest.raises(TargetBuildError, match="not yet"):
        load("late.py", base=base)
    write("late.py", "def agent(message): return 'now, as the source is longer'")
    assert load("late.py", base=base)("").startswith("now")


def test_ctrl_c_while_importing_is_ctrl_c(write):
    base = write("slow.py", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load("slow.py", base=base)
