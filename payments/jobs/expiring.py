"""Expiring: each minute, requests whose time is over, account by account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from payments import agencies, payment_requests
from payments.core.service import Service
from payments.payment_requests import PaymentRequest


def expire(cashless: Service, now: datetime) -> str:
    """Expires every open request whose time is over; an account that is busy waits a minute."""
    count = 0
    for account in cashless.database.read(lambda session: _accounts(session, now=now)):
        count += _expire(cashless, account, now=now)
    return f"{count} requests"


def _expire(cashless: Service, collection_account_id: int, *, now: datetime) -> int:
    def unit(session: Session) -> int:
        if not agencies.lock_if_free(session, collection_account_id):
            return 0
        return payment_requests.expire_all(session, collection_account_id, now=now)

    count = 0
    while expired := cashless.database.write(unit):
        count += expired
    return count


def _accounts(session: Session, *, now: datetime) -> list[int]:
    waiting = select(PaymentRequest.collection_account_id).where(
        PaymentRequest.status == literal_column("'open'"), PaymentRequest.expires_at <= now
    )
    return list(session.scalars(waiting.distinct()))
