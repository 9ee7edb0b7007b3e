"""A single line that staff say is a charge or interest: booked as any line with known words is."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, insert, select
from sqlalchemy.orm import Session

from payments import ledger, settlement
from payments.advice import Direction
from payments.core.database import temporary
from payments.core.errors import Conflict
from payments.credits import Credit, Evidence
from reconciliation import bookings, matching
from reconciliation.bookings import Kind
from reconciliation.matching.matches import make_all
from reconciliation.matching.sets import chunk, found, numbered_match
from reconciliation.matching.tables import LineMatch, Rule
from reconciliation.statements import StatementLine

GOING = {Kind.CHARGE: Direction.DEBIT, Kind.INTEREST: Direction.CREDIT}


class NotToBeBooked(Conflict):
    """Only a debit that nothing explains is a charge, only a credit that nobody told interest."""

    code = "not_to_be_booked"


def book_line(session: Session, line: StatementLine, *, kind: Kind, by: str, now: datetime) -> None:
    """Books one line that is not booked yet, under the account's lock. Raises `NotToBeBooked`."""
    if line.match_id is not None or line.reversal or line.direction != GOING[kind]:
        raise NotToBeBooked
    _lay_out(session, line, kind=kind)
    make_all(session, actor=by, now=now)
    booked = (
        select(
            chunk.c.collection_account_id,
            numbered_match.c.match_id,
            found.c.rule,
            chunk.c.booked_on,
            chunk.c.amount,
        )
        .join(found, found.c.line_id == chunk.c.line_id)
        .join(numbered_match, numbered_match.c.line_id == chunk.c.line_id)
    )
    bookings.book_all(session, booked, actor=by, now=now)
    session.expire_all()


def line_taken_for(session: Session, credit: Credit) -> StatementLine | None:
    """The line that was taken for this credit, where nobody told of it and nobody can name it."""
    told = exists().where(Evidence.credit_id == credit.id)
    return session.scalar(
        select(StatementLine)
        .join(LineMatch, LineMatch.first_line_id == StatementLine.id)
        .join(Credit, Credit.id == LineMatch.first_credit_id)
        .where(
            LineMatch.collection_account_id == credit.collection_account_id,
            LineMatch.first_credit_id == credit.id,
            LineMatch.revoked_at.is_(None),
            LineMatch.rule == Rule.MISSED_CALLBACK,
            Credit.unidentified == Credit.amount,
            ~told,
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
    matching.unmatch(session, line.match_id, reason=reason, by=by, now=now)
    session.refresh(credit)
    settlement.withdraw(session, credit, actor=by, now=now)
    session.expire_all()
    return line


def _lay_out(session: Session, line: StatementLine, *, kind: Kind) -> None:
    """The line as a set of one, and what it was found to be."""
    temporary(session, chunk, found, numbered_match)
    closed = ledger.closed_through(session, line.collection_account_id)
    late = closed is not None and line.day <= closed
    session.execute(
        insert(chunk),
        {
            "line_id": line.id,
            "collection_account_id": line.collection_account_id,
            "day": line.day,
            "booked_on": closed + timedelta(days=1) if closed and late else line.day,
            "direction": line.direction,
            "amount": line.amount,
            "code": line.code,
            "payer_key": line.payer_key,
            "bank_reference": line.bank_reference,
            "reversal": line.reversal,
            "reverses": line.reverses,
        },
    )
    session.execute(insert(found), {"line_id": line.id, "rule": kind.value})
