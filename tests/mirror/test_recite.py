"""What the mirror says, and in whose name."""

from __future__ import annotations

import pytest

from overheard.core.canary import decode_canary, find_canaries, find_nonces, mint_echo, mint_nonce
from overheard.mirror.recite import LONG, prose, told
from overheard.mirror.request import read_chat


def reading(*messages, **rest):
    parts = [{"role": role, "content": content} for role, content in messages]
    return read_chat({"messages": parts, **rest})


def said(*messages, **rest):
    request = reading(*messages, **rest)
    return prose(request, told(request))


def facts_of(text):
    return [(each.fact.operation, each.reciter) for each in map(decode_canary, find_canaries(text))]


def test_what_is_told_is_noted_in_the_name_of_its_operation(say):
    assert said(("user", say.tell(3))) == f"Noted. (re {say.nonce(3)})"


def test_asked_it_recites_everything_in_sight_as_echoes_of_the_asking_operation(say):
    answer = said(
        ("system", f"Remembered: {say.fact(1)}"),
        ("user", say.tell(2)),
        ("assistant", "Noted."),
        ("tool", f'[{{"text": "{say.fact(4)} and again {say.fact(1)}"}}]'),
        ("user", say.question(9)),
    )
    assert facts_of(answer) == [(1, (1, 9)), (2, (1, 9)), (4, (1, 9))]
    assert find_nonces(answer) == [say.nonce(9, asks=True)]


def test_arguments_of_tool_calls_and_tool_definitions_are_in_sight(say):
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "x", "arguments": f'{{"a": "{say.fact(1)}"}}'},
    }
    tool = {"type": "function", "function": {"name": "t", "description": f"memory block: {say.fact(2)}"}}
    request = read_chat({
        "messages": [{"role": "assistant", "content": None, "tool_calls": [call]},
                     {"role": "user", "content": say.question(9)}],
        "tools": [tool],
    })  # fmt: skip
    assert [fact for fact, _ in facts_of(prose(request, told(request)))] == [1, 2]


def test_it_never_utters_a_fact_nor_recites_a_recital(say):
    key = decode_canary(say.fact(1)).fact
    old = mint_echo(key, example=1, operation=2)
    answer = said(("user", say.tell(4)), ("assistant", f"You told me: {old}"), ("user", say.question(9)))
    assert facts_of(answer) == [(4, (1, 9))]
    assert say.fact(4) not in answer


def test_asked_with_nothing_in_sight_it_says_so(say):
    assert said(("user", say.question(9))) == f"I have nothing about that. (re {say.nonce(9, asks=True)})"


def test_a_message_without_nonce_gets_a_plain_answer(say):
    assert said(("user", "hello")) == "Noted."
    assert said(("system", "only this")) == "Noted."


def test_tool_results_and_afterthoughts_do_not_change_whose_answer_it_is(say):
    answer = said(
        ("user", say.tell(1)),
        ("user", say.question(9)),
        ("tool", say.tell(5)),
        ("user", "Now answer in one sentence."),
    )
    assert find_nonces(answer) == [say.nonce(9, asks=True)]
    assert [fact for fact, _ in facts_of(answer)] == [1, 5]


def test_a_transcript_in_the_system_message_still_has_an_operation(say):
    assert find_nonces(said(("system", f"Human: {say.tell(4)}"), ("user", "go on"))) == [say.nonce(4)]


@pytest.mark.parametrize("behind", [True, False])
def test_in_a_template_that_quotes_memories_the_question_is_answered(say, behind):
    memories = f"Memories:\n{say.tell(1)}\n{say.question(2)}"
    question = f"Question: {say.question(9)}"
    text = f"{question}\n{memories}" if behind else f"{memories}\n{question}"
    answer = said(("user", text))
    assert find_nonces(answer) == [say.nonce(9, asks=True)]
    assert facts_of(answer) == [(1, (1, 9))]


def test_of_a_prompt_that_quotes_others_only_the_line_said_now_is_told(say):
    text = f"Old memories:\n- {say.tell(1)}\n- {say.tell(2)}\nNew:\n  {say.tell(5)}  \nAnswer in JSON."
    about = told(reading(("user", text)))
    assert about.text == say.tell(5)
    assert about.tells
    asking = told(reading(("user", f"Old:\n{say.tell(1)}\nNew:\n{say.question(5)}")))
    assert asking.text == say.question(5)
    assert not asking.tells
    assert not asking.keeps


def test_a_message_of_its_own_is_told_whole_unless_it_is_a_long_prompt(say):
    own = f"Dear assistant,\n{say.tell(1)}\nGreetings"
    assert told(reading(("user", own))).text == own
    assert told(reading(("user", "x" * LONG + "\n" + say.tell(1)))).text == say.tell(1)


def test_a_damaged_nonce_is_none(say):
    nonce = say.nonce(1)
    assert said(("user", nonce[:-1] + ("0" if nonce[-1] != "0" else "1"))) == "Noted."


def test_nonces_of_other_campaigns_do_not_outrank_ours(say):
    text = f"Remembered: {mint_nonce(8, 900, 900)}\n{say.question(2)}"
    assert told(reading(("user", text))).nonce.campaign == 7
