"""The morning after, at the treasury: statements come in, the day is run, staff look."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from cashless.demo.stage import Stage

_WITHIN: Final = 150.0
"""Seconds: the scheduler looks each minute for days that are due."""

_LOOK: Final = 1.0


@dataclass(frozen=True)
class Treasury:
    """What staff do at one time of the day."""

    stage: Stage
    at: timedelta

    def take_in(self, files: Mapping[str, Path]) -> None:
        """Imports each account's statement."""
        for account, path in files.items():
            self.stage.command("statement", "import", "--account", account, str(path), at=self.at)

    def wait_for_days(self, accounts: Iterable[str], day: date) -> dict[str, dict[str, Any]]:
        """What the day came to, by account, once the scheduler ran it with its statement.

        A day that was never run so within its time is missing.
        """
        found: dict[str, dict[str, Any]] = {}
        end = time.monotonic() + _WITHIN
        waiting = list(accounts)
        while waiting and time.monotonic() < end:
            for account in tuple(waiting):
                told = self._day(account, day)
                if told is not None and told["inputs"]:
                    found[account] = told
                    waiting.remove(account)
            if waiting:
                time.sleep(_LOOK)
        return found

    def prove(self) -> dict[str, Any]:
        """What `ledger prove` says: whether everything holds, and each identity."""
        told: dict[str, Any] = json.loads(
            self.stage.command("ledger", "prove", "--json", at=self.at, allowed=(0, 1))
        )
        return told

    def _day(self, account: str, day: date) -> dict[str, Any] | None:
        told = self.stage.command(
            "day", "show", "--json", "--account", account, "--date", day.isoformat(),
            at=self.at,
            allowed=(0, 2),
        )  # fmt: skip
        return json.loads(told) if told else None
