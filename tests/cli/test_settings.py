"""Flag over environment over file, and mistakes that are named where they were made."""

from pathlib import Path

import pytest

from overheard.core.errors import UsageError
from overheard.settings import Request, resolve

PROFILES = ("smoke", "standard", "thorough")


def settings(cwd: Path, environ=None, **flags):
    flags = {"target": "agent:make", **flags}
    return resolve(Request(**flags), cwd=cwd, environ=environ or {}, profiles=PROFILES, fresh=lambda: 424242)


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_need_no_file(tmp_path):
    got = settings(tmp_path)
    assert (got.profile, got.seed, got.timeout, got.scenarios) == ("standard", 424242, 30.0, ())
    assert got.output == tmp_path / "reports" / "overheard"
    assert got.base == tmp_path
    assert got.layers == ()


def test_a_seed_of_zero_is_a_seed(tmp_path):
    write(tmp_path, "overheard.toml", "seed = 7\n")
    assert settings(tmp_path).seed == 7
    assert settings(tmp_path, seed=0).seed == 0


def test_nearest_file_upward_wins_and_paths_are_meant_from_it(tmp_path):
    write(tmp_path, "overheard.toml", 'target = "far:away"\n')
    near = tmp_path / "project"
    write(
        near,
        "pyproject.toml",
        '[tool.overheard]\ntarget = "near.py"\noutput = "out"\nprofile = "smoke"\nscenarios = ["a", "b"]\n'
        "timeout = 2\n",
    )
    deep = near / "src" / "deep"
    deep.mkdir(parents=True)
    got = settings(deep, target=None)
    assert (got.target, got.base, got.output) == ("near.py", near, near / "out")
    assert (got.profile, got.scenarios, got.timeout) == ("smoke", ("a", "b"), 2.0)
    assert got.home == near


def test_a_pyproject_without_our_table_is_no_configuration(tmp_path):
    write(tmp_path, "overheard.toml", "seed = 9\n")
    inner = tmp_path / "inner"
    write(inner, "pyproject.toml", '[project]\nname = "x"\n')
    assert settings(inner).seed == 9


def test_both_at_one_level_overheard_toml_wins_and_says_so(tmp_path):
    write(tmp_path, "overheard.toml", "seed = 1\n")
    write(tmp_path, "pyproject.toml", "[tool.overheard]\nseed = 2\n")
    got = settings(tmp_path)
    assert got.seed == 1
    (note,) = got.notes
    assert "overheard.toml is used" in note
    assert "pyproject.toml" in note


def test_flags_win_over_the_file_and_mean_the_current_folder(tmp_path):
    write(tmp_path, "overheard.toml", 'target = "file:x"\nseed = 1\nprofile = "smoke"\noutput = "there"\n')
    inner = tmp_path / "inner"
    inner.mkdir()
    got = settings(inner, seed=5, profile="thorough", output=Path("here"), scenarios=("s",), timeout=1.5)
    assert (got.target, got.base, got.seed, got.profile) == ("agent:make", inner, 5, "thorough")
    assert (got.output, got.scenarios, got.timeout) == (inner / "here", ("s",), 1.5)


def test_contract_layers_keep_their_origin_weakest_first(tmp_path):
    write(
        tmp_path,
        "overheard.toml",
        '[contract]\nscope = "resource"\nrecall = 4\nmissing_ids.blank = "refuse"\n"scope.search" = "tenant"\n',
    )
    got = settings(
        tmp_path,
        environ={"OVERHEARD_CONTRACT": "scope=thread, thread_ids=bearer"},
        contract=("scope=tenant",),
    )
    assert [origin for origin, _ in got.layers] == ["file", "environment", "flag"]
    in_file, in_environment, in_flag = (dict(layer) for _, layer in got.layers)
    assert in_file == {
        "scope": "resource",
        "recall": 4,
        "missing_ids.blank": "refuse",
        "scope.search": "tenant",
    }
    assert in_environment == {"scope": "thread", "thread_ids": "bearer"}
    assert in_flag == {"scope": "tenant"}


def test_the_command_repeats_the_run(tmp_path):
    got = settings(
        tmp_path,
        environ={"OVERHEARD_CONTRACT": "scope=thread,recall=2"},
        contract=("scope=resource",),
        scenarios=("a b",),
        timeout=3.0,
        prove=True,
    )
    assert got.command == (
        "overheard run agent:make --seed 424242 --profile standard --scenario 'a b' "
        "--contract scope=resource --contract recall=2 --timeout 3 --prove"
    )


def test_manners_come_from_the_command_line_or_the_file(tmp_path):
    got = settings(tmp_path)
    assert (got.allow_destructive, got.rate) == (False, None)
    write(tmp_path, "overheard.toml", "allow_destructive = true\nrate = 5\n")
    got = settings(tmp_path)
    assert (got.allow_destructive, got.rate) == (True, 5)
    assert settings(tmp_path, rate=0.5).rate == 0.5
    assert got.command.endswith("--allow-destructive --rate 5")
    assert settings(tmp_path, allow_destructive=True, rate=2.5).command.endswith(
        "--allow-destructive --rate 2.5"
    )


@pytest.mark.parametrize("value", ["0", "-1", "true", "inf", '"fast"'])
def test_a_rate_that_is_none(tmp_path, value):
    write(tmp_path, "overheard.toml", f"rate = {value}\n")
    with pytest.raises(UsageError, match=r"rate is .*; it takes calls a second, more than 0"):
        settings(tmp_path)


def test_a_named_file_is_read_wherever_it_is(tmp_path):
    named = write(tmp_path / "etc", "any.toml", "seed = 3\n")
    write(tmp_path, "overheard.toml", "seed = 1\n")
    assert settings(tmp_path, config=named).seed == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('profil = "smoke"', ["profil", "did you mean profile?", "target", "contract"]),
        ('profile = "smok"', ["'smok'", "did you mean smoke?", "standard", "thorough"]),
        ("target = 3", ["target is 3", "text"]),
        ('scenarios = "one"', ["scenarios is 'one'", "list"]),
        ("seed = -1", ["seed is -1", "whole number"]),
        ("seed = true", ["seed is True"]),
        ("timeout = 0", ["timeout is 0", "seconds"]),
        ("timeout = nan", ["timeout is nan"]),
        ("contract = 1", ["contract is 1", "[contract]"]),
        ('[contract]\nthread_id = "bearer"', ["'thread_id'", "did you mean thread_ids?", "recall"]),
        ('[contract]\nmissing_ids.blanc = "refuse"', ["'missing_ids.blanc'", "missing_ids.blank"]),
        ('[contract]\nthread_ids = "shared"', ["thread_ids", "'shared'", "owned, bearer"]),
        ('[contract]\nscope = ["thread"]', ["scope is ['thread']"]),
        ("[contract]\nrecall = -2", ["recall", "-2"]),
        ("seed = ", ["is not TOML"]),
    ],
)
def test_a_wrong_file_is_named_with_key_and_what_is_allowed(tmp_path, text, words):
    path = write(tmp_path, "overheard.toml", text + "\n")
    with pytest.raises(UsageError) as caught:
        settings(tmp_path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for word in words:
        assert word in message


def test_our_table_must_be_a_table(tmp_path):
    write(tmp_path, "pyproject.toml", "[tool]\noverheard = 1\n")
    with pytest.raises(UsageError, match="must be a table"):
        settings(tmp_path)


def test_a_named_file_without_our_table_or_that_is_missing_is_an_error(tmp_path):
    bare = write(tmp_path, "pyproject.toml", "[project]\n")
    with pytest.raises(UsageError, match=r"no table \[tool\.overheard\]"):
        settings(tmp_path, config=bare)
    with pytest.raises(UsageError, match="cannot be read"):
        settings(tmp_path, config=tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("environ", "flags", "words"),
    [
        ({"OVERHEARD_CONTRACT": "thread_ids"}, {}, ["thread_ids", "KEY=VALUE"]),
        ({"OVERHEARD_CONTRACT": "scop=thread"}, {}, ["OVERHEARD_CONTRACT", "did you mean scope?"]),
        ({}, {"contract": ("thread_ids=mine",)}, ["--contract", "owned, bearer"]),
        ({}, {"contract": ("missing_id=refuse",)}, ["--contract", "did you mean missing_ids?"]),
        ({}, {"target": None}, ["no target", "module:attribute", "overheard.toml"]),
        ({}, {"profile": "thoroug"}, ["did you mean thorough?"]),
    ],
)
def test_wrong_words_are_named_where_they_stand(tmp_path, environ, flags, words):
    with pytest.raises(UsageError) as caught:
        settings(tmp_path, environ, **flags)
    for word in words:
        assert word in str(caught.value)
