"""A refund's public JSON, and the news of it to the portal."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from payments import payment_requests
from payments.payment_requests import About, PaymentRequest
from payments.payouts.tables import Kind, Payout, State

NEWS: Final = {
    State.PROPOSED: "refund.proposed",
    State.APPROVED: "refund.approved",
    State.DECLINED: "refund.declined",
    State.WITHDRAWN: "refund.withdrawn",
    State.FILED: "refund.filed",
    State.REJECTED: "refund.rejected",
    State.PAID_OUT: "refund.paid_out",
    State.RETURNED: "refund.returned",
}
"""What the portal is told when a refund gets there."""


def tell(session: Session, payout: Payout, state: State, *, now: datetime) -> None:
    """Tells the request's portal where its refund stands; nothing of other payouts."""
    if payout.kind != Kind.REFUND or payout.payment_request_id is None:
        return
    about = About(payout.payment_request_id, NEWS[state], snapshot(session, payout))
    payment_requests.announce_about(session, [about], now=now)


def snapshot(session: Session, payout: Payout) -> dict[str, Any]:
    """A refund's public JSON. Of the account it goes to only the bank and the last digits."""
    request = (
        None
        if payout.payment_request_id is None
        else session.get_one(PaymentRequest, payout.payment_request_id)
    )
    return {
        "id": payout.public_id,
        "reference": None if request is None else request.reference,
        "amount": int(payout.amount),
        "currency": "VND",
        "state": payout.state,
        "reason": payout.reason,
        "to": {"bin": payout.beneficiary_bin, "account_ends_in": payout.beneficiary_hint},
        "elsewhere": bool(payout.elsewhere),
        "answer": payout.answer,
        "proposed_at": payment_requests.stamp(payout.proposed_at),
        "approved_at": payment_requests.stamp(payout.approved_at),
        "filed_at": payment_requests.stamp(payout.filed_at),
        "paid_out_on": None if payout.paid_out_on is None else payout.paid_out_on.isoformat(),
        "returned_on": None if payout.returned_on is None else payout.returned_on.isoformat(),
        "ended_at": payment_requests.stamp(payout.ended_at),
    }
