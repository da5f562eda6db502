"""Where a kind of mistake is described by others: the weaknesses that a finding is an instance of.

Looked up by diagnosis, for that is what has a cause. A diagnosis that is not listed is a leak all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from overheard.check import diagnose
from overheard.check.handed import CACHED, SWAPPED
from overheard.check.result import Finding
from overheard.check.suspect import stories
from overheard.core.collision import Family
from overheard.report.words import breach


class Reference(NamedTuple):
    """A published weakness or risk."""

    name: str
    title: str
    url: str


_CWE: Final = {
    41: "Improper Resolution of Path Equivalence",
    155: "Improper Neutralization of Wildcards or Matching Symbols",
    174: "Double Decoding of the Same Data",
    176: "Improper Handling of Unicode Encoding",
    178: "Improper Handling of Case Sensitivity",
    187: "Partial String Comparison",
    200: "Exposure of Sensitive Information to an Unauthorized Actor",
    209: "Generation of Error Message Containing Sensitive Information",
    212: "Improper Removal of Sensitive Information Before Storage or Transfer",
    283: "Unverified Ownership",
    222: "Truncation of Security-relevant Information",
    290: "Authentication Bypass by Spoofing",
    362: "Concurrent Execution using Shared Resource with Improper Synchronization ('Race Condition')",
    459: "Incomplete Cleanup",
    488: "Exposure of Data Element to Wrong Session",
    524: "Use of Cache Containing Sensitive Information",
    636: "Not Failing Securely ('Failing Open')",
    639: "Authorization Bypass Through User-Controlled Key",
    653: "Improper Isolation or Compartmentalization",
    694: "Use of Multiple Resources with Duplicate Identifier",
    704: "Incorrect Type Conversion or Cast",
    706: "Use of Incorrectly-Resolved Name or Reference",
    862: "Missing Authorization",
}

_OBJECT_LEVEL: Final = Reference(
    "OWASP API1:2023",
    "Broken Object Level Authorization",
    "https://owasp.org/API-Security/editions/2023/en/0xa1-broken-object-level-authorization/",
)
_PROPERTY_LEVEL: Final = Reference(
    "OWASP API3:2023",
    "Broken Object Property Level Authorization",
    "https://owasp.org/API-Security/editions/2023/en/0xa3-broken-object-property-level-authorization/",
)
_DISCLOSURE: Final = Reference(
    "OWASP LLM02:2025",
    "Sensitive Information Disclosure",
    "https://genai.owasp.org/llmrisk/llm022025-sensitive-information-disclosure/",
)
_VECTORS: Final = Reference(
    "OWASP LLM08:2025",
    "Vector and Embedding Weaknesses",
    "https://genai.owasp.org/llmrisk/llm082025-vector-and-embedding-weaknesses/",
)


def _cwe(number: int) -> Reference:
    return Reference(f"CWE-{number}", _CWE[number], f"https://cwe.mitre.org/data/definitions/{number}.html")


_BY_FAMILY: Final[Mapping[Family, tuple[Reference, ...]]] = {
    "case": (_cwe(178), _cwe(176), _cwe(706)),
    "number": (_cwe(704), _cwe(706)),
    "length": (_cwe(222), _cwe(706)),
    "escapes": (_cwe(174), _cwe(706)),
    "punctuation": (_cwe(41), _cwe(706)),
    "prefix": (_cwe(187), _cwe(155)),
    "pattern": (_cwe(155), _cwe(706)),
    "reserved": (_cwe(694), _cwe(706)),
    "joined": (_cwe(694), _cwe(706)),
    "kind": (_cwe(694), _cwe(706)),
}

BY_DIAGNOSIS: Final[Mapping[str, tuple[Reference, ...]]] = {
    diagnose.NO_IDS: (_cwe(653), _cwe(488), _DISCLOSURE),
    diagnose.RESOURCE_IGNORED: (_cwe(653), _VECTORS, _DISCLOSURE),
    diagnose.TENANT_IGNORED: (_cwe(653), _VECTORS, _DISCLOSURE),
    diagnose.THREAD_IGNORED: (_cwe(488), _DISCLOSURE),
    diagnose.THREAD_ONLY: (_cwe(639), _OBJECT_LEVEL),
    diagnose.BUCKET: (_cwe(636), _cwe(706), _DISCLOSURE),
    diagnose.FALLS_BACK: (_cwe(636), _cwe(706), _DISCLOSURE),
    diagnose.NOT_REFUSED: (_cwe(636),),
    CACHED: (_cwe(524), _cwe(488), _DISCLOSURE),
    diagnose.RACE: (_cwe(362), _cwe(488)),
    SWAPPED: (_cwe(362), _cwe(488)),
    diagnose.TAKEN_OVER: (_cwe(639), _cwe(862), _OBJECT_LEVEL),
    diagnose.REFUSAL_TELLS: (_cwe(209),),
    diagnose.ERROR_TELLS: (_cwe(209),),
    diagnose.MIXED: (_cwe(653), _DISCLOSURE),
    diagnose.BELIEVED: (_cwe(639), _cwe(290), _OBJECT_LEVEL),
    diagnose.LISTED: (_cwe(862), _OBJECT_LEVEL),
    diagnose.READ: (_cwe(639), _cwe(862), _OBJECT_LEVEL),
    diagnose.SEARCHED: (_cwe(862), _VECTORS),
    diagnose.UNFILTERED: (_cwe(636), _cwe(862)),
    diagnose.IDS_SHOWN: (_cwe(200),),
    **{diagnosis: some for how, some in _BY_FAMILY.items() for diagnosis in stories(how)},
    diagnose.CREATED: (_cwe(283), _cwe(862), _OBJECT_LEVEL),
    diagnose.CLONED: (_cwe(639), _cwe(862), _OBJECT_LEVEL),
    diagnose.UPDATED: (_cwe(639), _cwe(862), _PROPERTY_LEVEL),
    diagnose.TRANSFERRED: (_cwe(283), _cwe(862), _OBJECT_LEVEL),
    diagnose.DELETED: (_cwe(639), _cwe(862), _OBJECT_LEVEL),
    diagnose.COPY_STAYS: (_cwe(459), _cwe(212), _DISCLOSURE),
    diagnose.COMES_BACK: (_cwe(459), _cwe(212), _DISCLOSURE),
    diagnose.TOO_MUCH: (_cwe(653), _cwe(639)),
}


def references(finding: Finding) -> tuple[Reference, ...]:
    """What has been published about this kind of mistake. What was merely forgotten is no weakness."""
    if finding.diagnosis in BY_DIAGNOSIS:
        return BY_DIAGNOSIS[finding.diagnosis]
    return () if breach(finding) in ("missing", "broken") else (_cwe(653), _DISCLOSURE)
