"""Tokens drawn at random, and a fresh seed that is printed where a test draws its own."""

import random

import pytest

from overheard.core.canary import FactKey, mint_echo, mint_fact


class Tokens:
    """Facts and echoes with fields drawn from their whole ranges."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def key(self):
        bits = self.random.getrandbits
        return FactKey(bits(30), bits(20), bits(15), bits(4))

    def fact(self):
        return mint_fact(self.key())

    def echo(self):
        return mint_echo(
            self.key(), example=self.random.getrandbits(20), operation=self.random.getrandbits(15)
        )

    def any(self):
        return self.fact() if self.random.random() < 0.6 else self.echo()


@pytest.fixture
def tokens():
    seed = random.SystemRandom().getrandbits(32)
    print(f"tokens drawn from seed {seed}")  # shown by pytest if the test fails
    return Tokens(seed)
