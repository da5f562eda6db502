'r1 against r2: no-cross-resource-leakage, race on shared state.  Run: python counterexample-1.py [TARGET]'

import sys

from overheard.replay import Stage, Verdict, play

TARGET = 'reports/samples/agents.py:raced'


async def main(stage: Stage) -> Verdict:
    # <<...>> is filled in anew in every run, so that nothing of an earlier run can pass for a leak:
    # <<fact>> is the secret that is told, <<ref>> names the message, the others make ids unique.
    alice = '<<uuid:r2>>'  # a resource id
    bob = '<<uuid:r1>>'  # a resource id
    thread_1 = '<<uuid:r2.t1>>'  # a thread id
    thread_2 = '<<uuid:r1.t0>>'  # a thread id

    told = await stage.send(
        '<<fact>> is the greenhouse thermostat. [<<ref>>] <!-- from the mobile app -->',
        resource=alice, thread=thread_1, caller='r2',
    )
    # Out of turn: step 2 starts before the model answers step 1.
    _, _ = await stage.together(
        stage.send(
            'Can you give me the greenhouse thermostat again? #<<ref>>',
            resource=alice, thread=thread_1, caller='r2', asks=True,
        ),
        stage.send(
            'Which software activation string was that? [<<ref>>]',
            resource=bob, thread=thread_2, caller='r1',
        ),
        schedule=(0, 1),
    )
    seen = await stage.send(
        'Look up what was said about the greenhouse thermostat and the hearing aid firmware, please. [<<ref>>]',
        resource=bob, thread=thread_2, caller='r1', asks=True,
    )

    return stage.verdict(told, seen)


if __name__ == "__main__":
    sys.exit(play(main, sys.argv, target=TARGET, latency=30))
