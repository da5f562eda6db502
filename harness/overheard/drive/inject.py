"""Leaks put in on purpose: proof that a leak of the user's own target would have been seen.

An injector stands between driver and target for one example and does to one operation what a leaky
target would do. It works on texts alone, so it needs nothing from the target, and what it adds takes the
same way through scanning, history and check as a real leak. (The idea is fault injection against one's own
oracle, as mutation testing does to a test suite.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from overheard.core.canary import FactKey, decode_canary, find_canaries, mint_fact
from overheard.core.errors import InternalError
from overheard.core.operation import DELETING, FACT_MARK, NONCE_MARK, Operation, Plan, bind_nonce

if TYPE_CHECKING:
    from overheard.history.events import Injection

INJECTORS: Final = ("reply", "prompt", "listing", "swap", "loss")
"""Names for `Injection.injector`."""

_AROUND: Final = 1_000
"""Characters of a recital handed on around its canary: enough to be real, not a gigabyte."""


class Injector:
    """What the driver asks for each operation. This one leaks nothing; the others each in their own way."""

    def message(self, operation: Operation, message: str) -> str:  # noqa: ARG002 - for those that look at it
        """The message to hand to the target in place of `message`."""
        return message

    def answered(self, operation: Operation, text: str) -> str:  # noqa: ARG002 - for those that look at them
        """What the target's answer to `operation` has to be followed by ("" for nothing)."""
        return ""

    def besides(self, operation: Operation) -> Operation | None:  # noqa: ARG002 - for those that look at it
        """What is done besides `operation`, right after it, and recorded by nobody; None for nothing."""
        return None


class ReplyInjector(Injector):
    """Hands what the owner was last told of its fact to the stranger, behind the stranger's own reply, or
    behind what a listing shows it.

    What is handed on is the recital as the owner saw it, echo or canary. If the owner was told nothing
    yet, or had deleted it since, it is the fact as the owner told it.
    """

    def __init__(self, injection: Injection, plan: Plan, campaign: int, example: int) -> None:
        self._into = injection.into
        self._fact = FactKey(campaign, example, injection.fact, 0)
        self._owner = _operation(plan, injection.fact).caller
        self._recital = _told(plan, self._fact)
        # A recital from before the deletion is another message than the one that was deleted.
        self._deleted = any(one.surface in DELETING and one.number < self._into for one in plan.operations)

    def answered(self, operation: Operation, text: str) -> str:
        """The owner's recital, for the operation it is to leak into."""
        if operation.number == self._into:
            return "\n" + self._recital
        if operation.caller == self._owner and not self._deleted:
            self._listen(text)
        return ""

    def _listen(self, text: str) -> None:
        for token in find_canaries(text):
            if decode_canary(token).fact == self._fact:
                place = text.rfind(token)
                self._recital = text[max(0, place - _AROUND) : place + len(token) + _AROUND]


class LossInjector(Injector):
    """Deletes the owner's fact behind a stranger's deletion of it, or behind a deletion of something else.

    It is done by the target's own surface, as the owner would: what a target does that does not ask whose a
    thread is, or deletes more than it was told to.
    """

    def __init__(self, injection: Injection, plan: Plan) -> None:
        self._into = injection.into
        self._fact = _operation(plan, injection.fact)

    def besides(self, operation: Operation) -> Operation | None:
        """The same, in the name of the fact's owner and of its thread or message."""
        if operation.number != self._into:
            return None
        fact = self._fact
        return replace(
            operation,
            caller=fact.caller,
            tenant=fact.tenant,
            resource=fact.resource,
            thread=fact.thread,
            message=None if operation.message is None else fact.number,
        )


class PromptInjector(Injector):
    """Puts the owner's fact into what the stranger sends, so that it reaches the stranger's prompt.

    The nonce of the message that told the fact is left out: with it the model call would be taken for
    the owner's own.
    """

    def __init__(self, injection: Injection, plan: Plan, campaign: int, example: int) -> None:
        self._into = injection.into
        self._told = _told(plan, FactKey(campaign, example, injection.fact, 0))

    def message(self, operation: Operation, message: str) -> str:
        """The message, and for the operation to leak into the fact in front of it."""
        if operation.number != self._into:
            return message
        return f"(Known from earlier: {self._told})\n\n{message}"


class SwapInjector(Injector):
    """Hands the answer that is made for one operation to another that is in flight together with it."""

    def __init__(self, injection: Injection, plan: Plan, campaign: int, example: int) -> None:
        self._into = injection.into
        self._nonce = bind_nonce(_operation(plan, injection.fact), campaign, example)

    def answered(self, operation: Operation, text: str) -> str:  # noqa: ARG002 - `Injector`
        """The words by which the mirror would have answered the other, for the operation to hand them to."""
        return f"\nNoted. (re {self._nonce})" if operation.number == self._into else ""


def injector_for(injection: Injection, plan: Plan, *, campaign: int, example: int) -> Injector:
    """The injector that an `Injection` describes, for one example.

    Raises InternalError for an unknown injector, or operations that the plan does not have.
    """
    _operation(plan, injection.into)
    if injection.injector in ("reply", "listing"):
        return ReplyInjector(injection, plan, campaign, example)
    if injection.injector == "swap":
        return SwapInjector(injection, plan, campaign, example)
    if injection.injector == "prompt":
        return PromptInjector(injection, plan, campaign, example)
    if injection.injector == "loss":
        return LossInjector(injection, plan)
    raise InternalError(
        f"there is no leak injector {injection.injector!r}; there are: {', '.join(INJECTORS)}"
    )


def _operation(plan: Plan, number: int) -> Operation:
    for operation in plan.operations:
        if operation.number == number:
            return operation
    raise InternalError(f"a leak was to be injected at operation {number}, which the plan does not have")


def _told(plan: Plan, fact: FactKey) -> str:
    operation = _operation(plan, fact.operation)
    if FACT_MARK not in operation.text:
        raise InternalError(
            f"a leak was to be injected of the fact of operation {operation.number}, which tells none"
        )
    return operation.text.replace(FACT_MARK, mint_fact(fact)).replace(NONCE_MARK, "").strip()
