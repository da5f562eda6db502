"""The variables that lead a target to the mirror and keep it off the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

QUIET: Final[Mapping[str, str]] = {
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "AGNO_TELEMETRY": "false",
    "MEM0_TELEMETRY": "False",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "OTEL_SDK_DISABLED": "true",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "TELEMETRY_DISABLED": "1",
    "GRAPHITI_TELEMETRY_ENABLED": "false",
    "ANONYMIZED_TELEMETRY": "False",
    "MASTRA_TELEMETRY_DISABLED": "1",
    "MASTRA_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
}
"""Telemetry off, framework by framework: a tracer that cannot reach its server slows every call down, and
one that can would carry canaries away."""

_LOOPBACK: Final = ("127.0.0.1", "localhost")


def variables(url: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """What to set for a target so that its model client calls the mirror at `url`.

    `inherited` is the environment the target starts from: its proxy exceptions are kept and loopback is
    added, or a configured proxy would be asked to fetch the mirror.
    """
    before = inherited.get("NO_PROXY") or inherited.get("no_proxy") or ""
    hosts = [host.strip() for host in before.split(",") if host.strip()]
    no_proxy = ",".join([*hosts, *(host for host in _LOOPBACK if host not in hosts)])
    return {
        "OVERHEARD_MIRROR": url,
        "OPENAI_BASE_URL": url,
        "OPENAI_API_BASE": url,
        "OPENAI_API_KEY": "overheard",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        **QUIET,
    }
