"""How a request's status may change, in Python and by the database alone."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import payment_requests
from payments.payment_requests import MOVES, CancelReason, PaymentRequest, Status
from tests.builders import NOON, a_payment_request, a_province, paid

FACTS = {
    Status.OPEN: {"received": 0, "paid_at": None, "cancelled_at": None},
    Status.PAID: {"received": 50_000, "paid_at": NOON, "cancelled_at": None},
    Status.EXPIRED: {"received": 0, "paid_at": None, "cancelled_at": None},
    Status.CANCELLED: {"received": 0, "paid_at": None, "cancelled_at": NOON},
}
"""What each status needs to be true, so that only the move itself can be refused."""


def put(session: Session, request: PaymentRequest, status: Status) -> None:
    """Writes a status and its facts past every rule in Python."""
    session.execute(
        update(PaymentRequest)
        .where(PaymentRequest.id == request.id)
        .values(status=status.value, **FACTS[status])
    )


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_the_database_alone_refuses_other_moves(
    session: Session, before: Status, after: Status
) -> None:
    """Each of the sixteen moves, by direct SQL: only those of the table are taken."""
    request = a_payment_request(a_province(session))
    if before != Status.OPEN:
        put(session, request, before)

    if before == after or (before, after) in MOVES:
        put(session, request, after)
    else:
        with pytest.raises(DBAPIError), session.begin_nested():
            put(session, request, after)


@pytest.mark.parametrize(
    "facts",
    [
        {"status": "paid", "paid_at": NOON},
        {"received": 50_000},
        {"received": -1},
        {"confirmed": 1},
        {"refunded": 60_000},
        {"amount": 500_000_000},
        {"status": "cancelled"},
        {"paid_at": NOON},
    ],
    ids=str,
)
def test_a_status_cannot_lie_about_money(session: Session, facts: dict[str, object]) -> None:
    """By direct SQL: paid without money, money without paid, more confirmed than received."""
    request = a_payment_request(a_province(session))
    by_hand = update(PaymentRequest).where(PaymentRequest.id == request.id).values(**facts)

    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(by_hand)


def test_a_paid_request_cannot_be_cancelled(session: Session) -> None:
    """Nor can an expired or a cancelled one: `move_not_allowed`, and nothing changes."""
    province = a_province(session)
    request = a_payment_request(province)
    paid(province, request)

    with pytest.raises(payment_requests.MoveNotAllowed):
        payment_requests.cancel(session, request, reason=CancelReason.WITHDRAWN, now=NOON)

    session.refresh(request)
    assert request.status == "paid"
