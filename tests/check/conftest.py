"""The small notation in which histories are written by hand.

One line is one operation; indented lines overlap the line above them (same round, all in flight together):

    r0 a !x          r0, in its thread a, tells fact x
    r0 a ?x =x       r0 asks for x in a and sees it: in the prompt, and recited in the reply
    r1 b ?x          r1 asks for x in its thread b and sees nothing (a prompt without it)
    r1 b ?x ~x       ... and sees it in the prompt only
    r1 b ?x "x       ... and sees it in the reply only, as the canary itself
    r1 b ?x `x@3     ... and sees it in the reply only, as an echo minted for operation 3
    r1 a ?x no       refused            r1 a ?x no:x   refused, with x in the refusal's text
    r1 a ?x err      an error           r1 a ?x void   an empty answer without a model call
    r1 a ?x mute     an answer without a model call
    r1@r0 a ?x       r1 names r0's resource
    r1@r0 a ?x proof:none     ... without credentials; proof:invalid likewise
    r0 A ?x          thread `A` collides with thread `a`, and so do the resources of `R0` and `r0`
    r0 =default ?x   an id that is the same in every example: `default` itself; `r0@=default` for the resource
    r0 - !x          thread omitted; `null`, `empty`, `blank` likewise; `r0:null a` for the resource
    r0 a ?x re       the answer repeats the nonce of its message;  re:3  that of operation 3;  re re:3  both
    r0 a ?x beside:3 the prompt also holds the message of operation 3
    r0 a ?x late:xy  a model call that comes after the reply and shows x and y
    r0 a ?x lost:xy  a model call that nobody can be named for, showing x and y
    r1 b ?x via:search        looks for x by a surface that makes no model call; =x, `x@3, no:x as above
    r1 b ?x @a                ... is shown the id of thread a, however it looked
    r1 b ?x filter:thread=a   ... and names thread a (or a resource) in a filter
    r1 a via:delete_thread    deletes thread a by a surface beyond sending; `no` as above
    r1 a via:delete_message of:x    ... the message that told x, in whichever thread
    r1 a via:clone_thread to:n      ... makes thread n a copy of thread a
    r1 a via:transfer_thread gives:r1   ... gives thread a to r1
    r1 a via:update_thread !w       ... puts a title on it that tells w
    r1 a ?x never             was planned and not even begun
    r0 a ?x gone              is cancelled, as planned, before any other of its round begins

Examples are separated by a line `--`, which may carry `sequential`, `interleaved` or `concurrent`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from overheard.check.judge import judge
from overheard.check.result import Judgement
from overheard.core.canary import FactKey, mint_echo, mint_fact
from overheard.core.contract import declare
from overheard.core.ids import bind_id
from overheard.core.offers import Offers
from overheard.core.operation import Cancel, Operation, Plan
from overheard.history.events import (
    CampaignEnded,
    Completed,
    ExampleEnded,
    ExampleStarted,
    Failed,
    Header,
    Injection,
    Invoked,
    ModelAnswered,
    ModelCalled,
    Sight,
    Unknown,
)
from overheard.history.reader import History

CAMPAIGN = 4711
MISSING = {"-": msgspec.UNSET, "null": None, "empty": "", "blank": "  "}
ALL = (
    "recall-within-thread",
    "no-cross-thread-recall",
    "no-cross-resource-leakage",
    "thread-ownership",
    "distinct-ids-stay-distinct",
    "ids-required",
)


def template(name: str) -> str:
    return name[1:] if name.startswith("=") else f"{name}-<<ns>>"


class Line:
    def __init__(self, text: str, number: int, round_: int) -> None:
        who, thread, *words = text.split()
        self.caller, _, odd = who.partition(":")
        self.caller, _, named = self.caller.partition("@")
        self.resource = MISSING[odd] if odd else template(named or self.caller)
        self.thread = MISSING.get(thread, template(thread))
        self.number, self.round, self.words = number, round_, words
        self.tells = next((word[1:] for word in words if word.startswith("!")), None)
        self.asks = next((word[1:] for word in words if word.startswith("?")), "")
        self.surface = next((word[4:] for word in words if word.startswith("via:")), "send")
        self.of = next((word[3:] for word in words if word.startswith("of:")), "")
        ids = {"to": "new_thread", "gives": "new_resource"}
        said = (word.partition(":") for word in words)
        self.new = {ids[name]: f"{value}-<<ns>>" for name, _, value in said if name in ids}
        filters = (word[7:].partition("=") for word in words if word.startswith("filter:"))
        self.filters = {name: f"{value}-<<ns>>" for name, _, value in filters}
        self.repeats = [word for word in words if word == "re" or word.startswith("re:")]
        self.beside = [int(word[7:]) for word in words if word.startswith("beside:")]
        self.proof = next((word[6:] for word in words if word.startswith("proof:")), "own")
        self.same = next((int(word[5:]) for word in words if word.startswith("same:")), None)


def parse(text: str) -> list[tuple[str, list[Line]]]:
    examples: list[tuple[str, list[Line]]] = [("interleaved", [])]
    for raw in text.strip("\n").splitlines():
        if not raw.strip():
            continue
        if raw.strip().startswith("--"):
            mode = raw.strip(" -") or "interleaved"
            if examples[-1][1]:
                examples.append((mode, []))
            else:
                examples[-1] = (mode, [])
            continue
        lines = examples[-1][1]
        beside = raw.startswith("  ") and bool(lines)
        round_ = lines[-1].round if beside else (lines[-1].round + 1 if lines else 0)
        lines.append(Line(raw, len(lines), round_))
    return examples


def events_of(examples: list[tuple[str, list[Line]]], **options: Any) -> list[Any]:
    clock = iter(range(1, 1 << 40))
    calls = iter(range(1, 1 << 30))
    events: list[Any] = []
    injections = options.get("injections", {})
    for example, (mode, lines) in enumerate(examples):
        told = {line.tells: line.number for line in lines if line.tells}

        def by_letter(letters, at=example, known=told):
            return [
                FactKey(CAMPAIGN, int(letter[1]) if letter[1:] else at, known.get(letter[0], 0), 0)
                for letter in letters
            ]

        operations = tuple(
            Operation(
                number=line.number,
                round=line.round,
                caller=line.caller,
                tenant=options.get("tenants", {}).get(line.caller),
                resource=line.resource,
                thread=line.thread,
                surface=line.surface,
                filters=line.filters,
                text="<<fact>> <<ref>>" if line.tells else "<<ref>>",
                tells=f"attribute {line.tells}" if line.tells else None,
                message=told[line.of] if line.of else None,
                **line.new,
                asks=tuple(told[letter] for letter in line.asks if letter in told),
                same_text_as=line.same,
                credentials=line.proof,
                cancel=Cancel() if "gone" in line.words else None,
            )
            for line in lines
        )
        events.append(
            ExampleStarted(
                example=example,
                phase="prove"
                if example in injections
                else "regression"
                if example in options.get("again", {})
                else options.get("phase", "explore"),
                regression=options.get("again", {}).get(example, ""),
                injection=injections.get(example),
                plan=Plan(scenario=options.get("scenario", "s"), mode=mode, operations=operations),
                t=next(clock),
            )
        )
        for round_ in sorted({line.round for line in lines}):
            together = [line for line in lines if line.round == round_]
            together = [line for line in together if "never" not in line.words]
            together.sort(key=lambda line: "gone" not in line.words)
            for line in together:
                ids = {
                    name: bind_id(getattr(line, name), CAMPAIGN, example) for name in ("thread", "resource")
                }
                at = {"example": example, "operation": line.number}
                events.append(Invoked(**at, t=next(clock), **ids))
                if "gone" in line.words:
                    events.append(Unknown(**at, t=next(clock), reason="cancelled"))
            together = [line for line in together if "gone" not in line.words]
            opened = []
            for line in together:
                opened += _calls(line, example, calls, clock, by_letter, events)
            for call in opened:
                events.append(ModelAnswered(example=example, call=call, t=next(clock)))
            for line in together:
                _end(line, example, clock, by_letter, events)
                if options.get("never_suspends"):
                    events[-1] = msgspec.structs.replace(events[-1], suspended=False)
                for word in line.words:
                    if word.startswith("late:"):
                        events.append(_call(line, example, next(calls), clock, by_letter(word[5:])))
        events.append(ExampleEnded(example=example, t=next(clock)))
    return events


def _call(line: Line, example: int, call: int, clock: Any, facts: list[FactKey], named: bool = True) -> Any:
    leader = line.number if line.same is None else line.same
    return ModelCalled(
        example=example,
        call=call,
        t=next(clock),
        nonces=((CAMPAIGN, example, leader),) if named else (),
        elsewhere=tuple((CAMPAIGN, example, number) for number in line.beside) if named else (),
        sights=tuple(Sight(mint_fact(fact), "prompt") for fact in facts),
    )


def _calls(line: Line, example: int, calls: Any, clock: Any, by_letter: Any, events: list[Any]) -> list[int]:
    opened = []
    if line.surface != "send":
        return opened
    if any(word in ("err", "void", "mute") or word.startswith(("no", '"', "`")) for word in line.words):
        return opened
    seen = [word[1:] for word in line.words if word[0] in "=~"]
    own = line.tells or ""
    call = next(calls)
    events.append(
        _call(line, example, call, clock, by_letter(own) + [f for s in seen for f in by_letter([s])])
    )
    opened.append(call)
    for word in line.words:
        if word.startswith("lost:"):
            call = next(calls)
            events.append(_call(line, example, call, clock, by_letter(word[5:]), named=False))
            opened.append(call)
    return opened


def _end(line: Line, example: int, clock: Any, by_letter: Any, events: list[Any]) -> None:
    sights: list[Sight] = []
    leader = line.number if line.same is None else line.same
    shown = "reply" if line.surface == "send" else "listing"
    for word in line.words:
        if word.startswith("=") and shown == "listing":
            sights += [Sight(mint_fact(fact), shown) for fact in by_letter([word[1:]])]
        elif word.startswith("="):
            sights += [
                Sight(mint_echo(f, example=example, operation=leader), "reply") for f in by_letter([word[1:]])
            ]
        elif word.startswith('"'):
            sights += [Sight(mint_fact(fact), "reply") for fact in by_letter([word[1:]])]
        elif word.startswith("`"):
            letter, _, minted_for = word[1:].partition("@")
            sights += [
                Sight(mint_echo(f, example=example, operation=int(minted_for)), shown)
                for f in by_letter(letter)
            ]
    at = {"example": example, "operation": line.number, "t": next(clock)}
    names = [word[1:] for word in line.words if word.startswith("@")]
    ids = [str(bind_id(f"{name}-<<ns>>", CAMPAIGN, example)) for name in names]
    refused = next((word for word in line.words if word.startswith("no")), None)
    if refused is not None:
        leaked = tuple(Sight(mint_fact(fact), "error") for fact in by_letter(refused[3:]))
        leaked += tuple(Sight(one, "error") for one in ids)
        events.append(Failed(**at, text="no", length=2, sights=leaked))
    elif "err" in line.words:
        events.append(Unknown(**at, text="boom", length=4))
    elif "void" in line.words:
        events.append(Completed(**at))
    else:
        sights += [Sight(one, shown) for one in ids]
        text, length = ("", 0) if shown == "listing" and not sights else ("hello", 5)
        repeated = [leader if word == "re" else int(word[3:]) for word in line.repeats]
        nonces = tuple((CAMPAIGN, example, number) for number in repeated)
        events.append(Completed(**at, text=text, length=length, sights=tuple(sights), nonces=nonces))


@pytest.fixture
def history() -> Callable[..., History]:
    """history(text, invariants=…, contract={…}, …) -> History"""

    def make(
        text: str, *, invariants: tuple[str, ...] = ALL, mode: str = "interleaved", **options: Any
    ) -> History:
        declared = declare(("flag", options.get("contract", {})))
        examples = parse(text)
        injections: dict[int, Injection] = dict(options.pop("injections", {}))
        scenario = {"name": "s", "mode": mode, "invariants": list(invariants)}
        scenario["weights"] = options.get("weights", {})
        scenario["missing"] = options.get("missing", {"kinds": ["omitted"], "ids": ["thread"]})
        scenario["colliding"] = options.get("colliding", {"by": ["case"], "ids": ["thread"]})
        header = Header(
            overheard="0",
            campaign=CAMPAIGN,
            seed=1,
            target="t",
            contract=declared.contract,
            origins=declared.origins,
            scenarios=(scenario,),
            offers=options.get("offers", Offers()),
            started=options.get("started", "2030-01-01T00:00:00+00:00"),
            baseline=options.get("baseline", ()),
            regressions=options.get("regressions", ()),
            part=options.get("part", False),
            replays=options.get("replays", 0),
        )
        events = events_of(examples, injections=injections, **options)
        ends = [] if options.get("cut") else [CampaignEnded(t=1 << 40)]
        return History.from_events([header, *events, *ends])

    return make


@pytest.fixture
def judged(history: Callable[..., History]) -> Callable[..., Judgement]:
    """judged(text, …) -> Judgement, with one seen injection put in for every leakage invariant."""

    def make(text: str, *, proved: bool = True, **options: Any) -> Judgement:
        examples = len(parse(text))
        injections = {}
        if proved:
            for place, (invariant, lines) in enumerate(PROOFS.items()):
                text += f"\n--\n{lines}"
                injections[examples + place] = Injection(
                    injector="reply", invariant=invariant, channel="reply", fact=0, into=1
                )
        return judge(history(text, injections=injections, **options))

    return make


PROOFS = {
    "no-cross-thread-recall": 'r0 a !x\nr0 b ?x "x',
    "no-cross-resource-leakage": 'r0 a !x\nr1 b ?x "x',
    "thread-ownership": 'r0 a !x\nr1 a ?x "x',
    "distinct-ids-stay-distinct": 'r0 a !x\nr1 A ?x "x',
    "ids-required": 'r0 a !x\nr0 - ?x "x',
}
