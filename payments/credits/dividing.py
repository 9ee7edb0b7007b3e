"""What becomes of a credit's amount: its parts, its finding, the fees it pays, its match.

Settlement decides and hands the result over as a set; here it is written.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Column,
    Table,
    case,
    insert,
    literal,
    update,
)
from sqlalchemy.orm import Session

from payments.core.columns import Amount, Code, Instant, Key
from payments.core.database import Rows, rows_of
from payments.core.errors import Conflict
from payments.core.temporary import materialise, scratch
from payments.credits.pairing import CREDIT, pairing
from payments.credits.tables import Allocation, Evidence, Finding


class AlreadyMatched(Conflict):
    """A credit stands in at most one live match."""

    code = "already_matched"


_division = Table(
    "division",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("finding", Code()),
    Column("payment_request_id", Key()),
    Column("to_fees", Amount()),
    Column("held", Amount()),
    Column("unidentified", Amount()),
    Column("reversed", Amount()),
    prefixes=["TEMPORARY"],
)

_refund = Table(
    "credit_refund",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("held", Amount()),
    Column("unidentified", Amount()),
    Column("to_fees", Amount()),
    prefixes=["TEMPORARY"],
)

_remitted = Table(
    "credit_remitted",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("amount", Amount()),
    prefixes=["TEMPORARY"],
)

_numbers = Table(
    "credit_number",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("other_id", Key()),
    prefixes=["TEMPORARY"],
)


def divide_all(session: Session, parts: Rows, *, now: datetime) -> None:
    """Sets how each credit's amount is divided, and what it was found to be.

    `parts` selects (credit_id, finding, payment_request_id, to_fees, held, unidentified,
    reversed). Nothing of it stays advised. A finding of None puts the credit back before its
    settlement, its money held.
    """
    materialise(session, _division, parts)
    given = _division.c
    session.execute(
        update(CREDIT)
        .where(CREDIT.c.id == given.credit_id)
        .values(
            finding=given.finding,
            settled_at=case((given.finding.is_not(None), literal(now, Instant()))),
            payment_request_id=given.payment_request_id,
            advised=0,
            to_fees=given.to_fees,
            held=given.held,
            unidentified=given.unidentified,
            reversed=given.reversed,
            decisions=CREDIT.c.decisions + 1,
        )
    )


def advise_all(session: Session, advised: Rows) -> None:
    """Notes which request each still unconfirmed credit names: (credit_id, payment_request_id)."""
    materialise(session, _numbers, advised)
    session.execute(
        update(CREDIT)
        .where(CREDIT.c.id == _numbers.c.credit_id)
        .values(payment_request_id=_numbers.c.other_id)
    )


def allocate_all(session: Session, allocations: Rows) -> None:
    """Keeps which fee lines credits pay.

    `allocations` selects (collection_account_id, credit_id, payment_request_line_id, amount,
    decision, day): the day on which it turns into a fee. A negative amount takes an allocation of
    that day back.
    """
    columns = [
        "collection_account_id",
        "credit_id",
        "payment_request_line_id",
        "amount",
        "decision",
        "day",
    ]
    session.execute(insert(Allocation).from_select(columns, allocations))


def refund_all(session: Session, refunds: Rows) -> None:
    """Moves parts of credits to what was given back; negative amounts move them back again.

    `refunds` selects (credit_id, held, unidentified, to_fees), one row a credit. What a credit does
    not hold, or what stands on no statement, breaks a constraint.
    """
    materialise(session, _refund, refunds)
    given = _refund.c
    session.execute(
        update(CREDIT)
        .where(CREDIT.c.id == given.credit_id)
        .values(
            held=CREDIT.c.held - given.held,
            unidentified=CREDIT.c.unidentified - given.unidentified,
            to_fees=CREDIT.c.to_fees - given.to_fees,
            refunded=CREDIT.c.refunded + given.held + given.unidentified + given.to_fees,
            decisions=CREDIT.c.decisions + 1,
        )
    )


def remit_all(session: Session, remitted: Rows) -> None:
    """Notes what of credits' fees has left for the treasury, negative where it came back to us.

    `remitted` selects (credit_id, amount), one row a credit. More than a credit pays of fees, or of
    what stands on no statement, breaks a constraint.
    """
    materialise(session, _remitted, remitted)
    session.execute(
        update(CREDIT)
        .where(CREDIT.c.id == _remitted.c.credit_id)
        .values(remitted=CREDIT.c.remitted + _remitted.c.amount)
    )


def reclaim_all(session: Session, chosen: Rows) -> None:
    """Credits that the bank took back after something of them had left: nothing leaves any more."""
    session.execute(update(CREDIT).where(CREDIT.c.id.in_(chosen)).values(reclaimed=CREDIT.c.amount))


def release_all(session: Session, chosen: Rows) -> None:
    """Credits of which the bank sent again what it had taken: they are as before it took it."""
    session.execute(update(CREDIT).where(CREDIT.c.id.in_(chosen)).values(reclaimed=0))


def stop_counting_all(session: Session, chosen: Rows) -> None:
    """Credits that were part of a request and were given back: they count for it no more."""
    session.execute(
        update(CREDIT).where(CREDIT.c.id.in_(chosen)).values(finding=Finding.GIVEN_BACK.value)
    )


def match_all(session: Session, matched: Rows) -> None:
    """Puts the number of its match on each credit: (credit_id, match_id).

    Raises `AlreadyMatched` when one of them has a match.
    """
    expected = materialise(session, _numbers, matched)
    done = session.execute(
        update(CREDIT)
        .where(CREDIT.c.id == _numbers.c.credit_id, CREDIT.c.match_id.is_(None))
        .values(match_id=_numbers.c.other_id)
    )
    if rows_of(done) != expected:
        raise AlreadyMatched


def unmatch_all(session: Session, chosen: Rows) -> None:
    """Takes the number of a revoked match off its credits, by their ids."""
    session.execute(update(CREDIT).where(CREDIT.c.id.in_(chosen)).values(match_id=None))


def merge_all(session: Session, merged: Rows) -> None:
    """Joins younger credits, their money already taken back, to older ones they turned out to be.

    `merged` selects (younger id, older id). The evidence of both then stands on the older.
    """
    materialise(session, _numbers, merged)
    session.execute(
        update(CREDIT)
        .where(CREDIT.c.id == _numbers.c.credit_id)
        .values(merged_into_id=_numbers.c.other_id)
    )
    session.execute(
        update(Evidence)
        .where(Evidence.credit_id == _numbers.c.credit_id)
        .values(credit_id=_numbers.c.other_id)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(pairing)
        .where(pairing.c.credit_id == _numbers.c.credit_id)
        .values(credit_id=_numbers.c.other_id)
    )
