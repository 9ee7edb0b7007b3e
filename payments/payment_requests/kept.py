"""What becomes of what was paid: given back, forwarded to the treasury, said on receipts.

A request stays paid through all of it. Each takes a set and runs under the collection account's
lock.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Table, cast, func, select, update
from sqlalchemy.orm import Session

from payments.core.columns import Amount, Key
from payments.core.database import Rows
from payments.core.temporary import materialise, scratch
from payments.payment_requests.tables import PaymentRequest, PaymentRequestLine

_given_back = Table(
    "request_given_back",
    scratch,
    Column("payment_request_line_id", Key(), primary_key=True),
    Column("amount", Amount()),
    prefixes=["TEMPORARY"],
)


_remitted = Table(
    "request_remitted",
    scratch,
    Column("payment_request_id", Key(), primary_key=True),
    Column("amount", Amount()),
    prefixes=["TEMPORARY"],
)


def refund_all(session: Session, refunds: Rows) -> None:
    """Notes what was given back of fee lines, negative where it came back to us after all.

    `refunds` selects (payment_request_line_id, amount), one row a line. The request stays paid; it
    is refunded by what was given back of its lines.
    """
    materialise(session, _given_back, refunds)
    line, given = PaymentRequestLine, _given_back.c
    session.execute(
        update(line)
        .where(line.id == given.payment_request_line_id)
        .values(refunded=line.refunded + given.amount)
        .execution_options(synchronize_session=False)
    )
    concerned = (
        select(line.payment_request_id)
        .join(_given_back, given.payment_request_line_id == line.id)
        .distinct()
    )
    whole = (
        select(cast(func.sum(line.refunded), Amount()))
        .where(line.payment_request_id == PaymentRequest.id)
        .scalar_subquery()
    )
    session.execute(
        update(PaymentRequest)
        .where(PaymentRequest.id.in_(concerned))
        .values(refunded=whole)
        .execution_options(synchronize_session=False)
    )


def promise_all(session: Session, promised: Rows) -> None:
    """Notes what of fee lines a remittance is to have, negative where it no longer is.

    `promised` selects (payment_request_line_id, amount), one row a line. What a line has not got,
    or has promised before, breaks a constraint.
    """
    materialise(session, _given_back, promised)
    line, given = PaymentRequestLine, _given_back.c
    session.execute(
        update(line)
        .where(line.id == given.payment_request_line_id)
        .values(forwarded=line.forwarded + given.amount)
        .execution_options(synchronize_session=False)
    )


def remit_all(session: Session, remitted: Rows) -> None:
    """Notes what of requests has left for the treasury, negative where it came back to us.

    `remitted` selects (payment_request_id, amount), one row a request.
    """
    materialise(session, _remitted, remitted)
    request, given = PaymentRequest, _remitted.c
    session.execute(
        update(request)
        .where(request.id == given.payment_request_id)
        .values(remitted=request.remitted + given.amount)
        .execution_options(synchronize_session=False)
    )


def owe_receipts_all(session: Session, requests: Rows) -> None:
    """Notes that the receipts of the requests (ids) may no longer say what was paid."""
    _note_receipts(session, requests, at=None)


def receipted_all(session: Session, requests: Rows, *, now: datetime) -> None:
    """Notes that the receipts of the requests (ids) say what was paid, until money moves again."""
    _note_receipts(session, requests, at=now)


def _note_receipts(session: Session, requests: Rows, *, at: datetime | None) -> None:
    session.execute(
        update(PaymentRequest)
        .where(PaymentRequest.id.in_(requests))
        .values(receipted_at=at)
        .execution_options(synchronize_session=False)
    )
