"""Missing receipts: paid requests that still owe them after the time in which they must come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.core.columns import Instant
from payments.core.money import Dong
from payments.outbox import Event
from payments.payment_requests import PaymentRequest
from payments.receipts.tables import DUE, UNSIGNED, Receipt, ReceiptSeries


@dataclass(frozen=True, slots=True)
class Missing:
    """A paid request that owes receipts, and since when: not when it was paid, but known to be."""

    request_id: int
    paid_at: datetime
    amount: Dong
    since: datetime


def missing(session: Session, collection_account_id: int, *, before: datetime) -> Sequence[Missing]:
    """The account's requests that owe receipts since before an instant: no number, or no papers.

    Since when is told by what the portal was last told of the request. Where no series was ever
    opened no receipts are issued by this service, and none is missing.
    """
    if session.scalar(select(ReceiptSeries.id).limit(1)) is None:
        return []
    request = (PaymentRequest.id, PaymentRequest.paid_at, PaymentRequest.amount)
    mine = PaymentRequest.collection_account_id == collection_account_id
    told = (
        select(func.max(Event.occurred_at, type_=Instant()))
        .where(Event.payment_request_id == PaymentRequest.id, Event.sequence.is_not(None))
        .scalar_subquery()
    )
    since = func.coalesce(told, PaymentRequest.paid_at, type_=Instant())
    unnumbered = select(*request, since).where(mine, DUE, since < before)
    unsigned = (
        select(*request, func.min(Receipt.numbered_at, type_=Instant()))
        .join(Receipt, Receipt.payment_request_id == PaymentRequest.id)
        .where(
            mine, UNSIGNED, Receipt.numbered_at < before, PaymentRequest.receipted_at.is_not(None)
        )
        .group_by(*request)
    )
    return [
        Missing(number, paid_at, amount, owed_since)
        for rows in (unnumbered, unsigned)
        for number, paid_at, amount, owed_since in session.execute(rows)
        if paid_at is not None
    ]


def waiting(session: Session) -> tuple[int, datetime | None]:
    """How many receipts have a number and no papers, and since when the oldest of them has it."""
    count, oldest = session.execute(
        select(func.count(), func.min(Receipt.numbered_at, type_=Instant())).where(UNSIGNED)
    ).one()
    return count, oldest
