"""An agent without a model: a function that remembers in a dictionary.

    overheard run examples/plain/agent.py

It is correct: a conversation is found by who is talking *and* which conversation it is, and a message that
lacks either is refused.
"""

# A tuple, not f"{resource}:{thread}": joined, ("a:b", "c") and ("a", "b:c") would be the same conversation.
conversations: dict[tuple[str, str], list[str]] = {}


def agent(message: str, *, thread: str | None = None, resource: str | None = None) -> str:
    if not thread or not resource:
        raise PermissionError("a thread id and a resource id are required")
    said = conversations.setdefault((resource, thread), [])
    answer = f"You said before: {' / '.join(said)}" if said else "You have said nothing before."
    said.append(message)
    return answer
