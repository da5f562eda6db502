"""Evidence without the words: who owned it, and a fingerprint by which to recognise it again.

Evidence is what an agent remembered, and beside our own canaries that may be anybody's data: reports are
pasted into pull requests. So text is replaced by its owner, its length and a *keyed* fingerprint. A bare
hash would not do: the e-mail addresses of a customer list are quickly hashed one after the other, once for
all reports there will ever be. The key is derived from the campaign's number and seed, so the same text
has another fingerprint in every campaign: no table serves twice and two reports cannot be joined.

What the key does not do: campaign and seed are printed in the report, because a run must be repeatable.
Who holds a report can therefore still *confirm* a guess of the whole text, canary and all. The fingerprint
tells the reader of a report apart what is the same and what is not; it is no encryption.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from overheard.check.result import Finding, Judgement
from overheard.core.canary import CANARY, NONCE, find_canaries
from overheard.report.escape import clip, visible

EVIDENCE_LIMIT: Final = 400
"""Characters of evidence shown when it is asked for."""

_FINGERPRINT_DIGITS: Final = 10


class Redactor:
    """Shows or withholds evidence of one judgement. `show` shows it, escaped."""

    def __init__(self, judgement: Judgement, *, show: bool) -> None:
        self.show = show
        self._key = hashlib.blake2b(
            f"{judgement.campaign}/{judgement.seed}".encode(), digest_size=32, person=b"overheard-report"
        ).digest()

    def fingerprint(self, text: str) -> str:
        """Ten hex digits by which the same text is recognised within one campaign."""
        raw = text.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, raw, hashlib.sha256).hexdigest()[:_FINGERPRINT_DIGITS]

    def token(self, token: str) -> str:
        """A canary as it is shown: `OVH1… #fingerprint`, or the whole of it if asked for."""
        if not token:
            return ""
        if self.show:
            return visible(clip(token, EVIDENCE_LIMIT))
        start = token[:4] if CANARY.fullmatch(token) or NONCE.fullmatch(token) else ""
        return f"{start}… #{self.fingerprint(token)}"

    def text(self, text: str) -> str | None:
        """The evidence, escaped, if it was asked for."""
        return visible(around(text, EVIDENCE_LIMIT)) if self.show else None

    def sentence(self, finding: Finding) -> str:
        """The evidence of a finding in one line: what was seen, or what stands for it."""
        shown = self.text(finding.evidence)
        if shown:
            return f"{self.token(finding.token)} in: {shown}" if finding.token else shown
        parts = [self.token(finding.token)] if finding.token else []
        if finding.evidence:
            parts.append(f"text of {len(finding.evidence)} characters #{self.fingerprint(finding.evidence)}")
        if not parts:
            return "none: nothing was shown"
        return f"{', '.join(parts)}; owner {visible(finding.owner.caller)}"


def around(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, from around its first canary if it has one."""
    if len(text) <= limit:
        return text
    tokens = find_canaries(text)
    middle = text.find(tokens[0]) + len(tokens[0]) // 2 if tokens else limit // 2
    start = max(0, min(middle - limit // 2, len(text) - limit))
    end = start + limit
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"
