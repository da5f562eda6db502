"""Every file that the documentation shows can be read."""

import re
from pathlib import Path

import pytest

from overheard.adapters.http.load import load, presets
from overheard.adapters.http.model import NEVER_REFUSED, REFUSED
from overheard.adapters.http.template import BUILT_IN

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
FILES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_a_file_of_the_page_is_a_target(write, text):
    target = load(write(text), shown="page.toml")
    assert target.requests(port=1).send.method == "POST"


def test_the_page_names_what_there_is():
    assert len(FILES) > 8
    for name in presets():
        assert f"| `{name}` |" in PAGE
    for name in BUILT_IN:
        assert f"`{{{name}}}`" in PAGE
    assert f"{', '.join(map(str, REFUSED[:-1]))} and {REFUSED[-1]} are refusals" in PAGE
    assert f"{', '.join(map(str, NEVER_REFUSED))} and 5xx never do" in PAGE
