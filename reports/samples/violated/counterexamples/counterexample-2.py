'r0 against r0: ids-required, missing ids share a bucket.  Run: python counterexample-2.py [TARGET]'

import sys

from overheard.replay import Stage, Verdict, play

TARGET = 'reports/samples/agents.py:violated'


async def main(stage: Stage) -> Verdict:
    # <<...>> is filled in anew in every run, so that nothing of an earlier run can pass for a leak:
    # <<fact>> is the secret that is told, <<ref>> names the message, the others make ids unique.
    alice = 'u002-<<ns>>'  # a resource id
    thread = 'u002-<<ns>>-support00'  # a thread id

    told = await stage.send(
        '我的“gift voucher”是 <<fact>>。 (<<ref>>)',
        resource=alice, thread=thread, caller='r2',
    )
    seen = await stage.send(
        'Look up what was said about the gift voucher, please. Ref: <<ref>>.',
        thread=thread, caller='r2', asks=True,
    )

    return stage.verdict(told, seen)


if __name__ == "__main__":
    sys.exit(play(main, sys.argv, target=TARGET))
