"""The contract that is proposed is the one the target keeps, and never one that permits a leak."""

import pytest


@pytest.mark.parametrize(
    ("key", "proposed"),
    [
        ("(resource, thread)", {"missing_ids": "refuse"}),
        ("resource", {"scope": "resource", "missing_ids": "refuse"}),
        ("thread", {"thread_ids": "bearer", "missing_ids": "refuse"}),
    ],
)
def test_what_a_correct_target_keeps_is_proposed_and_held(doctor, run, keyed, key, proposed):
    target = keyed(key)
    seen = doctor(target)
    assert seen["contract"] == proposed
    assert not [line for line in seen["warnings"] if "LEAK" in line]
    code, report = run(target, seen["contract"])
    assert (code, report["verdict"]) == (0, "held"), report["reasons"]


def test_without_the_proposed_contract_the_run_would_have_contradicted(run, keyed):
    """The tests above can fail: the default contract is not what these targets keep."""
    for key in ("resource", "thread"):
        assert run(keyed(key), {})[0] == 1


@pytest.mark.parametrize(
    ("name", "declared"),
    [("correct-thread", "thread"), ("correct-resource", "resource"), ("correct-tenant", "tenant")],
)
def test_what_the_zoo_declares_is_what_is_measured(doctor, zoo, name, declared):
    seen = doctor(zoo(name))
    assert seen["reach"] == declared == seen["declared"]["scope"]
    assert "scope" not in seen["contract"]  # it is declared already
    assert seen["stranger"] == "refused" or declared != "thread"
    assert seen["model_calls"] > 0
    assert seen["warnings"] == []


def test_a_tenants_memory_is_proposed_as_such_and_held(doctor, run, write):
    target = write(
        "memory = {}\n"
        "def agent(message, *, thread=None, resource=None, tenant=None):\n"
        "    if not thread or not resource or not tenant: raise PermissionError('ids, please')\n"
        "    said = memory.setdefault(tenant, [])\n"
        "    answer = ' / '.join(said) or 'nothing'\n"
        "    said.append(message)\n"
        "    return answer\n"
    )
    seen = doctor(target)
    assert seen["contract"]["scope"] == "tenant"
    code, report = run(target, seen["contract"])
    assert code in (0, 3), report["findings"]
    assert report["findings"] == []


def test_a_target_that_takes_no_resource_is_a_bearer(doctor, write):
    seen = doctor(
        write("memory = {}\ndef agent(message, *, thread):\n"
              "    said = memory.setdefault(thread, [])\n    said.append(message)\n    return ' / '.join(said)\n")
    )  # fmt: skip
    assert seen["contract"]["thread_ids"] == "bearer"
    assert [one["found"] for one in seen["missing"] if one["kind"] == "omitted"] == ["not offered"]


def test_a_memory_that_takes_its_time_is_given_it(doctor, write):
    seen = doctor(
        write(
            "import time\nmemory = {}\n"
            "def agent(message, *, thread=None, resource=None):\n"
            "    if not thread or not resource: raise PermissionError\n"
            "    said, now = memory.setdefault((resource, thread), []), time.monotonic()\n"
            "    answer = ' / '.join(text for text, when in said if now - when > 1)\n"
            "    said.append((message, now))\n"
            "    return answer or 'nothing'\n"
        )
    )
    assert seen["recall"] == "after a while"
    assert seen["contract"]["settle"] == 2_000


def test_a_window_is_measured(doctor, write):
    seen = doctor(
        write(
            "memory = {}\n"
            "def agent(message, *, thread=None, resource=None):\n"
            "    said = memory.setdefault((resource, thread), [])\n"
            "    answer = ' / '.join(said[-4:]) or 'nothing'\n"
            "    said += [message, 'answered']\n"
            "    return answer\n"
        )
    )
    assert (seen["window"], seen["window_ends"]) == (3, True)


@pytest.mark.parametrize(
    ("key", "check", "leak"),
    [
        ("0", None, "all share one history"),
        ("(resource or 'all', thread or 'all')", None, "all who call that way share one memory"),
    ],
)
def test_a_leak_is_said_and_no_contract_permits_it(doctor, run, keyed, key, check, leak):
    target = keyed(key, check)
    seen = doctor(target)
    assert leak in " ".join(seen["warnings"])
    assert not {"scope", "thread_ids"} & set(seen["contract"])
    assert "ordinary" not in seen["contract"].values()
    code, report = run(target, seen["contract"])
    assert (code, report["verdict"]) == (1, "violated")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("thread-only-key-memory", "declares thread_ids=owned"),
        ("thread-ignored-memory", "declares scope=thread"),
    ],
)
def test_a_declaration_that_is_not_true_is_called_a_leak(doctor, write, name, said):
    seen = doctor(
        write(
            "import contextlib\nimport overheard\nfrom overheard.zoo.catalogue import CATALOGUE\n"
            "@overheard.contract(scope='thread', thread_ids='owned')\n"
            "@contextlib.asynccontextmanager\nasync def agent():\n"
            f"    async with CATALOGUE[{name!r}].build() as it: yield it\n"
        )
    )
    assert any(said in line and "LEAK" in line for line in seen["warnings"]), seen["warnings"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("amnesic", "remembers nothing"), ("constant-reply", "remembers nothing")],
)
def test_what_remembers_nothing_is_measured_as_that(call, zoo, name, said):
    done = call("doctor", zoo(name))
    assert done.returncode == 0
    assert said in done.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("always-error", "every call broke"),
        ("empty-answer", "every answer was empty"),
        ("refuses-everything", "it refuses everything"),
    ],
)
def test_what_answers_nothing_is_3(call, zoo, name, said):
    done = call("doctor", zoo(name))
    assert done.returncode == 3
    assert said in " ".join(done.stdout.split())
    assert "Contract" not in done.stdout


def test_a_pasted_contract_is_a_contract(call, doctor, run, keyed, tmp_path):
    target = keyed("resource")
    shown = call("doctor", target).stdout
    assert max(map(len, shown.splitlines())) <= 100
    table = shown[shown.index("[tool.overheard.contract]") :]
    (tmp_path / "pyproject.toml").write_text(
        "\n".join(line.strip() for line in table.splitlines()), encoding="utf-8"
    )
    assert doctor(target)["contract"] == {}
    assert run(target, {})[0] == 0
    (tmp_path / "pyproject.toml").unlink()
    (decorator,) = [line.strip() for line in shown.splitlines() if line.strip().startswith("@")]
    path = tmp_path / "agent.py"
    text = path.read_text(encoding="utf-8").replace("def agent", f"{decorator}\ndef agent")
    path.write_text(f"import overheard\n{text}", encoding="utf-8")
    assert doctor(target)["contract"] == {}
    assert run(target, {})[0] == 0
