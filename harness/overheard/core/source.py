"""Where a target is written down."""

from __future__ import annotations

import msgspec


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The file that names a target.

    `file`    its path, with forward slashes, from the root of the repository it lies in (without one: from
              the folder that the target was looked for in; its bare name if it lies in neither).
    `line`    where in it the target is defined, from 1.
    `sha256`  of its bytes when the target was driven. What it imports, or reaches over HTTP, is not in it.
    """

    file: str
    line: int
    sha256: str
