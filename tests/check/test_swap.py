"""Answers that were made for another request, with no secret in them; and other nonces that are no swap."""

from __future__ import annotations

import msgspec
import pytest

from overheard.check.judge import judge
from overheard.check.kept import End, kept_stray, leak_of_stray
from overheard.check.observe import Stray, observe
from overheard.check.relation import MATCHES
from overheard.check.view import View
from overheard.core.canary import Canary, FactKey, mint_nonce
from overheard.history.events import Injection

ASKED = ("recall-within-thread", "no-cross-resource-leakage", MATCHES)

TOGETHER = """
-- concurrent
r0 a !x re
  r1 b !y re
r0 a ?x =x re
  r1 b ?y =y re
r0 a ?y re
  r1 b ?x re
r0 a ?x =x re
  r1 b ?y =y re
"""
TOLD = "r0 a !x re\n  r1 b !y re\n"
PUT_IN = {
    "no-cross-resource-leakage": 'r0 a !x\nr1 b ?x "x',
    MATCHES: "-- concurrent\nr0 a !x re\n  r1 b !y re re:0",
}


@pytest.fixture
def answered(history):
    """answered(text, …) -> Judgement, with a leak and a swap put in and seen."""

    def make(text, *, put_in=PUT_IN, **options):
        injections = {}
        for place, (name, lines) in enumerate(put_in.items()):
            text += f"\n{lines if lines.startswith('--') else f'--{chr(10)}{lines}'}"
            swap = name == MATCHES
            injections[1 + place] = Injection(
                injector="swap" if swap else "reply", invariant=name, channel="reply", fact=0, into=1
            )
        made = history(text, mode="concurrent", invariants=ASKED, injections=injections, **options)
        return judge(made)

    return make


def of(judgement):
    return next(one for one in judgement.invariants if one.name == MATCHES)


def stories(judgement):
    return {(one.invariant, one.diagnosis) for one in judgement.findings}


def test_answers_that_say_whose_they_are_are_held(answered):
    result = answered(TOGETHER)
    assert result.verdict == "held", (result.reasons, stories(result))
    assert (of(result).exposures, of(result).controls, of(result).examples) == (8, 8, 1)
    cell = next(one for one in result.coverage if one.relation == MATCHES)
    assert (cell.surface, cell.condition, cell.state) == ("send", "concurrent", "controlled")


@pytest.mark.parametrize(
    "swapped",
    [
        "r0 a !x re\n  r1 b !y re:0\n",  # its own is not in it
        "r0 a !x re\n  r1 b !y re re:0\n",  # another's behind it, made while both were in flight
    ],
)
def test_an_answer_made_for_another_request_is_a_swap_without_any_secret(answered, swapped):
    result = answered(TOGETHER.replace(TOLD, swapped))
    assert stories(result) == {(MATCHES, "reply swapped")}
    (finding,) = result.findings
    assert (finding.owner.operation, finding.observer.operation) == (0, 1)
    assert finding.token.startswith("REF1")
    assert of(result).verdict == "violated"


def test_an_answer_that_comes_late_and_to_the_next_one_is_swapped(answered):
    """r0's first answer is given to r1's second request, which had asked the model itself."""
    result = answered(TOGETHER.replace("  r1 b ?y =y re\nr0 a ?y", "  r1 b ?y =y re:0\nr0 a ?y"))
    assert stories(result) == {(MATCHES, "reply swapped")}


def test_an_answer_kept_from_before_is_cached(answered):
    result = answered(TOGETHER.replace("  r1 b ?x re\n", "  r1 b ?x mute re:0\n"))
    assert stories(result) == {(MATCHES, "cached without identity")}


def test_an_answer_of_an_earlier_example_is_found(answered, history):
    text = TOGETHER + TOGETHER.replace(TOLD, "r0 a !x re\n  r1 b !y re:0\n")
    made = history(text, mode="concurrent", invariants=ASKED)
    first, second = made.examples()
    # What the second one's operation 1 was answered had been made for operation 0 of the first.
    events = [
        event if not getattr(event, "nonces", ()) or event.example == 0 else _from_the_first(event)
        for event in second.events
    ]
    view = View(second.started, events, campaign=made.header.campaign, contract=made.header.contract)
    seen = observe(view, campaign=made.header.campaign)
    assert [one.observer.number for one in seen.strays] == [1]
    assert not seen.leaks
    assert first.started.example == 0


@pytest.mark.parametrize(
    ("who", "scope", "found"),
    [("r0@=0", "resource", False), ("r0@=0", "thread", True), ("r0", "resource", True)],
)
def test_what_one_resource_is_quoted_of_an_earlier_example_is_no_swap(history, who, scope, found):
    """A resource called `0` is the same in every example. An agent with one memory for it, and no model, quotes
    there what it was told in the example before; it was said to cache its answers."""
    lines = f"{who} a !x re\n{who} a ?x =x re\n"
    made = history(f"{lines}--\n{lines}", contract={"scope": scope})
    first, second = (
        View(each.started, each.events, campaign=made.header.campaign, contract=made.header.contract)
        for each in made.examples()
    )
    fact, token = FactKey(made.header.campaign, 0, 0, 0), mint_nonce(made.header.campaign, 0, 0)
    stray = Stray(second, second.ops[1], Canary(fact, None), token, "reply", "", 0, token)
    told = End(first.ops[0], first)
    assert (leak_of_stray(kept_stray(stray), told, made.header.contract) is not None) == found


def _from_the_first(event):
    kept = tuple(
        nonce if getattr(event, "operation", None) != 1 else (nonce[0], 0, nonce[2]) for nonce in event.nonces
    )
    return msgspec.structs.replace(event, nonces=kept)


QUOTED = {
    "what was said before in the same thread": ("r0 a ?x =x re\n", "r0 a ?x =x re re:0\n"),
    "what was said before and nothing else": ("r0 a ?x =x re\n", "r0 a ?x =x re:0\n"),
    "what stood in the prompt": ("  r1 b ?y =y re\nr0 a ?y", "  r1 b ?y =y re re:2 beside:2\nr0 a ?y"),
}


@pytest.mark.parametrize("what", QUOTED)
def test_quoting_is_no_swap(answered, what):
    text = TOGETHER.replace(*QUOTED[what])
    assert text != TOGETHER
    assert stories(answered(text)) == set()


def test_an_answer_to_two_turns_of_one_conversation_is_no_swap(answered):
    """Both messages were put into one prompt, whose answer both are given."""
    text = TOGETHER.replace(TOLD, "r0 a !x re:1\n  r0 a re beside:0\nr1 b !y re\n")
    assert (MATCHES, "reply swapped") not in stories(answered(text))


def test_a_target_without_a_model_that_quotes_is_not_accused(answered):
    text = "\n".join(
        line if line.startswith("--") else f"{line} mute" for line in TOGETHER.strip().split("\n")
    )
    text = text.replace("=x", '"x').replace("=y", '"y').replace("  r1 b ?x re mute", "  r1 b ?x mute re:0")
    result = answered(text)
    assert not [one for one in result.findings if one.invariant == MATCHES]
    assert of(result).status == "not offered"


def test_refusals_are_no_answers(answered):
    assert stories(answered(TOGETHER.replace("  r1 b ?x re", "  r1 b ?x no re:0"))) == set()


def test_answers_that_do_not_say_whose_they_are_are_not_offered(answered):
    result = answered(TOGETHER.replace(" re", ""))
    assert of(result).status == "not offered"
    assert "no answer repeats the nonce" in of(result).reasons[0]
    assert result.verdict == "held", result.reasons


def test_some_that_say_it_are_counted_and_the_others_are_not(answered):
    result = answered(TOGETHER.replace("r0 a ?y re", "r0 a ?y"))
    assert (of(result).exposures, of(result).uncontrolled) == (7, 1)


def test_without_a_swap_put_in_and_seen_it_is_not_held(answered):
    leak = {"no-cross-resource-leakage": PUT_IN["no-cross-resource-leakage"]}
    assert "no leak was put in on purpose" in of(answered(TOGETHER, put_in=leak)).reasons[0]
    unseen = {**leak, MATCHES: "-- concurrent\nr0 a !x re\n  r1 b !y re"}
    assert "went unseen" in " ".join(of(answered(TOGETHER, put_in=unseen)).reasons)


def test_where_nothing_can_overlap_it_is_not_offered(answered):
    serial = TOGETHER.replace("  r1", "r1")
    result = answered(serial, never_suspends=True)
    assert of(result).status == "not offered"
    assert "cannot overlap" in of(result).reasons[0]
