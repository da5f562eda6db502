"""What the reference pages say is so: every command in them is run, every option and key is in them."""

import re
import shlex
import signal

import pytest

from overheard import settings
from overheard.adapters.declare import declaration_of
from overheard.cli import cli
from overheard.core.contract import contract_keys
from overheard.door import CODES, TABLE
from overheard.settings import read

PAGES = ("cli", "doctor", "configuration", "regressions")


@pytest.fixture(scope="session")
def page(request):
    folder = request.config.rootpath / "docs"
    return {name: (folder / f"{name}.md").read_text(encoding="utf-8") for name in PAGES}


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text):
    return [shlex.split(line[2:]) for block in blocks(text, "console") for line in block.splitlines()]


def test_every_command_of_the_command_line_page_runs(overheard, start, keyed, write, page):
    """In the order of the page, in one folder, as a reader would: later ones read what earlier ones wrote."""
    keyed("(resource, thread)")
    (plan,) = blocks(page["regressions"], "json")
    write("tests/overheard_regressions/kept.json", plan)
    smoke = {"OVERHEARD_PROFILE": "smoke"}
    for first, *words in dict.fromkeys(map(tuple, commands(page["cli"]))):
        assert first == "overheard"
        if words[0] == "mirror":
            child = start(*words)
            assert child.stdout.readline().startswith("export ")
            child.send_signal(signal.SIGINT)
            assert child.wait(30) == 130
            continue
        done = overheard(*words, env=smoke)
        # Two scenarios alone do not show every kind of isolation.
        assert done.code in ((0, 3) if "--scenario" in words else (0,)), (words, done.err)
        assert done.out


@pytest.mark.parametrize("name", ["doctor", "configuration"])
def test_every_command_of_the_other_pages_runs(overheard, keyed, page, name):
    keyed("(resource, thread)" if name == "doctor" else "resource")
    for first, *words in dict.fromkeys(map(tuple, commands(page[name]))):
        assert first == "overheard"
        done = overheard(*words, env={"OVERHEARD_PROFILE": "smoke"})
        assert done.code in (0, 1), done.err
        assert done.out


def test_what_the_doctor_is_quoted_with_is_what_it_says(overheard, keyed, page):
    keyed("(resource, thread)")
    said = overheard("doctor", "agent.py").out.splitlines()
    for block in blocks(page["doctor"], "text"):
        for line in block.splitlines():
            assert line in said


def test_every_option_and_its_variable_is_on_the_page(page):
    text = page["cli"]
    for name, command in cli.commands.items():
        assert re.search(rf"^## {name}$", text, re.MULTILINE)
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                assert not option.startswith("-") or f"`{option}" in text, (name, option)
    for parameter in cli.commands["run"].params:
        if parameter.envvar and parameter.param_type_name == "option":
            assert parameter.envvar in text


def test_the_table_of_codes_is_the_table(page):
    rows = re.findall(r"^\| (\d+) \| (.*)", page["cli"], re.MULTILINE)
    assert [code for code, _ in rows] == re.findall(r"^ +(\d+)  ", TABLE, re.MULTILINE)
    assert {word: int(code) for code, text in rows for word in CODES if f"{word}: " in text} == CODES


def test_the_example_file_is_a_configuration(page, write):
    (text,) = blocks(page["configuration"], "toml")
    file = read(write("overheard.toml", text))
    assert file.values["target"] == "app/agent.py:agent"
    assert file.contract == {"scope": "resource", "missing_ids.blank": "refuse"}
    shared = text.replace("# overheard.toml", "[tool.overheard]").replace(
        "[contract]", "[tool.overheard.contract]"
    )
    assert read(write("pyproject.toml", shared)).contract == file.contract


def test_every_key_is_on_the_page(page):
    text = page["configuration"]
    for key in (*settings._CHECKS, *(key for key in contract_keys() if not key.startswith("missing_ids."))):
        assert f"| `{key}` |" in text, key


def test_the_example_declaration_is_one(page):
    (text,) = blocks(page["configuration"], "python")
    names = {}
    exec(text, names)
    assert declaration_of(names["agent"]).settings == {"scope": "resource", "missing_ids.blank": "refuse"}
