"""A single line that staff say is a charge, interest, or money to be got back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, case, insert, or_, select
from sqlalchemy.orm import Session

from payments import credits
from payments.advice import Direction
from payments.core.database import Rows
from payments.core.errors import Conflict
from payments.credits import Credit
from reconciliation import bookings
from reconciliation.bookings import Booking
from reconciliation.matching.by_hand import take_out, taken_for_nobody
from reconciliation.matching.matches import book_found
from reconciliation.matching.sets import found, lay_out_line
from reconciliation.matching.tables import LineMatch
from reconciliation.statements import StatementLine

GOING = {
    Booking.CHARGE: Direction.DEBIT,
    Booking.INTEREST: Direction.CREDIT,
    Booking.RECEIVABLE: Direction.DEBIT,
    Booking.RECOVERED: Direction.CREDIT,
}


class NotToBeBooked(Conflict):
    """Only a debit that nothing explains is a charge, only a credit that nobody told interest."""

    code = "not_to_be_booked"


def book_line(
    session: Session, line: StatementLine, *, kind: Booking, by: str, now: datetime
) -> None:
    """Books one line that is not booked yet, under the account's lock.

    Raises `NotToBeBooked`, or `NothingToGetBack` for more than is to be got back.
    """
    if (
        line.collection_account_id is None
        or line.match_id is not None
        or (line.reversal and kind is not Booking.RECEIVABLE)
        or line.direction != GOING[kind]
    ):
        raise NotToBeBooked
    if kind is Booking.RECOVERED:
        left = bookings.to_get_back(session, line.collection_account_id)
        if line.amount > left:
            raise bookings.NothingToGetBack(most=left)
    if kind is Booking.RECEIVABLE and line.reversal:
        credits.reclaim_all(session, _taken_back(line))
    lay_out_line(session, line)
    session.execute(insert(found), {"line_id": line.id, "rule": kind.value})
    book_found(session, actor=by, now=now)
    session.expire_all()


def _taken_back(line: StatementLine) -> Rows:
    """The credit that a reversal names and no rule took back, by id; none where it names none.

    A bank's reference comes again: of several it is one of which something had left, the latest.
    """
    named = or_(
        and_(Credit.bank_reference.is_not(None), Credit.bank_reference == line.reverses),
        and_(Credit.code.is_not(None), Credit.code == line.code),
    )
    left = case((Credit.refunded + Credit.remitted > 0, 0), else_=1)
    return (
        select(Credit.id)
        .where(
            Credit.collection_account_id == line.collection_account_id,
            Credit.amount == line.amount,
            Credit.match_id.is_not(None),
            Credit.reversed == 0,
            Credit.day <= line.day,
            named,
        )
        .order_by(left, Credit.day.desc(), Credit.id.desc())
        .limit(1)
    )


def line_taken_for(session: Session, credit: Credit) -> StatementLine | None:
    """The line that was taken for this credit, where nobody told of it and nobody can name it."""
    return session.scalar(
        select(StatementLine)
        .join(LineMatch, LineMatch.first_line_id == StatementLine.id)
        .join(Credit, Credit.id == LineMatch.first_credit_id)
        .where(
            LineMatch.collection_account_id == credit.collection_account_id,
            LineMatch.first_credit_id == credit.id,
            LineMatch.revoked_at.is_(None),
            *taken_for_nobody(),
        )
    )


def free_line(
    session: Session, credit: Credit, *, reason: str, by: str, now: datetime
) -> StatementLine:
    """Takes a line out of the credit it was taken for; that credit never was.

    Raises `NotToBeBooked` where somebody told of the credit or its owner is known.
    """
    line = line_taken_for(session, credit)
    if line is None or line.match_id is None:
        raise NotToBeBooked
    take_out(session, line.match_id, credit, reason=reason, by=by, now=now)
    session.expire_all()
    return line
