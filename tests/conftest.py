"""What tests of several folders take: fresh seeds, and programs that lie beside them."""

import importlib.util
import random

import pytest


@pytest.fixture
def seed(nth):
    """A seed nobody chose; pytest shows it when the test fails. How many there are, `nth`, a folder says."""
    drawn = random.SystemRandom().getrandbits(32)
    print(f"seed {drawn}")
    return drawn


@pytest.fixture(scope="session")
def program():
    """program(path) -> that program as a module, which can import its neighbours as when it is run."""

    def load(path):
        spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(path.parent)
            spec.loader.exec_module(module)
        return module

    return load
