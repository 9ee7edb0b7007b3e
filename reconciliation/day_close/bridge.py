"""The bridge of a day: from what was booked to what the bank says, with nothing left over.

    opening balance + Σ bank postings ≤ D + Σ lines ≤ D not booked = closing(D)
    transit = Σ credits ≤ D without a line - Σ lines booked before their credit's day

What neither side explains is the residual, and it must be zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from payments.core.money import ZERO, Dong
from reconciliation import proof, statements
from reconciliation.proof import Bank, Transit
from reconciliation.statements import Basis, Closing


@dataclass(frozen=True, slots=True)
class Bridge:
    """The figures of one day's end; `closing` is None where no statement tells it."""

    bank: Bank
    transit: Transit
    closing: Closing | None

    @property
    def residual(self) -> Dong | None:
        """What the bank says beyond what is explained; None where it says nothing."""
        return None if self.closing is None else self.closing.amount - self.bank.explained

    @property
    def holds(self) -> bool:
        """Whether nothing is left over on either side."""
        return self.residual == ZERO and self.transit.residual == ZERO


def bridge(session: Session, collection_account_id: int, day: date) -> Bridge:
    """The bridge of an account's day, as it was booked by then."""
    bank = proof.bank(session, collection_account_id, day)
    return Bridge(
        bank,
        proof.transit(session, collection_account_id, day),
        _closing(session, collection_account_id, day, opening=bank.opening),
    )


def _closing(
    session: Session, collection_account_id: int, day: date, *, opening: Dong
) -> Closing | None:
    """The bank's balance; where it never stated one, what the opening and its lines come to."""
    told = statements.closing_on(session, collection_account_id, day)
    if told is not None or not statements.is_covered(session, collection_account_id, day):
        return told
    moved = statements.moved_between(session, collection_account_id, date.min, day)
    return Closing(opening + moved, Basis.DERIVED)
