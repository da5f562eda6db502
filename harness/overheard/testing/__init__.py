"""Isolation tests inside a test suite of your own: `from overheard.testing import isolation`."""

from overheard.testing.declare import isolation, target

__all__ = ["isolation", "target"]
