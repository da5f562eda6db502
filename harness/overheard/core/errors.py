"""Errors that teach: what was wrong, where, and what to do.

A door (command line or pytest plugin) turns each class into one exit code and prints `str(error)`;
nothing else of ours may reach a user as a traceback.
"""

from __future__ import annotations


class OverheardError(Exception):
    """Base of every error that is meant to be read by a user."""


class UsageError(OverheardError):
    """What the user asked for cannot be done as written: unknown target, option or scenario (exit 2)."""


class ScenarioError(UsageError):
    """A scenario file is wrong. The message names file, key, and what is allowed there (exit 2)."""


class HistoryError(UsageError):
    """A history cannot be read: not a history, of a newer format, or with nothing whole in it (exit 2)."""


class TargetBuildError(OverheardError):
    """The target cannot be imported, built or launched (exit 4)."""


class PluginError(OverheardError):
    """A plugin cannot be loaded, or what it brings is none or fails (exit 4)."""


class InternalError(OverheardError):
    """The failure is ours, or the machine's: a full disk, an unwritable folder while recording (exit 4)."""
