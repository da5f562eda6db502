"""Test set-up shared by every folder of tests."""

pytest_plugins = ["pytester"]
