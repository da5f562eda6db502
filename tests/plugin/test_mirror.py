"""The fixture `overheard_mirror`."""

import os


def test_a_test_of_ones_own_gets_the_model_server_and_its_variables_for_itself(project, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://mine.invalid/v1")
    project.makepyfile(
        """
        import json, os, urllib.request

        def test_served(overheard_mirror):
            assert overheard_mirror.url == os.environ["OPENAI_BASE_URL"]
            body = {"model": "m", "messages": [{"role": "user", "content": "hello there"}]}
            request = urllib.request.Request(
                os.environ["OPENAI_BASE_URL"] + "/chat/completions",
                json.dumps(body).encode(),
                {"Content-Type": "application/json", "x-thread-id": "t1"},
            )
            with urllib.request.urlopen(request) as answer:
                assert json.load(answer)["choices"][0]["message"]["content"]
            (call,) = overheard_mirror.calls
            assert (call.kind, call.texts[0], call.thread) == ("chat", "hello there", "t1")

        def test_other():
            assert os.environ["OPENAI_BASE_URL"] == "http://mine.invalid/v1"
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)
    assert os.environ["OPENAI_BASE_URL"] == "http://mine.invalid/v1"
