"""`overheard demo`: a well-known mistake and the same agent without it, driven alike, shown side by side."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from tabulate import tabulate

from overheard import campaign
from overheard.core.errors import InternalError
from overheard.report.escape import visible
from overheard.report.words import story, verdict_line
from overheard.scenario.load import builtin, select
from overheard.zoo.catalogue import CATALOGUE
from overheard.zoo.demo import DEMO

if TYPE_CHECKING:
    from collections.abc import Callable

    from overheard.check.result import InvariantResult, Judgement
    from overheard.zoo.catalogue import Specimen

SCENARIOS: Final = ("sibling-threads", "many-resources", "stranger", "ids-missing")
"""Those that judge all promises between them. The others say more, and take longer."""

PROFILE: Final = campaign.Profile(
    name="demo", title="a taste", explore=3, drawn=0, proofs=1, reductions=1, seconds=20.0
)
FIRST: Final = 1
"""Examples of each scenario for the leaky agent, which is found out at once. It hands everybody everything,
so that what there is to look through grows with the square of what was said."""

_COLORS: Final = {"violated": "31", "held": "32"}


def run(*, color: bool, started: str, say: Callable[[str], None]) -> str:
    """Drive both agents and say what came of it; `say` is told what is being done.

    Raises InternalError if the one was not found out or the other not held: that would be our failure.
    """
    seed, _ = campaign.fresh_numbers()
    say("driving an agent with a well-known mistake")
    leaky = _judge(CATALOGUE[DEMO.leaky], started, seed=seed, examples=FIRST)
    say("driving the same agent without it, for longer")
    mended = _judge(CATALOGUE[DEMO.twin], started, seed=seed, examples=PROFILE.explore)
    if (leaky.verdict, mended.verdict) != ("violated", "held"):
        why = "; ".join((*leaky.reasons, *mended.reasons)) or "no reason given"
        raise InternalError(
            f"the demonstration failed: the leaky agent is {leaky.verdict} and the mended one "
            f"{mended.verdict} ({why}); on a very busy machine, try again"
        )
    return "\n".join([*_side_by_side(leaky, mended, color=color), "", *_found(leaky), "", *_NEXT])


def _judge(specimen: Specimen, started: str, *, seed: int, examples: int) -> Judgement:
    _, number = campaign.fresh_numbers()
    options = campaign.Options(
        target=specimen.name,
        base=Path.cwd(),
        seed=seed,
        campaign=number,
        profile=replace(PROFILE, explore=examples),
        scenarios=tuple(select(builtin(), SCENARIOS).values()),
        timeout=5.0,
        started=started,
    )
    return campaign.run(options, target_object=specimen.build)


def _side_by_side(leaky: Judgement, mended: Judgement, *, color: bool) -> list[str]:
    rows = [
        (one.name, _verdict(one, color=color), _verdict(other, color=color))
        for one, other in zip(leaky.invariants, mended.invariants, strict=True)
    ]
    return [
        f"{DEMO.title}.",
        "",
        f"  leaky    {DEMO.mistake}",
        f"  mended   {DEMO.remedy}",
        "",
        "Both were driven by the same users, telling the same kind of secrets, the mended one for longer:",
        "",
        tabulate(rows, headers=("promise", "leaky", "mended"), tablefmt="simple"),
        "",
        visible(verdict_line(leaky)),
        visible(verdict_line(mended)),
    ]


def _verdict(result: InvariantResult, *, color: bool) -> str:
    word = result.verdict or result.status
    return f"\x1b[{_COLORS[word]}m{word}\x1b[0m" if color and word in _COLORS else word


def _found(leaky: Judgement) -> list[str]:
    # Somebody else's secret says more than one's own in another thread.
    across = (one for one in leaky.findings if one.owner.resource != one.observer.resource)
    finding = next(across, leaky.findings[0])
    lines = [f"What was found first: {visible(finding.diagnosis)}."]
    for label, told in story(finding):
        lines += [f"  {label:<9} {visible(told[0])}", *(f"{'':<12}{visible(line)}" for line in told[1:])]
    return [*lines, *textwrap.wrap(visible(finding.advice), 96, initial_indent="  ", subsequent_indent="  ")]


_NEXT: Final = (
    "Now yours:  overheard doctor module:agent   what it does, in some twenty calls",
    "            overheard run module:agent      what it keeps to the one who told it",
)
