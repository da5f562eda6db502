"""Where a target is written down."""

import hashlib
import sys
import textwrap

import pytest

from overheard.adapters.locate import locate
from overheard.adapters.resolve import load

AGENT = """
    import functools
    from ovl_elsewhere import imported as known

    @functools.cache
    def decorated(): ...

    class Support:
        def send(self, message): return message

    one, (two, three) = 1, (2, 3)
    graph: object = Support()
"""


@pytest.fixture
def base(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "mine.py").write_text(textwrap.dedent(AGENT))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("decorated", 6), ("Support", 8), ("Support.send", 8), ("two", 11), ("graph", 12), ("known", 3),
        ("graph[v2]", 12), ("nobody", 1),
    ],
)  # fmt: skip
def test_the_line_on_which_a_name_is_defined(base, name, line):
    found = locate(f"agents/mine.py:{name}", base=base)
    assert (found.file, found.line) == ("agents/mine.py", line)


def test_the_digest_is_that_of_the_bytes(base):
    content = (base / "agents" / "mine.py").read_bytes()
    assert locate("agents/mine.py", base=base).sha256 == hashlib.sha256(content).hexdigest()


def test_a_file_alone_is_at_its_obvious_name(base):
    assert locate("agents/mine.py", base=base).line == 12


def test_the_path_is_that_in_the_repository_wherever_one_stands(base):
    (base / ".git").mkdir()
    assert locate("mine.py:graph", base=base / "agents").file == "agents/mine.py"
    assert locate("../agents/mine.py:graph", base=base / "agents").file == "agents/mine.py"


def test_without_a_repository_nothing_is_said_of_folders_above(base):
    (base / "agents" / "below").mkdir()
    assert locate("../mine.py:graph", base=base / "agents" / "below").file == "mine.py"
    assert locate(f"{base}/agents/mine.py", base=base / "agents").file == "mine.py"


def test_a_module_is_its_file(base, monkeypatch):
    monkeypatch.syspath_prepend(base)
    (base / "ovl_module.py").write_text("\n\ndef agent(message): ...\n")
    load("ovl_module:agent", base=base)
    monkeypatch.delitem(sys.modules, "ovl_module", raising=False)
    assert locate("ovl_module:agent", base=base) is None
    load("ovl_module:agent", base=base)
    found = locate("ovl_module:agent", base=base)
    assert (found.file, found.line) == ("ovl_module.py", 3)
    del sys.modules["ovl_module"]


def test_a_description_of_a_target_behind_http(base):
    (base / "chat.toml").write_text("url = 'http://127.0.0.1'\n")
    found = locate("chat.toml", base=base)
    assert (found.file, found.line) == ("chat.toml", 1)


@pytest.mark.parametrize(
    "target", ["", "a-name", "missing.py:agent", "os\0.py", ":", "sys:path", "agents:x", "."]
)
def test_what_names_no_file_has_no_place(base, target):
    assert locate(target, base=base) is None


def test_a_file_that_is_no_python_is_found_all_the_same(base):
    (base / "broken.py").write_bytes(b"def (\xff\x00")
    assert locate("broken.py:agent", base=base).line == 1
