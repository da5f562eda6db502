"""What a plugin brings for targets of other frameworks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Adapter(NamedTuple):
    """Makes a target out of an object of some framework.

    `matches` looks at an object and says whether it is one of that framework's; it must not call it. `adapt`
    gives a target in any form that a target can have, mostly an object with `send`.
    """

    name: str
    matches: Callable[[Any], bool]
    adapt: Callable[[Any], Any]
