"""Conversations by OpenAI's Responses through litellm, its cache switched on: the model's server remembers, the
application knows only which response each conversation went on from."""

import litellm

litellm.cache = litellm.Cache(type="local")


class Agent:
    def __init__(self) -> None:
        self.last: dict[tuple[str, str], str] = {}

    async def send(self, message: str, *, thread: str | None, resource: str | None) -> str:
        if not thread or not resource:
            raise PermissionError("a conversation has an id and an owner")
        response = await litellm.aresponses(
            model="openai/gpt-4o-mini",
            input=message,
            instructions=f"You are the assistant of {resource}.",
            previous_response_id=self.last.get((resource, thread)),
            caching=True,
        )
        self.last[resource, thread] = response.id
        return "".join(part.text for item in response.output for part in item.content)


agent = Agent()
