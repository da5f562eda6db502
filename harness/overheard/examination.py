"""What `overheard doctor` found out: frozen data, and what follows from it in words and as a contract.

Everything here is pure. What was measured is a handful of calls, so it is written as what was seen and
never as a certificate; and what looks like a leak is said to be one: a contract that would hide it is not
proposed.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from overheard.core.ids import MissingKind
from overheard.report.escape import clip, visible

Recall: TypeAlias = Literal["next turn", "after a while", "never", "unknown"]
Reach: TypeAlias = Literal["thread", "resource", "tenant", "everyone", "unknown"]
Stranger: TypeAlias = Literal["told", "refused", "not told", "error", "moot", "not offered", "unknown"]
Name: TypeAlias = Literal["thread", "resource", "both"]
Missing: TypeAlias = Literal[
    "refused", "stateless", "own", "shared", "error", "not offered", "unknown"
]  # fmt: skip

_WIDTH: Final = 100

_SAID: Final = 200
"""Characters of a target's own words that are shown."""

_NAMES: Final[Mapping[Name, tuple[str, str]]] = {
    "thread": ("A thread id", "is"),
    "resource": ("A resource id", "is"),
    "both": ("Thread and resource id", "are"),
}
_KINDS: Final[Mapping[MissingKind, str]] = {
    "omitted": "left out",
    "null": "None",
    "empty": '""',
    "blank": '"  "',
}


class MissingId(msgspec.Struct, frozen=True, kw_only=True):
    """What became of calls without one id, or without both.

    `found`  `refused`; `stateless` (answered, and nothing told that way was seen again); `own` (seen again
             by the one who told it); `shared` (seen by somebody else); `error` (broke, which is no
             refusal); `not offered` (the signature requires it, or does not take it).
    `detail` what the target said, where it said something.
    """

    id: Name
    kind: MissingKind
    found: Missing
    detail: str = ""


Shown: TypeAlias = Literal["told", "listed", "nothing", "refused", "error"]


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured.

    `latency`, `slowest`   milliseconds of a call: the median and the longest.
    `blocked`   the longest time, in milliseconds, for which nothing else could run.
    `gives_way` whether any call ever let another run.
    `settle`    milliseconds after which a fact was recalled that was not recalled at once.
    `window`    stored messages after which the fact was still recalled; `window_ends` whether it was lost
                later on, within what was looked at.
    `reach`     who else is told a fact: nobody outside its thread, its resource, its tenant, or everyone.
    `stranger`  what became of one who presented somebody else's thread id (`moot`: is told in any case).
    `takes`     what each of its surfaces beyond sending takes.
    `shows`     what a resource was shown of its own by each of those: what it told, its thread's id, nothing
                of either, a refusal, or an error.
    `declared`  contract settings that the target declares already.
    `trouble`   what the target said when it first broke, or refused.
    """

    target: str
    adapter: str
    surfaces: tuple[str, ...]
    accepts: tuple[str, ...]
    required: tuple[str, ...]
    coroutine: bool
    declared: Mapping[str, Any] = {}
    calls: int = 0
    answered: int = 0
    refused: int = 0
    broke: int = 0
    model_calls: int = 0
    latency: float | None = None
    slowest: float | None = None
    blocked: float = 0.0
    gives_way: bool = False
    recall: Recall = "unknown"
    settle: int | None = None
    window: int | None = None
    window_ends: bool = False
    reach: Reach = "unknown"
    stranger: Stranger = "unknown"
    missing: tuple[MissingId, ...] = ()
    takes: Mapping[str, tuple[str, ...]] = {}
    shows: Mapping[str, Shown] = {}
    trouble: str = ""

    @property
    def useful(self) -> bool:
        """Whether the target answered anything at all."""
        return self.answered > 0


def contract(seen: Examination) -> dict[str, str | int]:
    """The settings to declare, beyond the default and beyond what is declared already."""
    settings: dict[str, str | int] = {}
    if seen.reach in ("resource", "tenant"):
        settings["scope"] = seen.reach
    if _bearer(seen) and seen.reach != "everyone":
        settings["thread_ids"] = "bearer"
    settings |= _missing_settings(seen)
    if seen.settle is not None:
        settings["settle"] = seen.settle
    return {key: value for key, value in settings.items() if key not in seen.declared}


def _bearer(seen: Examination) -> bool:
    return seen.stranger == "told" or ("thread" in seen.accepts and not _knows_who(seen))


def _knows_who(seen: Examination) -> bool:
    return bool({"resource", "tenant", "caller"} & set(seen.accepts))


def _missing_settings(seen: Examination) -> dict[str, str | int]:
    """`refuse` where every kind that can be tried was refused; nothing where a leak would be hidden."""
    settings: dict[str, str | int] = {}
    plain = [one for one in seen.missing if one.kind != "blank" and one.found != "not offered"]
    if plain and all(one.found == "refused" for one in plain):
        settings["missing_ids"] = "refuse"
    blank = [one for one in seen.missing if one.kind == "blank" and one.found != "not offered"]
    if blank and all(one.found == "refused" for one in blank):
        settings["missing_ids.blank"] = "refuse"
    return settings


def findings(seen: Examination) -> list[str]:
    """What was measured, in plain words."""
    lines = [_form(seen)]
    if seen.latency is not None and seen.slowest is not None:
        lines.append(f"A call takes {seen.latency:.0f} ms, {seen.slowest:.0f} ms at most.")
    lines.append(_mirror(seen))
    lines.append(_loop(seen))
    lines.append(_recall(seen))
    lines += [_REACH[seen.reach]] if seen.reach not in ("unknown", "everyone") else []
    lines += [_STRANGER[seen.stranger]] if seen.stranger in _STRANGER else []
    lines += _surfaces(seen)
    for name, words in _NAMES.items():
        lines += _missing_words([one for one in seen.missing if one.id == name], words)
    return [line for line in lines if line]


_REACH: Final[Mapping[str, str]] = {
    "thread": "What is told in a thread stays in it: neither a sibling thread nor another resource is told.",
    "resource": "What a resource tells in one thread it is told in its other threads, and nobody else is.",
    "tenant": "What a resource tells, others of its tenant are told, and other tenants are not.",
}
_STRANGER: Final[Mapping[str, str]] = {
    "told": "Whoever presents a thread id is told what was said in it: the id is the key (bearer).",
    "refused": "A stranger who presents somebody else's thread id is refused.",
    "not told": "A stranger who presents somebody else's thread id is answered, and told nothing of it.",
    "error": "A stranger who presents somebody else's thread id gets an error, which counts as no refusal.",
}
_ORDINARY: Final = "an id like any other"
_FOUND: Final[Mapping[Missing, str]] = {
    "refused": "refused",
    "stateless": "answered without memory",
    "own": "remembered for the same caller",
    "shared": "shared with everybody",
    "error": "an error, which counts as no refusal",
    "not offered": "cannot be tried: the signature requires it",
    "unknown": "unclear",
}


def _form(seen: Examination) -> str:
    words = "an async" if seen.coroutine else "a plain (not async)"
    accepts = f"takes {', '.join(seen.accepts)}" if seen.accepts else "takes no ids"
    required = f", requires {', '.join(seen.required)}" if seen.required else ""
    more = [name for name in seen.surfaces if name != "send"]
    also = f"; also offers {', '.join(more)}" if more else ""
    return f"It is {words} target (driven as: {seen.adapter}); it {accepts}{required}{also}."


_SHOWS: Final[Mapping[Shown, str]] = {
    "told": "shows a resource what it told",
    "listed": "shows a resource the id of its thread",
    "nothing": "showed nothing of what was told before",
    "refused": "refused one who asked for its own",
    "error": "broke",
}


def _surfaces(seen: Examination) -> list[str]:
    """One sentence for each surface beyond sending."""
    return [
        f"By {name} ({', '.join(seen.takes.get(name, ())) or 'no ids'}) it {_SHOWS[found]}"
        + ("." if found in ("told", "listed") else ": nothing can be proved by it.")
        for name, found in seen.shows.items()
    ]


def _mirror(seen: Examination) -> str:
    if not seen.useful:
        return ""
    if seen.model_calls:
        return f"It talks to the mirror: {seen.model_calls} model calls in {seen.calls} calls."
    return (
        "It does not talk to the mirror. If it has a model, its base URL is not taken from OPENAI_BASE_URL, "
        "and what leaks into its prompts cannot be seen."
    )


def _loop(seen: Examination) -> str:
    if not seen.useful:
        return ""
    if seen.blocked >= _BLOCKED:
        return f"It blocks the event loop, for {seen.blocked:.0f} ms at worst (a synchronous call in it)."
    if not seen.gives_way:
        return "Its calls never give way to one another, so concurrent calls cannot be tested as such."
    return ""


_BLOCKED: Final = 250.0
"""Milliseconds; shorter pauses are what a busy machine does to anybody."""


def _recall(seen: Examination) -> str:
    if seen.recall == "unknown":
        return ""
    if seen.recall == "never":
        return "It remembers nothing: what is told in a thread is not recalled there."
    if seen.recall == "after a while":
        return f"What is told is not recalled at once; it was {seen.settle} ms later."
    if seen.window_ends:
        return f"It recalls in the next turn, and through {seen.window} stored messages; then it forgets."
    return (
        f"It recalls in the next turn, and still did after {seen.window} stored messages, where looking "
        f"ended (recall={seen.window} may be promised)."
    )


def _missing_words(found: list[MissingId], words: tuple[str, str]) -> list[str]:
    """One line for each outcome, not for each kind: four kinds mostly fare alike."""
    lines = []
    plain = [one for one in found if not _ordinary(one)]
    for outcome, meaning in _FOUND.items():
        kinds = [_KINDS[one.kind] for one in plain if one.found == outcome]
        if kinds and outcome != "unknown":
            said = next((one.detail for one in plain if one.found == outcome and one.detail), "")
            quoted = f" ({clip(said, _SAID)})" if said and outcome in ("refused", "error") else ""
            lines.append(f"{words[0]} that {words[1]} {' or '.join(kinds)}: {meaning}{quoted}.")
    lines += [f"{words[0]} of white space alone: {_ORDINARY}." for one in found if _ordinary(one)]
    return lines


def _ordinary(one: MissingId) -> bool:
    """White space is an id like any other unless it is declared missing: who presents it, presents an id."""
    return one.kind == "blank" and one.found in ("own", "shared")


def warnings(seen: Examination) -> list[str]:
    """What looks like a leak, or like a declaration that is not true."""
    lines = []
    if seen.reach == "everyone":
        lines.append(
            "LEAK: another resource, in a thread of its own, was told the fact: all share one history, and "
            "no contract is proposed that would permit it."
        )
    lines += _warnings_of_missing(seen) if seen.reach != "everyone" else []
    if _bearer(seen) and "thread_ids" not in seen.declared and seen.reach != "everyone":
        lines.append(
            "thread_ids=bearer promises less than the default: that thread ids cannot be guessed, and that "
            "your application checks who owns them, is then for you to know."
        )
    return lines + _untrue(seen)


def _warnings_of_missing(seen: Examination) -> list[str]:
    lines = []
    plain = [one for one in seen.missing if not _ordinary(one)]
    for name, (words, verb) in _NAMES.items():
        shared = [_KINDS[one.kind] for one in plain if one.id == name and one.found == "shared"]
        if shared:
            lines.append(
                f"LEAK: {words.lower()} that {verb} {' or '.join(shared)}: all who call that way share one "
                "memory. Refuse such calls; no contract is proposed that would permit them."
            )
        # A kind that is shared elsewhere gets no advice: `ordinary` would permit that as well.
        leaking = {one.kind for one in plain if one.found == "shared"}
        own = [one.kind for one in plain if (one.id, one.found) == (name, "own") and one.kind not in leaking]
        if own:
            lines.append(
                f"{words} that {verb} {' or '.join(_KINDS[kind] for kind in own)}: what is told that way is "
                "recalled that way, which the default contract rules out. If such calls are meant to be one "
                f"conversation, say so: {', '.join(f'missing_ids.{kind}=ordinary' for kind in own)}."
            )
    return lines


def _untrue(seen: Examination) -> list[str]:
    """Where a declaration says other than what was measured."""
    lines = []
    declared = seen.declared
    if seen.stranger == "told" and declared.get("thread_ids") == "owned":
        lines.append("LEAK: it declares thread_ids=owned, and a stranger with a thread id was told the fact.")
    scope = declared.get("scope")
    if scope == "thread" and seen.reach in ("resource", "tenant"):
        lines.append("LEAK: it declares scope=thread, and the fact was told outside its thread.")
    if scope == "resource" and seen.reach == "tenant":
        lines.append("LEAK: it declares scope=resource, and another resource was told the fact.")
    if scope in ("resource", "tenant") and seen.reach == "thread":
        lines.append(f"It declares scope={scope}, and the fact was recalled in its own thread only.")
    if declared.get("missing_ids") == "refuse":
        lines += [
            f"It declares missing_ids=refuse; {_named(one)} was not refused."
            for one in seen.missing
            if one.kind != "blank" and one.found in ("stateless", "own", "shared", "error")
        ]
    return lines


def unclear(seen: Examination) -> list[str]:
    """What could not be found out, and why."""
    if not seen.useful:
        return [f"Nothing could be measured: {_why_useless(seen)}."]
    lines = []
    if seen.recall == "never":
        lines.append(
            "Scope, ownership and what becomes of missing ids: an agent that remembers nothing does not show."
        )
    elif seen.recall == "unknown":
        lines.append("Whether it remembers: a call in the middle broke or was refused.")
    elif seen.reach == "unknown":
        lines.append("Scope: the owner was no longer told its own fact when others were asked.")
    if seen.stranger == "moot":
        lines.append("Ownership: others are told the fact whatever thread id they present.")
    if seen.stranger == "not offered":
        lines.append("Ownership: it takes no thread id that a stranger could present.")
    if seen.stranger == "unknown" and seen.recall not in ("never", "unknown"):
        lines.append("Ownership: the owner was not told its own fact around the stranger's call.")
    lines += [
        f"What becomes of {_named(one)}."
        for one in seen.missing
        if one.found == "unknown" and seen.recall not in ("never", "unknown")
    ]
    errors = [one for one in seen.missing if one.found == "error" and one.detail]
    if errors and seen.adapter == "http":
        said = clip(errors[0].detail.removeprefix("TargetError: "), _SAID)
        lines.append(f"Whether this means no: {said}. If it does, name its status under [refused].")
    elif errors:
        lines.append(
            f"Whether {errors[0].detail.partition(':')[0]} means no: if it does, name it in "
            "@overheard.contract(refusals=(...))."
        )
    return lines


def _named(one: MissingId) -> str:
    words, verb = _NAMES[one.id]
    return f"{words.lower()} that {verb} {_KINDS[one.kind]}"


def _why_useless(seen: Examination) -> str:
    said = f" ({clip(seen.trouble, _SAID)})" if seen.trouble else ""
    if seen.broke:
        return f"every call broke{said}"
    return f"it refuses everything{said}" if seen.refused else "every answer was empty"


def pasted(settings: Mapping[str, str | int]) -> tuple[str, str]:
    """The two ways to declare `settings`: the decorator, and the configuration file's table."""
    words = [f"{key.replace('.', '__')}={json.dumps(value)}" for key, value in settings.items()]
    rows = [
        f"{json.dumps(key) if '.' in key else key} = {json.dumps(value)}" for key, value in settings.items()
    ]
    return f"@overheard.contract({', '.join(words)})", "\n".join(["[tool.overheard.contract]", *rows])


def to_json(seen: Examination) -> str:
    """Measurements, words and contract, for machines. Everything is escaped as it is on a terminal."""
    document = {
        **msgspec.to_builtins(seen),
        "useful": seen.useful,
        "findings": findings(seen),
        "warnings": warnings(seen),
        "unclear": unclear(seen),
        "contract": contract(seen),
    }
    return json.dumps(_visible(document), indent=2)


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {key: _visible(part) for key, part in value.items()}
    return [_visible(part) for part in value] if isinstance(value, list | tuple) else value


def to_terminal(seen: Examination, *, color: bool) -> str:
    """The whole examination on one page."""
    page = [f"{visible(seen.target)}: {seen.calls} calls, {seen.answered} of them answered", ""]
    page += _section("Measured", findings(seen))
    page += _section("Take care", warnings(seen), color="31" if color else "")
    page += _section("Not found out", unclear(seen))
    if seen.useful:
        page += _contract_section(seen)
    return "\n".join(page)


def _section(title: str, lines: list[str], *, color: str = "") -> list[str]:
    if not lines:
        return []
    painted = f"\x1b[{color}m{title}\x1b[0m" if color else title
    # Words are never broken: what is to be pasted (a setting, a path) must stay whole.
    bullets = (
        textwrap.fill(
            visible(line), _WIDTH, initial_indent="  - ", subsequent_indent="    ",
            break_long_words=False, break_on_hyphens=False,
        )
        for line in lines
    )  # fmt: skip
    return [painted, *bullets, ""]


def _contract_section(seen: Examination) -> list[str]:
    settings = contract(seen)
    if not settings:
        kept = "what it declares" if seen.declared else "the default contract"
        return ["Contract", f"  There is nothing to add to {kept}.", ""]
    decorator, table = pasted(settings)
    if seen.adapter == "http":
        rows = table.replace("[tool.overheard.contract]", "[contract]", 1).splitlines()
        return [f"Contract, to paste into {visible(seen.target)}", "", *(f"    {row}" for row in rows), ""]
    return [
        "Contract, to paste above the target, or into pyproject.toml",
        "",
        f"    {decorator}",
        "",
        *(f"    {line}" for line in table.splitlines()),
        "",
    ]
