"""Ending: receipts are cancelled or replaced; they keep their numbers and their papers.

Sets come in as queries. What is replaced here gets its successor with the next numbers, by the
job; should nothing be left to receipt by then, it counts as cancelled after all. One that has no
papers yet is only ever cancelled: what replaces a paper is a paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import (
    Column,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from payments import documents, payment_requests
from payments.core import approvals
from payments.core.columns import Amount, Code, Flag, Key
from payments.core.database import Rows, table_of
from payments.core.temporary import materialise, scratch
from payments.outbox import EventType
from payments.payment_requests import PaymentRequestLine
from payments.receipts.snapshots import tell_all
from payments.receipts.tables import LIVE, Receipt, State

RECEIPT: Final = table_of(Receipt)
LINE: Final = table_of(PaymentRequestLine)
_after: Final = RECEIPT.alias("after")

_ending: Final = Table(
    "receipt_ending",
    scratch,
    Column("receipt_id", Key(), primary_key=True),
    Column("issued", Flag()),
    Column("document_id", Key()),
    prefixes=["TEMPORARY"],
)

_concerned: Final = Table(
    "receipt_concerned",
    scratch,
    Column("payment_request_id", Key(), primary_key=True),
    prefixes=["TEMPORARY"],
)

_kept: Final = Table(
    "receipt_kept",
    scratch,
    Column("payment_request_id", Key(), primary_key=True),
    Column("kind", Code(), primary_key=True),
    Column("amount", Amount()),
    prefixes=["TEMPORARY"],
)
"""What of each concerned request was paid and is still kept, by kind."""

_TOLD: Final = {
    State.CANCELLED: EventType.RECEIPT_CANCELLED,
    State.REPLACED: EventType.RECEIPT_REPLACED,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of receipts, why and by whom."""

    state: State
    reason: str
    by: str


def cancel_all(session: Session, requests: Rows, *, reason: str, by: str, now: datetime) -> int:
    """Cancels the receipts of the requests (ids), which are not paid any more; how many."""
    _lay_out(session, requests)
    chosen = _of_concerned()
    return end(session, chosen, Ending(State.CANCELLED, reason=reason, by=by), now=now)


def renew_all(session: Session, requests: Rows, *, reason: str, by: str, now: datetime) -> int:
    """Ends those receipts of the requests (ids) that say more than is kept; how many.

    Where all of a kind was given back its receipt is cancelled, where a part was it is replaced.
    """
    _lay_out(session, requests)
    kept = select(_kept.c.amount).where(
        _kept.c.payment_request_id == RECEIPT.c.payment_request_id, _kept.c.kind == RECEIPT.c.kind
    )
    amount = kept.scalar_subquery()
    gone = _of_concerned().where(amount == 0)
    less = _of_concerned().where(LIVE, amount > 0, amount != RECEIPT.c.amount)
    count = end(session, gone, Ending(State.CANCELLED, reason=reason, by=by), now=now)
    count += end(session, less, Ending(State.REPLACED, reason=reason, by=by), now=now)
    concerned = select(_concerned.c.payment_request_id)
    payment_requests.owe_receipts_all(session, concerned)
    return count


def end(session: Session, chosen: Rows, ending: Ending, *, now: datetime) -> int:
    """Cancels or replaces the chosen receipts (ids), their papers too, and tells; how many.

    Papers stop counting at once; which ones count in their place is known when those are signed.
    What was proposed about a receipt and still waits is taken back, for the same reason.
    """
    counting = case((RECEIPT.c.ended_at.is_(None), RECEIPT.c.document_id))
    laid = select(RECEIPT.c.id, RECEIPT.c.issued_at.is_not(None), counting).where(
        RECEIPT.c.id.in_(chosen)
    )
    count = materialise(session, _ending, laid)
    if not count:
        return 0
    session.execute(
        update(RECEIPT)
        .where(RECEIPT.c.id.in_(select(_ending.c.receipt_id)))
        .values(
            state=case(
                (RECEIPT.c.issued_at.is_(None), State.CANCELLED.value), else_=ending.state.value
            ),
            reason=ending.reason,
            ended_at=now,
            ended_by=ending.by,
        )
    )
    papers = select(_ending.c.document_id).where(_ending.c.document_id.is_not(None))
    documents.cancel_all(
        session, session.scalars(papers).all(), reason=ending.reason, by=ending.by, now=now
    )
    told = select(_ending.c.receipt_id).where(_ending.c.issued.is_(True))
    tell_all(session, told, _TOLD[ending.state], now=now)
    _lapse_all(session, ending, now=now)
    return count


def _lapse_all(session: Session, ending: Ending, *, now: datetime) -> None:
    """Takes back what waits for a second person about receipts that end."""
    subjects = (
        select(literal("receipt:", Code()) + RECEIPT.c.public_id)
        .join(_ending, _ending.c.receipt_id == RECEIPT.c.id)
        .where(_ending.c.issued.is_(True))
    )
    for waiting in approvals.live_of(session, subjects):
        approvals.lapse(session, waiting, reason=ending.reason, by=ending.by, now=now)


def _lay_out(session: Session, requests: Rows) -> None:
    materialise(session, _concerned, requests)
    kept = (
        select(
            LINE.c.payment_request_id,
            LINE.c.kind,
            cast(func.sum(LINE.c.amount - LINE.c.refunded), Amount()),
        )
        .join(_concerned, _concerned.c.payment_request_id == LINE.c.payment_request_id)
        .group_by(LINE.c.payment_request_id, LINE.c.kind)
    )
    materialise(session, _kept, kept)


def _of_concerned() -> Rows:
    """Receipts that are live, or replaced by one that is not signed yet."""
    waiting = and_(
        RECEIPT.c.state == State.REPLACED.value,
        ~exists().where(_after.c.replaces_id == RECEIPT.c.id, _after.c.issued_at.is_not(None)),
    )
    return (
        select(RECEIPT.c.id)
        .join(_concerned, _concerned.c.payment_request_id == RECEIPT.c.payment_request_id)
        .where(or_(LIVE, waiting))
    )
