"""A Chainlit application: conversations are persisted, users log in, the model is shown the conversation."""

import os

import chainlit as cl
from chainlit.data.sql_alchemy import SQLAlchemyDataLayer
from openai import AsyncOpenAI

model = AsyncOpenAI()


@cl.data_layer
def data_layer() -> SQLAlchemyDataLayer:
    return SQLAlchemyDataLayer(conninfo=os.environ["DATABASE"])


@cl.password_auth_callback
def log_in(user: str, password: str) -> cl.User | None:
    return cl.User(identifier=user) if password == os.environ["PASSWORD"] else None


@cl.on_chat_resume
async def resume(_thread: dict) -> None:
    """Nothing to do: the messages of the thread are in the chat context already."""


@cl.on_message
async def answer(_message: cl.Message) -> None:
    said = await model.chat.completions.create(model="gpt-4o-mini", messages=cl.chat_context.to_openai())
    await cl.Message(content=said.choices[0].message.content or "").send()
