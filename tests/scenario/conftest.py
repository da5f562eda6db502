"""What the tests of scenarios share: a folder of a user's own, and what is said when it is wrong."""

import pytest

from overheard.core.errors import ScenarioError
from overheard.scenario.load import load

WHOLE = """
title = "Mine"
shows = "Something of mine."
invariants = ["recall-within-thread"]

[weights]
recall = 1
"""


class Folder:
    """Scenario files beside a configuration."""

    def __init__(self, home):
        self.home = home
        self.scenarios = home / "scenarios"
        self.scenarios.mkdir()

    def write(self, name, text, *, whole=True):
        """A file of that name: `text`, after everything that a scenario must have."""
        content = (text + WHOLE if not text.startswith("[") else WHOLE + text) if whole else text
        data = content if isinstance(content, bytes) else content.encode()
        (self.scenarios / f"{name}.toml").write_bytes(data)
        return self

    def load(self):
        return load(self.home)

    def complaint(self):
        with pytest.raises(ScenarioError) as error:
            self.load()
        assert str(self.scenarios) in str(error.value), "the file is named"
        return str(error.value).replace(f"{self.scenarios}/", "")


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)
