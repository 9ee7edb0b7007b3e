"""What a shift has shown, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, cast, func, select
from sqlalchemy.orm import Session

from payments.core.columns import Amount
from payments.core.money import Dong
from payments.payment_requests import PaymentRequest, Status
from payments.shifts.tables import Shift, Showing


@dataclass(frozen=True, slots=True)
class Shown:
    """A request on the screen since `at`; None while the screen is clear."""

    number: int
    at: datetime
    request: PaymentRequest | None


@dataclass(frozen=True, slots=True)
class CameIn:
    """How many of the requests shown were paid cashless after they were, and their sum (đồng)."""

    count: int
    amount: Dong


def latest(session: Session, shift: Shift, *, most: int) -> Sequence[Shown]:
    """The latest showings, the newest first, each with its request as it stands."""
    rows = session.execute(
        select(Showing, PaymentRequest)
        .outerjoin(PaymentRequest, PaymentRequest.id == Showing.payment_request_id)
        .where(Showing.shift_id == shift.id)
        .order_by(Showing.id.desc())
        .limit(most)
    )
    return [Shown(showing.id, showing.shown_at, request) for showing, request in rows]


def count_shown(session: Session, shift: Shift) -> int:
    """How many different requests were shown."""
    first = _first_shown(shift).subquery()
    return session.scalar(select(func.count()).select_from(first)) or 0


def came_in(session: Session, shift: Shift) -> CameIn:
    """What was paid of the requests shown, after they were."""
    first = _first_shown(shift).subquery()
    request = PaymentRequest
    count, amount = session.execute(
        select(func.count(), cast(func.coalesce(func.sum(request.amount), 0), Amount()))
        .join_from(request, first, first.c.payment_request_id == request.id)
        .where(request.status == Status.PAID, request.paid_at >= first.c.shown_at)
    ).one()
    return CameIn(count, Dong(amount))


def _first_shown(shift: Shift) -> Select[*tuple[Any, ...]]:
    return (
        select(Showing.payment_request_id, func.min(Showing.shown_at).label("shown_at"))
        .where(Showing.shift_id == shift.id, Showing.payment_request_id.is_not(None))
        .group_by(Showing.payment_request_id)
    )
