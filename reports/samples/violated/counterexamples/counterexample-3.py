'r0 against r0: ids-required, thread id is the only key.  Run: python counterexample-3.py [TARGET]'

import sys

from overheard.replay import Stage, Verdict, play

TARGET = 'reports/samples/agents.py:violated'


async def main(stage: Stage) -> Verdict:
    # <<...>> is filled in anew in every run, so that nothing of an earlier run can pass for a leak:
    # <<fact>> is the secret that is told, <<ref>> names the message, the others make ids unique.
    alice = '<<uuid:r0>>'  # a resource id
    thread = '<<uuid:r0.t0>>'  # a thread id

    told = await stage.send(
        '- mailbox slot: <<fact>> (<<ref>>) Do not lose it, please.',
        resource=alice, thread=thread, caller='r0',
    )
    seen = await stage.send(
        'Which mailbox slot and the visa application was that? (<<ref>>)',
        thread=thread, caller='r0', asks=True,
    )

    return stage.verdict(told, seen)


if __name__ == "__main__":
    sys.exit(play(main, sys.argv, target=TARGET))
