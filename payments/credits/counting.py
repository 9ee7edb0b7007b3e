"""What credits count for: how much of each stands towards which request."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, and_, cast, func, literal_column, or_, select
from sqlalchemy.orm import Session

from payments.core.columns import Amount
from payments.core.database import Rows, table_of
from payments.core.money import Dong
from payments.credits.pairing import CREDIT
from payments.credits.tables import Allocation, Finding
from payments.payment_requests import PaymentRequest, PaymentRequestLine

COUNTED: Final = (
    Finding.EXACT.value,
    Finding.LATE.value,
    Finding.SHORT.value,
    Finding.OVERPAID.value,
    Finding.SPLIT.value,
)
"""Findings whose money counts towards a request; the rest is held, or unidentified."""

BEYOND: Final = (Finding.DUPLICATE.value, Finding.AFTER_CANCEL.value)
"""Findings of money that names a request by which nothing was due any more: it is held."""

_ZERO: Final[ColumnElement[int]] = literal_column("0")
OPEN_PARTS: Final = or_(
    CREDIT.c.held > _ZERO, CREDIT.c.unidentified > _ZERO, CREDIT.c.reversed > _ZERO
)
"""In the words of the index that finds these few among all credits."""

RECLAIMED: Final = CREDIT.c.reclaimed > _ZERO
"""What the bank took back after something of it had left, in the words of its index."""


def counted(chosen: Rows) -> Rows:
    """What each of the chosen credits counts for: (credit_id, payment_request_id, amount, seen).

    `chosen` selects ids, each once.
    """
    allocation, line = table_of(Allocation), table_of(PaymentRequestLine)
    ours = chosen.subquery()
    theirs = and_(
        allocation.c.collection_account_id == CREDIT.c.collection_account_id,
        allocation.c.credit_id == CREDIT.c.id,
    )
    seen = CREDIT.c.match_id.is_not(None)
    whole = (
        select(
            CREDIT.c.id.label("credit_id"),
            CREDIT.c.payment_request_id,
            CREDIT.c.amount,
            seen.label("seen"),
        )
        .join(ours, ours.c[0] == CREDIT.c.id)
        .where(
            CREDIT.c.finding.in_([one for one in COUNTED if one != Finding.SPLIT]),
            CREDIT.c.reversed == 0,
        )
    )
    parts = (
        select(
            CREDIT.c.id,
            line.c.payment_request_id,
            cast(func.sum(allocation.c.amount), Amount()),
            seen,
        )
        .select_from(ours)
        .join(CREDIT, CREDIT.c.id == ours.c[0])
        .join(allocation, theirs)
        .join(line, line.c.id == allocation.c.payment_request_line_id)
        .where(CREDIT.c.finding == Finding.SPLIT)
        .group_by(CREDIT.c.id, line.c.payment_request_id, seen)
        .having(func.sum(allocation.c.amount) > 0)
    )
    both = whole.union_all(parts).subquery()
    return select(*both.c)


def beyond(session: Session, requests: Rows) -> Dong:
    """What is held of money that came for the requests chosen when nothing was due, in đồng.

    `requests` selects ids. Paid twice, or paid after it was cancelled: what has been given back
    or assigned elsewhere since is not in it.
    """
    request = table_of(PaymentRequest)
    theirs = and_(
        CREDIT.c.collection_account_id == request.c.collection_account_id,
        CREDIT.c.payment_request_id == request.c.id,
    )
    held = (
        select(cast(func.coalesce(func.sum(CREDIT.c.held), 0), Amount()))
        .select_from(request)
        .join(CREDIT, theirs)
        .where(request.c.id.in_(requests), CREDIT.c.finding.in_(BEYOND))
    )
    return Dong(session.scalar(held) or 0)
