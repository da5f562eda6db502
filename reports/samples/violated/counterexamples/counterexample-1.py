'r0 against r1: thread-ownership, thread id is the only key.  Run: python counterexample-1.py [TARGET]'

import sys

from overheard.replay import Stage, Verdict, play

TARGET = 'reports/samples/agents.py:violated'


async def main(stage: Stage) -> Verdict:
    # <<...>> is filled in anew in every run, so that nothing of an earlier run can pass for a leak:
    # <<fact>> is the secret that is told, <<ref>> names the message, the others make ids unique.
    alice = 'cust-<<ns>>-10038'  # a resource id
    bob = 'user_<<hex:r0>>'  # a resource id
    thread = 'conv-<<ns>>-50010000'  # a thread id

    told = await stage.send(
        '<<fact>> 是我的“visa application”。 #<<ref>> That is all for now. 🙏',
        resource=alice, thread=thread, caller='r1',
    )
    seen = await stage.send(
        '¿Qué sabes de «visa application» y «piano tuner receipt»? (<<ref>>) That is all for now. 🙏',
        resource=bob, thread=thread, caller='r0', asks=True,
    )

    return stage.verdict(told, seen)


if __name__ == "__main__":
    sys.exit(play(main, sys.argv, target=TARGET))
