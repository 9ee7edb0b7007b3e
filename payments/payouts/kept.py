"""What of a request's money is kept beyond its fees, and the credits it lies in."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Select, cast, func, select, union
from sqlalchemy.orm import Session

from payments.core.columns import Amount
from payments.core.database import table_of
from payments.core.money import Dong
from payments.credits import Allocation, Credit
from payments.credits.paths import LINE
from payments.payment_requests import PaymentRequest
from payments.payouts.tables import Part, Payout, PayoutItem, State

CREDIT: Final = table_of(Credit)
ALLOCATION: Final = table_of(Allocation)


def kept(session: Session, request: PaymentRequest) -> Dong:
    """What of a request's money is held beyond its fees and in no refund, in đồng."""
    held = sum(one.held for one in session.scalars(credits_of(request)))
    promised = session.scalar(
        select(cast(func.coalesce(func.sum(PayoutItem.amount), 0), Amount()))
        .join(Payout, Payout.id == PayoutItem.payout_id)
        .where(
            Payout.payment_request_id == request.id,
            Payout.state == State.PROPOSED,
            PayoutItem.part == Part.HELD,
        )
    )
    return Dong(max(0, held - (promised or 0)))


def credits_of(request: PaymentRequest) -> Select[Credit]:
    """The credits of a request: those that name it, and those that pay a fee of it."""
    named = select(CREDIT.c.id).where(
        CREDIT.c.collection_account_id == request.collection_account_id,
        CREDIT.c.payment_request_id == request.id,
    )
    pays = (
        select(ALLOCATION.c.credit_id)
        .join(LINE, LINE.c.id == ALLOCATION.c.payment_request_line_id)
        .where(LINE.c.payment_request_id == request.id)  # of its account, as all that pays it
    )
    return select(Credit).where(
        Credit.id.in_(union(named, pays)),  # an OR of the two would read every credit
        Credit.merged_into_id.is_(None),
    )
