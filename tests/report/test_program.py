import ast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from overheard.core.ids import OMITTED
from overheard.core.operation import Cancel
from overheard.core.schedule import Decision, Happening, Schedule
from overheard.report.program import to_program

NAMES = {
    "Stage",
    "TARGET",
    "Verdict",
    "__name__",
    "_",
    "before",
    "main",
    "play",
    "seen",
    "stage",
    "sys",
    "told",
}


def test_it_reads_as_what_happened(violated, finding):
    assert to_program(finding, violated, target="agent.py:graph") == (
        "'r1 against r0: thread-ownership, thread id is the only key.  "
        "Run: python counterexample-1.py [TARGET]'\n"
        "\n"
        "import sys\n"
        "\n"
        "from overheard.replay import Stage, Verdict, play\n"
        "\n"
        "TARGET = 'agent.py:graph'\n"
        "\n"
        "\n"
        "async def main(stage: Stage) -> Verdict:\n"
        "    # <<...>> is filled in anew in every run, so that nothing of an earlier run can pass for a leak:\n"
        "    # <<fact>> is the secret that is told, <<ref>> names the message, the others make ids unique.\n"
        "    alice = 'user-<<ns>>'  # a resource id\n"
        "    bob = 'user-<<ns>>-b'  # a resource id\n"
        "    thread = 't-<<uuid:a>>'  # a thread id\n"
        "\n"
        "    told = await stage.send(\n"
        "        'My locker code is <<fact>>. (<<ref>>)',\n"
        "        resource=alice, thread=thread, caller='r0',\n"
        "    )\n"
        "    _, seen = await stage.together(\n"
        "        stage.send('What did I say? (<<ref>>)', resource=alice, thread=thread, caller='r0', asks=True),\n"
        "        stage.send(\n"
        "            'What is my locker code? (<<ref>>)',\n"
        "            resource=bob, thread=thread, caller='r1', asks=True,\n"
        "        ),\n"
        "    )\n"
        "\n"
        "    return stage.verdict(told, seen)\n"
        "\n"
        "\n"
        'if __name__ == "__main__":\n'
        "    sys.exit(play(main, sys.argv, target=TARGET, latency=20))\n"
    )


def lost(finding):
    """The finding of something that a stranger deleted, as a plan shows it."""
    tell, ask, other = finding.minimal.operations
    plan = replace(
        finding.minimal,
        mode="sequential",
        operations=(
            tell,
            replace(ask, number=1, round=1, surface="read_messages", text=""),
            replace(other, number=2, round=2, surface="delete_message", text="", asks=(), message=0),
            replace(ask, number=3, round=3),
        ),
    )
    return replace(
        finding,
        diagnosis="ownership unchecked on delete",
        surface="delete_message",
        missed=finding.owner,
        minimal=plan,
        minimal_observer=2,
        minimal_before=1,
        minimal_missed=3,
    )


def test_what_was_lost_is_looked_for_before_and_after(violated, finding):
    source = to_program(lost(finding), violated, target="agent.py")
    assert (
        "before = await stage.send('', resource=alice, thread=thread, caller='r0', surface='read_messages'"
        in (" ".join(source.split()).replace("( '', ", "('', "))
    )
    assert "surface='delete_message', message=0" in source
    assert "seen = await stage.send(\n        'What did I say?" in source
    assert "return stage.verdict(told, seen, before=before, broken_if='lost')" in source


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (Cancel(), "{'calls': 0}"),
        (Cancel(calls=1, steps=3), "{'calls': 1, 'steps': 3}"),
        (Cancel(milliseconds=4), "{'milliseconds': 4}"),
    ],
)
def test_where_a_call_is_cancelled_is_said_and_who_comes_then_is_in_its_round(violated, finding, where, said):
    tell, ask, other = finding.minimal.operations
    plan = replace(finding.minimal, operations=(tell, replace(ask, cancel=where), other))
    source = to_program(replace(finding, minimal=plan), violated, target="agent.py")
    assert f"cancel={said}" in source
    assert source.index("cancel=") > source.index("stage.together(")


def test_missing_ids_stay_missing_in_their_own_way(violated, finding):
    first, second, third = finding.minimal.operations
    plan = replace(
        finding.minimal,
        operations=(
            replace(first, resource=OMITTED, thread=None),
            replace(second, resource="", thread="  "),
            replace(third, same_text_as=2, tenant="acme", surface="stream"),
        ),
    )
    source = to_program(replace(finding, minimal=plan), violated, target="a.py")
    assert "My locker code is <<fact>>. (<<ref>>)', thread=None, caller='r0'" in source.replace(
        ",\n        ", ", "
    )
    assert "alice = ''  # a resource id" in source
    assert "thread_1 = '  '  # a thread id" in source
    # Steps are counted anew: the plan's operation 2 is step 1 of the program.
    assert "tenant='acme', surface='stream', asks=True, same_text_as=1" in source


@pytest.mark.parametrize(
    ("change", "call"),
    [
        ({}, "stage.verdict(told, seen)"),
        ({"invariant": "recall-within-thread"}, "stage.verdict(told, seen, broken_if='missing')"),
        ({"token": ""}, "stage.verdict(told, seen, broken_if='answered')"),
        ({"token": "", "minimal_owner": None}, "stage.verdict(seen, seen, broken_if='answered')"),
    ],
)
def test_the_verdict_asks_what_the_finding_is_about(violated, finding, change, call):
    source = to_program(replace(finding, **change), violated, target="a.py")
    assert f"    return {call}\n" in source


def test_how_long_to_settle_is_part_of_it(violated, finding):
    slow = replace(violated, contract=replace(violated.contract, settle=250))
    assert "target=TARGET, latency=20, settle=250))" in to_program(finding, slow, target="a.py")


def held(operation, nth=0):
    return Happening(operation, "chat", nth)


RACE = (
    Decision(action="start", operation=0),
    Decision(action="release", operation=0, shape="chat", after=(Happening(0, "chat"),)),
    Decision(action="start", operation=2, after=(Happening(0),)),
    Decision(action="start", operation=5, after=(Happening(2, "chat"),)),
    Decision(action="release", operation=2, shape="chat", after=(Happening(5, "chat"),)),
    Decision(action="release", operation=5, shape="chat", after=(Happening(2, "chat", 1),)),
    Decision(action="release", operation=2, shape="chat", nth=1, after=(Happening(5),)),
)


def scheduled(finding, decisions):
    schedule = Schedule(choices=(0, 1), decisions=decisions)
    return replace(finding, minimal=replace(finding.minimal, schedule=schedule))


def test_a_schedule_is_printed_as_what_goes_on_out_of_turn(violated, finding):
    source = to_program(scheduled(finding, RACE), violated, target="a.py")
    assert (
        "    # Out of turn: step 2 starts before the model answers step 1.\n"
        "    _, seen = await stage.together(\n"
    ) in source
    assert "        schedule=(0, 1),\n    )\n" in source
    ast.parse(source)


def test_calls_of_one_step_are_told_apart(violated, finding):
    twice = (*RACE[:5], Decision(action="release", operation=2, shape="chat", nth=1, after=(held(2, 1),)))
    source = to_program(scheduled(finding, twice), violated, target="a.py")
    assert (
        "# Out of turn: the model answers step 1 (call 2 of its kind) before the model answers step 2.\n"
        in source
    )
    assert "        schedule=(0, 1, 0, 1),\n" in source


def test_what_goes_on_in_turn_is_sent_one_after_the_other(violated, finding):
    serial = (*RACE[:3], Decision(action="release", operation=2, shape="chat", after=(Happening(2, "chat"),)))
    serial = (*serial, Decision(action="start", operation=5, after=(Happening(2),)))
    source = to_program(scheduled(finding, serial), violated, target="a.py")
    assert "together" not in source
    assert source.count("await stage.send(") == 3
    assert "Out of turn" not in source


def test_without_a_minimal_plan_there_is_no_program(violated):
    with pytest.raises(ValueError, match="not reduced"):
        to_program(violated.findings[1], violated, target="a.py")


@settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_hostile_values_stay_values(violated, finding, plans, hostile_text, data):
    plan = data.draw(plans)
    numbers = st.sampled_from([None, *(operation.number for operation in plan.operations)])
    odd = replace(
        finding,
        minimal=plan,
        minimal_owner=data.draw(numbers),
        minimal_observer=data.draw(numbers),
        minimal_before=data.draw(numbers),
        minimal_missed=data.draw(numbers),
        missed=data.draw(st.sampled_from([None, finding.owner])),
        diagnosis=data.draw(hostile_text),
        invariant=data.draw(hostile_text),
    )
    target = data.draw(hostile_text)
    source = to_program(odd, violated, target=target)
    source.encode("utf-8")
    compile(source, "counterexample-1.py", "exec", dont_inherit=True)
    tree = ast.parse(source)
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert calls.count("stage.send") == len(plan.operations)
    assert set(calls) <= {"stage.send", "stage.together", "stage.verdict", "sys.exit", "play"}
    imports = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert imports == ["import sys", "from overheard.replay import Stage, Verdict, play"]
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    ids = {one for op in plan.operations for one in (op.resource, op.thread, op.new_resource, op.new_thread)}
    assert len(names - NAMES) <= 2 * len(ids)
    texts = [
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "stage.send"
    ]
    assert sorted(texts) == sorted(operation.text for operation in plan.operations)
