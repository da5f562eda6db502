"""The formats a run is written in: one pure function each, chosen from a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from overheard.check.result import Judgement
from overheard.report.badge import to_badge
from overheard.report.certificate import to_certificate, uncertified
from overheard.report.html import to_html
from overheard.report.json import to_json
from overheard.report.junit import to_junit
from overheard.report.markdown import to_markdown
from overheard.report.sarif import to_sarif


class Format(NamedTuple):
    """One format: its fixed file name, and the bytes of a judgement (`show`: with the evidence).

    `absent` says why a judgement has none; empty if it has one.
    """

    file: str
    render: Callable[[Judgement, bool], bytes]
    absent: Callable[[Judgement], str] = lambda _: ""


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "json": Format("report.json", lambda judgement, show: to_json(judgement, show=show)),
        "html": Format("report.html", lambda judgement, show: to_html(judgement, show=show).encode("utf-8")),
        "md": Format("report.md", lambda judgement, show: to_markdown(judgement, show=show).encode("utf-8")),
        "junit": Format("junit.xml", lambda judgement, show: to_junit(judgement, show=show)),
        "sarif": Format("results.sarif", lambda judgement, show: to_sarif(judgement, show=show)),
        "badge": Format("badge.json", lambda judgement, _: to_badge(judgement)),
        "certificate": Format(
            "certificate.json", lambda judgement, _: to_certificate(judgement), uncertified
        ),
    }
)
"""By name. A further format is one more line here and one more module beside."""
