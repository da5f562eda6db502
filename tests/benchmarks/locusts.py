"""Locust's FastHttpUser making requests, as many users at once as are asked for: run by `reaching.py`.

    python locusts.py URL USERS REQUESTS ROUNDS

Prints the least processor seconds of its rounds. It runs by itself, in an environment of its own: gevent
patches the whole process, and Locust is nothing that the project needs.
"""

import sys
import time

from locust import FastHttpUser, constant, task
from locust.env import Environment
from locust.exception import StopUser


def spent(url, users, requests):
    """Processor seconds for so many requests, `users` under way at any time."""
    numbers = iter(range(requests))
    answers = []

    class User(FastHttpUser):
        host = url
        wait_time = constant(0)

        @task
        def ask(self):
            number = next(numbers, None)
            if number is None:
                raise StopUser
            body = {"message": f"m{number}", "thread": f"t{number}", "resource": "r"}
            answers.append(self.client.post("/chat", json=body).json()["text"])

    runner = Environment(user_classes=[User]).create_local_runner()
    started = time.process_time()
    runner.start(users, spawn_rate=users)
    runner.spawning_greenlet.join()
    for user in [*runner.user_greenlets]:
        user.join()
    seconds = time.process_time() - started
    runner.quit()
    if len(answers) != requests:
        sys.exit(f"{len(answers)} of {requests} requests were answered")
    return seconds


if __name__ == "__main__":
    url, users, requests, rounds = sys.argv[1], *map(int, sys.argv[2:])
    print(min(spent(url, users, requests) for _ in range(rounds)))
