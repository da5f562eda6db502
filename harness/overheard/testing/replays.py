"""The fixture `overheard_replay`: an earlier failure, driven against an agent, as a test can ask for it."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

import pytest
from msgspec.structs import replace

from overheard import campaign, regressions, replaying
from overheard.check.result import Judgement
from overheard.core.errors import OverheardError
from overheard.report.replayed import to_terminal
from overheard.settings import Settings
from overheard.testing.declare import Declaration
from overheard.testing.options import settings_of, shows_evidence
from overheard.testing.runs import Hang, forget, plugins_of

_WIDTH = 100


class Replayed(NamedTuple):
    """What came of it: the plan was driven `times` times, and the leak was `shown` so often.

    `report` says who was shown what, in words, as `overheard replay` does.
    """

    times: int
    shown: int
    report: str

    def __repr__(self) -> str:
        return f"<shown {self.shown} of {self.times} times>"  # pytest prints it below the report


class Replaying:
    """Drives earlier failures for one test."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._config = request.config
        self._node = request.node

    def __call__(
        self,
        plan: Mapping[str, Any],
        agent: Any,
        *,
        times: int = replaying.TIMES,
        contract: Mapping[str, str | int] | None = None,
        timeout: float | None = None,
        serve: str | None = None,
        allow_remote: bool = False,
        allow_destructive: bool = False,
        rate: float | None = None,
    ) -> Replayed:
        """Drive `plan`, the content of a file of an earlier failure, so many `times` against `agent`.

        `agent` is a target in any form, best a factory: it is called while overheard's own model server is
        up. The rest is as on the command line. Where nothing is proved the test fails, or is an error if
        this was called while it is set up; where the plan is not about the agent it is skipped.
        """
        declaration = Declaration(contract=contract, timeout=timeout)
        try:
            settings = settings_of(
                self._config, seed=secrets.randbits(32), target=self._name(), declaration=declaration
            )
            settings = replace(
                settings,
                serve=serve or settings.serve,
                allow_remote=allow_remote or settings.allow_remote,
                allow_destructive=allow_destructive or settings.allow_destructive,
                rate=rate or settings.rate,
            )
            one = regressions.parsed(
                self._node.originalname or self._node.name, dict(plan), where="the plan of this test",
                advice="take the file from version control again, or delete it",
            )  # fmt: skip
            options = replaying.options(
                settings, plugins_of(self._config, settings), [one], times=times,
                campaign=secrets.randbits(30), started=datetime.now(UTC).isoformat(timespec="seconds"),
                command=f"pytest {self._node.nodeid}",
            )  # fmt: skip
            judgement = replaying.spoken(self._driven(options, settings, agent))
        except OverheardError as error:
            _fail(f"overheard: {error}")
        return self._said(judgement)

    def _name(self) -> str:
        path, _, name = self._node.nodeid.partition("::")
        return f"{path}:{name.partition('[')[0].replace('::', '.')}"

    def _driven(self, options: campaign.Options, settings: Settings, agent: Any) -> Judgement:
        imported = set(sys.modules)
        hang = Hang()
        try:
            return campaign.run(options, target_object=agent, on_hang=hang.end)
        except KeyboardInterrupt:
            if hang.seconds is None:
                raise
            _fail(f"inconclusive: {hang.sentence()}")
        except SystemExit as error:
            _fail(f"inconclusive: the agent left by sys.exit({error.code!r}) while it was made")
        finally:
            hang.over.set()
            forget(imported, (settings.base.absolute(), self._config.rootpath))

    def _said(self, judgement: Judgement) -> Replayed:
        (one,) = judgement.regressions
        report = to_terminal(judgement, colour=False, width=_WIDTH, show=shows_evidence(self._config))
        if one.status != "judged":
            pytest.skip(f"{one.status}: {'; '.join(one.reasons)}")
        if one.verdict == "inconclusive":
            _fail(report)
        return Replayed(one.plays, one.shown, report)


def _fail(text: str) -> NoReturn:
    pytest.fail(text, pytrace=False)
