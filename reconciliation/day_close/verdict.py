"""What a day came to: the worst of what its bridge and its breaks say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from payments.core.money import ZERO
from reconciliation.breaks import Tally, Weight
from reconciliation.day_close.bridge import Bridge
from reconciliation.day_close.tables import Verdict


class Lack(StrEnum):
    """Why a day can't be proved, beside breaks of statements."""

    NO_CLOSING = "no_closing"
    RESIDUAL = "residual"
    TRANSIT_RESIDUAL = "transit_residual"


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and its reasons: lacks, and kinds of breaks."""

    verdict: Verdict
    reasons: Sequence[str]


def judge(bridge: Bridge, tallies: Sequence[Tally]) -> Judged:
    """The verdict on a day, worst first, with every reason of that rank."""
    lacking = _lacks(bridge) + [
        tally.kind.value for tally in tallies if tally.weight is Weight.INCOMPLETE
    ]
    if lacking:
        return Judged(Verdict.INCOMPLETE, lacking)
    waiting = [tally for tally in tallies if tally.weight is Weight.OPEN]
    counting = [tally.kind.value for tally in waiting if tally.counting]
    if counting:
        return Judged(Verdict.BREAKS, counting)
    if waiting:
        return Judged(Verdict.PENDING, [tally.kind.value for tally in waiting])
    return Judged(Verdict.RECONCILED, [])


def reason_key(code: str) -> str:
    """Under which key the words of a verdict's reason stand."""
    return f"lack.{code}" if code in set(Lack) else f"break.{code}"


def _lacks(bridge: Bridge) -> list[str]:
    lacks = []
    if bridge.closing is None:
        lacks.append(Lack.NO_CLOSING.value)
    elif bridge.residual != ZERO:
        lacks.append(Lack.RESIDUAL.value)
    if bridge.transit.residual != ZERO:
        lacks.append(Lack.TRANSIT_RESIDUAL.value)
    return lacks
