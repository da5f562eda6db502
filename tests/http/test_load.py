import json
from pathlib import Path
from typing import get_args

import pytest

from overheard.adapters.http.load import load, merged, preset_text, presets
from overheard.adapters.http.model import BeyondName
from overheard.adapters.http.schema import schema_text
from overheard.core.errors import UsageError
from overheard.core.operation import BEYOND

MINIMAL = """
url = "http://127.0.0.1:1"
[send]
path = "/chat"
"""


@pytest.fixture
def refused(write):
    """What is said of a file that is wrong."""

    def refused(text):
        with pytest.raises(UsageError) as caught:
            load(write(text), shown="my.toml")
        said = str(caught.value)
        assert all(line.startswith("my.toml: ") for line in said.splitlines()), said
        return said

    return refused


def test_little_is_enough(write):
    target = load(write(MINIMAL), shown="my.toml")
    assert target.file.send.method == "POST"
    assert target.overheard_contract == {"refusals": ()}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("sned.path = '/x'", ["there is no key 'sned'", "did you mean 'send'?"]),
        ("send.jsn = {}", ["send: there is no key 'jsn'", "did you mean 'json'?", "headers"]),
        ("send.method = 'FETCH'", ["send.method: 'FETCH' is not known", "DELETE, GET, PATCH, POST, PUT"]),
        ("send.path = 'chat'", ["send.path: is 'chat'", "slash"]),
        ("send.path = '/chat?a=1'", ["send.path", "[send.query]"]),
        ("send.answer = 'a..b'", ["send.answer: 'a..b' is no path", "choices.0.message.content"]),
        ("send.ids.thread = '.'", ["send.ids.thread: '.' is no path"]),
        ("send.events.when.'a..b' = 1", ["send.events.when: 'a..b' is no path"]),
        (
            "send.events.when.type = 1.5",
            ["send.events.when.type: is 1.5", "a text, a whole number, true or false"],
        ),
        ("send.json = {}\nsend.text = ''", ["send: json and text are each a whole body"]),
        ("send.headers.'X Y' = 'a'", ["send.headers: 'X Y' is no name"]),
        ("headers.'X:' = 'a'", ["headers: 'X:' is no name"]),
        ("send.json.a.b = ['{thred}']", ["send.json.a.b[0]: there is no {thred}", "'thread'", "[variables]"]),
        ("send.query.q = 'a}'", ["send.query.q", "written twice"]),
        ("headers.X = '{minted.thread}'", ["headers.X: there is no {minted.thread}"]),
        ("credentials = '{message}'", ["credentials: there is no {message}", "caller"]),
        (
            "send.text = '{env:OVERHEARD_NOT_THERE}'",
            ["send.text: the environment has no variable OVERHEARD_NOT_THERE"],
        ),
        ("refused.status = [403, 429]", ["refused.status: 429 says `not now`"]),
        ("refused.status = [500]", ["refused.status[0]: is 500; the most is 499"]),
        ("refused.when = [{}]", ["refused.when[0]: is empty"]),
        ("contract.thread_ids = 'mine'", ["thread_ids", "owned, bearer"]),
        ("contract.scop = 'thread'", ["'scop'"]),
        ("observe.body = 'yes'", ["observe.body: is 'yes'; it takes true or false"]),
        ("serve.seconds = 0", ["serve.seconds: is 0; it has to be more than 0"]),
        ("serve.ready = 'healthz'", ["serve.ready: is 'healthz'"]),
        ("mint.path = '/t'", ["mint: without ids"]),
        ("login.path = '/t'", ["login: without credentials"]),
        ("login = {path = '/t', credentials = 'a'}\ncredentials = 'x'", ["two ways to the same thing"]),
        ("stream.path = '/s'", ["stream: without events"]),
        ("delete_message.path = '/d'", ["delete_message: without {message_id}"]),
        ("surfaces = ['search']", ["surfaces: names search, and there is no table [search]"]),
        ("surfaces = ['serch']", ["surfaces[0]: 'serch' is not known", "did you mean 'search'?"]),
        (
            "search.path = '/s/{message_id}'",
            ["search.path: there is no {message_id}", "allowed: thread, resource"],
        ),
        (
            "create_thread.path = '/c'\nmint = {path = '/m', ids.thread = 'id'}",
            ["create_thread and [mint] are two ways to the same thing"],
        ),
        ("preset = 'mastre'", ["preset: there is no 'mastre'", "'mastra'"]),
        ("certificates = ''", ["certificates: is empty"]),
    ],
)
def test_what_is_wrong_is_said_with_file_key_and_what_is_allowed(refused, change, says):
    said = refused(change + "\n" + MINIMAL if "send" not in change else _inside(change))
    for words in says:
        assert words in said


def _inside(change):
    """The minimal file with `change` in it, where both speak of the table `send`."""
    lines = [
        'url = "http://127.0.0.1:1"',
        *([] if "send.path" in change else ["send.path = '/chat'"]),
        change,
    ]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://127.0.0.1:1", "127.0.0.1:8000", "http://", "http://u:p@127.0.0.1:1", "http://127.0.0.1:1/?a=1",
     "http://127.0.0.1:1/#a", "http://[::1", "http://127.0.0.1:99999"],
)  # fmt: skip
def test_what_is_no_address(refused, url):
    assert "url: " in refused(MINIMAL.replace("http://127.0.0.1:1", url))


def test_all_problems_are_named_at_once(refused):
    said = refused("[send]\npth = '/x'\nanswr = 'x'\n[serve]\nseconds = 'soon'\n")
    assert len(said.splitlines()) == 3


def test_what_is_lacking_is_named(refused):
    said = refused("variables.a = 'b'")
    assert "without url" in said
    assert "mastra" in said
    assert "send: without path" in refused("url = 'http://127.0.0.1:1'\nsend.json.a = 'b'")


def test_files_that_are_none(refused, write, tmp_path):
    assert "this is not TOML" in refused("[send")
    path = write("")
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(UsageError, match="not UTF-8 text"):
        load(path, shown="my.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / "nowhere.toml", shown="my.toml")


def test_a_file_stands_over_its_preset_key_by_key(write):
    text = """
    preset = "openai-chat"
    url = "http://127.0.0.1:1/v1"
    variables.model = "mine"
    send.headers.X-Thread-Id = "s-{thread}"
    send.json.temperature = 0
    """
    send = load(write(text), shown="my.toml").file.send
    assert send.headers == {"X-Thread-Id": "s-{thread}", "X-Resource-Id": "{resource}"}
    assert send.json["temperature"] == 0
    assert send.json["messages"] == [{"role": "user", "content": "{message}"}]


def test_the_conditions_of_events_are_replaced_and_not_added_to():
    base = {"stream": {"events": {"when": {"type": "a"}, "done": "[DONE]"}, "json": {"a": {"b": 1}}}}
    changes = {"stream": {"events": {"when": {"kind": "b"}}, "json": {"a": {"c": 2}}}}
    assert merged(base, changes) == {
        "stream": {"events": {"when": {"kind": "b"}, "done": "[DONE]"}, "json": {"a": {"b": 1, "c": 2}}}
    }


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_a_target_once_it_has_an_address(name, write):
    assert preset_text(name).startswith("# ")
    text = f'preset = "{name}"\nurl = "http://127.0.0.1:1"\nvariables.agent = "support"\n'
    assert load(write(text), shown="my.toml").requests(port=None).send.names >= {"message"}


def test_a_preset_says_which_variable_it_needs(refused):
    said = refused("preset = 'mastra'\nurl = 'http://127.0.0.1:1'")
    assert "there is no {agent}" in said
    assert "[variables]" in said


def test_words_from_the_environment_are_filled_in(write, monkeypatch):
    monkeypatch.setenv("MY_HOST", "127.0.0.1")
    monkeypatch.setenv("MY_KEY", "se{cr}et")
    target = load(
        write('url = "http://{env:MY_HOST}:1"\nsend = {path = "/x", headers = {K = "a {env:MY_KEY}"}}'),
        shown="my.toml",
    )
    requests = target.requests(port=None)
    assert str(requests.url) == "http://127.0.0.1:1"
    assert requests.send.fill({}).headers == {"K": "a se{cr}et"}


def test_nested_contract_tables_are_understood(write):
    target = load(write(MINIMAL + "[contract]\nscope = 'resource'\nmissing_ids.blank = 'refuse'"), shown="m")
    assert target.overheard_contract == {"scope": "resource", "missing_ids.blank": "refuse", "refusals": ()}


@pytest.mark.parametrize(
    ("url", "outside"),
    [
        ("http://127.0.0.1:1", None),
        ("http://127.8.9.1:1", None),
        ("http://localhost:1", None),
        ("http://a.localhost:1", None),
        ("http://[::1]:1", None),
        ("http://127.0.0.1.example.com:1", "127.0.0.1.example.com"),
        ("http://localhost.example.com:1", "localhost.example.com"),
        ("https://example.com", "example.com"),
        ("http://10.0.0.1:1", "10.0.0.1"),
        ("http://0.0.0.0:1", "0.0.0.0"),
    ],
)
def test_what_is_on_this_machine_for_certain(write, url, outside):
    assert load(write(MINIMAL.replace("http://127.0.0.1:1", url)), shown="m").outside() == outside


def test_a_file_can_name_every_surface_that_there_is():
    assert get_args(BeyondName) == BEYOND


def test_the_published_schema_is_what_the_code_generates():
    published = Path(__file__).parents[2] / "docs" / "schema" / "target.schema.json"
    assert published.read_text(encoding="utf-8") == schema_text()
    assert json.loads(schema_text())["$defs"]["Surface"]["properties"]["answer"]["description"]


def test_who_says_how_callers_prove_themselves_promises_that_it_is_looked_at(write):
    def settings(text):
        return load(write(text + "\n" + MINIMAL), shown="m").overheard_contract

    assert settings("credentials = 'token-{caller}'") == {"authentication": "caller", "refusals": ()}
    assert settings("login = {path = '/l', credentials = 'token'}")["authentication"] == "caller"
    assert settings("credentials = '{caller}'\ncontract.authentication = 'none'")["authentication"] == "none"
