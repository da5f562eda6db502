"""Counterexample programs, run as a user runs them: a new process, a target that leaks or does not."""

import subprocess
import sys

import pytest
from msgspec.structs import replace

from overheard.core.canary import mint_nonce
from overheard.core.schedule import Decision, Happening, Schedule
from overheard.report.program import to_program

TARGETS = """
import asyncio, json, os, urllib.request

class Agent:
    def __init__(self, key):
        self.key, self.threads = key, {}

    async def send(self, message, *, thread=None, resource=None):
        log = self.threads.setdefault(self.key(resource, thread), [])
        log.append({"role": "user", "content": message})
        reply = await asyncio.to_thread(ask, log)
        log.append({"role": "assistant", "content": reply})
        return reply

def ask(log):
    body = json.dumps({"model": "any", "messages": log}).encode()
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]

def leaky():
    return Agent(lambda resource, thread: thread)

def correct():
    return Agent(lambda resource, thread: (resource, thread))

def strict():
    agent = correct()
    async def send(message, *, thread=None, resource=None):
        if not resource:
            raise PermissionError("who are you?")
        return await agent.send(message, thread=thread, resource=resource)
    agent_like = type("Strict", (), {"send": staticmethod(send)})
    return agent_like()

class Race:
    # What was said before is put before the model by way of an attribute, and something is awaited in between.

    def __init__(self):
        self.said, self.notes = {}, []

    async def send(self, message, *, thread=None, resource=None):
        self.notes = self.said.setdefault((resource, thread), [])
        await asyncio.to_thread(ask, [{"role": "user", "content": message}])
        prompt = [*self.notes, {"role": "user", "content": message}]
        reply = await asyncio.to_thread(ask, prompt)
        self.said[resource, thread].append({"role": "user", "content": message})
        return reply

def racing():
    return Race()

class Slot:
    # Answers everybody with what was made for who asked first.

    def __init__(self):
        self.first = None

    async def send(self, message, *, thread=None, resource=None):
        asking = asyncio.create_task(asyncio.to_thread(ask, [{"role": "user", "content": message}]))
        self.first = self.first or asking
        await asking
        return await self.first

def swapping():
    return Slot()

async def amnesic(message):
    return await asyncio.to_thread(ask, [{"role": "user", "content": message}])

async def plain(message, *, thread, resource, told=[]):
    told.append(message)
    return "; ".join(told)

class Keeping(Agent):
    def __init__(self, asks):
        super().__init__(lambda resource, thread: (resource, thread))
        self.asks = asks

    async def read_messages(self, *, thread, resource):
        rows = self.threads.get((resource, thread), [])
        return [{"id": f"{resource}/{number}", **row} for number, row in enumerate(rows)]

    async def delete_message(self, *, message_id, resource):
        owner, _, number = message_id.rpartition("/")
        if self.asks and owner != resource:
            raise PermissionError("not yours")
        for key, rows in self.threads.items():
            if key[0] == owner:
                rows[int(number)]["content"] = "(deleted)"

def unchecked():
    return Keeping(False)

def checked():
    return Keeping(True)

def unbuildable():
    raise RuntimeError("no database\\x1b[2J")
"""


def held(operation, nth=0):
    return Happening(operation, "chat", nth)


def answer(operation, nth, *after):
    return Decision(action="release", operation=operation, shape="chat", nth=nth, after=after)


TOLD = (
    Decision(action="start", operation=0),
    answer(0, 0, held(0)),
    answer(0, 1, held(0, 1)),
)
# The stranger's first call is answered after the owner has put its own notes into the attribute.
RACE = (
    *TOLD,
    Decision(action="start", operation=2, after=(Happening(0),)),
    Decision(action="start", operation=1, after=(held(2),)),
    answer(2, 0, held(1)),
    answer(1, 0, held(2, 1)),
    answer(2, 1, held(1, 1)),
    answer(1, 1, Happening(2)),
)
IN_TURN = Schedule(decisions=(*TOLD, Decision(action="start", operation=1, after=(Happening(0),))))


@pytest.fixture
def run(tmp_path, violated):
    def run(finding, target=None, *more):
        (tmp_path / "targets.py").write_text(TARGETS)
        program = tmp_path / "counterexample-1.py"
        program.write_text(to_program(finding, violated, target="targets.py:leaky"), encoding="utf-8")
        words = [sys.executable, "-W", "error", program.name, *([target] if target else []), *more]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_the_leak_shows_again(run, finding):
    done = run(finding)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "violated: r1 saw what r0 told in step 0 (prompt, reply); step 2 was answered\n"


def test_the_correct_twin_does_not_leak(run, finding):
    done = run(finding, "targets.py:correct")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "did not reproduce: r1 did not see what r0 told in step 0; step 2 was answered\n"


def test_a_target_without_a_model_is_seen_by_its_replies(run, finding):
    assert "(reply)" in run(finding, "targets.py:plain").stdout


def test_what_must_be_remembered(run, finding):
    first, own, _ = finding.minimal.operations
    plan = replace(finding.minimal, operations=(first, own))
    forgot = replace(finding, invariant="recall-within-thread", minimal=plan, minimal_observer=own.number)
    assert run(forgot, "targets.py:amnesic").returncode == 1
    assert run(forgot, "targets.py:correct").returncode == 0


def test_a_race_is_run_under_its_schedule_every_time(run, finding):
    told, asked, seen = finding.minimal.operations
    away = {"resource": "bob-<<ns>>", "thread": "bob-<<ns>>"}
    plan = replace(
        finding.minimal,
        operations=(told, replace(asked, number=1), replace(seen, number=2, caller="r1", **away)),
        schedule=Schedule(choices=(1, 1), decisions=RACE),
    )
    raced = replace(finding, invariant="no-cross-resource-leakage", minimal=plan, minimal_observer=2)
    for _ in range(3):
        done = run(raced, "targets.py:racing")
        assert done.returncode == 1, done
    assert run(raced, "targets.py:correct").returncode == 0
    assert run(replace(raced, minimal=replace(plan, schedule=IN_TURN)), "targets.py:racing").returncode == 0


def test_whose_answer_it_must_be(run, finding):
    asked = [replace(op, round=0, asks=(), text="Hello. <<ref>>") for op in finding.minimal.operations[:2]]
    asked = [replace(op, number=place, caller=f"r{place}") for place, op in enumerate(asked)]
    apart = [replace(op, resource=f"r{place}", thread=f"t{place}") for place, op in enumerate(asked)]
    plan = replace(finding.minimal, operations=tuple(apart), latency=5_000)
    token = mint_nonce(1, 2, 0)
    for first, second in ((0, 1), (1, 0)):
        swapped = replace(
            finding, token=token, minimal=plan, minimal_owner=first, minimal_observer=second,
            invariant="reply-matches-request",
        )  # fmt: skip
        said = run(swapped, "targets.py:correct").stdout
        assert said == (
            f"did not reproduce: r{second}, in step {second}, was not given the answer to step {first} of "
            f"r{first}\n"
        )
    assert run(replace(swapped, minimal_owner=0, minimal_observer=1), "targets.py:swapping").returncode == 1
    assert run(replace(swapped, minimal_owner=1, minimal_observer=0), "targets.py:swapping").returncode == 0
    # In one conversation both stand in one prompt, and the answer to it is to both.
    together = replace(swapped, minimal=replace(plan, operations=tuple(asked)))
    assert run(together, "targets.py:correct").returncode == 0


def test_what_must_be_refused(run, finding):
    nobody = replace(finding.minimal.operations[0], resource="")
    plan = replace(finding.minimal, operations=(nobody,))
    served = replace(finding, token="", minimal=plan, minimal_owner=None, minimal_observer=nobody.number)
    assert run(served, "targets.py:correct").returncode == 1
    refused = run(served, "targets.py:strict")
    assert refused.returncode == 0
    assert refused.stdout.endswith("step 0 was refused\n")


def test_what_somebody_else_deleted_is_missed(run, finding):
    tell, ask, other = finding.minimal.operations
    look = replace(ask, number=1, round=1, surface="read_messages", text="")
    plan = replace(
        finding.minimal,
        mode="sequential",
        operations=(
            tell,
            look,
            replace(other, number=2, round=2, surface="delete_message", text="", asks=(), message=0),
            replace(look, number=3, round=3),
        ),
    )
    lost = replace(
        finding,
        missed=finding.owner,
        surface="delete_message",
        minimal=plan,
        minimal_observer=2,
        minimal_before=1,
        minimal_missed=3,
    )
    done = run(lost, "targets.py:unchecked")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "violated: r0 was shown what r0 told in step 0 before, and not in step 3; step 3 was answered\n"
    )
    kept = run(lost, "targets.py:checked")
    assert (kept.returncode, kept.stderr) == (0, "")
    assert kept.stdout == "did not reproduce: r0 did not lose what r0 told in step 0; step 3 was answered\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["targets.py:nobody"], 2, "has no 'nobody'"),
        (["nowhere.py"], 2, "no file nowhere.py"),
        (["targets.py:leaky", "more"], 2, "unrecognized arguments"),
        (["targets.py:unbuildable"], 4, "no database"),
    ],
)
def test_what_goes_wrong_is_a_sentence(run, finding, words, code, said):
    done = run(finding, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
