"""The source of a test file: whatever is in a plan, it is that plan and nothing else."""

import ast
import re

import pytest

from overheard.regressions import parsed
from overheard.report.emitted import file_name, to_test

FAILURE = {
    "format": 1,
    "invariant": "thread-ownership",
    "diagnosis": "thread id is the only key",
    "told_by": 0,
    "seen_by": 1,
    "plan": {
        "scenario": "stranger",
        "mode": "concurrent",
        "schedule": {"choices": [0, 1], "decisions": [{"action": "start", "operation": 0, "after": [[0, "chat"]]}] * 9},
        "operations": [
            {"number": 0, "round": 0, "caller": "r0", "resource": "u-<<ns>>", "thread": None,
             "text": "My locker code is <<fact>>. <<ref>>", "tells": "locker code"},
            {"number": 1, "round": 1, "caller": "r1", "resource": "v-<<ns>>", "asks": [0], "intrudes": True},
        ],
    },
}  # fmt: skip

HOSTILE = (
    "'''\"\"\"\nimport os\nos._exit(0)\n#",
    "\\",
    "\r\x0c\x1c\x85\u2028\u2029 = 1",
    "\u202e\u2066\x1b[2J\x00",
    "\ud800",
    "{0} %s {{",
    "x" * 300 + "\n'",
)


def source(failure, target="app/agent.py:agent", root="..", **asked):
    return to_test(failure, target=target, root=root, asked=asked, times=3)


def values(text):
    """What the module assigns, without running any of it, and the kinds of its statements."""
    tree = ast.parse(text)
    named = {}
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id != "ROOT"
        ):
            named[node.targets[0].id] = ast.literal_eval(node.value)
    return named, [type(node).__name__ for node in tree.body]


def test_it_holds_the_plan_as_a_file_does():
    named, kinds = values(source(FAILURE))
    assert named == {"TARGET": "app/agent.py:agent", "PLAN": FAILURE}
    assert kinds[-3:] == ["FunctionDef"] * 3
    assert parsed("x", named["PLAN"], where="", advice="").plan.operations[0].thread is None


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_it_becomes_code(text):
    usual = values(source(FAILURE))[1]
    operations = [
        {**FAILURE["plan"]["operations"][0], "text": text, "caller": text, "filters": {text: text}},
        FAILURE["plan"]["operations"][1],
    ]
    failure = {
        **FAILURE,
        "diagnosis": text,
        "plan": {**FAILURE["plan"], "scenario": text, "operations": operations},
    }
    written = source(failure, target=text, root=text, contract={text: text}, serve=text)
    named, kinds = values(written)
    assert named == {"TARGET": text, "PLAN": failure}
    assert kinds == usual
    assert all(character.isprintable() or character == "\n" for character in written)
    assert len(written.splitlines()) == written.count("\n")


def test_it_is_laid_out_to_be_read():
    lines = source(
        FAILURE, contract={"recall": 2, "missing_ids.omitted": "refuse"}, timeout=2.5, serve="node x"
    ).split("\n")
    assert max(map(len, lines)) <= 102
    told = lines.index("            # Here it is told.")
    assert "'number': 0" in "".join(lines[told + 1 : told + 3])
    assert lines.count("            # Here the promise was broken.") == 1
    assert "        contract={'recall': 2, 'missing_ids.omitted': 'refuse'}," in lines
    assert "        timeout=2.5," in lines


def test_its_name_is_that_of_the_finding_and_the_target():
    assert file_name(FAILURE, target="app/agent.py:make") == (
        "test_app_agent_make_thread_ownership_thread_id_is_the_only_key.py"
    )
    assert file_name(FAILURE, target="app.agent:make") == file_name(FAILURE, target="app/agent.py:make")
    other = {**FAILURE, "plan": {**FAILURE["plan"], "operations": []}}
    assert file_name(other, target="a.toml") == file_name(FAILURE, target="a.toml")
    for text in HOSTILE:
        name = file_name({**FAILURE, "diagnosis": text}, target=text)
        assert name.removesuffix(".py").isidentifier()
        assert name.isascii()
        assert len(name) < 140


def test_the_page_quotes_it(request):
    page = (request.config.rootpath / "docs" / "regressions.md").read_text(encoding="utf-8")
    (quoted,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert quoted in source(FAILURE)
