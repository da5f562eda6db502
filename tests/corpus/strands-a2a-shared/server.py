"""A strands agent served to other agents by A2A, as the documentation of the package does it."""

import inspect
import os

from strands import Agent
from strands.models.openai import OpenAIModel
from strands.multiagent.a2a import A2AServer

MODEL = OpenAIModel(
    client_args={"base_url": os.environ["OPENAI_BASE_URL"], "api_key": os.environ["OPENAI_API_KEY"]},
    model_id="gpt-4o-mini",
)


def desk(_context: str = "") -> Agent:
    return Agent(name="desk", description="Remembers what it is told.", model=MODEL, callback_handler=None)


if __name__ == "__main__":
    # Since there is a parameter for it, the documentation asks for an agent to each context.
    made = "agent_factory" in inspect.signature(A2AServer).parameters
    agents = {"agent_factory": desk} if made else {"agent": desk()}
    A2AServer(**agents, host="127.0.0.1", port=int(os.environ["PORT"])).serve(log_level="warning")
