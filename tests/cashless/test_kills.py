"""kill -9 of web or scheduler at random, all through the demonstration's day, changes nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cashless.test_cli import environment


def the_day(folder: Path, *, payments: int, kills: int) -> dict[str, Any]:
    """The end state of a day with so many kills; the demonstration itself found no fault in it."""
    kept = folder / f"{kills}.json"
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "cashless", "--language", "en", "demo"),
            *("--payments", str(payments), "--kills", str(kills), "--end-state", str(kept)),
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    told = re.findall(r"(web|scheduler) killed (\d+) times", ended.stdout)
    assert sum(int(count) for _, count in told) == kills
    state: dict[str, Any] = json.loads(kept.read_text())
    return state


@pytest.mark.slow
@pytest.mark.committed
def test_a_day_with_three_kills_ends_as_it_must(tmp_path: Path) -> None:
    """Every outcome is the expected one, the residual is 0 and the ledger proves."""
    state = the_day(tmp_path, payments=100, kills=3)
    assert {day["bridge"]["residual"] for day in state["days"].values()} == {0}


@pytest.mark.prove
def test_fifty_kills_leave_the_end_state_of_an_undisturbed_day(tmp_path: Path) -> None:
    """The same outcomes, balances, matches and breaks, to the đồng."""
    undisturbed = the_day(tmp_path, payments=300, kills=0)
    assert the_day(tmp_path, payments=300, kills=50) == undisturbed
