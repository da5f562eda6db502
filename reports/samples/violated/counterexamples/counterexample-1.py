'r1 against r0: thread-ownership, thread id is the only key.  Run: python counterexample-1.py [TARGET]'

import sys

from overheard.replay import Stage, Verdict, play

TARGET = 'reports/samples/agents.py:violated'


async def main(stage: Stage) -> Verdict:
    # <<...>> is filled in anew in every run, so that nothing of an earlier run can pass for a leak:
    # <<fact>> is the secret that is told, <<ref>> names the message, the others make ids unique.
    alice = '<<ns>>000'  # a resource id
    bob = 'u001-<<ns>>'  # a resource id
    thread = '<<ns>>0000000'  # a thread id

    told = await stage.send(
        '<<fact>> is the laboratory sample. [<<ref>>] _Sent from my phone_',
        resource=alice, thread=thread, caller='r0',
    )
    seen = await stage.send(
        'Which laboratory sample was that? Ref: <<ref>>.',
        resource=bob, thread=thread, caller='r1', asks=True,
    )

    return stage.verdict(told, seen)


if __name__ == "__main__":
    sys.exit(play(main, sys.argv, target=TARGET))
