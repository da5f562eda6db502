"""What a replay showed, on a terminal: one verdict line, then each plan, how often it showed and to whom."""

from __future__ import annotations

from overheard.check.result import Finding, Judgement, RegressionResult
from overheard.report.order import deviations_in_words
from overheard.report.redact import Redactor
from overheard.report.terminal import Page
from overheard.report.words import number_of, replay_line, story, verdict_line


def to_terminal(judgement: Judgement, *, colour: bool, width: int, show: bool = False) -> str:
    """The report of a replay as text of at most `width` columns where words allow it.

    `judgement` speaks of its earlier failures alone (`check.narrow`). The rest is as for a run.
    """
    page = Page(colour=colour, width=width)
    redactor = Redactor(judgement, show=show)
    page.say(verdict(judgement), start=judgement.verdict)
    page.heading("Replayed")
    for index, one in enumerate(judgement.regressions):
        if index:
            page.blank()
        page.say(f"{index + 1}. {one.name}", hanging="   ")
        page.labelled("promise", f"{one.invariant}: {one.diagnosis}")
        page.labelled("replays", *_replays(one))
        page.labelled("why", *one.reasons)
        if one.witness is not None:
            _seen(page, one.witness, one, redactor)
    page.section("Notes", judgement.notes)
    page.section(
        "Stays in the target",
        (f"{left.caller}: resource {left.resource}, thread {left.thread}" for left in judgement.left),
    )
    page.heading("Run it again")
    page.exactly(replay_line(judgement))
    return page.text()


def verdict(judgement: Judgement) -> str:
    """The one line that says what came of a replay. It begins with the verdict."""
    target = judgement.target
    judged = [one for one in judgement.regressions if one.status == "judged"]
    if judgement.verdict == "violated":
        shown = [one for one in judged if one.shown]
        if len(judged) == 1:
            return f"violated: reproduces {reproduced(judged[0])} in {target}: {judged[0].invariant}"
        return f"violated: {len(shown)} of {number_of(len(judged), 'earlier failure')} reproduce in {target}"
    if judgement.verdict == "held":
        other = len(judgement.regressions) - len(judged)
        rest = f"; {number_of(other, 'more was', 'more were')} not driven" if other else ""
        if len(judged) == 1:
            none = reproduced(judged[0])
            return f"held: does not reproduce in {target}, and would have been seen: {none}{rest}"
        return (
            f"held: none of {number_of(len(judged), 'earlier failure')} reproduces in {target}, and each "
            f"would have been seen{rest}"
        )
    return verdict_line(judgement)


def reproduced(one: RegressionResult) -> str:
    """How many of the replays of a plan showed it: `2 of 3`."""
    return f"{one.shown} of {one.plays}"


def _replays(one: RegressionResult) -> list[str]:
    if one.status != "judged":
        return [f"not driven: {one.status}"]
    lines = [f"reproduces {reproduced(one)}"]
    if one.strayed:
        lines.append(
            f"the recorded schedule could not be followed to its end in {one.strayed} of {one.plays}: the "
            "target goes on otherwise than it did then"
        )
    return lines


def _seen(page: Page, witness: Finding, one: RegressionResult, redactor: Redactor) -> None:
    if (witness.invariant, witness.diagnosis) != (one.invariant, one.diagnosis):
        page.labelled("now", f"{witness.invariant}: {witness.diagnosis}")
    for label, lines in story(witness):
        page.labelled(label, *lines)
    page.labelled("evidence", redactor.sentence(witness))
    if witness.minimal is not None and (order := deviations_in_words(witness.minimal)):
        page.labelled("out of turn", *order)
    page.labelled("change", witness.advice)
